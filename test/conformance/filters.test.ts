import { describe, expect, test } from "vitest";
import { type FilteredList, filterAliases, filterFields } from "../../src/model/filter.ts";
import { startServer } from "../running-server.ts";
import { readSampleEvents } from "../samples.ts";
import { openEventStream } from "../server-sent-events.ts";
import { type Clients, callError, createClients, protocols } from "./clients.ts";
import { getJson, pagesFrom, restError, send, sendJson } from "./http.ts";

/*
 * The filter of every list, on both samples: over REST what it lets through is compared with what the whole list says, field by field;
 * over the other protocols with REST.
 */

type Item = Readonly<Record<string, unknown>>;

const lists = Object.keys(filterFields) as readonly FilteredList[];
const pathOf = (list: FilteredList) => (list === "events" ? "/api/events" : `/api/v1/${list}`);

/** Neither sample tells these. */
const rareFacts = {
  event_id: "own-1",
  timestamp: "2025-04-10T08:00:00Z",
  agent_id: "rare",
  name: "llm.call.finish",
  attributes: { "llm.usage.output_tokens": 9, "llm.usage.output_tokens_details.reasoning_tokens": 7 },
};

async function startFilledServer(): Promise<string> {
  const { url } = await startServer({ environment: { CYLESTIO_DURABILITY: "normal" } });
  const events = [...readSampleEvents("legacy-events.json"), ...readSampleEvents("v1-events.json"), rareFacts];
  expect((await sendJson(url, "/api/v1/telemetry/batch", events)).status).toBe(202);
  const [alert] = await itemsOf(url, "alerts");
  await sendJson(url, `/api/v1/alerts/${alert?.["event_id"]}/status`, { status: "resolved" });
  return url;
}

/** All items of a list over REST that a filter lets through, in pages of some size. */
async function itemsOf(url: string, list: FilteredList, filter = "", pageSize = 1000): Promise<readonly Item[]> {
  const query = `page_size=${pageSize}&filter=${encodeURIComponent(filter)}`;
  if (list === "events") return (await pagesFrom<Item>(url, `${pathOf(list)}?${query}`)).flat();
  const items: Item[] = [];
  for (let token: unknown; token !== ""; ) {
    const page: Item = await getJson(url, `${pathOf(list)}?${query}&page_token=${token ?? ""}`);
    // The items are the member that the list is named for.
    items.push(...(page[list] as readonly Item[]));
    token = page["next_page_token"];
  }
  return items;
}

/** Names over REST of the fields that have others there. */
const restNames: Readonly<Record<string, string>> = Object.fromEntries(
  Object.entries(filterAliases.events).map(([alias, field]) => [field, alias]),
);

/** What an item says of a field of its filter; null where it says nothing. */
function valueOf(list: FilteredList, item: Item, field: string): unknown {
  if (list === "llm_calls" && field === "model") return item["used_model"] ?? item["requested_model"] ?? null;
  const path = list === "events" ? [restNames[field] ?? field] : field.split(".");
  return path.reduce<unknown>((value, name) => Object(value)[name], item) ?? null;
}

const literalOf = (value: unknown) =>
  typeof value === "string" ? JSON.stringify(value).replaceAll("*", "\\*") : String(value);

describe.each(lists)("the filter of %s", (list) => {
  test("lets through what the list says to be so, of every field and value", async () => {
    const url = await startFilledServer();
    const items = await itemsOf(url, list);
    const fields = Object.keys(filterFields[list]).filter((field) => field !== "attributes");
    const silent: string[] = [];
    for (const field of fields) {
      const valueIn = (item: Item) => valueOf(list, item, field);
      const told = items.filter((item) => valueIn(item) !== null);
      if (told.length === 0) silent.push(field);
      expect([field, await itemsOf(url, list, `${field}:*`)]).toEqual([field, told]);
      for (const value of [...new Set(told.map(valueIn))].slice(0, 4)) {
        const filter = `${field} = ${literalOf(value)}`;
        const equal = items.filter((item) => valueIn(item) === value);
        expect([filter, await itemsOf(url, list, filter)]).toEqual([filter, equal]);
        const others = items.filter((item) => valueIn(item) !== value);
        expect([filter, await itemsOf(url, list, `NOT ${filter}`)]).toEqual([filter, others]);
      }
    }
    expect(silent).toEqual([]);
  });

  test("gives each match once, page by page, with tokens for this filter only", async () => {
    const url = await startFilledServer();
    const filter = "agent_id != nobody AND NOT (agent_id = docs-rag)";
    const whole = await itemsOf(url, list, filter);
    expect(whole.length).toBeGreaterThan(1);
    expect(whole).toEqual((await itemsOf(url, list)).filter((item) => item["agent_id"] !== "docs-rag"));
    expect(await itemsOf(url, list, filter, 1)).toEqual(whole);

    const first = await send(url, `${pathOf(list)}?page_size=1&filter=${encodeURIComponent(filter)}`);
    const token =
      /page_token=([^&>]+)/.exec(first.headers.get("link") ?? "")?.[1] ?? JSON.parse(first.text)["next_page_token"];
    const go = (other: string) =>
      send(url, `${pathOf(list)}?page_size=1&page_token=${token}&filter=${encodeURIComponent(other)}`);
    // The same filter in other words.
    expect((await go(`(${filter})`)).status).toBe(200);
    for (const other of ["", "agent_id != nobody"]) {
      expect(restError(await go(other))).toMatchObject({ reasons: ["PAGE_TOKEN_INVALID"] });
    }
  });

  test("refuses what is no filter of this list, with the column", async () => {
    const { url } = await startServer();
    for (const [filter, message] of [
      ["agent_id =", "filter: column 11: expected a value, found the end"],
      ["nothing = 5", `filter: column 1: there is no field nothing; there are ${Object.keys(filterFields[list])[0]}, `],
      ["agent_id = 'a' OR ';--", "filter: column 19: expected a comparison, found '"],
    ] as const) {
      const error = restError(await send(url, `${pathOf(list)}?filter=${encodeURIComponent(filter)}`));
      expect(error).toMatchObject({ status: 400, code: "invalid_argument", fields: ["filter FIELD_INVALID"] });
      expect(error.message.slice(0, message.length)).toBe(message);
    }
  });
});

