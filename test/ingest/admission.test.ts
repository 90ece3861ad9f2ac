import { describe, expect, test } from "vitest";
import { createAdmission, type Load } from "../../src/ingest/admission.ts";
import { TelemetryError } from "../../src/model/error.ts";

const max: Load = { events: 10, bytes: 1000 };
const settle = () => new Promise<void>((resolve) => setImmediate(resolve));

const load = (events: number): Load => ({ events, bytes: 0 });

/** Waits for room, and notes by name who got it. */
function waitAll(admission: ReturnType<typeof createAdmission>, loads: Readonly<Record<string, Load>>) {
  const admitted = new Map<string, () => void>();
  for (const [name, load] of Object.entries(loads)) {
    void admission.wait(load).then((leave) => admitted.set(name, leave));
  }
  return admitted;
}

describe("a load that is entered", () => {
  test.for([
    ["events", { events: 4, bytes: 0 }, { events: 5, bytes: 0 }],
    ["bytes", { events: 1, bytes: 400 }, { events: 1, bytes: 401 }],
  ] as const)("fits up to the bound of %s and not one past it", ([, fitting, beyond]) => {
    const admission = createAdmission(max);
    admission.enter({ events: 6, bytes: 600 });
    expect(() => admission.enter(beyond)).toThrow(TelemetryError);
    expect(() => admission.enter(beyond)).toThrow(
      expect.objectContaining({ reason: "OVERLOADED", retryDelayMs: 1000 }),
    );
    // What was refused holds nothing.
    admission.enter(fitting)();
    admission.enter(fitting);
    expect(() => admission.enter({ events: 1, bytes: 1000 })).toThrow(TelemetryError);
  });

  test.for([
    { events: 11, bytes: 0 },
    { events: 1, bytes: 1001 },
    { events: 1_000, bytes: 1_000_000 },
  ])("of %o, beyond the bounds by itself, is admitted alone only", (oversize) => {
    const admission = createAdmission(max);
    const leaveSmall = admission.enter({ events: 1, bytes: 1 });
    expect(() => admission.enter(oversize)).toThrow(TelemetryError);
    leaveSmall();
    const leave = admission.enter(oversize);
    expect(() => admission.enter({ events: 1, bytes: 1 })).toThrow(TelemetryError);
    leave();
    admission.enter({ events: 10, bytes: 1000 });
  });

  test("that leaves twice gives its room back once", () => {
    const admission = createAdmission(max);
    const leave = admission.enter({ events: 5, bytes: 0 });
    admission.enter({ events: 5, bytes: 0 });
    leave();
    leave();
    admission.enter({ events: 5, bytes: 0 });
    expect(() => admission.enter({ events: 1, bytes: 0 })).toThrow(TelemetryError);
  });

  test("does not pass those who wait", async () => {
    const admission = createAdmission(max);
    const leave = admission.enter({ events: 6, bytes: 0 });
    const admitted = waitAll(admission, { large: { events: 5, bytes: 0 } });
    await settle();
    expect(() => admission.enter({ events: 1, bytes: 0 })).toThrow(TelemetryError);
    leave();
    await settle();
    expect([...admitted.keys()]).toEqual(["large"]);
    admission.enter({ events: 5, bytes: 0 });
  });
});

describe("a load that waits", () => {
  test("gets in at once where there is room", async () => {
    const admission = createAdmission(max);
    const admitted = waitAll(admission, { a: { events: 10, bytes: 1000 } });
    await settle();
    expect([...admitted.keys()]).toEqual(["a"]);
  });

  test("gets in in its turn, also if a later one would fit sooner, and several at a time as they fit", async () => {
    const admission = createAdmission(max);
    const leave = admission.enter({ events: 8, bytes: 0 });
    const admitted = waitAll(admission, { a: load(5), b: load(1), c: load(4), d: load(1) });
    await settle();
    expect([...admitted.keys()]).toEqual([]);
    leave();
    await settle();
    expect([...admitted.keys()]).toEqual(["a", "b", "c"]);
    admitted.get("b")?.();
    await settle();
    expect([...admitted.keys()]).toEqual(["a", "b", "c", "d"]);
  });

  test("waits for both bounds", async () => {
    const admission = createAdmission(max);
    const leaveBytes = admission.enter({ events: 1, bytes: 1000 });
    const leaveEvents = admission.enter({ events: 9, bytes: 0 });
    const admitted = waitAll(admission, { a: { events: 2, bytes: 1 } });
    leaveEvents();
    await settle();
    expect(admitted.size).toBe(0);
    leaveBytes();
    await settle();
    expect(admitted.size).toBe(1);
  });

  test("of more than the bounds gets in when nothing else is held, and those after it when it has left", async () => {
    const admission = createAdmission(max);
    const leave = admission.enter({ events: 1, bytes: 0 });
    const admitted = waitAll(admission, { huge: { events: 100, bytes: 1 }, after: { events: 1, bytes: 1 } });
    await settle();
    expect(admitted.size).toBe(0);
    leave();
    await settle();
    expect([...admitted.keys()]).toEqual(["huge"]);
    admitted.get("huge")?.();
    await settle();
    expect([...admitted.keys()]).toEqual(["huge", "after"]);
  });

  test("of nothing gets in in its turn and holds nothing", async () => {
    const admission = createAdmission(max);
    const leave = admission.enter({ events: 10, bytes: 1000 });
    const nothing: Load = { events: 0, bytes: 0 };
    const admitted = waitAll(admission, { full: { events: 10, bytes: 0 }, nothing });
    await settle();
    expect(admitted.size).toBe(0);
    leave();
    await settle();
    expect([...admitted.keys()]).toEqual(["full", "nothing"]);
    admitted.get("full")?.();
    admission.enter({ events: 10, bytes: 1000 });
    admitted.get("nothing")?.();
    expect(() => admission.enter({ events: 1, bytes: 0 })).toThrow(TelemetryError);
  });
});
