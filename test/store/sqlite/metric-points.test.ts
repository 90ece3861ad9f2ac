import { join } from "node:path";
import Database from "better-sqlite3";
import { afterAll, describe, expect, onTestFinished, test } from "vitest";
import { createPriceBook } from "../../../src/pricing/price-table.ts";
import { openWriterConnection } from "../../../src/store/sqlite/database-file.ts";
import { createPointWriter } from "../../../src/store/sqlite/point-writer.ts";
import { createReaderOn, type Reader } from "../../../src/store/sqlite/reader.ts";
import { rebuildDerived } from "../../../src/store/sqlite/rebuild.ts";
import { createSqliteStore } from "../../../src/store/sqlite/sqlite-store.ts";
import type { PointFilter } from "../../../src/store/store.ts";
import { buildPoint, buildSeries, everyPoint, pointFromMicros, pointFromNanos } from "../point-builder.ts";
import { createTemporaryFolder } from "./temporary-folder.ts";

const folder = createTemporaryFolder();

async function openWriter(name: string): Promise<Database.Database> {
  const databasePath = join(folder, `${name}.db`);
  await (await createSqliteStore({ databasePath, durability: "normal" })).close();
  const database = openWriterConnection(databasePath, "normal");
  afterAll(() => void database.close());
  return database;
}

function readTables(database: Database.Database): readonly unknown[] {
  return ["metric_names", "metric_series", "metric_points"].map((table) =>
    database.prepare(`select * from ${table}`).safeIntegers().all(),
  );
}

describe("a write of points", () => {
  test("is one transaction: what fails leaves nothing, and the next one knows nothing of its keys", async () => {
    const database = await openWriter("atomic");
    const writer = createPointWriter(database);
    writer.write([buildPoint(buildSeries({ name: "before" }), 1)]);
    const before = readTables(database);
    database.exec(
      "create trigger dying before insert on metric_points when new.data_json like '%13%' begin select raise(rollback, 'dead'); end",
    );
    const points = [buildPoint(buildSeries({ name: "new" }), 1), buildPoint(buildSeries({ name: "before" }), 13)];
    expect(() => writer.write(points)).toThrow("dead");
    expect(readTables(database)).toEqual(before);
    // Takes the keys that were given out in vain.
    createPointWriter(database).write([buildPoint(buildSeries({ name: "another" }), 1)]);
    expect(writer.write(points.slice(0, 1))).toEqual([{ status: "stored" }]);
    const filter = { ...everyPoint, name: "new" };
    const page = await createReaderOn(runOn(database)).listPoints({ filter, after: null, limit: 9 });
    expect(page.series.map(({ series }) => series.name)).toEqual(["new"]);
  });

  test("changes nothing where there are duplicates alone", async () => {
    const database = await openWriter("duplicates");
    const point = buildPoint(buildSeries(), 1);
    createPointWriter(database).write([point]);
    const before = readTables(database);
    const described = { ...point, series: { ...point.series, description: "changed" } };
    expect(createPointWriter(database).write([described])).toEqual([{ status: "duplicate" }]);
    expect(readTables(database)).toEqual(before);
  });

  test("finds every row that it looks at by an index", async () => {
    const statements = new Set<string>();
    const { name } = await openWriter("write plan");
    const database = new Database(name, { verbose: (sql) => statements.add(String(sql)) });
    onTestFinished(() => void database.close());
    createPointWriter(database).write([buildPoint(buildSeries(), 1)]);
    const queries = [...statements].filter((sql) => /^\s*(?:select|insert|update)\b/.test(sql));
    expect(queries).toHaveLength(6);
    const plan = queries.flatMap((sql) => planOf(database, sql, []));
    expect(plan).toEqual([
      "SEARCH metric_series USING INDEX metric_series_hash (series_hash=?)",
      "SEARCH metric_series USING INTEGER PRIMARY KEY (rowid=?)",
      "SEARCH metric_names USING INTEGER PRIMARY KEY (rowid=?)",
    ]);
  });
});

const derive = () => ({ llmProvider: null, operation: null, alert: null, ownership: null });

test("points stay where derived tables are made anew", async () => {
  const database = await openWriter("rebuilt");
  createPointWriter(database).write([buildPoint(buildSeries(), 1)]);
  const before = readTables(database);
  rebuildDerived(database, { derive, prices: createPriceBook([]) });
  expect(readTables(database)).toEqual(before);
});

