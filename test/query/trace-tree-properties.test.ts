import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { Span } from "../../src/model/trace.ts";
import { buildTraceTree, type TraceNode } from "../../src/query/trace-tree.ts";

const someId = fc.option(fc.constantFrom(..."abcdefgh"), { nil: null, freq: 6 });
const someMicros = fc.option(fc.nat(40), { nil: null, freq: 6 });

/** Few ids and few times, so that ids come twice, parents are missing and form circles, and times are the same. */
const someSpans = fc
  .array(
    fc.record({
      spanId: someId,
      parentSpanId: fc.oneof(someId, fc.constant("gone")),
      startMicros: someMicros,
      finishMicros: someMicros,
      durationMs: fc.option(
        fc.integer({ min: -1, max: 20_000 }).map((nanos) => nanos / 1e6),
        { nil: null },
      ),
      outcome: fc.constantFrom("ok", "error", "blocked", null),
    }),
    { maxLength: 14 },
  )
  .map((fields) => fields.map((field, id): Span => ({ kind: "llm", name: `${id}`, id, ...field })));

const property = (check: (spans: readonly Span[]) => void) =>
  fc.assert(fc.property(someSpans, check), { numRuns: 600 });

const blank: Span = {
  id: 0,
  spanId: null,
  parentSpanId: null,
  kind: "other",
  name: "",
  startMicros: 0,
  finishMicros: 0,
  durationMs: null,
  outcome: "ok",
};

/** The first of the circle that a span lies on by the parents that the spans name; undefined if it lies on none. */
function circleHead(span: Span, ordered: readonly Span[]): Span | undefined {
  const holderOf = (id: string | null) => (id === null ? undefined : ordered.find((other) => other.spanId === id));
  const circle: Span[] = [];
  for (let next = holderOf(span.parentSpanId); next !== undefined; next = holderOf(next.parentSpanId)) {
    circle.push(next);
    if (next === span) return ordered.find((other) => circle.includes(other));
    if (circle.length > ordered.length) return undefined;
  }
  return undefined;
}

function siblingKey({ id, spanId, startMicros, finishMicros, durationMs }: Span): string {
  const derived =
    finishMicros === null || durationMs === null || durationMs < 0 ? finishMicros : finishMicros - durationMs * 1000;
  const start = startMicros ?? (derived === null ? 5000 : Math.round(derived));
  return [start + 2000, (finishMicros ?? 5000) + 2000, spanId ?? "~", id + 100].join(" ");
}

const inOrder = (spans: readonly Span[]) => [...spans].sort((a, b) => (siblingKey(a) < siblingKey(b) ? -1 : 1));

