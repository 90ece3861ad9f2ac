import { hash } from "node:crypto";
import { crc32 } from "node:zlib";
import type { Event, OperationPart } from "./event.ts";
import { createMemo } from "./memo.ts";

/*
 * Which start belongs to which finish.
 *
 * Parts can belong together only inside one partition: the same span of an agent, or, for parts without a span id, the same
 * session of an agent; and the same family of operation. Inside it a finish closes the latest start that is open, earlier than the
 * finish, and tied to it: by the first of run, chain and node id that both have, else by the same subject. A start that
 * an id ties goes before one that only the subject ties; among starts of one time the greater event id wins. A start at the very
 * time of the finish is taken only if no earlier one will do.
 *
 * An event that tells an operation alone is a partition of its own, and its start and finish are a pair whatever their times.
 *
 * So the pairs depend on the set of parts alone, never on their order of arrival.
 */

/** One part of an operation, as pairing needs it. `eventId` is the event's id in hexadecimal. */
export interface PairingPart {
  readonly eventId: string;
  readonly timeMicros: number;
  readonly finish: boolean;
  readonly ties: Ties;
}

/** What ties two parts of one partition together: run, chain and node id, and the subject. */
export type Ties = readonly [
  runId: string | null,
  chainId: string | null,
  nodeId: string | null,
  subject: string | null,
];

/** A start with its finish, or one of them alone. */
export type Pair<Part> =
  | { readonly start: Part; readonly finish: Part | null }
  | { readonly start: null; readonly finish: Part };

/** Ties of parts that need none, because their partition says it all. */
export const noTies: Ties = [null, null, null, null];

/** The ties of an event's part. A span id says it all. */
export function tiesOf(event: Pick<Event, "spanId">, part: OperationPart): Ties {
  return event.spanId === null ? [part.runId, part.chainId, part.nodeId, part.subject] : noTies;
}

/** The partition of a part, by text: two parts belong to one partition if and only if `whole` is the same. */
export interface PartitionName {
  /** The trace or session that it lies in. */
  readonly run: string;
  /** Null for parts without one. */
  readonly spanId: string | null;
  readonly whole: string;
  /** Id of the event that is all of the partition; null where others may belong to it. */
  readonly onlyEventId: string | null;
}

/** Names the partition that an event's part belongs to. */
export function partitionNameOf(
  { id, agentId, sessionId, traceId, spanId }: Pick<Event, "id" | "agentId" | "sessionId" | "traceId" | "spanId">,
  { family, isAlone }: Pick<OperationPart, "family" | "isAlone">,
): PartitionName {
  const run = spanId === null ? `session${quoted(agentId)}${quoted(sessionId)}` : traceRunOf({ agentId, traceId });
  const whole = `${run}${quoted(spanId)}${isAlone ? quoted(id) : ""}${family}`;
  return { run, spanId, whole, onlyEventId: isAlone ? id : null };
}

/** Bytes of a key that its run decides. */
const prefixBytes = 4;

/** Bytes of a key that the span decides, where there is one. */
const spanBytes = 4;

/** Bytes of a key that follow its run's. */
const restBytes = 10;

/**
 * The key of a partition: 4 bytes of its trace or session, so that the index keeps the operations of one run together, then 10 bytes
 * of everything, of which the first 4 are of the span alone where there is one, so that the index leads to a span. Where an event is all
 * of a partition, the last bytes of its id, which are of a hash themselves, stand for everything.
 */
export function partitionKeyOf({ run, spanId, whole, onlyEventId }: PartitionName): Buffer {
  const rest =
    onlyEventId === null ? hash("sha256", whole, "buffer") : Buffer.from(onlyEventId, "hex").subarray(-restBytes);
  if (spanId === null) return Buffer.concat([prefixOf(run), rest.subarray(0, restBytes)]);
  return Buffer.concat([prefixOf(run), spanPrefixOf(spanId), rest.subarray(0, restBytes - spanBytes)]);
}

/** What a key tells of the span. It only leads to spans, so two of one checksum do no harm: a fast one will do. */
function spanPrefixOf(spanId: string): Buffer {
  const bytes = Buffer.allocUnsafe(spanBytes);
  bytes.writeUInt32BE(crc32(spanId));
  return bytes;
}

/** The key of a span of an agent; like that of a partition it begins with its trace. */
export function spanKeyOf(trace: Pick<Event, "agentId" | "traceId">, spanId: string): string {
  return spanKeyIn(tracePartitionPrefixOf(trace), spanId);
}

/** The key of another span of the trace whose partitions' keys begin with `prefix`. */
export function spanKeyIn(prefix: string, spanId: string): string {
  return `${prefix} ${spanId}`;
}

/** What the keys of all partitions of the trace of a span begin with, in hexadecimal, by the span's key. */
export function prefixOfSpanKey(spanKey: string): string {
  return spanKey.slice(0, 2 * prefixBytes);
}

