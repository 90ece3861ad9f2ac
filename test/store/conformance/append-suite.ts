import * as fc from "fast-check";
import { expect, test } from "vitest";
import type { Event } from "../../../src/model/event.ts";
import type { AppendOutcome, StoredEvent } from "../../../src/store/store.ts";
import { buildEvent, builtFromMicros } from "../event-builder.ts";
import { type CreateStore, openStore, readAllEvents } from "../open-store.ts";

const statusesOf = (outcomes: readonly AppendOutcome[]) => outcomes.map(({ status }) => status);

const sequencesOf = (outcomes: readonly AppendOutcome[]) =>
  outcomes.flatMap((outcome) => (outcome.status === "stored" ? [outcome.sequence] : []));

/** Two events that get the same id and are not the same. */
function buildConflict(overrides: Partial<Event> = {}): readonly [Event, Event] {
  const timeMicros = builtFromMicros;
  const first = buildEvent({ clientEventId: "order-1", timeMicros, attributesJson: `{"step":1}` });
  return [first, buildEvent({ clientEventId: "order-1", timeMicros, attributesJson: `{"step":2}`, ...overrides })];
}

/**
 * Two events that the store cannot compare, because their attributes are no JSON: appending the second, after the first,
 * is a fault in the middle of a write.
 */
function buildFault(): readonly [Event, Event] {
  const first = buildEvent({ attributesJson: "{" });
  return [first, { ...first, attributesJson: "{no" }];
}

/** What `append` promises about one call and about calls beside each other. */
export function testAppend(createStore: CreateStore): void {
  test("an empty list gives an empty list", async () => {
    const store = await openStore(createStore);
    expect(await store.append([])).toEqual([]);
    expect(await readAllEvents(store)).toEqual([]);
  });

  test("outcomes stand in the order of the events, and sequences increase in it", async () => {
    const store = await openStore(createStore);
    const known = buildEvent();
    const [before] = sequencesOf(await store.append([known]));
    const events = [buildEvent({ timeMicros: builtFromMicros - 1 }), known, buildEvent(), buildEvent()];
    const outcomes = await store.append(events);
    expect(statusesOf(outcomes)).toEqual(["stored", "duplicate", "stored", "stored"]);
    const sequences = [before ?? 0, ...sequencesOf(outcomes)];
    expect(sequences).toHaveLength(4);
    expect(sequences).toEqual([...new Set(sequences)].sort((a, b) => a - b));
    const found = await Promise.all(events.map(({ id }) => store.findEvent(id)));
    expect(found.map((event) => event?.sequence)).toEqual([sequences[1], before, ...sequences.slice(2)]);
  });

  test("an event that comes again is a duplicate and stored once: in the same call, in a later one, after a new start", async () => {
    const place = { name: "duplicates" };
    const store = await openStore(createStore, place);
    const event = buildEvent();
    expect(statusesOf(await store.append([event, event]))).toEqual(["stored", "duplicate"]);
    expect(statusesOf(await store.append([event]))).toEqual(["duplicate"]);
    await store.close();
    const reopened = await openStore(createStore, place);
    const other = buildEvent();
    expect(statusesOf(await reopened.append([event, other]))).toEqual(["duplicate", "stored"]);
    expect((await readAllEvents(reopened)).map(({ id }) => id)).toEqual([event.id, other.id]);
    expect(await reopened.findAgent("agent")).toMatchObject({ eventCount: 2, sessionCount: 1 });
  });

  test("a retry that differs in receive time and in the spelling of its attributes alone is a duplicate", async () => {
    const store = await openStore(createStore);
    const event = buildEvent({ attributesJson: `{"a":1,"b":2}` });
    const retry = { ...event, receivedAtMicros: event.receivedAtMicros + 1, attributesJson: `{"b": 2.0, "a": 1}` };
    expect(statusesOf(await store.append([event, retry]))).toEqual(["stored", "duplicate"]);
    expect(await store.findEvent(event.id)).toMatchObject({
      receivedAtMicros: event.receivedAtMicros,
      attributesJson: event.attributesJson,
    });
  });

  test("an event with the id of another one and other content is a conflict, which stores nothing", async () => {
    const store = await openStore(createStore);
    const [first, second] = buildConflict({ sessionId: "of the conflict alone" });
    expect(statusesOf(await store.append([first, second]))).toEqual(["stored", "conflict"]);
    expect(statusesOf(await store.append([second]))).toEqual(["conflict"]);
    expect(await readAllEvents(store)).toHaveLength(1);
    expect(await store.findEvent(first.id)).toMatchObject({ sessionId: "session", attributesJson: `{"step":1}` });
    expect(await store.findAgent("agent")).toMatchObject({ eventCount: 1, sessionCount: 1 });
  });

  test("a session whose first event was a conflict counts from its first stored event", async () => {
    const store = await openStore(createStore);
    const [first, second] = buildConflict({ sessionId: "late" });
    await store.append([first, second, buildEvent({ sessionId: "late" })]);
    expect(await store.findAgent("agent")).toMatchObject({ eventCount: 2, sessionCount: 2 });
  });

  test("a conflict leaves no agent behind", async () => {
    const store = await openStore(createStore);
    const event = buildEvent();
    expect(statusesOf(await store.append([event, { ...event, agentId: "phantom" }]))).toEqual(["stored", "conflict"]);
    expect(await store.findAgent("phantom")).toBeNull();
    await store.append([buildEvent({ agentId: "phantom", timeMicros: builtFromMicros + 7 })]);
    expect(await store.findAgent("phantom")).toMatchObject({ eventCount: 1, firstSeenMicros: builtFromMicros + 7 });
  });

  test("a call that rejects has stored nothing, and what it began is forgotten", async () => {
    const store = await openStore(createStore);
    const [first, fault] = buildFault();
    await store.append([first]);
    const event = buildEvent({ agentId: "new", sessionId: "new" });
    await expect(store.append([event, fault])).rejects.toThrow("JSON");
    expect(await store.findEvent(event.id)).toBeNull();
    expect(await store.findAgent("new")).toBeNull();
    const again = await store.append([buildEvent({ agentId: "other" }), event]);
    expect(statusesOf(again)).toEqual(["stored", "stored"]);
    expect(await store.findAgent("new")).toMatchObject({ eventCount: 1, sessionCount: 1 });
    expect(await store.findEvent(event.id)).toMatchObject({ agentId: "new", sessionId: "new" });
  });

  test("a call that rejects does not sink the calls beside it", async () => {
    const store = await openStore(createStore);
    const [first, fault] = buildFault();
    await store.append([first]);
    const calls = [[buildEvent()], [buildEvent(), fault], [buildEvent(), buildEvent()]];
    const results = await Promise.allSettled(calls.map((events) => store.append(events)));
    expect(results.map(({ status }) => status)).toEqual(["fulfilled", "rejected", "fulfilled"]);
    expect(await readAllEvents(store)).toHaveLength(4);
  });

  test("200 parallel first events of one agent lose nothing", async () => {
    const store = await openStore(createStore);
    const events = Array.from({ length: 200 }, (_, index) => buildEvent({ sessionId: `session ${index % 20}` }));
    const outcomes = await Promise.all(events.map((event) => store.append([event])));
    expect(new Set(sequencesOf(outcomes.flat())).size).toBe(200);
    expect(await readAllEvents(store)).toHaveLength(200);
    expect(await store.findAgent("agent")).toMatchObject({
      eventCount: 200,
      sessionCount: 20,
      firstSeenMicros: events[0]?.timeMicros,
      lastSeenMicros: events.at(-1)?.timeMicros,
    });
  });

  test("parallel calls with more events than one commit holds are all stored, each with its own outcomes", async () => {
    const store = await openStore(createStore);
    const sizes = [1, 3_000, 2_500, 6_000, 2];
    const calls = sizes.map((length) => Array.from({ length }, () => buildEvent()));
    const outcomes = await Promise.all(calls.map((events) => store.append(events)));
    expect(outcomes.map((call) => sequencesOf(call).length)).toEqual(sizes);
    for (const [index, call] of calls.entries()) {
      const last = await store.findEvent(call.at(-1)?.id ?? "");
      expect(last?.sequence).toBe(sequencesOf(outcomes[index] ?? []).at(-1));
    }
    expect(await store.findAgent("agent")).toMatchObject({ eventCount: 11_503 });
  });

  test("an event comes back as it was stored, whatever its fields hold", async () => {
    const store = await openStore(createStore);
    await fc.assert(
      fc.asyncProperty(anyFields, async (fields) => {
        const event = buildEvent(fields);
        const [outcome] = await store.append([event]);
        const expected = {
          ...fields,
          id: event.id,
          // A database keeps no sign of zero, and nobody misses it.
          durationMs: fields.durationMs === null ? null : fields.durationMs + 0,
          pairedDurationMs: null,
          sequence: outcome?.status === "stored" ? outcome.sequence : Number.NaN,
        };
        expect(await store.findEvent(event.id)).toEqual(expected);
        const { events } = await store.listEvents({
          filter: { ...event, fromMicros: event.timeMicros, toMicros: event.timeMicros },
          ascending: true,
          after: null,
          offset: 0,
          limit: 1000,
        });
        expect(events).toContainEqual(expected);
        expect(await store.findAgent(event.agentId)).not.toBeNull();
      }),
      { numRuns: 100 },
    );
  });
}

