import { readFileSync, writeFileSync } from "node:fs";
import process from "node:process";
import { describe, expect, test } from "vitest";
import { type FilteredList, type FilterFieldKind, filterFields } from "../src/model/filter.ts";
import { filterLengthMax } from "../src/model/limits.ts";
import { filterComparisonsMax, filterDepthMax, parseFilter } from "../src/query/filter/filter-parser.ts";
import { examinedRowsMaxDefault } from "../src/store/sqlite/reader.ts";

const path = new URL("../docs/filters.md", import.meta.url);
const lists = Object.keys(filterFields) as readonly FilteredList[];

/** The tables of the page, as the code has them. With UPDATE_README=1 the test writes them instead of comparing. */
const tables: Readonly<Record<string, string>> = {
  fields: table(
    ["list", "fields"],
    lists.map((list) => [`\`${list}\``, fieldsText(filterFields[list])]),
  ),
  limits: table(
    ["of a filter", "at most"],
    [
      ["characters (UTF-16 units)", number(filterLengthMax)],
      ["comparisons", number(filterComparisonsMax)],
      ["parentheses in each other", number(filterDepthMax)],
    ],
  ),
};

describe("the page about filters", () => {
  test.each(Object.entries(tables))("has the table of %s that the code has", (name, expected) => {
    const page = readFileSync(path, "utf8");
    const pattern = new RegExp(`(<!-- ${name} -->\n)(?:\n\\|[^]*?\n(?!\\|))?`);
    const updated = page.replace(pattern, `$1\n${expected}`);
    if (process.env["UPDATE_README"] === "1") writeFileSync(path, updated);
    expect(readFileSync(path, "utf8")).toBe(updated);
  });

  test("has a filter that can be read for every list", () => {
    const page = readFileSync(path, "utf8");
    const examples = [...page.matchAll(/\/(\w+)(?:\/watch)?' --data-urlencode 'filter=([^']*)'/g)];
    for (const [, list, filter] of examples) {
      const known = lists.find((candidate) => candidate === list);
      if (known === undefined) throw new Error(`there is no list ${list}`);
      expect(parseFilter(known, filter ?? "")).not.toBeNull();
    }
    expect(new Set(examples.map(([, list]) => list))).toEqual(new Set(lists));
    expect(page).toContain(`at most ${number(examinedRowsMaxDefault)} items`);
  });
});

/** The fields by kind, as "text: a, b; number: c". */
function fieldsText(fields: Readonly<Record<string, FilterFieldKind>>): string {
  const byKind = Map.groupBy(Object.entries(fields), ([, kind]) => kindText(kind));
  return [...byKind]
    .map(([kind, entries]) => `${kind}: ${entries.map(([name]) => `\`${name}\``).join(", ")}`)
    .join("<br>");
}

function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  return [head, head.map(() => "---"), ...rows].map((cells) => `| ${cells.join(" | ")} |\n`).join("");
}

function number(value: number): string {
  return value.toLocaleString("en-GB");
}

function kindText(kind: FilterFieldKind): string {
  return typeof kind === "string" ? kind : kind.join(" or ");
}
