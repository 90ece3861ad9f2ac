import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  noTies,
  operationDurationMs,
  type PairingPart,
  pairParts,
  partitionKeyOf,
  partitionNameOf,
  spanKeyOf,
  spanPartitionsOf,
  type Ties,
  tiesOf,
  tracePartitionPrefixOf,
} from "../../src/model/pairing.ts";
import { buildPart } from "../store/event-builder.ts";

interface TestPart extends PairingPart {
  readonly finish: boolean;
}

/** A part whose id tells what it is. Parts of one time stand in the order of their ids. */
function part(eventId: string, finish: boolean, timeMicros: number, ties: Partial<TiesByName> = {}): TestPart {
  const { run = null, chain = null, node = null, subject = null } = ties;
  return { eventId, timeMicros, finish, ties: [run, chain, node, subject] };
}

interface TiesByName {
  readonly run: string;
  readonly chain: string;
  readonly node: string;
  readonly subject: string;
}

const start = (id: string, timeMicros: number, ties?: Partial<TiesByName>) => part(id, false, timeMicros, ties);
const finish = (id: string, timeMicros: number, ties?: Partial<TiesByName>) => part(id, true, timeMicros, ties);

/** Pairs as `start>finish`, with `-` for none, in the order of the text. */
function pairsOf(parts: readonly TestPart[]): readonly string[] {
  return pairParts(parts)
    .map((pair) => `${pair.start?.eventId ?? "-"}>${pair.finish?.eventId ?? "-"}`)
    .sort();
}

const cases: readonly (readonly [string, readonly TestPart[], readonly string[]])[] = [
  ["no parts make no pairs", [], []],
  ["a start and a later finish belong together", [start("s", 1), finish("f", 2)], ["s>f"]],
  ["a start without a finish stays open", [start("s", 1)], ["s>-"]],
  ["a finish without a start stands alone", [finish("f", 1)], ["->f"]],
  ["a finish never pairs with a later start", [finish("f", 1), start("s", 2)], ["->f", "s>-"]],
  [
    "a finish never pairs with a later start, although an id ties them",
    [finish("f", 1, { run: "r" }), start("s", 2, { run: "r" })],
    ["->f", "s>-"],
  ],
  ["a finish closes the latest open start", [start("s1", 1), start("s2", 2), finish("f", 3)], ["s1>-", "s2>f"]],
  [
    "a start that is closed is closed for good",
    [start("s1", 1), start("s2", 2), finish("f1", 3), finish("f2", 4), finish("f3", 5)],
    ["->f3", "s1>f2", "s2>f1"],
  ],
  [
    "a start after one finish is for the next",
    [start("s1", 1), finish("f1", 2), start("s2", 3), finish("f2", 4)],
    ["s1>f1", "s2>f2"],
  ],
  ["among starts of one time the greater id wins", [start("s1", 1), start("s2", 1), finish("f", 2)], ["s1>-", "s2>f"]],
  [
    "of finishes of one time the smaller id chooses first",
    [start("s1", 1), start("s2", 2), finish("f1", 3), finish("f2", 3)],
    ["s1>f2", "s2>f1"],
  ],
  ["a start of the very time of the finish will do", [finish("a", 1), start("b", 1)], ["b>a"]],
  [
    "a start of the very time of the finish yields to any earlier one",
    [start("s1", 1), start("s2", 2), finish("f", 2)],
    ["s1>f", "s2>-"],
  ],
  [
    "of two finishes, the one that finds no earlier start takes the one of its own time",
    [start("s1", 1), start("s2", 2), finish("f1", 2), finish("f2", 2)],
    ["s1>f1", "s2>f2"],
  ],
  [
    "an earlier start that only the subject ties goes before one of the same time that an id ties",
    [
      start("s1", 1, { subject: "a" }),
      start("s2", 2, { run: "r", subject: "a" }),
      finish("f", 2, { run: "r", subject: "a" }),
    ],
    ["s1>f", "s2>-"],
  ],
  [
    "among starts that an id ties the latest wins",
    [start("s1", 1, { run: "r" }), start("s2", 2, { run: "r" }), finish("f", 3, { run: "r" })],
    ["s1>-", "s2>f"],
  ],
  [
    "a start that an id ties goes before a later one that only the subject ties",
    [
      start("s1", 1, { run: "r", subject: "a" }),
      start("s2", 2, { subject: "a" }),
      finish("f", 3, { run: "r", subject: "a" }),
    ],
    ["s1>f", "s2>-"],
  ],
  [
    "an id decides against a later start with another one and the same subject",
    [start("s1", 1, { run: "r1" }), start("s2", 2, { run: "r2" }), finish("f", 3, { run: "r1" })],
    ["s1>f", "s2>-"],
  ],
  [
    "an id decides against a later start that has none",
    [start("s1", 1, { run: "r1" }), start("s2", 2), finish("f", 3, { run: "r1" })],
    ["s1>f", "s2>-"],
  ],
  [
    "ids that differ do not pair, although the subject is the same",
    [start("s", 1, { run: "r1", subject: "a" }), finish("f", 2, { run: "r2", subject: "a" })],
    ["->f", "s>-"],
  ],
  [
    "the first id that both have decides: the run before the chain",
    [start("s", 1, { run: "r1", chain: "c" }), finish("f", 2, { run: "r2", chain: "c" })],
    ["->f", "s>-"],
  ],
  [
    "the chain decides where only one has a run",
    [start("s1", 1, { run: "r", chain: "c" }), start("s2", 2, { chain: "d" }), finish("f", 3, { chain: "c" })],
    ["s1>f", "s2>-"],
  ],
  [
    "the chain decides before the node",
    [start("s", 1, { chain: "c1", node: "n" }), finish("f", 2, { chain: "c2", node: "n" })],
    ["->f", "s>-"],
  ],
  [
    "the node decides where neither run nor chain does",
    [start("s1", 1, { node: "n1" }), start("s2", 2, { node: "n2" }), finish("f", 3, { run: "r", node: "n1" })],
    ["s1>f", "s2>-"],
  ],
  [
    "an id is only compared with its own kind: then the subject decides",
    [start("s", 1, { run: "x", subject: "a" }), finish("f", 2, { chain: "x", subject: "a" })],
    ["s>f"],
  ],
  [
    "subjects that differ do not pair",
    [start("s", 1, { subject: "a" }), finish("f", 2, { subject: "b" })],
    ["->f", "s>-"],
  ],
  ["a subject and none do not pair", [start("s", 1, { subject: "a" }), finish("f", 2)], ["->f", "s>-"]],
  [
    "the subject finds the latest start of its own",
    [start("s1", 1, { subject: "a" }), start("s2", 2, { subject: "b" }), finish("f", 3, { subject: "a" })],
    ["s1>f", "s2>-"],
  ],
];

