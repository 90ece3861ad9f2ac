import { spawn } from "node:child_process";
import process from "node:process";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { createClient } from "@connectrpc/connect";
import { createGrpcTransport } from "@connectrpc/connect-node";
import { describe, expect, test } from "vitest";
import { EventService } from "../../gen/cylestio/v1/event_service_pb.ts";
import { callError, createClients, protocols } from "../conformance/clients.ts";
import { openEventStream } from "../server-sent-events.ts";
import { Follower, watchesOver } from "../watching.ts";
import { post, type SentEvent, SentLedger, writers } from "./crash-writers.ts";
import { killServer, openSite, type ServerProcess, type Site } from "./server-process.ts";

/** Longer than any test: a server that ends all the same did not wait for its deadline. */
const neverMs = "600000";

const watchPath = "/api/v1/events/watch";

async function store({ url }: ServerProcess, events: readonly SentEvent[]): Promise<void> {
  expect(await post(`${url}/v1/telemetry/batch`, events)).toMatchObject({ rejected_count: 0 });
}

/** The sequences of all events, in order. */
async function storedSequences({ url }: ServerProcess): Promise<readonly number[]> {
  const client = createClient(EventService, createGrpcTransport({ baseUrl: url }));
  const sequences: number[] = [];
  let pageToken = "";
  do {
    const page = await client.listEvents({ pageSize: 1000, pageToken });
    sequences.push(...page.events.map(({ sequence }) => Number(sequence)));
    pageToken = page.nextPageToken;
  } while (pageToken !== "");
  return sequences.sort((a, b) => a - b);
}

/** A process that says lines of JSON. */
function startTalker(site: Site, command: string, args: readonly string[]) {
  const child = spawn(command, args, { stdio: ["ignore", "pipe", "inherit"] });
  site.onEnd(() => child.kill("SIGKILL"));
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  return {
    async line(): Promise<string> {
      const { done, value } = await lines.next();
      if (done === true) throw new Error(`${command} ended`);
      return value;
    },
  };
}

