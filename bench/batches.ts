import type { Encode, EncodedBatch } from "./encode.ts";

/** Batches for one database, each of which is taken once. */
export interface BatchSupply {
  /** Undefined: there is none left. */
  next(): EncodedBatch | undefined;
}

/** Which batches to make. */
export interface BatchPlan {
  readonly encode: Encode;
  /** The first event. */
  readonly from: number;
  readonly eventCount: number;
  /** Events in each batch; the last may have fewer. */
  readonly batchSize: number;
}

/** Makes the batches one by one as they are asked for: for more events than there is memory for. */
export function supplyOnDemand({ encode, from, eventCount, batchSize }: BatchPlan): BatchSupply {
  let number = 0;
  return {
    next() {
      const passed = number * batchSize;
      if (passed >= eventCount) return undefined;
      const range = { number, from: from + passed, eventCount: Math.min(batchSize, eventCount - passed) };
      number += 1;
      return { number: range.number, eventCount: range.eventCount, bytes: encode(range) };
    },
  };
}

/** Makes all batches now, so that encoding takes nothing from what is measured. They can be supplied to several databases. */
export function encodeAll(plan: BatchPlan): readonly EncodedBatch[] {
  const supply = supplyOnDemand(plan);
  const batches: EncodedBatch[] = [];
  for (let batch = supply.next(); batch !== undefined; batch = supply.next()) batches.push(batch);
  return batches;
}

/** Supplies batches that are ready, from the first one on. */
export function supplyOf(batches: readonly EncodedBatch[]): BatchSupply {
  let taken = 0;
  return { next: () => batches[taken++] };
}