/** Each list by its RPC: the number of items. */
const countOver: Readonly<Record<string, (clients: Clients, filter: string) => Promise<number>>> = {
  events: async ({ events }, filter) => (await events.listEvents({ filter, pageSize: 1000 })).events.length,
  sessions: async ({ sessions }, filter) => (await sessions.listSessions({ filter })).sessions.length,
  traces: async ({ traces }, filter) => (await traces.listTraces({ filter })).traces.length,
  llm_calls: async ({ llmCalls }, filter) => (await llmCalls.listLlmCalls({ filter, pageSize: 1000 })).llmCalls.length,
  tool_calls: async ({ toolCalls }, filter) =>
    (await toolCalls.listToolCalls({ filter, pageSize: 1000 })).toolCalls.length,
  alerts: async ({ alerts }, filter) => (await alerts.listAlerts({ filter })).alerts.length,
};

describe.each(protocols.filter(({ name }) => ["gRPC", "Connect JSON by GET, HTTP/1.1"].includes(name)))(
  "over $name",
  (protocol) => {
    test("every list takes a filter", async () => {
      const url = await startFilledServer();
      const clients = createClients(protocol, url);
      for (const list of lists) {
        for (const filter of ["agent_id:rag", "NOT agent_id:rag"]) {
          const count = await countOver[list]?.(clients, filter);
          expect([list, count]).toEqual([list, (await itemsOf(url, list, filter)).length]);
          expect(count).toBeGreaterThan(0);
        }
        const refused = await callError(Promise.resolve(countOver[list]?.(clients, "agent_id")));
        expect([list, refused.code, refused.fields]).toEqual([list, "invalid_argument", ["filter FIELD_INVALID"]]);
      }
    });

    test("the lists of an agent take a filter", async () => {
      const { events } = createClients(protocol, await startFilledServer());
      const all = await events.listAgentEvents({ agentId: "docs-rag" });
      const name = all.events[0]?.name ?? "";
      const errors = await events.listAgentEvents({ agentId: "docs-rag", filter: `name = "${name}"` });
      expect(errors.events).toEqual(all.events.filter((event) => event.name === name));
      const none = await events.listAgentEventsByName({ agentId: "docs-rag", name, filter: `name != "${name}"` });
      expect(none.events).toEqual([]);
    });
  },
);

describe("a watch with a filter", () => {
  const sent = [1, 2, 3, 4].map((number) => ({
    timestamp: `2026-01-15T00:00:0${number}Z`,
    agent_id: "agent",
    name: `event ${number}`,
    attributes: { "shard.number": number, tags: { even: number % 2 === 0 } },
  }));
  const filter = 'attributes["tags"]["even"] = true AND attributes["shard.number"] > 2 OR name = "event 2"';

  test("tells what passes it, and goes on with a cursor of this filter only", async () => {
    const { url } = await startServer({ environment: { CYLESTIO_DURABILITY: "normal" } });
    const { next, lastId, destroy } = await openEventStream(
      `${url}/api/v1/events/watch?filter=${encodeURIComponent(filter)}`,
      {},
    );
    await next();
    const beginning = lastId();
    await sendJson(url, "/v1/telemetry/batch", sent);
    const names = [JSON.parse((await next()).data ?? "").event_type, JSON.parse((await next()).data ?? "").event_type];
    expect(names).toEqual(["event 2", "event 4"]);
    destroy();

    for (const other of ["", "name:2"]) {
      const query = new URLSearchParams({ filter: other, cursor: beginning });
      expect(restError(await send(url, `/api/v1/events/watch?${query}`))).toMatchObject({
        reasons: ["CURSOR_INVALID"],
      });
    }
  });
});