describe("a watch and the life of its server", () => {
  test("a server that is killed while four writers write: every watcher goes on with the next one and sees each event once and in order", {
    timeout: 60_000,
  }, async (context) => {
    const site = await openSite(context);
    let server = await site.start();
    const followers = Object.values(watchesOver).map((open) => new Follower(open));
    const ledger = new SentLedger("killed");
    for (let round = 0; round < 2; round += 1) {
      for (const follower of followers) await follower.follow(server.url);
      const writing = Promise.allSettled(Object.values(writers).map((write) => write(server.url, ledger)));
      // Until their connection breaks: a watcher may have seen what the writer was not told of any more.
      const watching = Promise.allSettled(followers.map((follower) => follower.takeUpTo(Number.POSITIVE_INFINITY)));
      while (followers.some(({ sequences }) => sequences.length < 200 * (round + 1))) await new Promise(setImmediate);
      await killServer(server);
      await Promise.all([writing, watching]);
      server = await site.start();
    }
    for (const follower of followers) await follower.follow(server.url);
    await store(server, ledger.sent);
    const stored = await storedSequences(server);
    expect(stored).toHaveLength(ledger.sent.length);
    for (const follower of followers) {
      await follower.takeUpTo(stored.length);
      expect(follower.sequences).toEqual(stored);
    }
  });

  test("SIGTERM ends every watch with a reason and the cursor, and the process with code 0", async (context) => {
    const site = await openSite(context);
    const server = await site.start({ environment: { CYLESTIO_SHUTDOWN_TIMEOUT_MS: neverMs } });
    const streaming = protocols.filter(({ name }) => !name.includes("GET"));
    const watches = streaming.map((protocol) =>
      createClients(protocol, server.url).events.watchEvents({})[Symbol.asyncIterator](),
    );
    const stream = await openEventStream(`${server.url}${watchPath}`);
    const begun = await Promise.all(watches.map((watch) => watch.next()));
    await stream.next();
    const cursor = stream.lastId();
    expect(begun.map(({ value }) => value?.cursor)).toEqual(streaming.map(() => cursor));
    const ends = Promise.all(watches.map((watch) => callError(watch.next())));

    server.kill("SIGTERM");

    for (const [index, error] of (await ends).entries()) {
      expect({ protocol: streaming[index]?.name, ...error }).toMatchObject({
        protocol: streaming[index]?.name,
        code: "unavailable",
        reasons: ["SHUTTING_DOWN"],
        hasRetryInfo: true,
        metadata: { cursor },
      });
    }
    const { type, data } = await stream.next();
    expect([type, JSON.parse(data ?? "").error]).toMatchObject([
      "error",
      { code: "unavailable", reason: "SHUTTING_DOWN", details: [{ metadata: { cursor } }, {}] },
    ]);
    expect((await stream.events.next()).done).toBe(true);
    expect(await server.exited).toEqual({ code: 0, signal: null, stderr: "" });
  });

  test.for(["SIGTERM", "SIGKILL"] as const)(
    "a browser's EventSource goes on by itself when its server ends by %s and comes back",
    { timeout: 60_000 },
    async (signal, context) => {
      const site = await openSite(context);
      const server = await site.start();
      const ledger = new SentLedger("browser");
      const client = fileURLToPath(new URL("event-source-client.ts", import.meta.url));
      const url = `${server.url}${watchPath}?agent_id=browser`;
      const browser = startTalker(site, process.execPath, ["--experimental-eventsource", "--no-warnings", client, url]);
      const next = async () => JSON.parse(await browser.line());
      expect(await next()).toEqual({ type: "open" });
      await store(server, ledger.make("writer", 2));
      const [first, second] = [await next(), await next()];
      expect([first.id, second.id]).toEqual([1, 2]);

      server.kill(signal);
      await server.exited;

      const again = await site.start({ environment: { CYLESTIO_PORT: String(server.port) } });
      await store(again, ledger.make("writer", 2));
      const told: unknown[] = [];
      const reasons: unknown[] = [];
      while (told.length < 2) {
        const { type, id, reason } = await next();
        if (type === "message") told.push(id);
        if (type === "error" && reason !== null) reasons.push(reason);
      }
      expect(reasons).toEqual(signal === "SIGTERM" ? ["SHUTTING_DOWN"] : []);
      expect(told).toEqual([3, 4]);
    },
  );
});

describe("curl -N", () => {
  test.for(["--http1.1", "--http2-prior-knowledge"])("%s shows events as they are stored", async (option, context) => {
    const site = await openSite(context);
    const server = await site.start();
    const curl = startTalker(site, "curl", ["-sN", option, `${server.url}${watchPath}`]);
    expect([await curl.line(), await curl.line()]).toEqual(["retry: 1000", ": heartbeat"]);
    expect([await curl.line(), await curl.line()]).toEqual([expect.stringMatching(/^id: [\w-]+$/), ""]);
    const [event] = new SentLedger("curl").make("writer", 1);
    if (event === undefined) throw new Error("there is no event");
    await store(server, [event]);
    expect(await curl.line()).toMatch(/^id: [\w-]+$/);
    const data = await curl.line();
    expect(JSON.parse(data.replace(/^data: /, ""))).toMatchObject({ id: 1, agent_id: "curl", span_id: event.span_id });
  });

  test("leaves no trace in the server's log when it is stopped", async (context) => {
    const site = await openSite(context);
    const server = await site.start({ environment: { CYLESTIO_WATCH_MAX_WATCHERS: "1" } });
    for (const open of Object.values(watchesOver)) {
      const watch = await open(server.url);
      await watch.next();
      watch.kill();
      while ((await fetch(`${server.url}${watchPath}`, { method: "HEAD" })).status !== 200);
    }
    server.kill("SIGTERM");
    expect(await server.exited).toEqual({ code: 0, signal: null, stderr: "" });
    expect(
      server.logs.map(({ msg }) => String(msg)).filter((msg) => !/^(listening|ready|stopp|database)/.test(msg)),
    ).toEqual([]);
  });
});
