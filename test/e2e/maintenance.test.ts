import { spawnSync } from "node:child_process";
import { join } from "node:path";
import process from "node:process";
import { fileURLToPath } from "node:url";
import { describe, expect, test } from "vitest";
import { openSite } from "./server-process.ts";

const mainPath = fileURLToPath(new URL("../../src/main.ts", import.meta.url));

/** Runs `node src/main.ts` with these arguments on the database of the folder, to its end. */
function run(folder: string, ...args: readonly string[]) {
  const env = { HOME: folder, CYLESTIO_DB_PATH: join(folder, "cylestio.db") };
  const { status, stdout, stderr } = spawnSync(process.execPath, [mainPath, ...args], { env, encoding: "utf8" });
  return { status, stdout, stderr };
}

describe("what is done to a database without a server", () => {
  test("is refused while a server runs on it, and is done once that is stopped", async (context) => {
    const site = await openSite(context);
    const { folder } = site;
    const server = await site.start();
    const event = { timestamp: "2025-01-15T10:00:00Z", agent_id: "a", name: "n", attributes: {} };
    const headers = { "content-type": "application/json" };
    const sent = await fetch(`${server.url}/api/v1/telemetry`, {
      method: "POST",
      headers,
      body: JSON.stringify(event),
    });
    expect(sent.status).toBe(202);

    const commands = [["rebuild"], ["reprice"], ["reprice", "--apply"]] as const;
    const refused = { status: 1, stdout: "", stderr: expect.stringContaining("Another server is running on") };
    for (const command of commands) expect(run(folder, ...command)).toEqual(refused);
    server.kill("SIGTERM");
    expect(await server.exited).toMatchObject({ code: 0 });

    const answers = commands.map((command) => run(folder, ...command));
    const made = "Agents, sessions, calls, alerts and counters are made anew from 1 events.\n";
    expect(answers).toEqual(
      [made, "No cost changes.\n", "No cost changes.\n"].map((stdout) => ({ status: 0, stdout, stderr: "" })),
    );
  });

  test.for([
    ["rebuild", "--aply"],
    ["reprice", "--aply"],
    ["rebild", ""],
  ] as const)("is refused with the argument that is wrong: %s %s", async ([command, option], context) => {
    const { folder } = await openSite(context);
    const wrong = option || command;
    expect(run(folder, command, ...(option ? [option] : []))).toEqual({
      status: 2,
      stdout: "",
      stderr: expect.stringContaining(`unknown argument ${wrong}`),
    });
  });
});