describe("the tree of any spans", () => {
  test("is the same in whatever order they come", () => {
    fc.assert(
      fc.property(
        someSpans.chain((spans) =>
          fc.tuple(fc.constant(spans), fc.shuffledSubarray(spans, { minLength: spans.length })),
        ),
        ([spans, shuffled]) => {
          expect(buildTraceTree(shuffled)).toEqual(buildTraceTree(spans));
        },
      ),
      { numRuns: 300 },
    );
  });

  test("every span is there once, after its parent, which lies right above it, and next to its siblings in order", () => {
    property((spans) => {
      const { nodes, rootCount, spanCount } = buildTraceTree(spans);
      expect(new Set(nodes.map(({ span }) => span))).toEqual(new Set(spans));
      expect([nodes.length, spanCount]).toEqual([spans.length, spans.length]);
      expect(nodes.filter(({ parent }) => parent === null)).toHaveLength(rootCount);
      for (const [index, { parent, depth, childCount }] of nodes.entries()) {
        const above = nodes.findLastIndex((node, other) => other < index && node.depth < depth);
        expect([parent ?? -1, depth]).toEqual([above, (nodes[above]?.depth ?? -1) + 1]);
        const children = nodes.filter((node) => node.parent === index).map(({ span }) => span);
        expect(children).toEqual(inOrder(children));
        expect(children).toHaveLength(childCount);
      }
      const roots = nodes.filter(({ parent }) => parent === null).map(({ span }) => span);
      expect(roots).toEqual(inOrder(roots));
    });
  });

  test("a parent is the first span with the id that the child names, and a root says why it is one", () => {
    property((spans) => {
      const ordered = inOrder(spans);
      const { nodes } = buildTraceTree(spans);
      for (const { span, parent, problems } of nodes) {
        const named = ordered.find(({ spanId }) => spanId !== null && spanId === span.parentSpanId);
        const isCut = circleHead(span, ordered) === span;
        expect(parent === null ? undefined : nodes[parent]?.span).toBe(isCut ? undefined : named);
        expect(problems.includes("cycle")).toBe(isCut);
        expect(problems.includes("missing_parent")).toBe(span.parentSpanId !== null && named === undefined);
      }
    });
  });

  test("errors add up from the leaves to the roots", () => {
    property((spans) => {
      const { nodes, errorCount } = buildTraceTree(spans);
      expect(errorCount).toBe(spans.filter(({ outcome }) => outcome === "error").length);
      expect(sum(nodes.filter(({ parent }) => parent === null))).toBe(errorCount);
      for (const [index, node] of nodes.entries()) {
        const below = sum(nodes.filter(({ parent }) => parent === index));
        expect(node.totalErrors).toBe(below + Number(node.span.outcome === "error"));
      }
    });
  });

  test("the own time is what is left of the duration, microsecond by microsecond, and never more", () => {
    property((spans) => {
      const { nodes } = buildTraceTree(spans);
      for (const [index, { span, selfMs }] of nodes.entries()) {
        const ticks = ticksOf(span);
        const taken = nodes
          .filter(({ parent }) => parent === index)
          .flatMap((child) => [...(ticksOf(child.span) ?? [])]);
        const covered = new Set(taken).intersection(ticks ?? new Set());
        const durationMs = (span.durationMs ?? -1) >= 0 ? span.durationMs : (ticks?.size ?? 0) / 1000;
        expect(selfMs ?? -1).toBeCloseTo(ticks === null ? -1 : Math.max((durationMs ?? 0) - covered.size / 1000, 0), 6);
        expect(selfMs ?? 0).toBeLessThanOrEqual(durationMs ?? 0);
      }
    });
  });

  test("own times add up to the duration of the roots where children lie one beside the other in their parents", () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.nat(), fc.nat(), fc.nat()), { maxLength: 40 }), (cuts) => {
        const spans: Span[] = [{ ...blank, spanId: "root", finishMicros: 1_000_000 }];
        const free = [{ parentSpanId: "root", startMicros: 0, finishMicros: 1_000_000 }];
        for (const [id, [place, from, length]] of cuts.entries()) {
          const [gap] = free.splice(place % free.length, 1);
          if (gap === undefined) continue;
          const startMicros = gap.startMicros + (from % (gap.finishMicros - gap.startMicros + 1));
          const finishMicros = startMicros + (length % (gap.finishMicros - startMicros + 1));
          const span = { ...gap, startMicros, finishMicros };
          spans.push({ ...blank, id: id + 1, spanId: `${id}`, ...span });
          free.push({ ...gap, finishMicros: startMicros }, { ...gap, startMicros: finishMicros });
          free.push({ ...span, parentSpanId: `${id}` });
        }
        const { nodes } = buildTraceTree(spans);
        expect(nodes.reduce((sum, { selfMs }) => sum + (selfMs ?? Number.NaN), 0)).toBeCloseTo(1000, 6);
      }),
      { numRuns: 300 },
    );
  });
});

function sum(counted: readonly TraceNode[]): number {
  return counted.reduce((total, node) => total + node.totalErrors, 0);
}

/** The microseconds in which a span ran; null where they are not known. */
function ticksOf({ startMicros, finishMicros, durationMs }: Span): Set<number> | null {
  if (finishMicros === null || (startMicros === null && (durationMs ?? -1) < 0)) return null;
  const start = startMicros ?? Math.round(finishMicros - (durationMs ?? 0) * 1000);
  return start > finishMicros ? null : new Set(Array.from({ length: finishMicros - start }, (_, tick) => start + tick));
}