interface Statement {
  readonly sql: string;
  readonly parameters: readonly unknown[];
}

function runOn(database: Database.Database, statements: Statement[] = []) {
  return async <Row>(sql: string, parameters: readonly unknown[]): Promise<Row[]> => {
    statements.push({ sql, parameters });
    return database.prepare<unknown[], Row>(sql).all(...parameters);
  };
}

function planOf(database: Database.Database, sql: string, parameters: readonly unknown[]): readonly string[] {
  const steps = database.prepare<unknown[], { readonly detail: string }>(`explain query plan ${sql}`);
  return steps.all(...parameters).map(({ detail }) => detail);
}

describe("a read, with and without rows,", async () => {
  const filled = await openWriter("filled");
  const empty = await openWriter("empty");
  createPointWriter(filled).write(
    Array.from({ length: 3_000 }, (_, index) =>
      buildPoint(
        buildSeries({ name: index % 2 === 0 ? "m" : "n", agentId: `a${index % 3}`, attributes: { n: index % 300 } }),
        index,
      ),
    ),
  );

  async function readOn(read: (reader: Reader) => Promise<unknown>) {
    const statements: Statement[] = [];
    await read(createReaderOn(runOn(filled, statements), 100));
    const plan = statements.flatMap(({ sql, parameters }) =>
      [filled, empty].flatMap((database) => planOf(database, sql, parameters)),
    );
    // What a statement makes for itself, of keys and of attributes, is small.
    const scans = plan.filter((step) => step.startsWith("SCAN") && !/^SCAN [jk] (?:EXISTS )?VIRTUAL TABLE/.test(step));
    return { count: statements.length, plan, scans, sorts: plan.filter((step) => step.includes("TEMP B-TREE")) };
  }

  const range = { fromMicros: pointFromMicros, toMicros: pointFromMicros + 1 };
  const filters: readonly Partial<PointFilter>[] = [null, "a1"].flatMap((agentId) =>
    [null, "scope"].flatMap((scopeName) =>
      [[], [{ key: "n", value: "7" }]].flatMap((attributes) => [
        { agentId, scopeName, attributes },
        { agentId, scopeName, attributes, ...range },
      ]),
    ),
  );

  test("of points walks the index of names and the key of the points, for every combination of filters", async () => {
    const place = { seriesKey: 4, point: { timeNanos: pointFromNanos, hash: "00" } };
    for (const filter of filters) {
      for (const after of [null, { seriesKey: 4, point: null }, place]) {
        for (const limit of [1, 500]) {
          const found = await readOn((reader) =>
            reader.listPoints({ filter: { ...everyPoint, ...filter }, after, limit }),
          );
          expect([found.scans, found.sorts]).toEqual([[], []]);
          expect(found.count).toBeLessThanOrEqual(4);
          const index = filter.agentId === null ? "metric_series_by_name" : "metric_series_by_agent";
          // The page of a place within a series may end in it.
          const isWalked = found.plan.some((step) => step.includes(`INDEX ${index} (`));
          expect(isWalked || after === place).toBe(true);
        }
      }
    }
  });

  test("of the rest of a series begins at its place", async () => {
    const after = { seriesKey: 1, point: { timeNanos: pointFromNanos, hash: "00" } };
    const { plan } = await readOn((reader) =>
      reader.listPoints({ filter: { ...everyPoint, ...range }, after, limit: 1 }),
    );
    expect(plan).toContainEqual(
      expect.stringMatching(
        /^SEARCH p USING PRIMARY KEY \(series_key=\? AND (?:\(time_nanos,content_hash\)>|time_nanos>)/,
      ),
    );
  });

  test.for([
    [null, null],
    ["a1", null],
    [null, { name: "m", type: "gauge", unit: "s" }],
    ["a1", { name: "m", type: "gauge", unit: "s" }],
  ] as const)("of the metrics of %s after %o is one walk along an index", async ([agentId, after]) => {
    const { count, plan, sorts } = await readOn((reader) => reader.listMetrics({ agentId, after, limit: 10 }));
    expect(count).toBe(1);
    expect(sorts).toEqual([]);
    const index = agentId === null ? "metric_names_by_name" : "metric_names_by_agent";
    expect(plan.every((step) => step.includes(`INDEX ${index}`))).toBe(true);
  });
});
