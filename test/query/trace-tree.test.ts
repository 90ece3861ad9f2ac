import { describe, expect, test } from "vitest";
import type { Span } from "../../src/model/trace.ts";
import { buildTraceTree, type TraceNode } from "../../src/query/trace-tree.ts";

/** A span whose id is told by its name; with start and finish its duration is the time between them, if nothing else is said. */
function buildSpan(name: string, fields: Partial<Span> = {}): Span {
  const { startMicros = 0, finishMicros = 10 } = fields;
  const known = startMicros !== null && finishMicros !== null;
  return {
    id: 1,
    spanId: name,
    parentSpanId: null,
    kind: "other",
    name,
    startMicros,
    finishMicros,
    durationMs: known ? (finishMicros - startMicros) / 1000 : null,
    outcome: finishMicros === null ? null : "ok",
    ...fields,
  };
}

/** Spans from `[name, parent, start, finish]`; ids count up. */
function buildSpans(
  ...rows: readonly (readonly [string, string | null, (number | null)?, (number | null)?])[]
): Span[] {
  return rows.map(([name, parentSpanId, startMicros = 0, finishMicros = 10], index) =>
    buildSpan(name, { id: index + 1, parentSpanId, startMicros, finishMicros }),
  );
}

/** The tree as lines, each indented by its depth. */
function outline(spans: readonly Span[]): string[] {
  return buildTraceTree(spans).nodes.map(({ span, depth, problems }) =>
    ["  ".repeat(depth) + span.name, ...problems].join(" "),
  );
}

function nodeOf(spans: readonly Span[], name: string): TraceNode {
  const node = buildTraceTree(spans).nodes.find(({ span }) => span.name === name);
  if (node === undefined) throw new Error(`no span ${name}`);
  return node;
}

describe("the tree of a trace", () => {
  test("has nothing for no spans", () => {
    expect(buildTraceTree([])).toEqual({
      nodes: [],
      startMicros: null,
      endMicros: null,
      durationMs: null,
      spanCount: 0,
      errorCount: 0,
      rootCount: 0,
    });
  });

  test("tells of each span where it is, what lies below it and what is its own", () => {
    const [agent, llm, tool, shell, late] = [
      buildSpan("agent", { id: 5, startMicros: 1_000, finishMicros: 9_000, durationMs: 8 }),
      buildSpan("llm", { id: 4, parentSpanId: "agent", startMicros: 2_000, finishMicros: 4_500, durationMs: 2.5 }),
      buildSpan("tool", { id: 3, parentSpanId: "agent", startMicros: 5_000, finishMicros: 8_000, outcome: "error" }),
      buildSpan("shell", { id: 2, parentSpanId: "tool", startMicros: 6_000, finishMicros: 7_000, outcome: "error" }),
      buildSpan("late", { id: 1, startMicros: 9_500, finishMicros: 12_500, outcome: "blocked" }),
    ] as const;
    const none = { problems: [], totalErrors: 0 };
    expect(buildTraceTree([shell, late, tool, llm, agent])).toEqual({
      nodes: [
        { ...none, span: agent, depth: 0, parent: null, childCount: 2, selfMs: 2.5, totalErrors: 2 },
        { ...none, span: llm, depth: 1, parent: 0, childCount: 0, selfMs: 2.5 },
        { ...none, span: tool, depth: 1, parent: 0, childCount: 1, selfMs: 2, totalErrors: 2 },
        { ...none, span: shell, depth: 2, parent: 2, childCount: 0, selfMs: 1, totalErrors: 1 },
        { ...none, span: late, depth: 0, parent: null, childCount: 0, selfMs: 3 },
      ],
      startMicros: 1_000,
      endMicros: 12_500,
      durationMs: 11.5,
      spanCount: 5,
      errorCount: 2,
      rootCount: 2,
    });
  });

  test("takes time from the earliest to the latest that a span tells, be it running or without a start", () => {
    const running = buildSpan("running", { startMicros: 7_000, finishMicros: null });
    expect(buildTraceTree([running])).toMatchObject({ startMicros: 7_000, endMicros: 7_000, durationMs: 0 });
    const finished = buildSpan("finished", { startMicros: null, finishMicros: 6_000, durationMs: 4 });
    expect(buildTraceTree([running, finished])).toMatchObject({ startMicros: 2_000, endMicros: 7_000, durationMs: 5 });
    const backwards = buildSpan("backwards", { startMicros: 9_000, finishMicros: 1_000 });
    expect(buildTraceTree([running, backwards])).toMatchObject({ startMicros: 1_000, endMicros: 9_000, durationMs: 8 });
    const timeless = buildSpan("timeless", { startMicros: null, finishMicros: null });
    expect(buildTraceTree([timeless])).toMatchObject({ startMicros: null, endMicros: null, durationMs: null });
  });

  test("bears chains of 100,000 spans, in any order", () => {
    const length = 100_000;
    const chain = Array.from({ length }, (_, index) =>
      buildSpan(`${index}`, {
        id: length - index,
        parentSpanId: index === 0 ? null : `${index - 1}`,
        startMicros: index,
        finishMicros: 2 * length - index,
        outcome: "error",
      }),
    );
    for (const spans of [chain, [...chain].reverse()]) {
      const { nodes } = buildTraceTree(spans);
      expect(nodes.every(({ depth, selfMs }, index) => depth === index && selfMs === 0.002)).toBe(true);
      expect(nodes[0]?.totalErrors).toBe(length);
    }
    const circle = chain.map((span, index) => (index === 0 ? { ...span, parentSpanId: `${length - 1}` } : span));
    const { nodes, rootCount } = buildTraceTree(circle);
    expect([rootCount, nodes[0]?.problems, nodes.at(-1)?.depth]).toEqual([1, ["cycle"], length - 1]);
  });
});

