import { type ContextKey, createContextKey } from "@connectrpc/connect";
import type { FieldViolation } from "../../model/error.ts";

/**
 * Which spans, log records or data points of a request could not be decoded, by their number in it, and why. The message has an empty
 * one in the place of each.
 */
export type UnreadableItems = ReadonlyMap<number, string>;

/** Where a call has them. Binary requests are decoded as a whole, and have none. */
export const unreadableItemsKey: ContextKey<UnreadableItems> = createContextKey<UnreadableItems>(new Map(), {
  description: "telemetry that could not be decoded",
});

/** Why such a one is refused. */
export function unreadableViolation(reason: string): FieldViolation {
  return { field: "JSON", reason: "FIELD_INVALID", message: `cannot be decoded: ${reason}` };
}
