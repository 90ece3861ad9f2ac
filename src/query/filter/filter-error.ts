import { fieldError } from "../../model/error.ts";

/** Throws `FIELD_INVALID` for what a filter says at a column, of which the first is 1. */
export function filterError(column: number, message: string): never {
  throw fieldError({ field: "filter", reason: "FIELD_INVALID", message: `column ${column}: ${message}` });
}
