import { expect } from "vitest";

const day = Date.UTC(2026, 0, 15);

/** An event as a REST client sends it. No two numbers make the same one. */
export function eventOf(number: number, size = 10): Readonly<Record<string, unknown>> {
  return {
    timestamp: new Date(day + number).toISOString(),
    agent_id: "unlucky",
    name: "user.message",
    attributes: { number, text: "x".repeat(size) },
  };
}

/** The same, as a gRPC client sends it. */
export function protoEventOf(number: number, size = 10): object {
  const { agent_id, name, attributes } = eventOf(number, size);
  const seconds = Math.floor((day + number) / 1000);
  const event_time = { seconds, nanos: ((day + number) % 1000) * 1_000_000 };
  return { agent_id, name, event_time, attributes_json: JSON.stringify(attributes) };
}

/** Sends events in one batch over REST. */
export function postBatch(url: string, events: readonly unknown[]): Promise<Response> {
  const headers = { "content-type": "application/json" };
  return fetch(`${url}/v1/telemetry/batch`, { method: "POST", headers, body: JSON.stringify(events) });
}

/** The numbers of the events that are stored, each as often as it is there. */
export async function storedNumbers(url: string): Promise<readonly number[]> {
  const numbers: number[] = [];
  let next: string | undefined = "/api/events/unlucky?page_size=1000";
  while (next !== undefined) {
    const response: Response = await fetch(url + next);
    expect(response.status).toBe(200);
    // The one field of an event that the test reads.
    const page = (await response.json()) as readonly { readonly data: { readonly number: number } }[];
    numbers.push(...page.map(({ data }) => data.number));
    next = /^<([^>]+)>; rel="next"$/.exec(response.headers.get("link") ?? "")?.[1];
  }
  return numbers.sort((left, right) => left - right);
}

/** What a client is told when the server could not store, and may be able to in a while. */
export async function expectUnavailable(response: Response): Promise<void> {
  expect(response.status).toBe(503);
  expect(response.headers.get("retry-after")).toBe("1");
  expect(await response.json()).toMatchObject({ error: { code: "unavailable", reason: "STORE_UNAVAILABLE" } });
}