describe("pairParts", () => {
  test.for(cases)("%s", ([, parts, expected]) => {
    expect(pairsOf(parts)).toEqual(expected);
    expect(pairsOf([...parts].reverse())).toEqual(expected);
  });

  test("gives the same pairs for every order of the parts, each part exactly once, and no finish before its start", () => {
    const anyPart = fc.record({
      finish: fc.boolean(),
      timeMicros: fc.integer({ min: 0, max: 5 }),
      ties: fc.tuple(
        fc.constantFrom(null, null, "r1", "r2"),
        fc.constantFrom(null, "c1", "c2"),
        fc.constantFrom(null, "n1"),
        fc.constantFrom(null, "a", "b"),
      ),
    });
    const anyParts = fc
      .array(anyPart, { maxLength: 20 })
      .map((parts) => parts.map((part, index): TestPart => ({ ...part, eventId: String(index).padStart(2, "0") })));
    fc.assert(
      fc.property(
        anyParts.chain((parts) =>
          fc.tuple(fc.constant(parts), fc.shuffledSubarray(parts, { minLength: parts.length })),
        ),
        ([parts, shuffled]) => {
          expect(pairsOf(shuffled)).toEqual(pairsOf(parts));
          const pairs = pairParts(parts);
          const ids = pairs.flatMap(({ start, finish }) => [start, finish]).flatMap((part) => part?.eventId ?? []);
          expect(ids.sort()).toEqual(parts.map(({ eventId }) => eventId));
          for (const { start, finish } of pairs) {
            expect(start?.finish ?? false).toBe(false);
            expect(finish?.finish ?? true).toBe(true);
            expect(start?.timeMicros ?? 0).toBeLessThanOrEqual(finish?.timeMicros ?? Number.POSITIVE_INFINITY);
          }
        },
      ),
    );
  });
});

describe("tiesOf", () => {
  const operation = buildPart({ runId: "r", chainId: "c", nodeId: "n", subject: "a", toolName: "search" });

  test("are run, chain and node id and the subject", () => {
    expect(tiesOf({ spanId: null }, operation)).toEqual(["r", "c", "n", "a"] satisfies Ties);
  });

  test("are none for a part with a span id, which says it all", () => {
    expect(tiesOf({ spanId: "x" }, operation)).toEqual(noTies);
  });
});

/** The partition of a part of this family, in hexadecimal. */
function key(event: Omit<Parameters<typeof partitionNameOf>[0], "id">, family = "llm.call"): string {
  return partitionKeyOf(partitionNameOf({ id: "0", ...event }, buildPart({ family }))).toString("hex");
}

