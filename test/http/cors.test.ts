import { cors } from "@connectrpc/connect";
import fastifyCors from "@fastify/cors";
import { describe, expect, test } from "vitest";
import { createCorsOptions, isOrigin } from "../../src/http/cors.ts";
import { createApp, listen } from "./one-port-app.ts";

const page = "http://localhost:3000";

async function listenWithCors(origins: readonly string[]): Promise<string> {
  const app = createApp();
  const options = createCorsOptions({
    origins,
    allowedHeaders: cors.allowedHeaders,
    exposedHeaders: cors.exposedHeaders,
  });
  if (options !== undefined) {
    await app.register(fastifyCors, options);
  }
  return `http://127.0.0.1:${await listen(app)}/version`;
}

function corsHeaders(response: Response): Record<string, string> {
  return Object.fromEntries([...response.headers].filter(([name]) => name.startsWith("access-control-")));
}

describe("createCorsOptions", () => {
  test("gives none where no origin is named, so that no page reads a reply", async () => {
    const url = await listenWithCors([]);

    const response = await fetch(url, { headers: { origin: page } });

    expect([response.status, corsHeaders(response)]).toEqual([200, {}]);
  });

  test("lets the pages of the named origins read replies and what they need of the headers, without credentials", async () => {
    const url = await listenWithCors(["https://dash.example", page]);

    const response = await fetch(url, { headers: { origin: page } });

    expect(corsHeaders(response)).toEqual({
      "access-control-allow-origin": page,
      "access-control-expose-headers":
        "link, retry-after, x-request-id, grpc-status, grpc-message, grpc-status-details-bin, content-encoding, connect-content-encoding",
    });
    expect(response.headers.get("vary")).toBe("Origin");
  });

  test.each(["http://localhost:3001", "https://localhost:3000", "http://evil.example", "null"])(
    "gives a page of %s no access",
    async (origin) => {
      const url = await listenWithCors([page]);

      const response = await fetch(url, { headers: { origin } });

      expect(response.headers.get("access-control-allow-origin")).toBeNull();
    },
  );

  test("answers the browser's question before a call of Connect-Web", async () => {
    const url = await listenWithCors([page]);
    const asked = { origin: page, "access-control-request-method": "POST" };

    const response = await fetch(url, { method: "OPTIONS", headers: asked });

    const allowed = response.headers.get("access-control-allow-headers")?.split(", ");
    expect(response.status).toBe(204);
    expect(response.headers.get("access-control-allow-origin")).toBe(page);
    expect(response.headers.get("access-control-allow-methods")).toContain("POST");
    expect(allowed).toEqual(expect.arrayContaining(["content-type", "x-request-id", "connect-protocol-version"]));
    expect(new Set(allowed).size).toBe(allowed?.length);
  });

  test.each([
    "*",
    "null",
    "localhost:3000",
    "http://localhost:3000/",
    "http://LOCALHOST:3000",
    "http://localhost:80",
    "",
  ])("refuses %j as an origin", (origin) => {
    expect(isOrigin(origin)).toBe(false);
    expect(() => createCorsOptions({ origins: [page, origin], allowedHeaders: [], exposedHeaders: [] })).toThrow(
      `not an origin: "${origin}"`,
    );
  });
});
