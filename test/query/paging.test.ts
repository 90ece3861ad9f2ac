import { describe, expect, test } from "vitest";
import { type PagingRequest, parsePaging } from "../../src/query/paging.ts";

const none: PagingRequest = { pageSize: 0, pageToken: "", limit: undefined, offset: undefined, rest: false };

const parse = (request: Partial<PagingRequest>) => parsePaging({ ...none, ...request });

const refused = (field: string) =>
  expect.objectContaining({
    reason: "FIELD_INVALID",
    violations: [expect.objectContaining({ field, reason: "FIELD_INVALID" })],
  });

describe("a page", () => {
  test.for([
    ["has 50 items where nothing is said", {}, { offset: 0, limit: 50 }],
    ["has 100 items over REST where nothing is said", { rest: true }, { offset: 0, limit: 100 }],
    ["has 1 item at least", { pageSize: 1 }, { offset: 0, limit: 1 }],
    ["has 1,000 items at most", { pageSize: 1_000 }, { offset: 0, limit: 1_000 }],
    ["has 1,000 items where more are asked for", { pageSize: 1_001 }, { offset: 0, limit: 1_000 }],
    ["has 1,000 items where the greatest number is asked for", { pageSize: 2 ** 31 - 1 }, { offset: 0, limit: 1_000 }],
    ["has the size that the older name tells", { limit: 7, rest: true }, { offset: 0, limit: 7 }],
    ["has 1,000 items at most under the older name, too", { limit: 5_000, rest: true }, { offset: 0, limit: 1_000 }],
    ["has the size of page_size where both are given", { pageSize: 5, limit: 7 }, { offset: 0, limit: 5 }],
    ["has the default size where 0 is asked for", { pageSize: 0, limit: 0 }, { offset: 0, limit: 50 }],
    ["begins after 1 item where that is asked for", { offset: 1 }, { offset: 1, limit: 50 }],
    ["begins after 10,000 items at most", { offset: 10_000 }, { offset: 10_000, limit: 50 }],
    ["begins where its token says", { pageToken: "token" }, { offset: 0, limit: 50 }],
    ["begins where its token says with an offset of 0", { pageToken: "token", offset: 0 }, { offset: 0, limit: 50 }],
  ] as const)("%s", ([, request, expected]) => {
    expect(parse(request)).toEqual(expected);
  });

  test.for([
    ["a negative page_size", { pageSize: -1 }, "page_size"],
    ["a negative limit", { limit: -1 }, "limit"],
    ["a negative offset", { offset: -1 }, "offset"],
    ["an offset beyond 10,000", { offset: 10_001 }, "offset"],
    ["an offset beside a page_token", { offset: 1, pageToken: "token" }, "offset"],
  ] as const)("is refused with %s", ([, request, field]) => {
    expect(() => parse(request)).toThrow(refused(field));
  });
});