describe("partitionKeyOf", () => {
  const event = { id: "0", agentId: "agent", sessionId: "session", traceId: "trace", spanId: null };
  const span = { ...event, spanId: "span" };

  test("is 14 bytes", () => {
    expect(partitionKeyOf(partitionNameOf(event, buildPart())).toString("hex")).toMatch(/^[0-9a-f]{28}$/);
  });

  test.for([
    ["agent", { agentId: "other" }],
    ["session", { sessionId: "other" }],
    ["session, where there is none", { sessionId: null }],
    ["session, where its id is empty", { sessionId: "" }],
  ] as const)("without a span id, tells parts apart by %s", ([, other]) => {
    expect(key({ ...event, ...other })).not.toBe(key(event));
  });

  test("without a span id, takes no notice of the trace", () => {
    expect(key({ ...event, traceId: null })).toBe(key(event));
  });

  test.for([
    ["agent", { agentId: "other" }],
    ["trace", { traceId: "other" }],
    ["trace, where there is none", { traceId: null }],
    ["span", { spanId: "other" }],
  ] as const)("with a span id, tells parts apart by %s", ([, other]) => {
    expect(key({ ...span, ...other })).not.toBe(key(span));
  });

  test("with a span id, takes no notice of the session", () => {
    expect(key({ ...span, sessionId: null })).toBe(key(span));
  });

  test("tells families apart, and parts with a span id from those without", () => {
    expect(key(event, "tool")).not.toBe(key(event));
    expect(key(span, "tool")).not.toBe(key(span));
    expect(key(span)).not.toBe(key(event));
    expect(key({ ...event, spanId: "" })).not.toBe(key(event));
  });

  test("begins with the same four bytes for all parts of one run, so that its operations lie together", () => {
    expect(key(event, "tool").slice(0, 8)).toBe(key(event).slice(0, 8));
    expect(key({ ...span, spanId: "other" }).slice(0, 8)).toBe(key(span).slice(0, 8));
    expect(key({ ...event, sessionId: "other" }).slice(0, 8)).not.toBe(key(event).slice(0, 8));
  });

  test("does not depend on the outcome, the ids or the tool of the part", () => {
    const other = buildPart({ outcome: "error", runId: "r", chainId: "c", nodeId: "n", subject: "a", toolName: "t" });
    expect(partitionKeyOf(partitionNameOf(event, other)).toString("hex")).toBe(key(event));
  });
});

describe("operationDurationMs", () => {
  test.for([
    ["what the finish reports", { startMicros: 1_000, finishMicros: 3_500, reportedMs: 7 }, 7],
    ["what the finish reports, be it 0", { startMicros: 1_000, finishMicros: 3_500, reportedMs: 0 }, 0],
    [
      "the time between the two, to the microsecond",
      { startMicros: 1_000, finishMicros: 3_501, reportedMs: null },
      2.501,
    ],
    ["0 for two parts of one time", { startMicros: 1_000, finishMicros: 1_000, reportedMs: null }, 0],
    ["unknown without a start", { startMicros: null, finishMicros: 3_500, reportedMs: null }, null],
    ["unknown without a finish", { startMicros: 1_000, finishMicros: null, reportedMs: null }, null],
  ] as const)("is %s", ([, operation, expected]) => {
    expect(operationDurationMs(operation)).toBe(expected);
  });
});

describe("spanKeyOf", () => {
  const trace = { agentId: "a", traceId: "t" };

  test("begins as the partitions of its trace do", () => {
    expect(spanKeyOf(trace, "x").startsWith(tracePartitionPrefixOf(trace))).toBe(true);
  });

  test.for([
    ["agent", { ...trace, agentId: "b" }, "x"],
    ["trace", { ...trace, traceId: "u" }, "x"],
    ["trace, where there is none", { ...trace, traceId: null }, "x"],
    ["span", trace, "y"],
  ] as const)("is another one for another %s", ([, other, spanId]) => {
    expect(spanKeyOf(other, spanId)).not.toBe(spanKeyOf(trace, "x"));
  });
});

describe("spanPartitionsOf", () => {
  const span = { agentId: "a", sessionId: "s", traceId: "t", spanId: "x" };
  const isWithin = (other: typeof span, family: string) => {
    const { low, high } = spanPartitionsOf(spanKeyOf(span, span.spanId));
    return key(other, family) >= low.toString("hex") && key(other, family) <= high.toString("hex");
  };

  test("holds the partitions of the span, of every family, and of no other span, trace or agent", () => {
    for (const family of ["llm.call", "tool", "chain"]) {
      expect(isWithin(span, family)).toBe(true);
      expect(isWithin({ ...span, sessionId: "other" }, family)).toBe(true);
      for (const other of [{ spanId: "y" }, { spanId: "" }, { traceId: "u" }, { agentId: "b" }]) {
        expect(isWithin({ ...span, ...other }, family)).toBe(false);
      }
    }
  });

  test("knows the span's id, whatever it is", () => {
    for (const spanId of ["", " ", "a b", "\0é"]) {
      expect(spanPartitionsOf(spanKeyOf(span, spanId)).spanId).toBe(spanId);
    }
  });
});

describe("tracePartitionPrefixOf", () => {
  test("is what the keys of all spans of a trace begin with, and of no other trace, agent or session", () => {
    const span = { agentId: "a", sessionId: "s", traceId: "t", spanId: "x" };
    const prefix = tracePartitionPrefixOf(span);
    expect(prefix).toMatch(/^[0-9a-f]{8}$/);
    for (const same of [span, { ...span, spanId: "y" }, { ...span, sessionId: null }]) {
      for (const family of ["llm.call", "tool"]) expect(key(same, family).startsWith(prefix)).toBe(true);
    }
    for (const other of [{ traceId: "u" }, { traceId: null }, { agentId: "b" }, { spanId: null }]) {
      expect(key({ ...span, ...other }).startsWith(prefix)).toBe(false);
    }
  });
});
