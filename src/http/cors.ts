import type { FastifyCorsOptions } from "@fastify/cors";
import { requestIdHeader } from "./request-id.ts";

/** Which web pages may call, and the headers of the protocols that they may use. */
export interface CorsSettings {
  /** Origins as browsers send them: scheme, host and, unless it is the scheme's own, port, as `http://localhost:3000`. */
  readonly origins: readonly string[];
  /** Request headers that a page may send, besides `content-type` and `x-request-id`: those of Connect and gRPC-Web. */
  readonly allowedHeaders: readonly string[];
  /** Reply headers that a page may read, besides `Link`, `Retry-After` and `x-request-id`: those of Connect, gRPC and gRPC-Web. */
  readonly exposedHeaders: readonly string[];
}

/** Request headers of exporters of OpenTelemetry: compression, keys, and what instrumentation adds to every request of a page. */
export const otlpRequestHeaders: readonly string[] = [
  "content-encoding",
  "authorization",
  "x-api-key",
  "x-otlp-api-key",
  "traceparent",
  "tracestate",
  "baggage",
];

/** How long a browser may remember what it was allowed, in seconds: what Chrome takes at most. */
const preflightMaxAgeSeconds = 7_200;

/**
 * Options for `@fastify/cors`, or undefined where no origin is named: then it is not to be registered, and no page of another origin
 * can read a reply. Never with credentials. Throws if an origin is not in the form that browsers send: it would match nothing, or,
 * as `*`, everything.
 */
export function createCorsOptions(settings: CorsSettings): FastifyCorsOptions | undefined {
  if (settings.origins.length === 0) {
    return undefined;
  }
  const wrong = settings.origins.find((origin) => !isOrigin(origin));
  if (wrong !== undefined) {
    throw new TypeError(`not an origin: "${wrong}"; expected scheme, host and port only, as http://localhost:3000`);
  }
  return {
    origin: [...settings.origins],
    credentials: false,
    methods: ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"],
    allowedHeaders: unique(["content-type", requestIdHeader, ...settings.allowedHeaders]),
    exposedHeaders: unique(["link", "retry-after", requestIdHeader, ...settings.exposedHeaders]),
    maxAge: preflightMaxAgeSeconds,
  };
}

/** Whether a text is an origin in the very form that a browser sends: its `null` and the wildcard are not. */
export function isOrigin(text: string): boolean {
  return URL.canParse(text) && new URL(text).origin === text;
}

/** Header names in lower case, each once. */
function unique(names: readonly string[]): string[] {
  return [...new Set(names.map((name) => name.toLowerCase()))];
}
