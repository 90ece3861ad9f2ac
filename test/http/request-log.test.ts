import { randomUUID } from "node:crypto";
import { join } from "node:path";
import { pino } from "pino";
import { describe, expect, onTestFinished, test } from "vitest";
import { parseConfig } from "../../src/config.ts";
import { createServer } from "../../src/server.ts";
import { createFolder } from "../running-server.ts";

/** The lines about requests that a server logs at this level while it answers one. */
async function requestLinesAt(level: string): Promise<readonly Record<string, unknown>[]> {
  const folder = await createFolder();
  const lines: Record<string, unknown>[] = [];
  const settings = { CYLESTIO_PORT: "0", CYLESTIO_DB_PATH: join(folder, "cylestio.db") };
  const server = await createServer({
    config: parseConfig(settings, [], { platform: "linux", homeFolder: folder }),
    logger: pino({ level }, { write: (line: string) => lines.push(JSON.parse(line)) }),
    nowMs: Date.now,
    newId: randomUUID,
  });
  onTestFinished(() => server.close());
  const url = await server.listen();
  await (await fetch(`${url}/api/v1/agents/none`, { headers: { "x-request-id": "mine" } })).text();
  await server.close();
  return lines.filter(({ msg }) => msg === "request");
}

describe("the log of requests", () => {
  test("has a line with the request's id at level debug", async () => {
    expect(await requestLinesAt("debug")).toMatchObject([
      { requestId: "mine", method: "GET", url: "/api/v1/agents/none", status: 404, ms: expect.any(Number) },
    ]);
  });

  test("has none at level info", async () => {
    expect(await requestLinesAt("info")).toEqual([]);
  });
});
