import { join } from "node:path";
import type { Database } from "better-sqlite3";
import * as fc from "fast-check";
import { describe, expect, onTestFinished, test } from "vitest";
import type { Event } from "../../../src/model/event.ts";
import { ancestorsMax } from "../../../src/store/sqlite/call-ancestry.ts";
import { openWriterConnection } from "../../../src/store/sqlite/database-file.ts";
import { createEventWriter, type EventWriter } from "../../../src/store/sqlite/event-writer.ts";
import { anyTelemetryPrices } from "../any-telemetry.ts";
import { anyArrival, buildArrival } from "../arrival.ts";
import { buildLlm } from "../call-builder.ts";
import { buildEvent, buildPart, builtFromMicros } from "../event-builder.ts";
import { openMigrated } from "./migrated-database.ts";
import { createTemporaryFolder } from "./temporary-folder.ts";

const folder = createTemporaryFolder();

async function open(name: string): Promise<{ readonly database: Database; readonly writer: EventWriter }> {
  const path = join(folder, name);
  await openMigrated(path);
  const database = openWriterConnection(path, "normal");
  database.pragma("synchronous = off");
  onTestFinished(() => void database.close());
  return { database, writer: createEventWriter(database, anyTelemetryPrices) };
}

const layers = ["wrapper", "call", "chain"] as const;
type Layer = (typeof layers)[number];

/** An event of an operation in a span: of a framework's call, of a vendor's, or of what may lie between. */
function inSpan(layer: Layer, fields: Partial<Event>, outcome: "ok" | null): Partial<Event> {
  const llm = layer === "chain" ? null : buildLlm({ isWrapper: layer === "wrapper" });
  return {
    ...fields,
    operation: buildPart({ kind: layer === "chain" ? "chain" : "llm", family: layer, outcome, llm }),
  };
}

const atOnce = { timeMicros: builtFromMicros };

/** An operation of this trace that started, all at one time. */
const opened = (layer: Layer, traceId: string, spanId: string, parentSpanId: string | null) =>
  buildEvent(inSpan(layer, { ...atOnce, traceId, spanId, parentSpanId }, null));

/** A wrapper, so many spans above a vendor's call. */
const deep = (agentId: string, depth: number) => {
  const at = { ...atOnce, traceId: "t" };
  const between = Array.from({ length: depth - 1 }, (_, place) =>
    inSpan("chain", { ...at, spanId: `${place + 1}`, parentSpanId: `${place}` }, null),
  );
  const wrapper = inSpan("wrapper", { ...at, spanId: "0", parentSpanId: null }, null);
  const call = inSpan("call", { ...at, spanId: "call", parentSpanId: `${depth - 1}` }, null);
  return [wrapper, ...between, call].map((fields) => buildEvent({ ...fields, agentId }));
};

const spanIds = ["a", "b", "c", "d", "e", "f"];

/** Spans in one another in every way, also in themselves, with starts and finishes missing and told apart from one another. */
const anySpans = fc.array(
  fc
    .record({
      layer: fc.constantFrom(...layers),
      outcome: fc.constantFrom("ok" as const, null),
      spanId: fc.constantFrom(null, ...spanIds, ...spanIds),
      parentSpanId: fc.constantFrom(null, ...spanIds, ...spanIds),
      traceId: fc.constantFrom("t", "t", "t", "u", null),
      second: fc.integer({ min: 0, max: 9 }),
    })
    .map(({ layer, outcome, second, ...place }) =>
      inSpan(layer, { ...place, timeMicros: builtFromMicros + second * 1_000_000 }, outcome),
    ),
  { minLength: 2, maxLength: 24 },
);

interface Call {
  readonly agent_id: string;
  readonly trace_id: string | null;
  readonly span_id: string | null;
  readonly parent_span_id: string | null;
  readonly is_wrapper: number;
  readonly is_covered: number;
  readonly at_micros: number;
  readonly start_micros: number | null;
  readonly finish_micros: number | null;
}

function readCalls(database: Database, agentIds: readonly string[]): readonly Call[] {
  return database
    .prepare<[string], Call>(
      `select a.agent_id, e.trace_id, e.span_id, e.parent_span_id, c.is_wrapper, c.is_covered, o.at_micros, o.start_micros,
        o.finish_micros
      from llm_calls c join operations o on o.id = c.operation_id join agents a on a.id = o.agent_key
      join events e on e.sequence = ifnull(o.start_sequence, o.finish_sequence)
      where a.agent_id in (select value from json_each(?))`,
    )
    .all(JSON.stringify(agentIds));
}

/** Whether the call lies under the span, by the parents that any of the events tells. */
function liesUnder(call: Call, spanId: string | null, events: readonly Event[]): boolean {
  const above = new Set([call.parent_span_id]);
  for (const known of above) {
    for (const event of events) {
      const isOfSpan = event.agentId === call.agent_id && event.traceId === call.trace_id && event.spanId === known;
      if (known !== null && isOfSpan) above.add(event.parentSpanId);
    }
  }
  return spanId !== null && above.has(spanId);
}