describe("siblings are ordered", () => {
  test.for([
    ["by start", [{ startMicros: 1 }, { startMicros: 2 }]],
    [
      "by start before finish",
      [
        { startMicros: 1, finishMicros: 9 },
        { startMicros: 2, finishMicros: 3 },
      ],
    ],
    ["by finish where they start together", [{ finishMicros: 8 }, { finishMicros: 9 }]],
    ["with running ones after", [{ finishMicros: 8 }, { finishMicros: null }]],
    ["by the start that finish and duration tell", [{ startMicros: null, durationMs: 0.006 }, { startMicros: 5 }]],
    ["by the finish where nothing else is known", [{ startMicros: 9 }, { startMicros: null }]],
    ["with those without any time last", [{}, { startMicros: null, finishMicros: null }]],
    ["by span id where their times are the same", [{ spanId: "a", id: 2 }, { spanId: "b" }]],
    ["with those without a span id after", [{ spanId: "z", id: 2 }, { spanId: null }]],
    [
      "by id at last",
      [
        { spanId: null, id: 9 },
        { spanId: null, id: 10 },
      ],
    ],
  ] as const)("%s", ([, [first, second]]) => {
    const spans = [buildSpan("first", first), buildSpan("second", second)];
    const names = [expect.stringMatching(/^first/), expect.stringMatching(/^second/)];
    expect(outline(spans)).toEqual(names);
    expect(outline(spans.reverse())).toEqual(names);
  });
});

describe("what does not fit is kept and marked", () => {
  test("a span whose parent is missing is a root", () => {
    expect(outline(buildSpans(["child", "gone", 1], ["root", null, 2], ["grandchild", "child", 3]))).toEqual([
      "child missing_parent",
      "  grandchild",
      "root",
    ]);
  });

  test("a circle is opened at the span that starts first", () => {
    expect(outline(buildSpans(["a", "c", 5], ["b", "a", 3], ["c", "b", 4], ["d", "a", 1]))).toEqual([
      "b cycle",
      "  c",
      "    a",
      "      d",
    ]);
  });

  test("every circle is opened", () => {
    expect(outline(buildSpans(["a", "b"], ["b", "a"], ["c", "d"], ["d", "c"]))).toEqual([
      "a cycle",
      "  b",
      "c cycle",
      "  d",
    ]);
  });

  test("a span that is its own parent is a root", () => {
    expect(outline(buildSpans(["self", "self"], ["child", "self"]))).toEqual(["self cycle", "  child"]);
  });

  test("of spans with one id the first has the children", () => {
    const spans = buildSpans(
      ["outer", null, 0, 90],
      ["second", "outer", 2],
      ["first", "outer", 1],
      ["child", "twice", 0],
    );
    const twice = spans.map((span) => (/first|second/.test(span.name) ? { ...span, spanId: "twice" } : span));
    expect(outline(twice)).toEqual(["outer", "  first", "    child", "  second"]);
  });

  test("of spans with one id that is their parent, too, the first is the root", () => {
    const spans = buildSpans(["second", "twice", 2], ["first", "twice", 1]);
    expect(outline(spans.map((span) => ({ ...span, spanId: "twice" })))).toEqual(["first cycle", "  second"]);
  });

  test("spans without an id lie below their parent, and nothing lies below them", () => {
    const spans = buildSpans(["root", null], ["inner", "root"], ["outer", null, 5]);
    const nameless = spans.map((span) => (span.name === "root" ? span : { ...span, spanId: null }));
    expect(outline(nameless)).toEqual(["root", "  inner", "outer"]);
  });

  test("a missing start, a missing finish and a finish before the start are told, with what else is odd", () => {
    expect(
      outline([
        buildSpan("a", { startMicros: 9, finishMicros: 1, parentSpanId: "a" }),
        buildSpan("b", { startMicros: null, parentSpanId: "gone" }),
        buildSpan("c", { startMicros: 20, finishMicros: null }),
        buildSpan("d", { startMicros: null, finishMicros: null }),
      ]),
    ).toEqual([
      "a cycle finish_before_start",
      "b missing_parent missing_start",
      "c missing_finish",
      "d missing_start missing_finish",
    ]);
  });
});

