import * as fc from "fast-check";
import type { Event } from "../../src/model/event.ts";
import { buildEvent } from "./event-builder.ts";

/** Events that are still to be built, and the calls that they come in: places in `fields`, in any order, split in any way. */
export interface Arrival {
  readonly fields: readonly Partial<Event>[];
  readonly calls: readonly (readonly number[])[];
}

/** Every way in which such events can come. */
export function anyArrival(anyFields: fc.Arbitrary<readonly Partial<Event>[]>): fc.Arbitrary<Arrival> {
  return anyFields.chain((fields) => {
    const places = fields.map((_, place) => place);
    return fc.record({
      fields: fc.constant(fields),
      calls: fc
        .tuple(
          fc.shuffledSubarray(places, { minLength: places.length }),
          fc.array(fc.integer({ min: 1, max: places.length }), { minLength: places.length, maxLength: places.length }),
        )
        .map(([order, sizes]) => split(order, sizes)),
    });
  });
}

let runs = 0;

/** Events of agents that no other arrival has, so that one store serves many of them. */
export interface BuiltArrival {
  readonly events: readonly Event[];
  readonly calls: readonly (readonly Event[])[];
  readonly agentIds: readonly string[];
}

/** Builds the events of an arrival. */
export function buildArrival({ fields, calls }: Arrival): BuiltArrival {
  runs += 1;
  const events = fields.map((field) => buildEvent({ ...field, agentId: `${field.agentId ?? "agent"} ${runs}` }));
  return {
    events,
    calls: calls.map((call) => call.flatMap((place) => events[place] ?? [])),
    agentIds: [...new Set(events.map(({ agentId }) => agentId))].sort(),
  };
}

function split<Item>(items: readonly Item[], sizes: readonly number[]): readonly (readonly Item[])[] {
  const parts: (readonly Item[])[] = [];
  let from = 0;
  for (const size of sizes) {
    if (from < items.length) parts.push(items.slice(from, from + size));
    from += size;
  }
  return parts;
}
