import { execFileSync } from "node:child_process";
import { once } from "node:events";
import { closeSync, openSync, rmSync, statSync, writeFileSync, writeSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { type ServiceError, status } from "@grpc/grpc-js";
import { describe, expect, test } from "vitest";
import { mountSmall } from "../file-systems.ts";
import { startServer } from "../running-server.ts";
import { detailsOf, GrpcJsClient } from "./grpc-js-client.ts";
import { eventOf, expectUnavailable, postBatch, protoEventOf, storedNumbers } from "./numbered-events.ts";
import { openSite, type ServerProcess, type Site } from "./server-process.ts";
import { expectBalanced, getStatus, healthy } from "./server-status.ts";
import { holdWriteLock } from "./write-lock.ts";

function clientOf(site: Site, { port }: ServerProcess): GrpcJsClient {
  const client = new GrpcJsClient(port);
  site.onEnd(() => client.close());
  return client;
}

/** What a call of grpc-js rejects with; undefined where it succeeds. */
function failureOf(call: Promise<unknown>): Promise<ServiceError | undefined> {
  return call.then(
    () => undefined,
    // The client says that it is one.
    (error: unknown) => error as ServiceError,
  );
}

describe.concurrent("a second server on the same database", () => {
  test("is refused at its start, on whichever port and over whichever path, and the first goes on", async (context) => {
    const site = await openSite(context);
    const first = await site.start();
    expect((await postBatch(first.url, [eventOf(1)])).status).toBe(201);
    const path = join(site.folder, "cylestio.db");

    const second = site.spawn();

    await expect(second.listening).rejects.toThrow("Another server is running");
    expect(await second.exited).toEqual({
      code: 1,
      signal: null,
      stderr: `cylestio-mini-local-server: Another server is running on ${path}. Stop it, or name another file with CYLESTIO_DB_PATH.\n`,
    });
    expect(await storedNumbers(first.url)).toEqual([1]);
    expect((await postBatch(first.url, [eventOf(2)])).status).toBe(201);
    first.kill("SIGKILL");
    await first.exited;
    const third = await site.start();
    expect(await storedNumbers(third.url)).toEqual([1, 2]);
  });
});

test("a full disk is said to clients, loses nothing, and once there is room again all is as it was", async (context) => {
  const site = await openSite(context);
  const folder = join(site.folder, "small");
  if (!mountSmall(folder, site.onEnd)) return context.skip("this user cannot mount a file system");
  const environment = { CYLESTIO_DB_PATH: join(folder, "cylestio.db") };
  const server = await site.start({ environment });
  const client = clientOf(site, server);
  const acknowledged: number[] = [];
  writeFileSync(join(folder, "ballast"), Buffer.alloc(2_000_000));
  let number = 0;
  const batch = (): readonly number[] => Array.from({ length: 20 }, () => number++);

  let refused: Response | undefined;
  while (refused === undefined) {
    const numbers = batch();
    const response = await postBatch(
      server.url,
      numbers.map((number) => eventOf(number, 1000)),
    );
    if (response.status !== 201) refused = response;
    else acknowledged.push(...numbers);
    expect(number).toBeLessThan(10_000);
  }

  await expectUnavailable(refused);
  const events = batch().map((number) => protoEventOf(number, 1000));
  const error = await failureOf(client.call("cylestio.v1.TelemetryService/SendEvents", { events }));
  expect(error).toMatchObject({ code: status.UNAVAILABLE });
  expect(error && detailsOf(error)).toMatchObject([{ reason: "STORE_UNAVAILABLE" }, { type: "google.rpc.RetryInfo" }]);
  const stream = client.stream();
  const ended = once(stream, "error");
  stream.resume();
  // The same once more.
  stream.write({ batch_number: 1, events });
  expect((await ended)[0]).toMatchObject({ code: status.UNAVAILABLE });
  const degraded = await getStatus(server.url);
  expect(degraded).toMatchObject({ status: "degraded", problem: expect.stringContaining("SQLITE_FULL") });
  expectBalanced(degraded, { stored_count: acknowledged.length, refused_count: 60 });
  expect(await server.logged("events cannot be stored")).toMatchObject({ level: 50, problem: degraded.problem });
  expect(await storedNumbers(server.url)).toEqual(acknowledged);

  // What is stored already is acknowledged again, which proves nothing; nor does what the server finds out by itself while the disk is full.
  const known = acknowledged.slice(0, 10).map((number) => eventOf(number, 1000));
  expect(await (await postBatch(server.url, known)).json()).toMatchObject({ duplicate_count: 10 });
  await sleep(2_500);
  expect(await getStatus(server.url)).toMatchObject({ status: "degraded", problem: degraded.problem });

  rmSync(join(folder, "ballast"));
  await server.logged("events can be stored again");
  expect(await getStatus(server.url)).toMatchObject(healthy);
  const again = Array.from({ length: number }, (_, number) => eventOf(number, 1000));
  const response = await postBatch(server.url, again);

  expect(await response.json()).toMatchObject({ accepted_count: 40, duplicate_count: acknowledged.length });
  const recovered = await getStatus(server.url);
  expect(recovered).toMatchObject(healthy);
  expectBalanced(recovered, { stored_count: number, duplicate_count: acknowledged.length + 10, refused_count: 60 });
  expect(await storedNumbers(server.url)).toEqual(again.map((_, number) => number));
  server.kill("SIGTERM");
  expect(await server.exited).toMatchObject({ code: 0 });
  const restarted = await site.start({ environment });
  expect(await storedNumbers(restarted.url)).toEqual(again.map((_, number) => number));
});

describe.concurrent("a database that another program has locked", () => {
  test("is waited for", async (context) => {
    const site = await openSite(context);
    const server = await site.start();
    const release = await holdWriteLock(site);
    const sent = postBatch(server.url, [eventOf(1)]);
    // Reading and the status wait for nobody.
    expect(await getStatus(server.url)).toMatchObject(healthy);
    expect(await (await fetch(`${server.url}/api/agents`)).json()).toEqual([]);
    await release();
    expect((await sent).status).toBe(201);
    expect(await storedNumbers(server.url)).toEqual([1]);
  });

  test("is said to clients if it takes too long, and is written to again when it is free", async (context) => {
    const site = await openSite(context);
    const server = await site.start();
    const release = await holdWriteLock(site);
    await expectUnavailable(await postBatch(server.url, [eventOf(1)]));
    expect(await getStatus(server.url)).toMatchObject({
      status: "degraded",
      problem: expect.stringContaining("SQLITE_BUSY"),
    });
    await release();
    // Nobody sends anything.
    await server.logged("events can be stored again");
    expect(await getStatus(server.url)).toMatchObject(healthy);
    expect((await postBatch(server.url, [eventOf(1)])).status).toBe(201);
    const recovered = await getStatus(server.url);
    expect(recovered).toMatchObject(healthy);
    expectBalanced(recovered, { stored_count: 1, refused_count: 1 });
    expect(await storedNumbers(server.url)).toEqual([1]);
  });
});

test("a file system that is read-only is said at the start, and when that is mended, all is there", async (context) => {
  const site = await openSite(context);
  const folder = join(site.folder, "small");
  if (!mountSmall(folder, site.onEnd)) return context.skip("this user cannot mount a file system");
  const environment = { CYLESTIO_DB_PATH: join(folder, "cylestio.db") };
  const first = await site.start({ environment });
  expect((await postBatch(first.url, [eventOf(1)])).status).toBe(201);
  first.kill("SIGTERM");
  expect(await first.exited).toMatchObject({ code: 0 });

  execFileSync("mount", ["-o", "remount,ro", folder]);
  const refused = site.spawn({ environment });
  const exit = await refused.exited;
  expect(exit).toMatchObject({ code: 1, stderr: expect.stringContaining(environment.CYLESTIO_DB_PATH) });
  expect(exit.stderr).toContain("unable to open");
  execFileSync("mount", ["-o", "remount,rw", folder]);

  const mended = await site.start({ environment });
  expect((await postBatch(mended.url, [eventOf(1), eventOf(2)])).status).toBe(201);
  expect(await storedNumbers(mended.url)).toEqual([1, 2]);
});

/** Stores enough for a file of many pages, and ends the server in good order. */
async function fill(site: Site): Promise<string> {
  const server = await site.start();
  for (let from = 0; from < 2000; from += 500) {
    const events = Array.from({ length: 500 }, (_, index) => eventOf(from + index, 200));
    expect((await postBatch(server.url, events)).status).toBe(201);
  }
  server.kill("SIGTERM");
  expect(await server.exited).toMatchObject({ code: 0 });
  return join(site.folder, "cylestio.db");
}

/** Overwrites pages of a database file, from one number to before another. */
function damage(path: string, from: number, to: number): void {
  const file = openSync(path, "r+");
  for (let page = from; page < to; page += 1) {
    // The first hundred bytes of the file are its header, which makes it a database at all.
    const skip = page === 0 ? 100 : 0;
    writeSync(file, Buffer.alloc(4096 - skip, 0xa5), 0, 4096 - skip, page * 4096 + skip);
  }
  closeSync(file);
}

/** What is acknowledged is there; what is not, is said. */
async function expectHonest(url: string): Promise<void> {
  const sent = await postBatch(url, [eventOf(5000)]);
  if (sent.status !== 201) return expectUnavailable(sent);
  const found = await fetch(`${url}/api/events/unlucky?limit=1`);
  expect(await found.json()).toMatchObject([{ data: { number: 5000 } }]);
}

describe.concurrent("a database file that was damaged", () => {
  test("in its middle is answered for as unavailable; nothing is acknowledged that is not stored", async (context) => {
    const site = await openSite(context);
    const path = await fill(site);
    const pages = statSync(path).size / 4096;
    damage(path, Math.floor(pages * 0.3), Math.floor(pages * 0.7));

    const { url, kill, exited } = await site.start();

    const read = await fetch(`${url}/api/events/unlucky?page_size=1000`);
    await expectUnavailable(read);
    await expectHonest(url);
    kill("SIGTERM");
    expect(await exited).toMatchObject({ code: 0 });
  });

  test.for([
    ["in its schema", 0, 1],
    ["everywhere but there", 1, Number.POSITIVE_INFINITY],
  ] as const)("%s is refused at the start, by its name", async ([, from, to], context) => {
    const site = await openSite(context);
    const path = await fill(site);
    damage(path, from, Math.min(to, statSync(path).size / 4096));

    expect(await site.spawn().exited).toEqual({
      code: 1,
      signal: null,
      stderr: `cylestio-mini-local-server: cannot open the database ${path}: database disk image is malformed\n`,
    });
  });
});

/** What the overloaded server is sent: so many batches at a time of as many events as it may hold. */
const calls = 40;
const numbers = Array.from({ length: calls * 10 }, (_, number) => number);
const batchOf = (call: number, make: (number: number) => object) => numbers.slice(call * 10, call * 10 + 10).map(make);

/** Sends a batch until it is taken. Resolves to the number of refusals. */
async function postUntilTaken(url: string, call: number): Promise<number> {
  for (let refusals = 0; ; refusals += 1) {
    const response = await postBatch(
      url,
      batchOf(call, (number) => eventOf(number)),
    );
    if (response.status === 201) return refusals;
    expect(response.status).toBe(429);
    expect(response.headers.get("retry-after")).toBe("1");
    expect(await response.json()).toMatchObject({ error: { code: "resource_exhausted", reason: "OVERLOADED" } });
  }
}

/** The same over gRPC. */
async function callUntilTaken(client: GrpcJsClient, call: number): Promise<number> {
  for (let refusals = 0; ; refusals += 1) {
    const events = batchOf(call, (number) => protoEventOf(number));
    const error = await failureOf(client.call("cylestio.v1.TelemetryService/SendEvents", { events }));
    if (error === undefined) return refusals;
    expect(error.code).toBe(status.RESOURCE_EXHAUSTED);
    expect(detailsOf(error)).toMatchObject([
      { reason: "OVERLOADED" },
      { type: "google.rpc.RetryInfo", retry_delay: { seconds: 1 } },
    ]);
  }
}

describe("more load than the server may hold", () => {
  const environment = { CYLESTIO_IN_FLIGHT_MAX_EVENTS: "10" };

  test("is refused over REST with 429 and Retry-After, and every retry gets in at last", async () => {
    const { url } = await startServer({ environment });
    const refusals = await Promise.all(numbers.slice(0, calls).map((call) => postUntilTaken(url, call)));
    const refused = refusals.reduce((sum, count) => sum + count * 10, 0);
    expect(refused).toBeGreaterThan(0);
    const after = await getStatus(url);
    expect(after).toMatchObject(healthy);
    expectBalanced(after, { stored_count: numbers.length, refused_count: refused });
    expect(await storedNumbers(url)).toEqual(numbers);
  });

  test("is refused over gRPC with RetryInfo, and every retry gets in at last", async (context) => {
    const { url } = await startServer({ environment });
    const client = new GrpcJsClient(Number(new URL(url).port));
    context.onTestFinished(() => client.close());
    const refusals = await Promise.all(numbers.slice(0, calls).map((call) => callUntilTaken(client, call)));
    const refused = refusals.reduce((sum, count) => sum + count * 10, 0);
    expect(refused).toBeGreaterThan(0);
    expectBalanced(await getStatus(url), { stored_count: numbers.length, refused_count: refused });
    expect(await storedNumbers(url)).toEqual(numbers);
  });

  test("slows streams instead, and everything arrives", async (context) => {
    const { url } = await startServer({ environment });
    const client = new GrpcJsClient(Number(new URL(url).port));
    context.onTestFinished(() => client.close());
    const streams = [0, 1, 2, 3].map(async (lane) => {
      const stream = client.stream();
      const receipts: unknown[] = [];
      stream.on("data", (receipt) => receipts.push(receipt));
      const ended = once(stream, "end");
      for (let call = lane; call < calls; call += 4) {
        stream.write({ batch_number: call, events: batchOf(call, (number) => protoEventOf(number)) });
      }
      stream.end();
      await ended;
      return receipts;
    });
    const receipts = (await Promise.all(streams)).flat();
    expect(receipts).toHaveLength(calls);
    for (const receipt of receipts)
      expect(receipt).toMatchObject({ receipt: { accepted_count: 10, rejected_count: 0 } });
    expectBalanced(await getStatus(url), { stored_count: numbers.length, refused_count: 0 });
    expect(await storedNumbers(url)).toEqual(numbers);
  });
});
