import type { IncomingMessage } from "node:http";
import type { onRequestHookHandler } from "fastify";

/** The header that carries the id of a request, both ways. */
export const requestIdHeader = "x-request-id";

/** Ids of clients that are repeated in replies and logs as they are: short, and nothing that a log or a shell would mistake. */
const clientIdPattern = /^[A-Za-z0-9._:-]{1,128}$/;

/**
 * Fastify's `genReqId`: the client's `x-request-id` if it is 1 to 128 characters of `A-Z a-z 0-9 . _ : -`, else a fresh id from
 * `newId`. A client's id need not be unique: it ties the server's log to the client's.
 */
export function createRequestIdGenerator(newId: () => string): (request: Pick<IncomingMessage, "headers">) => string {
  return (request) => {
    const clientId = request.headers[requestIdHeader];
    return typeof clientId === "string" && clientIdPattern.test(clientId) ? clientId : newId();
  };
}

/**
 * An `onRequest` hook that puts the request's id on the reply, also on the reply to an error. Register it before every other hook,
 * so that what those refuse has it too. Connect's routes pass it on as they do every header of the Fastify reply.
 */
export const sendRequestId: onRequestHookHandler = (request, reply, done) => {
  void reply.header(requestIdHeader, request.id);
  done();
};
