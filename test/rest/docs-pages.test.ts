import { readFile } from "node:fs/promises";
import { describe, expect, test } from "vitest";
import { docsPages } from "../../src/rest/docs-pages.ts";
import { startTestServer } from "./test-server.ts";

async function serve(routerOptions: Readonly<Record<string, unknown>> = {}) {
  const { url } = await startTestServer((app) => app.register(docsPages), { routerOptions });
  return async (path: string, init?: RequestInit) => {
    const reply = await fetch(url + path, { redirect: "manual", ...init });
    return { status: reply.status, headers: Object.fromEntries(reply.headers), text: await reply.text() };
  };
}

const pages = ["/docs", "/docs/", "/redoc", "/redoc/"];
const scripts = ["/docs/start.js", "/redoc/start.js"];

describe("the documentation", () => {
  test.each(pages)("page %s is HTML that may load nothing from elsewhere", async (page) => {
    const get = await serve();
    const { status, headers, text } = await get(page);
    expect(status).toBe(200);
    expect(headers["content-type"]).toBe("text/html; charset=utf-8");
    expect(headers["x-content-type-options"]).toBe("nosniff");
    expect(headers["content-security-policy"]).toMatch(/^default-src 'self'; /);
    expect(headers["content-security-policy"]).not.toMatch(/https?:|\*|unsafe-eval|script-src/);
    expect(text).toMatch(/^<!doctype html>/);
    expect(text).not.toMatch(/(?:https?:)?\/\/[a-z]/i);
    expect(text).not.toMatch(/<script>|\son\w+=/);
  });

  test.each(pages)("page %s refers to what this server has", async (page) => {
    const get = await serve();
    const { text } = await get(page);
    const references = [...text.matchAll(/(?:src|href)="([^"]*)"/g)].map((match) => match[1] ?? "");
    expect(references.length).toBeGreaterThan(2);
    for (const reference of references) {
      expect(reference).toMatch(/^\/(?:docs|redoc)\//);
      const asset = await get(reference);
      expect(asset.status).toBe(200);
      expect(asset.headers["x-content-type-options"]).toBe("nosniff");
      expect(asset.headers["content-type"]).toMatch(
        /^(?:(?:text\/css|(?:text|application)\/javascript); charset=utf-8|image\/png)$/,
      );
      expect(asset.text.length).toBeGreaterThan(30);
    }
  });

  test.each(scripts)("script %s starts the viewer on the document, and asks nobody else", async (script) => {
    const get = await serve();
    const { text } = await get(script);
    expect(text).toContain('"/openapi.json"');
    expect(text).not.toMatch(/\/\/[a-z]/i);
  });

  test("has no validator, and no logo of another host", async () => {
    const get = await serve();
    expect((await get("/docs/start.js")).text).toContain("validatorUrl: null");
    const { text } = await get("/redoc/redoc.standalone.js");
    expect(text).not.toContain("cdn.redoc.ly");
    expect(text).toContain('src:"data:,"');
  });

  test("has the OpenAPI document as it is generated", async () => {
    const get = await serve();
    const { status, headers, text } = await get("/openapi.json");
    expect(status).toBe(200);
    expect(headers["content-type"]).toMatch(/^application\/json/);
    expect(text).toBe(await readFile(new URL("../../gen/openapi.json", import.meta.url), "utf8"));
    expect(headers["etag"]).toBeDefined();
  });

  test("serves no other files of its packages", async () => {
    const get = await serve();
    for (const path of ["/docs/index.html", "/docs/package.json", "/docs/../package.json", "/redoc/package.json"]) {
      expect((await get(path)).status).toBe(404);
    }
  });

  test("answers HEAD", async () => {
    const get = await serve();
    for (const path of ["/docs", "/redoc", "/openapi.json", "/docs/swagger-ui.css"]) {
      expect(await get(path, { method: "HEAD" })).toMatchObject({ status: 200, text: "" });
    }
  });

  test("may be served where the router ignores the slash at the end already", async () => {
    const get = await serve({ ignoreTrailingSlash: true });
    for (const page of pages) expect((await get(page)).status).toBe(200);
  });
});
