/*
 * A histogram of non-negative values from which percentiles can be told within 1 %. Its buckets are the same for everybody, so that
 * histograms add up, and can be taken from each other, without any loss: the same values give the same bytes in whatever order they
 * came. Every power of two is cut into 50 buckets of equal width, which takes no logarithm, whose last digit may differ between
 * machines.
 */

/** How far a percentile may be off, as a share of the true value. */
export const sketchRelativeError = 0.01;

/**
 * Buckets per power of two. The representative of a bucket from `low` to `high` is off by (high - low) / (high + low) at most,
 * which is 1 / 101 for the widest one.
 */
const bucketsPerOctave = 50;

/** Values below 2 to the power of this (a nanosecond, for milliseconds) count as 0. */
const lowestExponent = -20;

const exponentBias = 1023;

/** Number of values by bucket. Bucket 0 holds what counts as 0. Changes of a sketch are the same with numbers below 0. */
export type SketchBuckets = Map<number, number>;

const float = new DataView(new ArrayBuffer(8));

/** The bucket of a value; those below 0 count as 0. */
export function sketchBucketOf(value: number): number {
  float.setFloat64(0, value);
  const head = float.getUint16(0);
  const exponent = (head >> 4) - exponentBias;
  if (!(value > 0) || exponent < lowestExponent) return 0;
  // The same digits between 1 and 2.
  float.setUint16(0, (exponentBias << 4) | (head & 0xf));
  const part = Math.floor((float.getFloat64(0) - 1) * bucketsPerOctave);
  return (exponent - lowestExponent) * bucketsPerOctave + part + 1;
}

/** Adds `count` values, or takes them away. */
export function addToSketch(buckets: SketchBuckets, bucket: number, count: number): void {
  const sum = (buckets.get(bucket) ?? 0) + count;
  if (sum === 0) buckets.delete(bucket);
  else buckets.set(bucket, sum);
}

/**
 * The values of ranks, from 1 for the smallest, each off by 1 % at most; the ranks in ascending order. Where a rank is beyond the
 * number of values, it is that of the greatest bucket; 0 for no values.
 */
export function valuesOfRanks(buckets: SketchBuckets, ranks: readonly number[]): readonly number[] {
  const ordered = sorted(buckets);
  let place = 0;
  let seen = ordered[0]?.[1] ?? 0;
  return ranks.map((rank) => {
    while (seen < rank && place < ordered.length - 1) {
      place += 1;
      seen += ordered[place]?.[1] ?? 0;
    }
    return representativeOf(ordered[place]?.[0] ?? 0);
  });
}

/** Sketch → bytes: for each bucket in ascending order its distance from the one before and its count, as varints. Null for none. */
export function sketchToBytes(buckets: SketchBuckets): Buffer | null {
  const bytes: number[] = [];
  let before = 0;
  for (const [bucket, count] of sorted(buckets)) {
    // There is no such thing as less than no value: a row that lacks what is taken from it must not stop the writer.
    if (count <= 0) continue;
    pushVarint(bytes, bucket - before);
    pushVarint(bytes, count);
    before = bucket;
  }
  return bytes.length === 0 ? null : Buffer.from(bytes);
}

/** Adds the sketch that `sketchToBytes` wrote. */
export function addSketchBytes(buckets: SketchBuckets, bytes: Uint8Array | null): void {
  if (bytes === null) return;
  let bucket = 0;
  let isCount = false;
  let value = 0;
  let weight = 1;
  // Indexes, as answers go through many such bytes.
  for (let position = 0; position < bytes.length; position += 1) {
    const byte = bytes[position] ?? 0;
    value += (byte & 127) * weight;
    weight *= 128;
    if (byte >= 128) continue;
    if (isCount) addToSketch(buckets, bucket, value);
    else bucket += value;
    isCount = !isCount;
    value = 0;
    weight = 1;
  }
}

/** Between the bounds so that it is off from both by the same share. */
function representativeOf(bucket: number): number {
  if (bucket === 0) return 0;
  const octave = Math.floor((bucket - 1) / bucketsPerOctave);
  const part = (bucket - 1) % bucketsPerOctave;
  const low = 1 + part / bucketsPerOctave;
  const high = low + 1 / bucketsPerOctave;
  return ((2 * low * high) / (low + high)) * 2 ** (octave + lowestExponent);
}

function sorted(buckets: SketchBuckets): readonly (readonly [number, number])[] {
  return [...buckets].sort(([a], [b]) => a - b);
}

function pushVarint(bytes: number[], value: number): void {
  let rest = value;
  while (rest >= 128) {
    bytes.push((rest % 128) + 128);
    rest = Math.floor(rest / 128);
  }
  bytes.push(rest);
}
