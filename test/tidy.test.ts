import { readdirSync, readFileSync } from "node:fs";
import { dirname, join, relative, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, test } from "vitest";

const root = fileURLToPath(new URL("..", import.meta.url));

/** Lines that a source file may have. */
const fileMaxLines = 400;

/** What each layer may import of ours and of others; a file belongs to the first layer whose path it begins with. */
const layers: readonly { readonly path: string; readonly may: readonly string[] }[] = [
  { path: "src/model/", may: ["src/model/", "node:"] },
  { path: "src/pricing/", may: ["src/pricing/", "src/model/", "node:"] },
  {
    path: "src/store/sqlite/",
    may: ["src/store/", "src/model/", "src/pricing/", "migrations/", "@mikro-orm/", "better-sqlite3", "node:"],
  },
  {
    path: "src/store/",
    may: ["src/model/", "src/store/metrics.ts", "src/store/metric-points.ts", "src/store/search.ts"],
  },
  { path: "src/ingest/", may: ["src/ingest/", "src/model/", "src/store/store.ts", "node:"] },
  { path: "src/query/", may: ["src/query/", "src/model/", "src/store/store.ts", "node:"] },
  {
    path: "src/rpc/",
    may: ["src/rpc/", "src/query/", "src/ingest/", "src/model/", "gen/", "@bufbuild/", "@connectrpc/", "node:"],
  },
  {
    path: "src/rest/",
    may: [
      "src/rest/",
      "src/rpc/",
      "src/query/",
      "src/ingest/",
      "src/model/",
      "gen/",
      "@bufbuild/",
      "@connectrpc/",
      "fastify",
      "@fastify/",
      "node:",
      "package.json",
    ],
  },
  { path: "src/http/", may: ["src/http/", "src/model/", "fastify", "@fastify/", "@httptoolkit/", "node:"] },
  { path: "src/config.ts", may: ["src/model/", "node:"] },
  { path: "src/main.ts", may: ["src/config.ts", "src/maintenance.ts", "src/server.ts", "pino", "node:"] },
];

const sources = listFiles("src");
const ownFiles = ["src", "test", "bench", "migrations", "proto", "docs", ".ci"]
  .flatMap(listFiles)
  .filter((file) => !file.endsWith(".binpb"));

describe("the repository", () => {
  test.each(layers)("keeps $path to its layer", ({ path, may }) => {
    const files = sources.filter((file) => layers.find((layer) => file.startsWith(layer.path))?.path === path);
    const strangers = files.flatMap((file) =>
      importsOf(file)
        .filter((target) => !may.some((allowed) => target.startsWith(allowed)))
        .map((target) => `${file} imports ${target}`),
    );
    expect(files).not.toEqual([]);
    expect(strangers).toEqual([]);
  });

  test("touches the process in main.ts only", () => {
    expect(sources.filter((file) => /\bprocess\.(env|argv|exit|on|once|stdout|stderr)\b/.test(read(file)))).toEqual([
      "src/main.ts",
    ]);
  });

  test("reads the clock in main.ts only", () => {
    expect(sources.filter((file) => /\bDate\.now\b|\bnew Date\(\)/.test(read(file)))).toEqual(["src/main.ts"]);
  });

  test("has no folder whose name says nothing", () => {
    expect(sources.filter((file) => /\/(utils?|common|helpers?|shared|lib)\//.test(file))).toEqual([]);
  });

  test(`has no source file over ${fileMaxLines} lines`, () => {
    expect(sources.filter((file) => read(file).split("\n").length > fileMaxLines)).toEqual([]);
  });

  test("leaves nothing for later and skips no test", () => {
    const marks = /TO[D]O|FIX[M]E|test\.only|describe\.only/;
    expect(ownFiles.filter((file) => marks.test(read(file)))).toEqual([]);
  });

  test("locks versions without download addresses", () => {
    expect(read("package-lock.json")).not.toMatch(/"resolved": "http/);
  });
});

function importsOf(file: string): string[] {
  const specifiers = read(file).matchAll(/^\s*(?:import|export)\b[^"']*?from "([^"]+)"|^import "([^"]+)"/gm);
  return [...specifiers].map(([, from, bare]) => {
    const specifier = from ?? bare ?? "";
    return specifier.startsWith(".") ? relative(root, resolve(root, dirname(file), specifier)) : specifier;
  });
}

function listFiles(folder: string): string[] {
  return readdirSync(join(root, folder), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => relative(root, join(entry.parentPath, entry.name)));
}

function read(file: string): string {
  return readFileSync(join(root, file), "utf8");
}
