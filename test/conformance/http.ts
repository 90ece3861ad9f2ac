import { expect } from "vitest";

/** What a server answered to a plain HTTP request. */
export interface Reply {
  readonly status: number;
  readonly headers: Headers;
  readonly text: string;
}

/** The body of every REST error. */
export interface ErrorBody {
  readonly error: {
    readonly code: string;
    readonly message: string;
    readonly reason: string;
    readonly request_id: string;
    readonly details: readonly ErrorDetail[];
  };
  readonly message: string;
  readonly detail: string;
}

/** One of the details of an error, by its `@type`. */
export interface ErrorDetail extends Readonly<Record<string, unknown>> {
  readonly "@type": string;
}

/** Sends a request and reads all of the answer. Redirects are not followed: there must be none. */
export async function send(url: string, path: string, init: RequestInit = {}): Promise<Reply> {
  const response = await fetch(`${url}${path}`, { redirect: "manual", ...init });
  return { status: response.status, headers: response.headers, text: await response.text() };
}

/** Sends a body as JSON: a text as it stands, anything else as `JSON.stringify` writes it. */
export async function sendJson(url: string, path: string, body: unknown, init: RequestInit = {}): Promise<Reply> {
  return send(url, path, {
    method: "POST",
    body: typeof body === "string" ? body : JSON.stringify(body),
    ...init,
    headers: { "content-type": "application/json", ...init.headers },
  });
}

/** The JSON that a path answers with 200. The caller says what it expects to be in it. */
export async function getJson<Body>(url: string, path: string): Promise<Body> {
  const reply = await send(url, path);
  if (reply.status !== 200) throw new Error(`${path} answered ${reply.status}: ${reply.text}`);
  return parseBody(reply);
}

/** The body of an answer. */
export function parseBody<Body>({ text }: Pick<Reply, "text">): Body {
  // What the tests then compare shows whether the type is right.
  return JSON.parse(text) as Body;
}

/** Path and query of the next page, as the `Link` header says; undefined on the last page. */
export function nextPath({ headers }: Reply): string | undefined {
  const link = headers.get("link");
  if (link === null) return undefined;
  expect(link).toMatch(/^<\/[^/>][^>]*>; rel="next"$/);
  return link.slice(1, link.indexOf(">"));
}

/** All pages of a list from `path` on, by their links. */
export async function pagesFrom<Item>(url: string, path: string): Promise<readonly (readonly Item[])[]> {
  const pages: Item[][] = [];
  for (let next: string | undefined = path; next !== undefined; ) {
    const reply: Reply = await send(url, next);
    if (reply.status !== 200) throw new Error(`${next} answered ${reply.status}: ${reply.text}`);
    pages.push(parseBody(reply));
    next = nextPath(reply);
  }
  return pages;
}

/** What a REST error says, in the same words as `callError`. */
export interface RestError {
  readonly status: number;
  readonly code: string;
  /** Every reason of its details: there must be exactly one. */
  readonly reasons: readonly string[];
  /** Fields of BadRequest with their reasons, as `page_size FIELD_INVALID`. */
  readonly fields: readonly string[];
  readonly hasRetryInfo: boolean;
  /** Facts for programs, as ErrorInfo has them. */
  readonly metadata: unknown;
  readonly requestId: string;
  readonly message: string;
}

/** Reads a REST error. What the body says twice must be the same. */
export function restError(reply: Reply): RestError {
  const { error, message, detail } = parseBody<ErrorBody>(reply);
  const details = (type: string) => error.details.filter((found) => found["@type"] === `type.googleapis.com/${type}`);
  const reasons = details("google.rpc.ErrorInfo").map((info) => String(info["reason"]));
  const violations = details("google.rpc.BadRequest").flatMap((request) => Object(request)["field_violations"]);
  expect([message, detail, [error.reason]]).toEqual([error.message, error.message, reasons]);
  expect(error.request_id).toBe(reply.headers.get("x-request-id"));
  return {
    status: reply.status,
    code: error.code,
    reasons,
    fields: violations.map(({ field, reason }) => `${field} ${reason}`),
    hasRetryInfo: details("google.rpc.RetryInfo").length > 0,
    metadata: details("google.rpc.ErrorInfo")[0]?.["metadata"] ?? {},
    requestId: error.request_id,
    message,
  };
}
