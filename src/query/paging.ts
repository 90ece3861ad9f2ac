import { fieldError } from "../model/error.ts";
import { offsetMax, pageSizeDefault, pageSizeMax, restLimitDefault } from "../model/limits.ts";

/** What a client may say about the page that it wants, on every list. */
export interface PagingRequest {
  /** 0: not given. */
  readonly pageSize: number;
  /** Empty: the first page. */
  readonly pageToken: string;
  /** The older clients' name for the page size. */
  readonly limit: number | undefined;
  readonly offset: number | undefined;
  /** Whether the call came over REST, where the older clients expect a larger page. */
  readonly rest: boolean;
}

/** Items to pass over and items to give. */
export interface Paging {
  readonly offset: number;
  readonly limit: number;
}

/** Applies the rules that hold for every list. Throws `FIELD_INVALID` for negative numbers and what does not go together. */
export function parsePaging({ pageSize, pageToken, limit, offset = 0, rest }: PagingRequest): Paging {
  assertNotNegative("page_size", pageSize);
  assertNotNegative("limit", limit ?? 0);
  assertNotNegative("offset", offset);
  if (offset > offsetMax) invalid("offset", `must be at most ${offsetMax}; go on with page_token from there`);
  if (offset > 0 && pageToken !== "") invalid("offset", "does not go together with page_token");
  const size = pageSize || limit || (rest ? restLimitDefault : pageSizeDefault);
  return { offset, limit: Math.min(size, pageSizeMax) };
}

function assertNotNegative(field: string, value: number): void {
  if (value < 0) invalid(field, "must not be negative");
}

function invalid(field: string, message: string): never {
  throw fieldError({ field, reason: "FIELD_INVALID", message });
}
