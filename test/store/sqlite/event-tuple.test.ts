import * as fc from "fast-check";
import { expect, test } from "vitest";
import type { Event } from "../../../src/model/event.ts";
import { eventFromTuple, eventToTuple } from "../../../src/store/sqlite/event-tuple.ts";
import { buildEvent, buildPart } from "../event-builder.ts";

/** An object of the same fields, each with a value that no other has. */
function withOwnValues<Row extends object>(row: Row, prefix: string): Row {
  return Object.fromEntries(Object.keys(row).map((field) => [field, `${prefix} ${field}`])) as Row;
}

test("every field of an event comes back from its values as itself", () => {
  const event: Event = { ...withOwnValues(buildEvent(), "event"), operation: withOwnValues(buildPart(), "operation") };
  expect(eventFromTuple(structuredClone(eventToTuple(event)))).toEqual(event);
});

test("events come back with what is absent as null", () => {
  fc.assert(
    fc.property(fc.subarray(Object.keys(buildEvent()) as (keyof Event)[]), (absent) => {
      const event = { ...buildEvent(), ...Object.fromEntries(absent.map((field) => [field, null])) };
      expect(eventFromTuple(structuredClone(eventToTuple(event)))).toEqual(event);
    }),
  );
});
