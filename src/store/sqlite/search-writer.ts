import type { Database } from "better-sqlite3";
import type { TextBatch } from "../store.ts";
import { type Durability, waitForLocks } from "./database-file.ts";
import { storeErrorFrom } from "./store-error.ts";

/**
 * Prepares, on the writer's connection, what adds texts to the search index and moves its cursor, in one transaction.
 *
 * It is not synced: who acknowledges an event does not wait for the disk once more. The log keeps the order of commits, so a power cut
 * that takes the texts takes the cursor too, and they are added again.
 */
export function createSearchWriter(database: Database, durability: Durability): (batch: TextBatch) => void {
  const addText = database.prepare(
    `insert into search_texts (text_hash, agent_key, session_key, sequence, time_micros, kind, role, text)
      select ?, e.agent_key, e.session_key, e.sequence, e.time_micros, ?, ?, ? from events e where e.sequence = ?
      on conflict (text_hash) do nothing`,
  );
  const addToIndex = database.prepare("insert into search_index (rowid, text) values (?, ?)");
  const moveCursor = database.prepare("update search_cursor set sequence = max(sequence, ?) where id = 1");
  const write = database.transaction(({ texts, throughSequence }: TextBatch): void => {
    for (const { hash, sequence, kind, role, text } of texts) {
      const { changes, lastInsertRowid } = addText.run(Buffer.from(hash, "hex"), kind, role, text, sequence);
      if (changes > 0) addToIndex.run(lastInsertRowid, text);
    }
    moveCursor.run(throughSequence);
  });
  return (batch) => {
    try {
      database.pragma("synchronous = normal");
      waitForLocks(database, 0);
      write.immediate(batch);
    } catch (error) {
      throw storeErrorFrom(error);
    } finally {
      waitForLocks(database);
      database.pragma(`synchronous = ${durability}`);
    }
  };
}