/** Where the operations of a span are: between these keys lie those of all its partitions, and perhaps of others. */
export interface SpanPartitions {
  readonly spanId: string;
  readonly low: Buffer;
  readonly high: Buffer;
}

/** Where the operations of the span with this key are. */
export function spanPartitionsOf(spanKey: string): SpanPartitions {
  const spanId = spanKey.slice(2 * prefixBytes + 1);
  const low = Buffer.concat([Buffer.from(prefixOfSpanKey(spanKey), "hex"), spanPrefixOf(spanId)]);
  return { spanId, low, high: Buffer.concat([low, Buffer.alloc(restBytes - spanBytes, 0xff)]) };
}

/**
 * What the keys of all partitions begin with whose span lies in this trace of this agent: 4 bytes in hexadecimal. Keys of another
 * run may begin with the same bytes.
 */
export function tracePartitionPrefixOf(trace: Pick<Event, "agentId" | "traceId">): string {
  return runPrefixOf(traceRunOf(trace));
}

/** What the keys of all partitions of a run begin with, in hexadecimal. */
export function runPrefixOf(run: string): string {
  return prefixOf(run).toString("hex");
}

function traceRunOf({ agentId, traceId }: Pick<Event, "agentId" | "traceId">): string {
  return `trace${quoted(agentId)}${quoted(traceId)}`;
}

/** The text so that what follows cannot be taken for a part of it; null is none of all texts. */
function quoted(text: string | null): string {
  return text === null ? "-" : `${text.length}:${text}`;
}

/** Runs whose beginnings of keys are remembered: those that report at a time. */
const runsMax = 10_000;

const rememberedPrefix = createMemo<Buffer>(runsMax);

function prefixOf(run: string): Buffer {
  return rememberedPrefix(run, () => hash("sha256", run, "buffer").subarray(0, prefixBytes));
}

/** Pairs the parts of one partition. `parts` may come in any order. */
export function pairParts<Part extends PairingPart>(parts: readonly Part[]): readonly Pair<Part>[] {
  const [first, ...others] = parts;
  if (first === undefined) return [];
  if (others.length === 0) return [first.finish ? { start: null, finish: first } : { start: first, finish: null }];
  const ordered = [...parts].sort(byTimeThenEventId);
  const open: Part[] = [];
  const pairs: Pair<Part>[] = [];
  for (let from = 0, to = 0; from < ordered.length; from = to) {
    while (to < ordered.length && ordered[to]?.timeMicros === ordered[from]?.timeMicros) to += 1;
    const sameTime = ordered.slice(from, to);
    const unmatched = closeOpen(
      sameTime.filter((part) => part.finish),
      open,
      pairs,
    );
    open.push(...sameTime.filter((part) => !part.finish));
    for (const finish of closeOpen(unmatched, open, pairs)) pairs.push({ start: null, finish });
  }
  for (const start of open) pairs.push({ start, finish: null });
  return pairs;
}

/** Lets each finish close an open start, which leaves `open`; returns the finishes that found none. */
function closeOpen<Part extends PairingPart>(finishes: readonly Part[], open: Part[], pairs: Pair<Part>[]): Part[] {
  const unmatched: Part[] = [];
  for (const finish of finishes) {
    const [start] = open.splice(indexOfStart(open, finish), 1);
    if (start === undefined) unmatched.push(finish);
    else pairs.push({ start, finish });
  }
  return unmatched;
}

/** Place of the start that `finish` closes in `open` (oldest first); past the end if there is none. */
function indexOfStart(open: readonly PairingPart[], finish: PairingPart): number {
  const byId = open.findLastIndex((start) => sharedIdsAgree(start.ties, finish.ties) === true);
  if (byId !== -1) return byId;
  const bySubject = open.findLastIndex(
    (start) => sharedIdsAgree(start.ties, finish.ties) === undefined && start.ties[3] === finish.ties[3],
  );
  return bySubject === -1 ? open.length : bySubject;
}

/** Whether the first id that both have is the same; undefined if they share none. */
function sharedIdsAgree(start: Ties, finish: Ties): boolean | undefined {
  for (let index = 0; index < 3; index += 1) {
    if (start[index] != null && finish[index] != null) return start[index] === finish[index];
  }
  return undefined;
}

function byTimeThenEventId(a: PairingPart, b: PairingPart): number {
  if (a.timeMicros !== b.timeMicros) return a.timeMicros - b.timeMicros;
  return a.eventId < b.eventId ? -1 : Number(a.eventId > b.eventId);
}

/** How long a paired operation took, in milliseconds: as its finish reports, else the time between the two; null if neither is known, or the clocks differ. */
export function operationDurationMs(operation: {
  readonly startMicros: number | null;
  readonly finishMicros: number | null;
  readonly reportedMs: number | null;
}): number | null {
  if (operation.reportedMs !== null) return operation.reportedMs;
  if (operation.startMicros === null || operation.finishMicros === null) return null;
  const durationMs = (operation.finishMicros - operation.startMicros) / 1000;
  return durationMs < 0 ? null : durationMs;
}
