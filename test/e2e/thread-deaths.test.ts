import { setTimeout as sleep } from "node:timers/promises";
import { describe, expect, test, vi } from "vitest";
import { eventOf, expectUnavailable, postBatch, storedNumbers } from "./numbered-events.ts";
import { openSite, type ServerProcess, type Site } from "./server-process.ts";
import { getStatus, healthy, type ServerStatus } from "./server-status.ts";

/** Starts a server whose threads can be killed by signals. */
function startMortal(site: Site): Promise<ServerProcess> {
  const environment = { NODE_OPTIONS: `--import=${new URL("./kill-threads.ts", import.meta.url)}` };
  return site.start({ environment });
}

const killWriter = ({ kill }: ServerProcess) => kill("SIGUSR2");
const killReader = ({ kill }: ServerProcess) => kill("SIGWINCH");

/** What was logged about the threads and about storing, in order. */
function story({ logs }: ServerProcess): readonly string[] {
  return logs.map(({ msg }) => String(msg)).filter((message) => /thread|stored/.test(message));
}

const down = "a thread of the database is down; it is started again";
const runs = "the thread of the database runs again";

/** Resolves when the threads were started again so many times. */
function restarts(server: ServerProcess, count: number): Promise<void> {
  return vi.waitFor(() => expect(story(server).filter((message) => message === runs)).toHaveLength(count), {
    timeout: 15_000,
  });
}

/** Sends batches of two events until told to stop, each until it is acknowledged. Resolves to the numbers of the events. */
async function sendMuch(url: string, from: number, { signal }: AbortController): Promise<readonly number[]> {
  const numbers: number[] = [];
  while (!signal.aborted) {
    const pair = [from + numbers.length, from + numbers.length + 1];
    for (;;) {
      const response = await postBatch(
        url,
        pair.map((number) => eventOf(number)),
      );
      if (response.status === 201) break;
      await expectUnavailable(response);
      await sleep(10);
    }
    numbers.push(...pair);
  }
  return numbers;
}

describe.concurrent("a server whose writer dies", () => {
  test("answers unavailable until it has another one, and has everything once that it acknowledged", async (context) => {
    const site = await openSite(context);
    const server = await startMortal(site);
    const stop = new AbortController();
    site.onEnd(() => stop.abort());
    const senders = [0, 1, 2].map((lane) => sendMuch(server.url, lane * 1_000_000, stop));
    for (let round = 1; round <= 3; round += 1) {
      await sleep(50);
      killWriter(server);
      await restarts(server, round);
    }
    stop.abort();
    const acknowledged = (await Promise.all(senders)).flat();

    expect(await storedNumbers(server.url)).toEqual(acknowledged.toSorted((left, right) => left - right));
    // What was answered as unavailable after it had been stored was a duplicate at the second try.
    const { status, ingest } = await getStatus(server.url);
    expect(status).toBe("healthy");
    expect(ingest.stored_count + ingest.duplicate_count).toBe(acknowledged.length);
    expect(ingest.refused_count).toBeGreaterThan(0);
  });

  test("says so and that it is over, without any traffic", async (context) => {
    const site = await openSite(context);
    const server = await startMortal(site);
    const statuses: ServerStatus[] = [];
    const isOver = server.logged("events can be stored again").then(() => true);
    killWriter(server);
    while (!(await Promise.race([isOver, sleep(10)]))) statuses.push(await getStatus(server.url));

    expect(statuses).toContainEqual(
      expect.objectContaining({ status: "degraded", problem: "the writer thread of the database died" }),
    );
    expect(await getStatus(server.url)).toMatchObject(healthy);
    expect(story(server)).toEqual([down, "events cannot be stored", runs, "events can be stored again"]);
    expect(await server.logged(down)).toMatchObject({
      level: 50,
      thread: "writer",
      retryDelayMs: 100,
      err: { message: expect.stringContaining("the writer thread of the database died") },
    });
  });

  test("can be stopped in good order at once", async (context) => {
    const site = await openSite(context);
    const server = await startMortal(site);
    expect((await postBatch(server.url, [eventOf(1)])).status).toBe(201);
    killWriter(server);
    await server.logged(down);
    server.kill("SIGTERM");
    expect(await server.exited).toMatchObject({ code: 0 });
    const restarted = await site.start();
    expect(await storedNumbers(restarted.url)).toEqual([1]);
  });
});

test("a server whose reader dies goes on storing, and answers questions again when it has another one", async (context) => {
  const site = await openSite(context);
  const server = await startMortal(site);
  expect((await postBatch(server.url, [eventOf(1)])).status).toBe(201);
  killReader(server);
  expect(await server.logged(down)).toMatchObject({ thread: "reader" });
  expect((await postBatch(server.url, [eventOf(2)])).status).toBe(201);
  await restarts(server, 1);
  expect(await storedNumbers(server.url)).toEqual([1, 2]);
  expect(await getStatus(server.url)).toMatchObject(healthy);
  expect(story(server)).toEqual([down, runs]);
});
