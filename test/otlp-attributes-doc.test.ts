import { readFileSync, writeFileSync } from "node:fs";
import process from "node:process";
import { describe, expect, test } from "vitest";
import type { Alias } from "../src/ingest/otlp/alias.ts";
import { attributeTable } from "../src/ingest/otlp/attribute-table.ts";
import { messageAttributes, messageEvents, parameterTable } from "../src/ingest/otlp/content-table.ts";
import { aliasText } from "../src/ingest/otlp/explanation.ts";
import {
  kindTable,
  type LogOperation,
  logOperations,
  repeatingSpans,
  wrapperAttributes,
  wrapperScopes,
} from "../src/ingest/otlp/operation-table.ts";

const path = new URL("../docs/otlp-attributes.md", import.meta.url);

/** The tables of the page, as the code has them. With UPDATE_README=1 the test writes them instead of comparing. */
const tables: Readonly<Record<string, string>> = {
  kinds: table(
    ["attribute", "kinds by value"],
    kindTable.map(({ alias, kinds, any }) => [
      aliasCell(alias),
      any === undefined ? kindsText(kinds ?? {}) : `${any}, whatever the value`,
    ]),
  ),
  logs: table(
    ["log record", "kind", "where"],
    [...logOperations].map(([name, operation]) => [`\`${name}\``, operation.kind, conditionsText(operation)]),
  ),
  repeating: table(
    ["spans", "text"],
    [
      ["whose name begins with", listText(repeatingSpans.names)],
      ["of the library", listText(repeatingSpans.scopes)],
      ["of a server, under a span of another process, with", listText(repeatingSpans.servedAttributes)],
    ],
  ),
  fields: table(
    ["fact", "names, the first that is there counts"],
    Object.entries(attributeTable).map(([field, aliases]) => [`\`${field}\``, aliases.map(aliasCell).join("<br>")]),
  ),
  parameters: table(
    ["attribute", "parameter"],
    parameterTable.map(({ attribute, convention, parameter }) => [
      `\`${attribute}${parameter === undefined ? ".*" : ""}\` (${convention})`,
      parameter === undefined ? "what stands behind" : `\`${parameter}\``,
    ]),
  ),
  messages: table(
    ["event", "role where none is told"],
    [
      ...[...messageEvents].map(([name, { role }]) => [`\`${name}\``, role]),
      ...[...messageAttributes].map(([name, { attribute, role }]) => [`\`${name}\`, attribute \`${attribute}\``, role]),
    ],
  ),
  wrappers: table(
    ["where", "text"],
    [
      ["name of the library", listText(wrapperScopes)],
      ...wrapperAttributes.map(({ attribute, values }) => [`\`${attribute}\``, listText(values)]),
    ],
  ),
};

describe("the page about attributes of OpenTelemetry", () => {
  test.each(Object.entries(tables))("has the table of %s that the code has", (name, expected) => {
    const page = readFileSync(path, "utf8");
    const pattern = new RegExp(`(<!-- ${name} -->\n)(?:\n\\|[^]*?\n(?!\\|))?`);
    const updated = page.replace(pattern, (_, mark: string) => `${mark}\n${expected}`);
    if (process.env["UPDATE_README"] === "1") writeFileSync(path, updated);
    expect(readFileSync(path, "utf8")).toBe(updated);
  });
});

function aliasCell(alias: Alias): string {
  const { convention, isDeprecated, when, isOfRoot, counts } = alias;
  const remarks = [
    convention,
    ...(isDeprecated ? ["older"] : []),
    ...(counts === null ? [] : [counts]),
    ...(isOfRoot ? ["where no span lies above"] : []),
    ...(when === null ? [] : [`where \`${when.attribute}\` is ${when.values?.join(" or ") ?? "there"}`]),
  ];
  return `\`${aliasText(alias)}\` (${remarks.join(", ")})`;
}

/** The values by kind, as "llm: `chat`, `embeddings`; tool: `execute_tool`". */
function kindsText(kinds: Readonly<Record<string, string>>): string {
  const byKind = Map.groupBy(Object.entries(kinds), ([, kind]) => kind);
  return [...byKind]
    .map(([kind, entries]) => `${kind}: ${entries.map(([value]) => `\`${value}\``).join(", ")}`)
    .join("; ");
}

function conditionsText({ when = [], withoutSpan, exceptService }: LogOperation): string {
  return [
    ...when.map(({ attribute, value }) => `\`${attribute}\` is ${value === undefined ? "there" : `\`${value}\``}`),
    ...(withoutSpan === true ? ["it lies in no span"] : []),
    ...(exceptService === undefined
      ? []
      : [`the service is not \`${exceptService}\`, which tells it by its own record`]),
  ].join(", ");
}

function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  return [head, head.map(() => "---"), ...rows].map((cells) => `| ${cells.join(" | ")} |\n`).join("");
}

function listText(names: readonly string[]): string {
  return names.map((name) => `\`${name}\``).join(", ");
}
