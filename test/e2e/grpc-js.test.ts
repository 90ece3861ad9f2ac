import { once } from "node:events";
import { type ServiceError, status } from "@grpc/grpc-js";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { detailsOf, GrpcJsClient } from "./grpc-js-client.ts";
import { killServer, makeFolder, removeFolder, type ServerProcess, startServerProcess } from "./server-process.ts";

let folder: string;
let server: ServerProcess;
let client: GrpcJsClient;

beforeAll(async () => {
  folder = await makeFolder();
  server = await startServerProcess({ folder });
  client = new GrpcJsClient(server.port);
});

afterAll(async () => {
  client.close();
  await killServer(server);
  await removeFolder(folder);
});

interface Receipt {
  readonly accepted_count: number;
  readonly duplicate_count: number;
  readonly rejected_count: number;
  readonly rejections: readonly { readonly index: number; readonly field: string; readonly reason: string }[];
}

const eventTime = { seconds: 1_767_225_600, nanos: 123_456_000 };

function eventOf(agentId: string, name: string): object {
  return { agent_id: agentId, name, event_time: eventTime, attributes_json: '{"n": 12345678901234567890}' };
}

/** The error of a call that must fail. */
async function failureOf(call: Promise<unknown>): Promise<ServiceError> {
  try {
    await call;
  } catch (error) {
    // What grpc-js rejects with.
    return error as ServiceError;
  }
  throw new Error("the call succeeded");
}

describe("a grpc-js client that loads the .proto files", () => {
  test("sends one event, and a second time as a duplicate", async () => {
    const rpc = "cylestio.v1.TelemetryService/SendEvent";
    const event = { ...eventOf("js-unary", "one"), attributes_json: undefined, attributes: structOf("hello") };

    const first = await client.call<{ event_id: string; duplicate: boolean }>(rpc, { event });
    const second = await client.call<{ event_id: string; duplicate: boolean }>(rpc, { event });

    expect(first.event_id).toMatch(/^[0-9a-f]{32}$/);
    expect([first.duplicate, second.duplicate]).toEqual([false, true]);
    expect(second.event_id).toBe(first.event_id);
    const { event: read } = await client.call<{ event: object }>("cylestio.v1.EventService/GetEvent", {
      event_id: first.event_id,
    });
    expect(read).toMatchObject({
      agent_id: "js-unary",
      name: "one",
      event_time: eventTime,
      attributes: structOf("hello"),
      attributes_value: "attributes",
    });
  });

  test("sends a batch and learns which event was refused", async () => {
    const { receipt } = await client.call<{ receipt: Receipt }>("cylestio.v1.TelemetryService/SendEvents", {
      events: [eventOf("js-batch", "one"), eventOf("", "two"), eventOf("js-batch", "three")],
    });

    expect(receipt).toMatchObject({
      accepted_count: 2,
      duplicate_count: 0,
      rejected_count: 1,
      rejections: [{ index: 1, field: "agent_id", reason: "FIELD_REQUIRED" }],
    });
  });

  test("streams batches and gets their receipts in order", async () => {
    const stream = client.stream();
    for (let batch = 1; batch <= 50; batch++) {
      const events = Array.from({ length: batch % 4 }, (_, index) => eventOf("js-stream", `e${batch}.${index}`));
      stream.write({ batch_number: batch, events });
    }
    stream.end();

    const answers: { batch_number: number; receipt: Receipt }[] = [];
    for await (const answer of stream) answers.push(answer);

    expect(answers.map(({ batch_number: batch, receipt }) => [batch, receipt.accepted_count])).toEqual(
      Array.from({ length: 50 }, (_, index) => [index + 1, (index + 1) % 4]),
    );
  });

  test("lists agents and pages through events", async () => {
    const events = Array.from({ length: 7 }, (_, index) => eventOf("js-list", `e${index}`));
    await client.call("cylestio.v1.TelemetryService/SendEvents", { events });

    const { agents } = await client.call<{ agents: { agent_id: string; event_count: number }[] }>(
      "cylestio.v1.AgentService/ListAgents",
      {},
    );
    const names: string[] = [];
    let token = "";
    do {
      const page = await client.call<{ events: { name: string; attributes_json: string }[]; next_page_token: string }>(
        "cylestio.v1.EventService/ListEvents",
        {
          agent_id: "js-list",
          sort: "asc",
          page_size: 3,
          page_token: token,
          attributes_format: "ATTRIBUTES_FORMAT_JSON",
        },
      );
      expect(page.events.map((event) => event.attributes_json)).toEqual(
        page.events.map(() => '{"n": 12345678901234567890}'),
      );
      names.push(...page.events.map(({ name }) => name));
      token = page.next_page_token;
    } while (token !== "");

    expect(agents).toContainEqual(expect.objectContaining({ agent_id: "js-list", event_count: 7 }));
    expect(names).toEqual(["e0", "e1", "e2", "e3", "e4", "e5", "e6"]);
  });

  test("gets the reason and the field of a refused event with the error", async () => {
    const error = await failureOf(
      client.call("cylestio.v1.TelemetryService/SendEvent", { event: eventOf("js-error", "") }),
    );

    expect(error.code).toBe(status.INVALID_ARGUMENT);
    expect(detailsOf(error)).toMatchObject([
      { type: "google.rpc.ErrorInfo", reason: "FIELD_REQUIRED", domain: "cylestio.dev" },
      { type: "google.rpc.BadRequest", field_violations: [{ field: "name", reason: "FIELD_REQUIRED" }] },
    ]);
  });

  test("gets not_found for an agent that never reported", async () => {
    const error = await failureOf(client.call("cylestio.v1.AgentService/GetAgent", { agent_id: "nobody" }));

    expect(error.code).toBe(status.NOT_FOUND);
    expect(detailsOf(error)).toMatchObject([{ type: "google.rpc.ErrorInfo", reason: "AGENT_NOT_FOUND" }]);
  });

  test("keeps what was acknowledged when a stream's deadline passes", async () => {
    const stream = client.stream({ deadline: Date.now() + 800 });
    const answered = once(stream, "data");
    const failed = once(stream, "error");
    stream.write({ batch_number: 1, events: [eventOf("js-deadline", "one")] });

    expect((await answered)[0]).toMatchObject({ batch_number: 1, receipt: { accepted_count: 1 } });
    expect((await failed)[0]).toMatchObject({ code: status.DEADLINE_EXCEEDED });
    const { agent } = await client.call<{ agent: object }>("cylestio.v1.AgentService/GetAgent", {
      agent_id: "js-deadline",
    });
    expect(agent).toMatchObject({ event_count: 1 });
  });
});

/** `{"text": …}` as a google.protobuf.Struct. */
function structOf(text: string): object {
  return { fields: { text: { stringValue: text, kind: "stringValue" } } };
}
