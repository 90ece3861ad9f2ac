import { fromJson } from "@bufbuild/protobuf";
import { describe, expect, test } from "vitest";
import { serveKitchenSink } from "./kitchen-sink.ts";
import { getTestMessage } from "./test-contract.ts";
import { sendRaw } from "./test-server.ts";

describe("a page in a bare array", () => {
  const books = {
    list: () => fromJson(getTestMessage("ListResponse"), { books: [{ text: "x" }], nextPageToken: "t+/=" }),
  };

  test.each([
    ["/shelves/s/books", '</shelves/s/books?page_token=t%2B%2F%3D>; rel="next"'],
    ["/shelves/s/books/", '</shelves/s/books/?page_token=t%2B%2F%3D>; rel="next"'],
    [
      "/shelves/a%2Fb/books?genre=a%20b&page_size=2&offset=5&skip=&page_token=old&pageToken=old&unknown=1",
      '</shelves/a%2Fb/books?genre=a+b&page_size=2&unknown=1&page_token=t%2B%2F%3D>; rel="next"',
    ],
    ["/shelves/s/books?x=%3E%22%0A", '</shelves/s/books?x=%3E%22%0A&page_token=t%2B%2F%3D>; rel="next"'],
  ])("links from %s to the next page", async (path, link) => {
    const { url } = await serveKitchenSink(books);
    const reply = await fetch(url + path);
    expect(reply.headers.get("link")).toBe(link);
    expect(await reply.json()).toEqual([{ text: "x", inner: null, number: 0, at_time: null }]);
  });

  test("keeps the path of the link harmless", async () => {
    const { port } = await serveKitchenSink(books);
    const reply = await sendRaw(port, { path: '/shelves/a>"b/books' });
    expect(reply.headers["link"]).toBe('</shelves/a%3E%22b/books?page_token=t%2B%2F%3D>; rel="next"');
    const absolute = await sendRaw(port, { path: "http://elsewhere/shelves/s/books?genre=x" });
    expect(absolute.headers["link"]).toBe('</shelves/s/books?genre=x&page_token=t%2B%2F%3D>; rel="next"');
  });

  test("never links to another host", async () => {
    const { port } = await serveKitchenSink(books, {}, { ignoreDuplicateSlashes: true });
    const reply = await sendRaw(port, { path: "//shelves/s/books" });
    expect(reply.headers["link"]).toMatch(/^<\/shelves/);
  });

  test("has no link on its last page, and a whole response has none at all", async () => {
    const last = await serveKitchenSink();
    expect((await fetch(`${last.url}/shelves/s/books`)).headers.get("link")).toBeNull();
    const { url } = await serveKitchenSink(books);
    const whole = await fetch(`${url}/whole/s/books`);
    expect(whole.headers.get("link")).toBeNull();
    expect(await whole.json()).toMatchObject({ next_page_token: "t+/=" });
  });
});
