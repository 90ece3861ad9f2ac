import { existsSync, readdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import Database from "better-sqlite3";
import { pino } from "pino";
import { describe, expect, onTestFinished, test } from "vitest";
import { limitsDefault } from "../src/model/limits.ts";
import { upgradePythonDatabase } from "../src/python-upgrade.ts";
import { lockDatabase } from "../src/store/sqlite/database-lock.ts";
import { createSqliteStore } from "../src/store/sqlite/sqlite-store.ts";
import type { TelemetryStore } from "../src/store/store.ts";
import { createPythonDatabase, type PythonEventRow, type PythonLeaving } from "./python-server-database.ts";

const nowMs = () => Date.UTC(2026, 0, 15);

async function createFolder(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), "cylestio-upgrade-"));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  return folder;
}

/** Upgrades what stands at the path; resolves to what was logged. */
async function upgrade(databasePath: string, limits = limitsDefault): Promise<readonly Record<string, unknown>[]> {
  const lines: Record<string, unknown>[] = [];
  const logger = pino({ base: null, timestamp: false }, { write: (line) => lines.push(JSON.parse(line)) });
  await upgradePythonDatabase({ config: { databasePath, durability: "normal", limits }, logger, nowMs });
  return lines;
}

async function openStore(databasePath: string): Promise<TelemetryStore> {
  const store = await createSqliteStore({ databasePath, durability: "normal" });
  onTestFinished(() => store.close());
  return store;
}

const noFilter = {
  agentId: null,
  name: null,
  channel: null,
  level: null,
  sessionId: null,
  fromMicros: null,
  toMicros: null,
};

async function readEvents(databasePath: string) {
  const store = await openStore(databasePath);
  return (await store.listEvents({ filter: noFilter, ascending: true, after: null, offset: 0, limit: 1000 })).events;
}

/** Every file of a folder with its content. */
function contentsOf(folder: string): ReadonlyMap<string, Buffer> {
  // The empty file of the lock stays behind.
  const names = readdirSync(folder).filter((name) => name !== "cylestio.db.lock");
  return new Map(names.map((name) => [name, readFileSync(join(folder, name))]));
}

/** One row of each kind that the Python server wrote. */
const rows: readonly PythonEventRow[] = [
  { data: '{"system_status": "enabled", "config": {"a": [1, 2.5, null]}}' },
  {
    timestamp: "2025-03-18 09:15:01.000000",
    event_type: "LLM_call_start",
    channel: "LLM",
    direction: "outgoing",
    session_id: "s1",
    relationship_id: "r-1",
    data: '{"prompt": "hi", "LLM_provider": "OpenAI/1.2", "big": 12345678901234567890, "score": NaN}',
    caller_file: "agent.py",
    caller_line: 17,
    caller_function: "ask",
  },
  {
    timestamp: "2025-03-18 09:15:02.412345",
    event_type: "LLM_call_finish",
    channel: "LLM",
    direction: "incoming",
    session_id: "s1",
    relationship_id: "r-1",
    data: '{"duration": 1.412345, "response": "hello"}',
    duration_ms: 1412.345,
  },
  { timestamp: "2025-03-18 09:15:03.000000", event_type: "call_start", channel: "MCP", session_id: "s2" },
  { timestamp: "2025-03-18 09:15:04.000000", event_type: "security_alert", channel: "SECURITY", level: "ERROR" },
  { timestamp: "2025-03-18 09:15:05", event_type: "model_request", channel: "UNKNOWN", data: '"just a text"' },
  { timestamp: "2025-03-18 09:15:06", event_type: "model_request", agent_id: "docs-rag", data: "null" },
  { timestamp: "2025-03-18 09:15:07", event_type: "model_request", agent_id: "docs-rag", data: null },
  { timestamp: "2025-03-18 09:15:08", event_type: "model_request", agent_id: "docs-rag", data: "no JSON" },
  { timestamp: "2025-03-18 09:15:09", event_type: "model_request", agent_id: "docs-rag", data: "42" },
  { timestamp: "2025-03-18 09:15:10", event_type: "same", agent_id: "docs-rag", session_id: "s1" },
  { timestamp: "2025-03-18 09:15:10", event_type: "same", agent_id: "docs-rag", session_id: "s1" },
];

