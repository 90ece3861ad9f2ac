import { request as httpRequest, type RequestOptions } from "node:http";
import type { AddressInfo } from "node:net";
import { type FastifyInstance, type FastifyServerOptions, fastify } from "fastify";
import { onTestFinished } from "vitest";
import { refuseWhileClosing } from "../../src/http/closing.ts";
import { createClientErrorHandler, registerErrorReplies, replyToFrameworkError } from "../../src/rest/error-reply.ts";

/** What a raw request got. */
export interface RawReply {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly text: string;
}

/** A listening application; it closes with the test. */
export interface TestServer {
  readonly app: FastifyInstance;
  readonly url: string;
  readonly port: number;
  /** Lines of the log, parsed. */
  readonly log: readonly Record<string, unknown>[];
}

/** Starts an application with error replies, as the composition root would, and with what `register` adds. */
export async function startTestServer(
  register: (app: FastifyInstance) => unknown,
  options: FastifyServerOptions = {},
): Promise<TestServer> {
  const log: Record<string, unknown>[] = [];
  const app = fastify({
    logger: { level: "error", stream: { write: (line: string) => log.push(JSON.parse(line)) } },
    genReqId: () => "request-1",
    frameworkErrors: replyToFrameworkError,
    clientErrorHandler: createClientErrorHandler({ createRequestId: () => "broken-1" }),
    return503OnClosing: false,
    forceCloseConnections: true,
    ...options,
  });
  onTestFinished(async () => app.close());
  refuseWhileClosing(app);
  registerErrorReplies(app);
  await register(app);
  await app.listen({ port: 0, host: "127.0.0.1" });
  const { port } = app.server.address() as AddressInfo;
  return { app, url: `http://127.0.0.1:${port}`, port, log };
}

/** A request that `fetch` would not send, as one with a header of its own making or with a path that is no URL. */
export async function sendRaw(port: number, options: RequestOptions, body?: string | Uint8Array): Promise<RawReply> {
  return new Promise((resolve, reject) => {
    const sent = httpRequest({ host: "127.0.0.1", port, ...options }, (reply) => {
      let text = "";
      reply.setEncoding("utf8");
      reply.on("data", (chunk: string) => {
        text += chunk;
      });
      reply.on("end", () => resolve({ status: reply.statusCode ?? 0, headers: reply.headers, text }));
      reply.on("error", reject);
    });
    sent.on("error", reject);
    sent.end(body);
  });
}