describe("the own time of a span", () => {
  const outer = buildSpan("outer", { startMicros: 1_000, finishMicros: 11_000 });
  const child = (startMicros: number | null, finishMicros: number | null, durationMs?: number) =>
    buildSpan("child", {
      parentSpanId: "outer",
      startMicros,
      finishMicros,
      ...(durationMs !== undefined && { durationMs }),
    });

  test.for<[string, Span[], number]>([
    ["is its duration without children", [], 10],
    ["leaves out what a child takes", [child(2_000, 4_000)], 8],
    ["leaves out once what two children take together", [child(2_000, 5_000), child(4_000, 7_000)], 5],
    ["leaves out once what one child takes inside another", [child(2_000, 7_000), child(3_000, 4_000)], 5],
    ["leaves out what two children take one after the other", [child(2_000, 3_000), child(3_000, 4_000)], 8],
    ["leaves out what a child takes inside it, though it starts before", [child(0, 3_000)], 8],
    ["leaves out what a child takes inside it, though it ends after", [child(9_000, 90_000)], 8],
    ["is 0 where a child takes all and more", [child(0, 90_000)], 0],
    ["is whole where the children lie outside", [child(0, 900), child(11_000, 12_000)], 10],
    ["is whole where a child takes no time", [child(5_000, 5_000)], 10],
    ["goes by the times of a child, not by the duration it reports", [child(2_000, 4_000, 7)], 8],
    ["goes by finish and duration of a child without a start", [child(null, 4_000, 2)], 8],
    ["is whole where it is not known when a child ran", [child(2_000, null), child(null, 4_000)], 10],
    ["is whole where a child finished before it started", [child(4_000, 2_000)], 10],
    ["is whole where a child reports a duration beyond all time", [child(null, 4_000, Number.MAX_VALUE)], 10],
    ["is exact to the microsecond", [child(2_000, 2_001)], 9.999],
    ["is exact below it, as far as times are", [child(null, 5_000, 0.0006)], 9.999],
  ])("%s", ([, children, expected]) => {
    expect(nodeOf([...children, outer], "outer").selfMs).toBe(expected);
  });

  test.for<[string, Partial<Span>, number | null]>([
    ["comes from the duration that it reports", { durationMs: 7 }, 5],
    ["is at most what it reports, be it beyond all time", { durationMs: Number.MAX_VALUE }, Number.MAX_VALUE],
    ["is not negative where it reports less than its children take", { durationMs: 1 }, 0],
    ["comes from its times where it reports nothing", { durationMs: null }, 8],
    ["comes from its times where it reports less than nothing", { durationMs: -1 }, 8],
    ["comes from finish and duration without a start", { startMicros: null, durationMs: 8 }, 6],
    ["is unknown without start and duration", { startMicros: null, durationMs: null }, null],
    ["is unknown without a start, where it reports less than nothing", { startMicros: null, durationMs: -1 }, null],
    ["is unknown without a finish", { finishMicros: null, durationMs: null }, null],
    ["is unknown without a finish, whatever its duration", { finishMicros: null, durationMs: 3 }, null],
    ["is unknown where it finishes before it starts", { startMicros: 12_000, durationMs: 3 }, null],
    ["is 0 where it takes no time", { startMicros: 11_000, durationMs: 0 }, 0],
  ])("%s", ([, fields, expected]) => {
    expect(nodeOf([{ ...outer, ...fields }, child(4_000, 6_000)], "outer").selfMs).toBe(expected);
  });

  test("is the whole duration, fraction and all, where nothing lies below", () => {
    expect(nodeOf([{ ...outer, durationMs: 1 / 3 }], "outer").selfMs).toBe(1 / 3);
  });

  test("takes nothing from what children of children do", () => {
    const spans = buildSpans(["a", null, 0, 10_000], ["b", "a", 0, 1_000], ["c", "b", 2_000, 4_000]);
    expect(["a", "b", "c"].map((name) => nodeOf(spans, name).selfMs)).toEqual([9, 1, 2]);
  });
});
