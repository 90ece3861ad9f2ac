import { describe, expect, test } from "vitest";
import { traceSpansMax } from "../../src/model/limits.ts";
import { buildOperation, eventAt } from "../store/call-builder.ts";
import { buildPart } from "../store/event-builder.ts";
import { createTemporaryFolder } from "../store/sqlite/temporary-folder.ts";
import { openQueries, page } from "./open-queries.ts";

const folder = createTemporaryFolder();
const inTrace = { traceId: "t" };

const started = (count: number) =>
  Array.from({ length: count }, (_, index) =>
    eventAt(index, { ...inTrace, spanId: `${index}`, operation: buildPart() }),
  );

describe("a trace", () => {
  test("is a tree of its operations, also across agents", async () => {
    const { traces } = await openQueries(folder, {
      events: [
        ...buildOperation({ ...inTrace, spanId: "root", atMs: 0, ms: 100 }, { family: "root", kind: "agent" }),
        ...buildOperation({ ...inTrace, spanId: "late", parentSpanId: "root", atMs: 60, ms: 10 }, { family: "late" }),
        ...buildOperation(
          { ...inTrace, spanId: "far", parentSpanId: "root", agentId: "other", atMs: 10, ms: 30 },
          { family: "far" },
        ),
        eventAt(20, { ...inTrace, spanId: "lost", parentSpanId: "gone", operation: buildPart({ family: "lost" }) }),
      ],
    });
    const { nodes, truncated, ...found } = await traces.getTrace({ traceId: "t", agentId: null });
    expect(
      nodes.map(({ span, depth, parent, selfMs, problems }) => [
        span.name,
        span.agentId,
        depth,
        parent,
        selfMs,
        problems,
      ]),
    ).toEqual([
      ["root", "agent", 0, null, 60, []],
      ["far", "other", 1, 0, 30, []],
      ["late", "agent", 1, 0, 10, []],
      ["lost", "agent", 0, null, null, ["missing_parent", "missing_finish"]],
    ]);
    expect([truncated, found.traces.map(({ agentId }) => agentId)]).toEqual([false, ["agent", "other"]]);
    const own = await traces.getTrace({ traceId: "t", agentId: "other" });
    expect(own.nodes.map(({ span, problems }) => [span.name, problems])).toEqual([["far", ["missing_parent"]]]);
  });

  test("has a bounded number of operations", async () => {
    const { traces } = await openQueries(folder, { events: started(traceSpansMax + 1), examinedRowsMax: 100_000 });
    const { nodes, truncated } = await traces.getTrace({ traceId: "t", agentId: null });
    expect([nodes.length, truncated]).toEqual([traceSpansMax, true]);
    expect(nodes.some(({ span }) => span.spanId === `${traceSpansMax}`)).toBe(false);
  });

  test("that is not there is not found", async () => {
    const { traces } = await openQueries(folder, { events: [eventAt(0, inTrace)] });
    await expect(traces.getTrace({ traceId: "none", agentId: null })).rejects.toMatchObject({
      reason: "TRACE_NOT_FOUND",
      metadata: { trace_id: "none" },
    });
    await expect(traces.getTrace({ traceId: "t", agentId: "nobody" })).rejects.toMatchObject({
      reason: "TRACE_NOT_FOUND",
      metadata: { trace_id: "t", agent_id: "nobody" },
    });
  });

  test("is listed by its start, the newest first", async () => {
    const { traces } = await openQueries(folder, {
      events: [0, 1, 2].map((step) => eventAt(step, { traceId: `t${step}` })),
    });
    const filter = { agentId: "agent", traceId: null, fromMicros: null, toMicros: null };
    const first = await traces.listTraces(filter, page(2));
    const second = await traces.listTraces(filter, page(2, first.nextPageToken));
    expect([first, second].map(({ items }) => items.map(({ traceId }) => traceId))).toEqual([["t2", "t1"], ["t0"]]);
  });
});
