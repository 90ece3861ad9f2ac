import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { EventEntity, entities } from "../../../src/store/sqlite/entities.ts";
import { eventColumns, eventToColumns } from "../../../src/store/sqlite/event-row.ts";
import { buildEvent } from "../event-builder.ts";
import { openMigrated } from "./migrated-database.ts";
import { createTemporaryFolder } from "./temporary-folder.ts";

const folder = createTemporaryFolder();

describe("the migrated schema", () => {
  test("is what the entities say", async () => {
    const { orm } = await openMigrated(join(folder, "same.db"));
    expect(await orm.schema.getUpdateSchemaSQL()).toBe("");
    expect(orm.getMetadata().getAll().size).toBe(entities.length);
  });

  // That MikroORM finds no difference means something only as far as it would find one.
  test.for([
    ["a missing index", "drop index events_by_time"],
    ["an index that no entity has", "create index events_by_level on events (level)"],
    [
      "an index with its columns in another order",
      "drop index events_by_agent; create index events_by_agent on events (time_micros, agent_key)",
    ],
    ["an index that is not unique", "drop index events_event_id; create index events_event_id on events (event_id)"],
    ["a missing column", "alter table events drop column schema_version"],
    ["a column that no entity has", "alter table agents add column note text null"],
    [
      "a column that may not be null",
      "alter table events drop column channel; alter table events add column channel text not null default ''",
    ],
    [
      "a column of another type",
      "alter table events drop column caller_line; alter table events add column caller_line text null",
    ],
    [
      "a column that refers to nothing",
      "drop table operations; create table operations (id integer not null primary key autoincrement, agent_key integer not null)",
    ],
  ] as const)("would be told apart from one with %s", async ([name, sql]) => {
    const { orm, database } = await openMigrated(join(folder, `${name}.db`));
    database.exec(sql);
    expect(await orm.schema.getUpdateSchemaSQL()).not.toBe("");
  });

  test("keeps rows that refer to each other", async () => {
    const { database } = await openMigrated(join(folder, "keys.db"));
    expect(database.pragma("foreign_keys", { simple: true })).toBe(1);
    expect(() => database.exec("insert into sessions values (1, 99, 's', 0, 0, 0, 0)")).toThrow(/FOREIGN KEY/);
  });
});

describe("the columns that an event is inserted with", () => {
  test("are all columns of the entity but the sequence", async () => {
    const { orm } = await openMigrated(join(folder, "columns.db"));
    const columns = Object.values(orm.getMetadata().get(EventEntity).properties).flatMap(
      ({ fieldNames }) => fieldNames,
    );
    expect([...eventColumns, "sequence"].sort()).toEqual(columns.sort());
  });

  test("have as many values", () => {
    expect(eventToColumns(buildEvent(), { agentKey: 1, sessionKey: null })).toHaveLength(eventColumns.length);
  });
});