function isCovered(wrapper: Call, calls: readonly Call[], events: readonly Event[]): boolean {
  return calls.some(
    (call) =>
      call.is_wrapper === 0 &&
      call.agent_id === wrapper.agent_id &&
      call.trace_id === wrapper.trace_id &&
      call.at_micros >= (wrapper.start_micros ?? 0) &&
      (call.finish_micros ?? call.at_micros) <= (wrapper.finish_micros ?? Number.POSITIVE_INFINITY) &&
      liesUnder(call, wrapper.span_id, events),
  );
}

describe("a wrapper is covered", () => {
  test("if and only if a vendor's call lies under it and inside its time, whatever came first", async () => {
    const { database, writer } = await open("any.db");
    let covered = 0;
    fc.assert(
      fc.property(anyArrival(anySpans), (arrival) => {
        const { events, calls: batches, agentIds } = buildArrival(arrival);
        for (const batch of batches) writer.write(batch);
        const calls = readCalls(database, agentIds);
        for (const call of calls) {
          const wanted = call.is_wrapper === 1 && isCovered(call, calls, events);
          expect([call, call.is_covered]).toEqual([call, Number(wanted)]);
          covered += call.is_covered;
        }
      }),
      { numRuns: 300 },
    );
    expect(covered).toBeGreaterThan(50);
  });

  test(`by a call that lies ${ancestorsMax} spans under it, and by none further below`, async () => {
    const { database, writer } = await open("deep.db");
    for (const [agentId, depth] of [
      ["near", ancestorsMax],
      ["far", ancestorsMax + 1],
    ] as const) {
      for (const [suffix, events] of [
        ["down", deep(agentId, depth)],
        ["up", deep(`${agentId} up`, depth).toReversed()],
      ] as const) {
        for (const event of events) writer.write([event]);
        const name = suffix === "up" ? `${agentId} up` : agentId;
        const wrapper = readCalls(database, [name]).find((call) => call.is_wrapper === 1);
        expect([name, wrapper?.is_covered]).toEqual([name, depth === ancestorsMax ? 1 : 0]);
      }
    }
  });

  test("also where only the finish of the span between tells that it lies under the wrapper", async () => {
    const { database, writer } = await open("late.db");
    writer.write([
      opened("wrapper", "t", "w", null),
      opened("chain", "t", "c", "elsewhere"),
      opened("call", "t", "v", "c"),
    ]);
    const coveredCount = () => readCalls(database, ["agent"]).filter((call) => call.is_covered === 1).length;
    expect(coveredCount()).toBe(0);
    writer.write([buildEvent(inSpan("chain", { ...atOnce, traceId: "t", spanId: "c", parentSpanId: "w" }, "ok"))]);
    expect(coveredCount()).toBe(1);
  });

  test("also where a write that would have told so before was undone", async () => {
    const { database, writer } = await open("undone.db");
    const wrapper = opened("wrapper", "t", "w", null);
    writer.write([opened("call", "t", "v", "c"), opened("chain", "t", "c", "w")]);
    database.exec("create trigger refuse before insert on llm_calls begin select raise(abort, 'no'); end");
    expect(() => writer.write([wrapper])).toThrow("no");
    database.exec("drop trigger refuse");
    writer.write([wrapper]);
    expect(readCalls(database, ["agent"]).map((call) => [call.is_wrapper, call.is_covered])).toEqual(
      expect.arrayContaining([
        [0, 0],
        [1, 1],
      ]),
    );
  });
});

describe("the spans above a call", () => {
  test("are kept in traces with a wrapper alone", async () => {
    const { database, writer } = await open("gate.db");
    const count = () => database.prepare("select count(*) from call_ancestors").pluck().get();
    for (const traceId of ["t", "u"]) {
      writer.write([opened("chain", traceId, "root", null), opened("chain", traceId, "c", "root")]);
      writer.write([opened("call", traceId, "v", "c")]);
    }
    expect(count()).toBe(0);
    writer.write([opened("wrapper", "t", "w", "root")]);
    expect(count()).toBe(2);
    writer.write([opened("call", "t", "v2", "w")]);
    expect(count()).toBe(4);
  });

  test("are found along indexes", async () => {
    const { database } = await open("plan.db");
    const statements: string[] = [];
    const prepare = database.prepare.bind(database);
    const watched = new Proxy(database, {
      get: (target, name) => {
        if (name !== "prepare") return Reflect.get(target, name, target);
        return (sql: string) => {
          statements.push(sql);
          return prepare(sql);
        };
      },
    });
    createEventWriter(watched, anyTelemetryPrices);
    const reads = statements.filter((sql) =>
      /call_ancestors|o\.partition_key between|llm_calls where link_key/.test(sql),
    );
    expect(reads.length).toBeGreaterThan(7);
    for (const sql of reads) {
      const parameters = sql.includes(":")
        ? [{ low: "", high: "", agentKey: 1, spanId: "", limit: 1, id: 1 }]
        : Array.from({ length: sql.split("?").length - 1 }, () => 1);
      const plan = prepare<unknown[], { readonly detail: string }>(`explain query plan ${sql}`).all(...parameters);
      expect([sql, plan.filter(({ detail }) => detail.startsWith("SCAN") && !detail.includes("("))]).toEqual([sql, []]);
    }
  });
});
