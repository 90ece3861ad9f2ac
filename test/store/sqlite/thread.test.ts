import { describe, expect, onTestFinished, test } from "vitest";
import { TelemetryError } from "../../../src/model/error.ts";
import { startThread } from "../../../src/store/sqlite/thread.ts";
import type { OddMethods, Start } from "./odd-thread.ts";

const moduleUrl = new URL("./odd-thread.ts", import.meta.url);
const start = (how: Start = "well") => startThread<OddMethods>(moduleUrl, { name: "odd", data: how });

/** A thread that is closed when the test ends. */
async function open() {
  const thread = await start();
  onTestFinished(() => thread.close());
  return thread;
}

const died = { name: "TelemetryError", reason: "STORE_UNAVAILABLE", message: "the odd thread of the database died" };

describe("a call of a thread", () => {
  test("is answered with what the method gives, each with its own", async () => {
    const { methods } = await open();
    const values = Array.from({ length: 50 }, (_, number) => [
      number,
      { text: `${number}`, big: 2n ** 64n, none: null },
    ]);
    expect(await Promise.all(values.map((args) => methods.echo(...args)))).toEqual(values);
  });

  test("rejects with the reason that the thread threw, and what follows from it", async () => {
    const { methods } = await open();
    const error = await methods.unavailable().catch((error: unknown) => error);
    expect(error).toBeInstanceOf(TelemetryError);
    expect(error).toMatchObject({
      reason: "STORE_UNAVAILABLE",
      message: "the disk is full",
      retryDelayMs: 1000,
      kind: { code: "unavailable", httpStatus: 503 },
      stack: expect.stringContaining("odd-thread.ts"),
    });
  });

  test("rejects with the message of a fault, which is no TelemetryError, and where it happened", async () => {
    const { methods } = await open();
    const error = await methods.fault().catch((error: unknown) => error);
    expect(error).not.toBeInstanceOf(TelemetryError);
    expect(error).toMatchObject({
      message: "a fault of the thread",
      stack: expect.stringContaining("odd-thread.ts"),
    });
  });

  test("rejects where argument or result cannot be copied, and the thread goes on", async () => {
    const { methods } = await open();
    await expect(methods.echo(() => undefined)).rejects.toThrow("could not be cloned");
    await expect(methods.uncloneable()).rejects.toThrow("could not be cloned");
    expect(await methods.echo(1)).toEqual([1]);
  });

  test("of a method that it does not have rejects, and the thread goes on", async () => {
    const thread = await startThread<OddMethods & { readonly other: () => Promise<void> }>(moduleUrl, {
      name: "odd",
      data: "well",
    });
    onTestFinished(() => thread.close());
    await expect(thread.methods.other()).rejects.toThrow("the thread has no method other");
    expect(await thread.methods.echo(1)).toEqual([1]);
  });
});

describe("the start of a thread", () => {
  test("rejects with the fault that it threw", async () => {
    await expect(start("throws")).rejects.toThrow("no such database");
  });

  test("rejects with the reason that it threw", async () => {
    await expect(start("unavailable")).rejects.toMatchObject({
      reason: "STORE_UNAVAILABLE",
      message: "the disk is away",
    });
  });

  test("rejects if the thread ends", async () => {
    await expect(start("dies")).rejects.toMatchObject(died);
  });

  test("rejects if its module cannot be loaded", async () => {
    const missing = startThread<OddMethods>(new URL("./no-such-module.ts", import.meta.url), {
      name: "odd",
      data: "well",
    });
    await expect(missing).rejects.toMatchObject(died);
  });
});

describe("a thread that dies", () => {
  test.for(["throwLater", "exit"] as const)(
    "by %s fails every call with STORE_UNAVAILABLE, and can be closed",
    async (how) => {
      const { methods, close } = await start();
      const underWay = [methods.never(), methods.never()].map((call) => call.catch((error: unknown) => error));
      // It may be answered before the end.
      await methods[how]().catch(() => undefined);
      for (const error of await Promise.all(underWay)) expect(error).toMatchObject(died);
      await expect(methods.echo(1)).rejects.toMatchObject(died);
      await close();
      await close();
    },
  );
});

describe("closing a thread", () => {
  test("comes after the calls under way, and ends every later one", async () => {
    const { methods, close } = await start();
    const calls = Promise.all([methods.echoLater(1), methods.echoLater(2)]);
    await close();
    expect(await calls).toEqual([1, 2]);
    await expect(methods.echo(1)).rejects.toMatchObject(died);
    await close();
  });
});
