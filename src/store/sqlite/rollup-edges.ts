import type { TimeRange } from "../store.ts";
import { piecesOf, type RollupPiece } from "./rollup-range.ts";
import { microsOfMinute } from "./rollup-steps.ts";

/** A range of time, cut where roll-ups can serve it. */
export interface CutRange {
  /** Its full minutes, which roll-ups count. */
  readonly pieces: readonly RollupPiece[];
  /** What is left, both bounds included, to be counted one by one: at most two pieces, each shorter than two minutes. */
  readonly edges: readonly (readonly [fromMicros: number, toMicros: number])[];
}

const minuteMicros = microsOfMinute(1);

/** Cuts a range whose bounds are both included. */
export function cutRange({ fromMicros, toMicros }: TimeRange): CutRange {
  const startMicros = fromMicros === null ? null : Math.ceil(fromMicros / minuteMicros) * minuteMicros;
  const endMicros = toMicros === null ? null : Math.floor((toMicros + 1) / minuteMicros) * minuteMicros;
  if (startMicros !== null && endMicros !== null && startMicros >= endMicros) {
    const edge = [fromMicros ?? startMicros, toMicros ?? endMicros] as const;
    return { pieces: [], edges: edge[0] <= edge[1] ? [edge] : [] };
  }
  const before = fromMicros !== null && startMicros !== null ? [[fromMicros, startMicros - 1] as const] : [];
  const after = toMicros !== null && endMicros !== null ? [[endMicros, toMicros] as const] : [];
  const edges = [...before, ...after].filter(([from, to]) => from <= to);
  return { pieces: piecesOf([{ startMicros, endMicros }]), edges };
}
