import { execFile, execFileSync } from "node:child_process";
import { existsSync, readdirSync } from "node:fs";
import { mkdir } from "node:fs/promises";
import { join, relative } from "node:path";
import process from "node:process";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { beforeAll, beforeEach, describe, expect, test } from "vitest";
import { killServer, makeFolder, removeFolder, startServerProcess } from "./server-process.ts";

const protoFolder = fileURLToPath(new URL("../../proto", import.meta.url));
const testFolder = fileURLToPath(new URL(".", import.meta.url));

/** Debian's Python, which has Debian's packages; another one may come first in PATH. */
const python = "/usr/bin/python3";

/** What the tests need of Debian, and how to see whether it is there. */
const packages: Readonly<Record<string, () => boolean>> = {
  "python3-grpcio": () => canImport("grpc"),
  "python3-protobuf": () => canImport("google.protobuf"),
  "protobuf-compiler": () => existsSync("/usr/bin/protoc"),
  "protobuf-compiler-grpc": () => existsSync("/usr/bin/grpc_python_plugin"),
  "libprotobuf-dev": () => existsSync("/usr/include/google/protobuf/timestamp.proto"),
};
const missing = Object.keys(packages).filter((name) => packages[name]?.() !== true);
const needs = `needs the Debian packages ${missing.join(" ")}`;

interface PythonAnswers {
  readonly grpc: Readonly<Record<string, unknown>>;
  readonly sdk: {
    readonly answers: readonly unknown[];
    readonly stored: readonly Readonly<Record<string, unknown>>[];
  };
}

let answers: PythonAnswers;

beforeAll(async () => {
  if (missing.length > 0) {
    if (process.env["CI"] === "true") throw new Error(needs);
    console.warn(`Skipped: ${needs}`);
    return undefined;
  }
  const folder = await makeFolder();
  const server = await startServerProcess({ folder });
  const stubs = join(folder, "stubs");
  await generateStubs(stubs);
  const { stdout } = await run(python, ["-B", join(testFolder, "python_client.py"), stubs, server.url]);
  answers = JSON.parse(stdout);
  return async () => {
    await killServer(server);
    await removeFolder(folder);
  };
});

beforeEach(({ skip }) => skip(missing.length > 0, needs));

describe("a Python client with stubs made by protoc", () => {
  test("sends one event, and a second time as a duplicate", () => {
    expect(answers.grpc["unary"]).toEqual([false, true, true]);
  });

  test("reads the event back as it was sent", () => {
    expect(answers.grpc["stored"]).toMatchObject({
      agent_id: "py-unary",
      name: "one",
      session_id: "s1",
      event_time: "2026-01-15T10:00:00.123456Z",
      attributes: { text: "hällo", list: [1, null, { deep: true }] },
    });
  });

  test("sends a batch and learns which event was refused", () => {
    expect(answers.grpc["batch"]).toMatchObject({
      accepted_count: 2,
      rejected_count: 1,
      rejections: [{ index: 1, field: "agent_id", reason: "FIELD_REQUIRED" }],
    });
  });

  test("streams batches, gets their receipts in order, and pages through what was stored", () => {
    const batches = Array.from({ length: 20 }, (_, index) => index + 1);
    expect(answers.grpc["stream"]).toEqual(batches.map((batch) => [batch, 3]));
    expect(answers.grpc["names"]).toEqual(batches.flatMap((batch) => [0, 1, 2].map((index) => `e${batch}.${index}`)));
    expect(answers.grpc["agents"]).toEqual(["py-batch", "py-stream", "py-unary"]);
  });

  test("gets code and reason of errors", () => {
    expect(answers.grpc["bad_event"]).toEqual({
      code: "INVALID_ARGUMENT",
      reason: "FIELD_REQUIRED",
      domain: "cylestio.dev",
    });
    expect(answers.grpc["no_agent"]).toEqual({ code: "NOT_FOUND", reason: "AGENT_NOT_FOUND", domain: "cylestio.dev" });
  });
});

describe("the existing Python SDK's way of sending", () => {
  test("is answered without a redirect on every path that it has had", () => {
    const statuses: readonly (readonly [string, number])[] = [
      ["/", 202],
      ["/v1/telemetry", 201],
      ["/v1/telemetry/", 201],
      ["/api/v1/telemetry", 202],
      ["/api/v1/telemetry/", 202],
      ["/v1/telemetry/v1/telemetry", 201],
    ];
    expect(answers.sdk.answers).toEqual(
      statuses.flatMap(([path, status]) => ["POST", "PUT"].map((method) => [method, path, status, true])),
    );
  });

  test("stores every event, with NaN and Infinity as texts and the time as UTC", () => {
    expect(answers.sdk.stored).toHaveLength(12);
    expect(answers.sdk.stored[3]).toMatchObject({
      timestamp: "2026-01-15T10:00:03.000001Z",
      event_type: "llm.call.finish",
      trace_id: "0af7651916cd43dd8448eb211c80319c",
      data: { path: "/v1/telemetry", score: "NaN", limit: "-Infinity", text: "naïve" },
    });
  });
});

const run = promisify(execFile);

/** The contract and the messages of error details, as a user of protoc makes Python of them. */
async function generateStubs(folder: string): Promise<void> {
  const files = readdirSync(protoFolder, { recursive: true, withFileTypes: true })
    .filter(({ name }) => name.endsWith(".proto"))
    .map(({ parentPath, name }) => relative(protoFolder, join(parentPath, name)));
  await mkdir(folder);
  await run("/usr/bin/protoc", [
    `--proto_path=${protoFolder}`,
    `--proto_path=${testFolder}`,
    "--plugin=protoc-gen-grpc_python=/usr/bin/grpc_python_plugin",
    `--python_out=${folder}`,
    `--grpc_python_out=${folder}`,
    ...files,
    "status_details.proto",
  ]);
}

function canImport(module: string): boolean {
  try {
    execFileSync(python, ["-c", `import ${module}`], { stdio: "ignore" });
    return true;
  } catch {
    // No Python, or it does not have the module: either way it cannot.
    return false;
  }
}
