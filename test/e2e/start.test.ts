import { once } from "node:events";
import { chmodSync, existsSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { dirname, join } from "node:path";
import process from "node:process";
import { setTimeout as delay } from "node:timers/promises";
import Database from "better-sqlite3";
import { describe, expect, test } from "vitest";
import { databasePathDefault } from "../../src/config.ts";
import { createPythonDatabase, type PythonEventRow } from "../python-server-database.ts";
import { type Exit, openSite, type ServerProcess, type ServerProcessOptions, type Site } from "./server-process.ts";

/** How a start ends that must fail. */
async function failStart(site: Site, options: Partial<ServerProcessOptions> = {}): Promise<Exit> {
  const server = site.spawn(options);
  const exit = await server.exited;
  expect(server.logs.filter(({ msg }) => msg === "ready")).toEqual([]);
  return exit;
}

describe.concurrent("a start that is refused", () => {
  test("names the setting that is wrong and has the exit code 2", async (context) => {
    const site = await openSite(context);
    const { folder } = site;
    const wrong: readonly (readonly [string, Partial<ServerProcessOptions>])[] = [
      ["CYLESTIO_PORT must be", { environment: { CYLESTIO_PORT: "70000" } }],
      ["CYLESTIO_HOST=0.0.0.0 would let every machine", { environment: { CYLESTIO_HOST: "0.0.0.0" } }],
      ["unknown argument --port=1", { args: ["--port=1"] }],
    ];

    const exits = await Promise.all(wrong.map(([, options]) => failStart(site, options)));

    expect(exits).toEqual(
      wrong.map(([message]) => ({
        code: 2,
        signal: null,
        stderr: expect.stringContaining(`cylestio-mini-local-server: ${message}`),
      })),
    );
    expect(readdirSync(folder)).toEqual([]);
  });

  test("names the port that another program has, and has not touched the database", async (context) => {
    const site = await openSite(context);
    const { folder } = site;
    const other = createServer();
    await once(other.listen(0, "127.0.0.1"), "listening");
    site.onEnd(() => other.close());
    const address = other.address();
    const port = typeof address === "object" && address !== null ? String(address.port) : "";
    createPythonDatabase(join(folder, "cylestio.db"), [{}]);

    const exit = await failStart(site, { environment: { CYLESTIO_PORT: port } });

    expect(exit).toEqual({
      code: 1,
      signal: null,
      stderr: `cylestio-mini-local-server: cannot listen on port ${port} of 127.0.0.1: another program listens there\n`,
    });
    expect(readdirSync(folder)).toEqual(["cylestio.db"]);
  });

  test("names the database in a folder that it must not write to", async (context) => {
    const site = await openSite(context);
    const { folder } = site;
    const locked = join(folder, "locked");
    mkdirSync(locked, { mode: 0o555 });
    chmodSync(folder, 0o755);
    const databasePath = join(locked, "below", "cylestio.db");

    const exit = await failStart(site, {
      environment: { CYLESTIO_DB_PATH: databasePath },
      // Root may write everywhere; this is the user nobody.
      ...(process.getuid?.() === 0 ? { uid: 65_534 } : {}),
    });

    expect(exit).toMatchObject({ code: 1, stderr: expect.stringContaining(locked) });
    expect(exit.stderr).toMatch(/permission denied|unable to open/);
  });

  test("names the file that is not its database and leaves it alone", async (context) => {
    const kinds: readonly ((path: string) => void)[] = [
      (path) => writeFileSync(path, "Dear diary"),
      (path) => new Database(path).exec("create table notes (text)").close(),
      (path) => mkdirSync(path),
    ];
    await Promise.all(
      kinds.map(async (create) => {
        const site = await openSite(context);
        const path = join(site.folder, "cylestio.db");
        create(path);
        const read = () => (statSync(path).isFile() ? readFileSync(path) : readdirSync(path));
        const before = read();

        const exit = await failStart(site);

        expect(exit).toMatchObject({ code: 1, stderr: expect.stringContaining(path) });
        expect(read()).toEqual(before);
        // A file that may be the Python server's is locked while it is looked at; the empty file of the lock stays.
        expect(readdirSync(site.folder).filter((name) => name !== "cylestio.db.lock")).toEqual(["cylestio.db"]);
      }),
    );
  });

  test("says that the database is of a newer version", async (context) => {
    const site = await openSite(context);
    const { folder } = site;
    await stop(await site.start());
    const database = new Database(join(folder, "cylestio.db"));
    database.exec("insert into mikro_orm_migrations (name) values ('29991231000000_of_the_future')");
    database.close();

    const exit = await failStart(site);

    expect(exit).toMatchObject({ code: 1, stderr: expect.stringContaining("29991231000000_of_the_future") });
    expect(exit.stderr).toContain(join(folder, "cylestio.db"));
    expect(exit.stderr).toContain("newer version");
  });
});

describe.concurrent("a first start", () => {
  test("makes the database in the user's home, for the user's eyes only", async (context) => {
    const site = await openSite(context);
    const { folder } = site;
    const server = await site.start({ environment: { CYLESTIO_DB_PATH: "" } });

    const path = databasePathDefault({ platform: process.platform, homeFolder: folder }, {});

    expect(await server.logged("ready")).toMatchObject({ address: server.url, database: path });
    expect(statSync(dirname(path)).mode & 0o777).toBe(0o700);
    const files = readdirSync(dirname(path));
    expect(files).toContain("cylestio.db");
    expect(files.map((file) => statSync(join(dirname(path), file)).mode & 0o777)).toEqual(files.map(() => 0o600));
  });

  test("serves other machines where it is told that this is meant", async (context) => {
    const site = await openSite(context);
    const server = await site.start({
      environment: { CYLESTIO_HOST: "0.0.0.0" },
      args: ["--insecure"],
    });

    const response = await fetch(`http://127.0.0.1:${server.port}/healthz`);

    expect(response.status).toBe(200);
  });
});

describe.concurrent("the Python server's database at the default path", () => {
  test("is imported once and kept as it was, and the log says so", async (context) => {
    const site = await openSite(context);
    const { folder } = site;
    const path = databasePathDefault({ platform: process.platform, homeFolder: folder }, {});
    const kept = join(dirname(path), "cylestio.python.db");
    createPythonDatabase(path, [...rowsOf(40), { timestamp: "soon" }], "journal");
    const original = [readFileSync(path), readFileSync(`${path}-journal`)];
    const environment = { CYLESTIO_DB_PATH: "" };

    const first = await site.start({ environment });
    expect(await first.logged("imported")).toMatchObject({ imported: 40, rejected: 1, kept });
    expect(await first.logged("some events of the Python server")).toMatchObject({ level: 40, rejectedRows: [41] });
    await expectImported(first, 40);
    await stop(first);
    const second = await site.start({ environment });

    await expectImported(second, 40);
    expect(second.logs.filter(({ msg }) => String(msg).includes("import"))).toEqual([]);
    expect([readFileSync(kept), readFileSync(`${kept}-journal`)]).toEqual(original);
  });

  test("is imported whole after starts that were cut off in the middle of the import", async (context) => {
    const site = await openSite(context);
    const { folder } = site;
    const path = join(folder, "cylestio.db");
    const count = 6000;
    createPythonDatabase(path, rowsOf(count), "wal");
    const original = [readFileSync(path), readFileSync(`${path}-wal`)];

    for (const signal of ["SIGTERM", "SIGKILL"] as const) {
      const server = site.spawn();
      await server.logged("importing");
      await delay(Math.random() * 150);
      server.kill(signal);
      expect(await server.exited).toMatchObject(signal === "SIGTERM" ? { code: 0 } : { signal });
    }
    const server = await site.start();

    await expectImported(server, count);
    const kept = join(folder, "cylestio.python.db");
    expect([readFileSync(kept), readFileSync(`${kept}-wal`)]).toEqual(original);
    await stop(server);
    expect(readdirSync(folder).sort()).toEqual([
      "cylestio.db",
      "cylestio.db.lock",
      "cylestio.python.db",
      "cylestio.python.db-wal",
    ]);
    expect(existsSync(path)).toBe(true);
  });
});

/** Rows of two agents with two sessions each; every two rows say the same. */
function rowsOf(count: number): readonly PythonEventRow[] {
  return Array.from({ length: count }, (_, index) => {
    const number = Math.floor(index / 2);
    return {
      timestamp: new Date(Date.UTC(2025, 2, 18) + number).toISOString().replace("T", " ").replace("Z", "000"),
      agent_id: `agent-${number % 2}`,
      session_id: `session-${number % 4}`,
      event_type: "model_request",
      data: JSON.stringify({ number, text: "x".repeat(100) }),
    };
  });
}

async function expectImported({ url }: ServerProcess, count: number): Promise<void> {
  const agents = await (await fetch(`${url}/api/agents`)).json();
  expect(agents).toMatchObject([
    { agent_id: "agent-1", event_count: count / 2, session_count: 2 },
    { agent_id: "agent-0", event_count: count / 2, session_count: 2 },
  ]);
  const counts = await Promise.all(
    ["agent-0", "agent-1"].map(async (agent) => (await fetch(`${url}/api/metrics/${agent}/event_counts`)).json()),
  );
  expect(counts).toMatchObject([{ total_count: count / 2 }, { total_count: count / 2 }]);
}

async function stop(server: ServerProcess): Promise<void> {
  server.kill("SIGTERM");
  expect(await server.exited).toMatchObject({ code: 0 });
}