/** Well-formed text with what is easily broken on the way: NUL, quotes, placeholders of SQL, surrogate pairs. */
const anyText = fc.oneof(
  fc.string({ unit: "binary", maxLength: 12 }),
  fc.constantFrom(
    "",
    "a\0b",
    "\0",
    "'; drop table events; --",
    '"',
    "\\",
    "?",
    "$1",
    "%",
    "😀",
    "é",
    "e\u0301",
    "null",
  ),
);
const orNull = <Value>(values: fc.Arbitrary<Value>) => fc.option(values, { nil: null });

/** Every field that comes back as it was sent. */
const anyFields: fc.Arbitrary<Omit<StoredEvent, "id" | "sequence" | "pairedDurationMs">> = fc.record({
  clientEventId: orNull(fc.uuid()),
  agentId: anyText,
  sessionId: orNull(anyText),
  traceId: orNull(anyText),
  spanId: orNull(anyText),
  parentSpanId: orNull(anyText),
  name: anyText,
  level: anyText,
  channel: orNull(anyText),
  direction: orNull(anyText),
  timeMicros: fc.oneof(fc.maxSafeInteger(), fc.constantFrom(0, -1, 2 ** 51, 2 ** 51 + 1, Number.MAX_SAFE_INTEGER)),
  receivedAtMicros: fc.maxSafeInteger(),
  durationMs: orNull(
    fc.oneof(fc.double({ noNaN: true }), fc.constantFrom(0, -0, 0.1, 2 ** 53, 1e21, 5e-324, Number.MAX_VALUE)),
  ),
  callerFile: orNull(anyText),
  callerLine: orNull(fc.maxSafeInteger()),
  callerFunction: orNull(anyText),
  schemaVersion: orNull(anyText),
  dialect: fc.constantFrom("cylestio" as const, "otlp" as const),
  attributesJson: fc.json(),
  extensionsJson: orNull(fc.json()),
});
