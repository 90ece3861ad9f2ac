import type { Cursor, PageQuery } from "../store.ts";
import { type Condition, parametersOf, whereSql } from "./condition.ts";
import type { RunQuery } from "./reader.ts";

/**
 * Where the rows of a list by time are found: along an index that ends with the time and the key. The index is named in the
 * statements, so that no estimate leads SQLite another way.
 */
export interface PageWalk {
  /** The table, its alias and the index, as `operations o indexed by operations_by_kind`. */
  readonly from: string;
  /** Columns of the time and the key. */
  readonly time: string;
  readonly key: string;
  /** What the index serves, beside the place. */
  readonly served: readonly Condition[];
}

/** What to read along the way. */
export interface PageRead extends PageQuery {
  readonly walk: PageWalk;
  readonly columns: string;
  readonly joins: string;
  /** What no index serves: with any of these, the page is picked out of at most `examinedRowsMax` rows. */
  readonly picked: readonly Condition[];
  readonly ascending: boolean;
  readonly examinedRowsMax: number;
}

interface PlaceColumns {
  readonly place_micros: number;
  readonly place_key: number;
}

/** How a direction is spelled in SQL, and what lies beyond a place, or up to it, in that direction. */
const ascendingWords = { order: "asc", beyond: ">", upTo: "<=" } as const;
const descendingWords = { order: "desc", beyond: "<", upTo: ">=" } as const;

/** A page of rows in order of (time, key), and where the next one begins; null if there is nothing further. */
export async function readPage<Row>(
  run: RunQuery,
  { walk, columns, joins, picked, ascending, after, limit, examinedRowsMax }: PageRead,
): Promise<{ readonly rows: readonly Row[]; readonly next: Cursor | null }> {
  const { order, beyond, upTo } = ascending ? ascendingWords : descendingWords;
  const orderSql = `order by ${walk.time} ${order}, ${walk.key} ${order}`;
  const served = [...walk.served, ...(after === null ? [] : [placeCondition(walk, beyond, after)])];
  const windowEnd =
    picked.length === 0 ? null : await findWindowEnd(run, { ...walk, served }, { orderSql, examinedRowsMax });
  const conditions = [...served, ...picked, ...(windowEnd === null ? [] : [placeCondition(walk, upTo, windowEnd)])];
  // One row more than asked for says whether there are more.
  const found = await run<Row & PlaceColumns>(
    `select ${columns}, ${walk.time} as place_micros, ${walk.key} as place_key from ${walk.from} ${joins}
      ${whereSql(conditions)} ${orderSql} limit ?`,
    [...parametersOf(conditions), limit + 1],
  );
  const rows = found.slice(0, limit);
  const last = rows.at(-1);
  if (found.length <= limit || last === undefined) return { rows, next: windowEnd };
  return { rows, next: { micros: last.place_micros, key: last.place_key } };
}

/** Place of the last row that a page may examine; null if there are fewer. Reads the index alone. */
async function findWindowEnd(
  run: RunQuery,
  { from, time, key, served }: PageWalk,
  { orderSql, examinedRowsMax }: { readonly orderSql: string; readonly examinedRowsMax: number },
): Promise<Cursor | null> {
  const [row] = await run<Cursor>(
    `select ${time} as micros, ${key} as key from ${from} ${whereSql(served)} ${orderSql} limit 1 offset ?`,
    [...parametersOf(served), examinedRowsMax - 1],
  );
  return row ?? null;
}

function placeCondition({ time, key }: PageWalk, operator: string, { micros, key: at }: Cursor): Condition {
  return { sql: `(${time}, ${key}) ${operator} (?, ?)`, parameters: [micros, at] };
}
