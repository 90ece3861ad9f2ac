import { describe, expect, test } from "vitest";
import { createRequestIdGenerator, sendRequestId } from "../../src/http/request-id.ts";
import { createApp, listen } from "./one-port-app.ts";

const idFor = (clientId?: string | string[]): string =>
  createRequestIdGenerator(() => "fresh")({ headers: clientId === undefined ? {} : { "x-request-id": clientId } });

describe("createRequestIdGenerator", () => {
  test.each(["a", "req-1", "4bf92f35-77b3:4da6.A_z", "x".repeat(128)])("takes a client's id: %s", (id) => {
    expect(idFor(id)).toBe(id);
  });

  test.each([
    ["none", undefined],
    ["an empty one", ""],
    ["129 characters", "x".repeat(129)],
    ["a line break", "a\nb"],
    ["a line break at the end", "a\n"],
    ["a space", "a b"],
    ["a letter outside ASCII", "ä"],
    ["two of them", "a, b"],
    ["a list", ["a", "b"]],
  ])("makes a fresh id where the client's is unfit: %s", (_what, id) => {
    expect(idFor(id)).toBe("fresh");
  });

  test("makes a new id for each request", () => {
    let made = 0;
    const generate = createRequestIdGenerator(() => `id-${++made}`);

    expect([generate({ headers: {} }), generate({ headers: {} })]).toEqual(["id-1", "id-2"]);
  });
});

describe("sendRequestId", () => {
  test.each([
    ["a reply", "/version", 200],
    ["the reply to an error", "/fails", 500],
    ["the reply to an unknown path", "/nothing", 404],
    ["the reply to a hook's refusal", "/refused", 403],
  ])("puts the id on %s", async (_what, path, status) => {
    const app = createApp();
    app.setGenReqId(createRequestIdGenerator(() => "fresh"));
    app.addHook("onRequest", sendRequestId);
    app.addHook("onRequest", async (request, reply) => {
      if (request.url === "/refused") {
        await reply.code(403).send("no");
      }
    });
    app.get("/fails", () => {
      throw new Error("broken");
    });
    const url = `http://127.0.0.1:${await listen(app)}${path}`;

    const own = await fetch(url, { headers: { "x-request-id": "mine" } });
    const fresh = await fetch(url);

    expect([own.status, own.headers.get("x-request-id")]).toEqual([status, "mine"]);
    expect([fresh.status, fresh.headers.get("x-request-id")]).toEqual([status, "fresh"]);
  });
});
