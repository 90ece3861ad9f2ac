import { describe, expect, test } from "vitest";
import { buildLlm, buildOperation } from "../store/call-builder.ts";
import { createTemporaryFolder } from "../store/sqlite/temporary-folder.ts";
import { openQueries, page } from "./open-queries.ts";

const folder = createTemporaryFolder();
const anything = { agentId: null, sessionId: null, status: "", fromMicros: null, toMicros: null };

const events = [
  ...buildOperation({ atMs: 0, ms: 1 }, { llm: buildLlm({ vendor: "openai", requestedModel: "m1" }) }),
  ...buildOperation({ atMs: 10, ms: 1, outcome: "error" }, { llm: buildLlm({ vendor: "openai", usedModel: "m2" }) }),
  ...buildOperation({ atMs: 20, ms: 1 }, { kind: "tool", family: "tool", toolName: "search" }),
];

describe("calls", () => {
  test("are listed by kind, the newest first, and by what is known of them", async () => {
    const { llmCalls, toolCalls } = await openQueries(folder, { events });
    const modelsOf = async (filter: object) => {
      const { items } = await llmCalls.listCalls({ ...anything, ...filter }, page(9));
      return items.map(({ llm }) => llm?.usedModel ?? llm?.requestedModel);
    };
    expect(await modelsOf({})).toEqual(["m2", "m1"]);
    expect(await modelsOf({ model: "m1" })).toEqual(["m1"]);
    expect(await modelsOf({ vendor: "openai", status: "error" })).toEqual(["m2"]);
    expect(await modelsOf({ vendor: "anthropic" })).toEqual([]);
    const { items } = await toolCalls.listCalls({ ...anything, toolName: "search", status: "ok" }, page(9));
    expect(items.map(({ toolName }) => toolName)).toEqual(["search"]);
  });

  test("are read by id, each kind by its own", async () => {
    const { llmCalls, toolCalls } = await openQueries(folder, { events });
    const [call] = (await llmCalls.listCalls(anything, page(1))).items;
    const id = String(call?.id);
    expect(await llmCalls.getCall(id)).toMatchObject({ operation: { id: call?.id }, start: {}, finish: {} });
    const notFound = { reason: "CALL_NOT_FOUND", metadata: { call_id: id } };
    await expect(toolCalls.getCall(id)).rejects.toMatchObject(notFound);
    await expect(llmCalls.getCall("9007199254740991")).rejects.toMatchObject({ reason: "CALL_NOT_FOUND" });
  });

  test.for(["", "0", "x", "1.5", "-1", "1e3", "12345678901234567"])("have no id like %j", async (callId) => {
    const { llmCalls } = await openQueries(folder, { events: [] });
    await expect(llmCalls.getCall(callId)).rejects.toMatchObject({
      reason: "FIELD_INVALID",
      violations: [{ field: "call_id" }],
    });
  });

  test("have one of four statuses", async () => {
    const { llmCalls } = await openQueries(folder, { events });
    for (const status of ["running", "ok", "error", "blocked"]) {
      await expect(llmCalls.listCalls({ ...anything, status }, page(9))).resolves.toBeDefined();
    }
    await expect(llmCalls.listCalls({ ...anything, status: "OK" }, page(9))).rejects.toMatchObject({
      violations: [{ field: "status", reason: "FIELD_INVALID", message: "must be one of running, ok, error, blocked" }],
    });
  });

  test("go on by tokens that hold for one kind and one filter", async () => {
    const { llmCalls, toolCalls } = await openQueries(folder, { events });
    const first = await llmCalls.listCalls(anything, page(1));
    const second = await llmCalls.listCalls(anything, page(1, first.nextPageToken));
    expect(second.items.map(({ llm }) => llm?.requestedModel)).toEqual(["m1"]);
    expect(second.nextPageToken).toBe("");
    const elsewhere = toolCalls.listCalls(anything, page(1, first.nextPageToken));
    await expect(elsewhere).rejects.toMatchObject({ reason: "PAGE_TOKEN_INVALID" });
  });
});
