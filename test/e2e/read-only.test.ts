import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { describe, expect, test } from "vitest";
import { canForbidWrites, forbidWrites, mountFragile } from "../file-systems.ts";
import { eventOf, expectUnavailable, postBatch, storedNumbers } from "./numbered-events.ts";
import { openSite } from "./server-process.ts";
import { expectBalanced, getStatus, healthy } from "./server-status.ts";

/** Probes of the server come once a second. */
const twoProbesMs = 2_500;

describe.concurrent("a running server", () => {
  test("whose file system turns read-only says so, answers questions, and has all when that is mended", async (context) => {
    const site = await openSite(context);
    const folder = join(site.folder, "disk");
    const disk = mountFragile(folder, site.onEnd);
    if (disk === null) return context.skip("this user cannot mount a file system from a file");
    const environment = { CYLESTIO_DB_PATH: join(folder, "cylestio.db") };
    const server = await site.start({ environment });
    expect((await postBatch(server.url, [eventOf(1)])).status).toBe(201);

    disk.fail();

    await expectUnavailable(await postBatch(server.url, [eventOf(2)]));
    const degraded = { status: "degraded", problem: expect.stringContaining("its file system is read-only") };
    expect(await getStatus(server.url)).toMatchObject(degraded);
    expect(await server.logged("events cannot be stored")).toMatchObject({ problem: degraded.problem });
    await sleep(twoProbesMs);
    expect(await getStatus(server.url)).toMatchObject(degraded);
    // Told once.
    expect(server.logs.filter(({ msg }) => String(msg).includes("stored"))).toHaveLength(1);
    expect(await storedNumbers(server.url)).toEqual([1]);
    server.kill("SIGTERM");
    expect(await server.exited).toMatchObject({ code: 0 });

    disk.mend();
    const mended = await site.start({ environment });
    expect((await postBatch(mended.url, [eventOf(1), eventOf(2)])).status).toBe(201);
    expect(await storedNumbers(mended.url)).toEqual([1, 2]);
  });

  test("whose files may not be written to for a while says so, and recovers without a restart or traffic", async (context) => {
    const site = await openSite(context);
    if (!canForbidWrites(site.folder)) return context.skip("this user cannot forbid writes to an open file");
    const server = await site.start();
    expect((await postBatch(server.url, [eventOf(1)])).status).toBe(201);
    const path = join(site.folder, "cylestio.db");

    const allow = forbidWrites([path, `${path}-wal`], site.onEnd);

    await expectUnavailable(await postBatch(server.url, [eventOf(2)]));
    const degraded = { status: "degraded", problem: expect.stringContaining("its file may not be written to") };
    await sleep(twoProbesMs);
    expect(await getStatus(server.url)).toMatchObject(degraded);
    expect(await storedNumbers(server.url)).toEqual([1]);

    allow();
    await server.logged("events can be stored again");
    const recovered = await getStatus(server.url);
    expect(recovered).toMatchObject(healthy);
    expectBalanced(recovered, { stored_count: 1, refused_count: 1 });
    expect((await postBatch(server.url, [eventOf(1), eventOf(2)])).status).toBe(201);
    expect(await storedNumbers(server.url)).toEqual([1, 2]);
  });
});
