import type { FastifyInstance } from "fastify";
import { TelemetryError } from "../model/error.ts";

/**
 * Refuses requests with `SHUTTING_DOWN` from the moment that the server begins to close: they come in on connections that are still
 * busy with other requests. It takes the place of Fastify's own refusal, which bypasses the error handler and carries no request
 * id; so Fastify needs `return503OnClosing: false`. Register it after `sendRequestId`.
 */
export function refuseWhileClosing(app: FastifyInstance): void {
  let closing = false;
  app.addHook("preClose", (done) => {
    closing = true;
    done();
  });
  app.addHook("onRequest", (_request, _reply, done) => {
    done(closing ? new TelemetryError("SHUTTING_DOWN", "the server is shutting down; try again") : undefined);
  });
}
