import { setTimeout as sleep } from "node:timers/promises";
import { get, Http1Connection } from "./http1-connection.ts";

/** Milliseconds from the start of one request of `samplePages` to that of the next: a person who reloads, not a load. */
const pauseMs = 10;

/** Events on a page of `readAllPages`: as many as there may be. */
const largestPage = 1000;

/** How long a page of 50 events took to come, time after time, in milliseconds, while `goesOn` says so. */
export async function samplePages(url: string, goesOn: (count: number) => boolean): Promise<readonly number[]> {
  const connection = await Http1Connection.open(url);
  const latenciesMs: number[] = [];
  while (goesOn(latenciesMs.length)) {
    const startedAt = performance.now();
    await get(connection, "/api/events?limit=50");
    const tookMs = performance.now() - startedAt;
    latenciesMs.push(tookMs);
    await sleep(Math.max(0, pauseMs - tookMs));
  }
  await connection.close();
  return latenciesMs;
}

/** Reads all events page by page without a pause, from the start again after the last page, while `goesOn` says so. Returns the number of pages. */
export async function readAllPages(url: string, goesOn: () => boolean): Promise<number> {
  const connection = await Http1Connection.open(url);
  const first = `/api/events?limit=${largestPage}`;
  let count = 0;
  for (let next: string | undefined = first; goesOn(); count += 1) next = await getPage(connection, next ?? first);
  await connection.close();
  return count;
}

/** Gets a page, and returns the path of the next one if there is one. */
async function getPage(connection: Http1Connection, path: string): Promise<string | undefined> {
  const { head } = await get(connection, path);
  return /^link: <([^>]+)>; rel="next"/im.exec(head)?.[1];
}
