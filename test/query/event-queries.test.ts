import { describe, expect, test } from "vitest";
import type { EventListRequest, EventQueries } from "../../src/query/event-queries.ts";
import { buildEvent } from "../store/event-builder.ts";
import { everyEvent } from "../store/open-store.ts";
import { createTemporaryFolder } from "../store/sqlite/temporary-folder.ts";
import { openQueries, page } from "./open-queries.ts";

const folder = createTemporaryFolder();
const events = ["one", "two", "one", "two", "one"].map((agentId) => buildEvent({ agentId }));
const ids = events.map(({ id }) => id);
const all: EventListRequest = { filter: everyEvent, sort: "", paging: page(10) };

/** Follows the tokens of a list to its end. */
async function readPages(queries: EventQueries, request: EventListRequest): Promise<readonly (readonly string[])[]> {
  const pages: (readonly string[])[] = [];
  let { paging } = request;
  for (;;) {
    const found = await queries.listEvents({ ...request, paging });
    pages.push(found.events.map(({ id }) => id));
    if (found.nextPageToken === "") return pages;
    paging = page(paging.pageSize, found.nextPageToken);
  }
}

describe("a list of events", () => {
  test.for(["", "desc", "DESC", "Desc"])("is newest first with the sort %o", async (sort) => {
    const { events: queries } = await openQueries(folder, { events });
    expect(await readPages(queries, { ...all, sort })).toEqual([[...ids].reverse()]);
  });

  test.for(["asc", "ASC"])("is oldest first with the sort %o", async (sort) => {
    const { events: queries } = await openQueries(folder, { events });
    expect(await readPages(queries, { ...all, sort })).toEqual([ids]);
  });

  test.for(["ascending", "time", "asc "])("refuses the sort %o", async (sort) => {
    const { events: queries } = await openQueries(folder, { events });
    await expect(queries.listEvents({ ...all, sort })).rejects.toMatchObject({
      reason: "FIELD_INVALID",
      violations: [{ field: "sort" }],
    });
  });

  test("goes on with the token of its page, until a page has none", async () => {
    const { events: queries } = await openQueries(folder, { events });
    const pages = await readPages(queries, { ...all, sort: "asc", paging: page(2) });
    expect(pages).toEqual([ids.slice(0, 2), ids.slice(2, 4), ids.slice(4)]);
  });

  test("carries an offset that one page cannot pass over in its token", async () => {
    const { events: queries } = await openQueries(folder, { events, examinedRowsMax: 1 });
    const filter = { ...everyEvent, level: "INFO" };
    const pages = await readPages(queries, { filter, sort: "asc", paging: { ...page(10), offset: 3 } });
    expect(pages.flat()).toEqual(ids.slice(3));
    expect(pages.length).toBeGreaterThan(3);
  });

  test("refuses the token of another filter, another order or another list", async () => {
    const { events: queries, agents } = await openQueries(folder, { events });
    const { nextPageToken } = await queries.listEvents({ ...all, paging: page(2) });
    const paging = page(2, nextPageToken);
    const agentToken = (await agents.listAgents(page(1))).nextPageToken;
    const refused = { reason: "PAGE_TOKEN_INVALID" };
    await expect(queries.listEvents({ ...all, paging })).resolves.toBeDefined();
    await expect(queries.listEvents({ ...all, paging, sort: "asc" })).rejects.toMatchObject(refused);
    await expect(
      queries.listEvents({ ...all, paging, filter: { ...everyEvent, level: "INFO" } }),
    ).rejects.toMatchObject(refused);
    await expect(queries.listEvents({ ...all, paging: page(2, agentToken) })).rejects.toMatchObject(refused);
    await expect(agents.listAgents(paging)).rejects.toMatchObject(refused);
    // The size of the page may change on the way.
    await expect(queries.listEvents({ ...all, paging: page(3, nextPageToken) })).resolves.toBeDefined();
  });

  test("of an agent holds that agent's events alone, whatever agent the filter names", async () => {
    const { events: queries } = await openQueries(folder, { events });
    for (const agentId of [null, "one", "two"]) {
      const found = await queries.listAgentEvents("one", { ...all, filter: { ...everyEvent, agentId } });
      expect(found.events.map(({ agentId }) => agentId)).toEqual(["one", "one", "one"]);
    }
  });

  test("of an agent that never reported is not found, while a filter by that agent finds nothing", async () => {
    const { events: queries } = await openQueries(folder, { events });
    await expect(queries.listAgentEvents("nobody", all)).rejects.toMatchObject({ reason: "AGENT_NOT_FOUND" });
    const found = await queries.listEvents({ ...all, filter: { ...everyEvent, agentId: "nobody" } });
    expect(found).toEqual({ events: [], nextPageToken: "" });
  });
});

describe("one event", () => {
  test("is found by its id, in either case", async () => {
    const { events: queries } = await openQueries(folder, { events });
    const [id = ""] = ids;
    expect((await queries.getEvent(id)).id).toBe(id);
    expect((await queries.getEvent(id.toUpperCase())).id).toBe(id);
  });

  test("that is not there is not found", async () => {
    const { events: queries } = await openQueries(folder, { events });
    const eventId = "0".repeat(32);
    await expect(queries.getEvent(eventId)).rejects.toMatchObject({
      reason: "EVENT_NOT_FOUND",
      message: `Event with ID ${eventId} not found`,
      metadata: { event_id: eventId },
    });
  });

  test.for(["", "1", "0".repeat(31), "0".repeat(33), "g".repeat(32), `${"0".repeat(31)}é`])(
    "is not asked for by %o",
    async (eventId) => {
      const { events: queries } = await openQueries(folder, { events });
      await expect(queries.getEvent(eventId)).rejects.toMatchObject({
        reason: "FIELD_INVALID",
        violations: [{ field: "event_id" }],
      });
    },
  );
});