describe("the import of a Python server's database", () => {
  test("makes an event of every row, in their order, a row of the same content twice being two", async () => {
    const path = join(await createFolder(), "cylestio.db");
    createPythonDatabase(path, rows);

    await upgrade(path);

    const events = await readEvents(path);
    expect(events.map((event) => event.name)).toEqual(rows.map((row) => row.event_type ?? "monitoring_enabled"));
    expect(events.map((event) => event.attributesJson)).toEqual([
      '{"system_status":"enabled","config":{"a":[1,2.5,null]}}',
      '{"prompt":"hi","LLM_provider":"OpenAI/1.2","big":12345678901234567890,"score":"NaN"}',
      '{"duration":1.412345,"response":"hello"}',
      "{}",
      "{}",
      '"just a text"',
      "null",
      "null",
      '"no JSON"',
      "42",
      "{}",
      "{}",
    ]);
    expect(events[1]).toMatchObject({
      clientEventId: "python-2",
      timeMicros: Date.UTC(2025, 2, 18, 9, 15, 1) * 1000,
      level: "INFO",
      channel: "LLM",
      direction: "outgoing",
      sessionId: "s1",
      durationMs: null,
      callerFile: "agent.py",
      callerLine: 17,
      callerFunction: "ask",
      extensionsJson: '{"relationship_id":"r-1"}',
    });
    expect(events[2]).toMatchObject({ durationMs: 1412.345 });
  });

  test("gives agents, sessions and operations", async () => {
    const path = join(await createFolder(), "cylestio.db");
    createPythonDatabase(path, rows);

    await upgrade(path);

    const store = await openStore(path);
    expect(await store.listAgents({ after: null, offset: 0, limit: 10 })).toMatchObject([
      { agentId: "docs-rag", eventCount: 6, sessionCount: 1 },
      { agentId: "inventory-helper", eventCount: 6, sessionCount: 2, llmProvider: "openai" },
    ]);
    const latency = await store.measureLatency({ agentId: "inventory-helper", fromMicros: null, toMicros: null });
    expect(latency).toMatchObject([{ kind: "llm", count: 1, meanMs: 1412.345 }]);
  });

  test("says how many rows there were, and which of them cannot be events", async () => {
    const folder = await createFolder();
    const path = join(folder, "cylestio.db");
    createPythonDatabase(path, [
      {},
      { timestamp: "yesterday" },
      { timestamp: "1999-12-31 23:59:59.000000" },
      { timestamp: 20_250_318 },
      { agent_id: "" },
      {},
    ]);

    const lines = await upgrade(path);

    const kept = join(folder, "cylestio.python.db");
    expect(lines).toEqual([
      expect.objectContaining({ level: 30, database: path }),
      expect.objectContaining({ level: 30, imported: 2, rejected: 4, kept }),
      expect.objectContaining({
        level: 40,
        rejectedByReason: { TIME_INVALID: 2, TIME_OUT_OF_RANGE: 1, FIELD_REQUIRED: 1 },
        rejectedRows: [2, 3, 4, 5],
        kept,
      }),
    ]);
    expect(await readEvents(path)).toHaveLength(2);
  });

  test("leaves out a duration that is none instead of the event", async () => {
    const path = join(await createFolder(), "cylestio.db");
    createPythonDatabase(path, [{ duration_ms: -0.5 }, { duration_ms: Number.POSITIVE_INFINITY }, { duration_ms: 0 }]);

    await upgrade(path);

    expect((await readEvents(path)).map((event) => event.durationMs)).toEqual([null, null, 0]);
  });

  test("keeps what columns of a later version say, and needs none of the optional ones", async () => {
    const path = join(await createFolder(), "cylestio.db");
    createPythonDatabase(path, [{}]);
    const database = new Database(path);
    database.exec("alter table events add column alert VARCHAR; update events set alert = 'dangerous'");
    database.exec("alter table events drop column caller_file; alter table events drop column relationship_id");
    database.close();

    await upgrade(path);

    expect(await readEvents(path)).toMatchObject([{ extensionsJson: '{"alert":"dangerous"}' }]);
  });

  test("takes more rows than fit in one transaction", async () => {
    const path = join(await createFolder(), "cylestio.db");
    createPythonDatabase(
      path,
      Array.from({ length: 25 }, (_, index) => ({ event_type: `e${index}` })),
    );

    await upgrade(path, { ...limitsDefault, batchMaxEvents: 10 });

    expect((await readEvents(path)).map((event) => event.name)).toEqual(
      Array.from({ length: 25 }, (_, index) => `e${index}`),
    );
  });

  test("takes a database without events", async () => {
    const folder = await createFolder();
    createPythonDatabase(join(folder, "cylestio.db"), []);

    await upgrade(join(folder, "cylestio.db"));

    expect(await readEvents(join(folder, "cylestio.db"))).toEqual([]);
    expect(existsSync(join(folder, "cylestio.python.db"))).toBe(true);
  });
});

const leavings: readonly PythonLeaving[] = ["closed", "wal", "journal"];

describe("the Python server's own file", () => {
  test.each(leavings)("is kept byte for byte with what lies beside it: left %s", async (leaving) => {
    const folder = await createFolder();
    const path = join(folder, "cylestio.db");
    createPythonDatabase(path, rows, leaving);
    const before = contentsOf(folder);
    expect(before.size).toBe(leaving === "closed" ? 1 : 2);

    await upgrade(path);

    const after = contentsOf(folder);
    expect([...after.keys()].filter((name) => !name.startsWith("cylestio.python.db")).sort()).toEqual(["cylestio.db"]);
    for (const [name, content] of before) {
      expect(after.get(name.replace("cylestio.db", "cylestio.python.db"))).toEqual(content);
    }
    expect((await readEvents(path)).map((event) => event.level)).toEqual(rows.map((row) => row.level ?? "INFO"));
  });

  test("is never overwritten by another one", async () => {
    const folder = await createFolder();
    const path = join(folder, "cylestio.db");
    createPythonDatabase(path, rows);
    writeFileSync(join(folder, "cylestio.python.db"), "an older one");
    const before = contentsOf(folder);

    await expect(upgrade(path)).rejects.toThrow(`so is ${join(folder, "cylestio.python.db")}`);

    expect(contentsOf(folder)).toEqual(before);
  });

  test("is left to another process that imports it at this moment", async () => {
    const folder = await createFolder();
    const path = join(folder, "cylestio.db");
    createPythonDatabase(path, rows);
    const lock = lockDatabase(path);

    await expect(upgrade(path)).rejects.toThrow(`Another server is running on ${path}`);
    lock.release();

    expect([...contentsOf(folder).keys()]).toEqual(["cylestio.db"]);
    await upgrade(path);
    expect(await readEvents(path)).toHaveLength(rows.length);
  });
});

/** Does what an import has done when its last renames are due, and puts everything there as it is then. */
async function importUpToRenames(folder: string): Promise<void> {
  const path = join(folder, "cylestio.db");
  createPythonDatabase(path, rows, "wal");
  await upgrade(path);
  renameSync(path, `${path}.imported`);
}

describe("an import that was cut off", () => {
  test.each(["cylestio.db.importing", "cylestio.db.imported", "cylestio.db.copy"])(
    "begins again where it left %s",
    async (leftover) => {
      const folder = await createFolder();
      const path = join(folder, "cylestio.db");
      createPythonDatabase(path, rows, "wal");
      // A whole database, of which nothing may be left.
      createPythonDatabase(join(folder, leftover), [...rows, ...rows]);
      writeFileSync(join(folder, `${leftover}-wal`), "");

      await upgrade(path);

      expect(await readEvents(path)).toHaveLength(rows.length);
      const names = [...contentsOf(folder).keys()];
      expect(names.filter((name) => !/^cylestio\.(python\.)?db(-wal|-shm)?$/.test(name))).toEqual([]);
    },
  );

  test("is finished where the old file is in its place and the new one is not", async () => {
    const folder = await createFolder();
    const path = join(folder, "cylestio.db");
    await importUpToRenames(folder);

    const lines = await upgrade(path);

    expect(lines).toHaveLength(1);
    expect(await readEvents(path)).toHaveLength(rows.length);
  });

  test("is finished where the log beside the old file is still in its old place", async () => {
    const folder = await createFolder();
    const path = join(folder, "cylestio.db");
    await importUpToRenames(folder);
    const kept = join(folder, "cylestio.python.db-wal");
    const log = readFileSync(kept);
    renameSync(kept, `${path}-wal`);

    await upgrade(path);

    expect(readFileSync(kept)).toEqual(log);
    expect(await readEvents(path)).toHaveLength(rows.length);
  });

  test("is not finished without the old file, which somebody took away", async () => {
    const folder = await createFolder();
    const path = join(folder, "cylestio.db");
    await importUpToRenames(folder);
    await rm(join(folder, "cylestio.python.db"));

    await upgrade(path);

    expect(existsSync(path)).toBe(false);
  });
});

describe("what is no Python server's database", () => {
  test("is left alone where there is nothing", async () => {
    const folder = await createFolder();

    expect(await upgrade(join(folder, "cylestio.db"))).toEqual([]);

    expect(readdirSync(folder)).toEqual([]);
  });

  test.each<[string, (path: string) => void]>([
    ["a text", (path) => writeFileSync(path, "not a database at all")],
    ["an empty file", (path) => writeFileSync(path, "")],
    ["another program's database", (path) => new Database(path).exec("create table notes (text)").close()],
    [
      "another program's database with a write-ahead log",
      (path) => {
        createPythonDatabase(path, [], "wal");
        const database = new Database(path);
        database.exec("drop table events");
        database.close();
      },
    ],
  ])("is left alone: %s", async (_kind, create) => {
    const folder = await createFolder();
    create(join(folder, "cylestio.db"));
    const before = contentsOf(folder);

    expect(await upgrade(join(folder, "cylestio.db"))).toEqual([]);

    expect(contentsOf(folder)).toEqual(before);
  });

  test("is left alone where it is a database of ours", async () => {
    const folder = await createFolder();
    const path = join(folder, "cylestio.db");
    createPythonDatabase(path, rows);
    await upgrade(path);
    const before = contentsOf(folder);

    expect(await upgrade(path)).toEqual([]);

    expect(contentsOf(folder)).toEqual(before);
  });
});
