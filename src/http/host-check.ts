import { BlockList, isIP } from "node:net";
import type { FastifyRequest, onRequestHookHandler } from "fastify";
import { TelemetryError } from "../model/error.ts";
import { createMemo } from "../model/memo.ts";

const loopback = new BlockList();
loopback.addSubnet("127.0.0.0", 8, "ipv4");
loopback.addAddress("::1", "ipv6");

/** A host with its port: a name or an IPv4 address, or an IPv6 address in brackets. */
const hostPattern = /^(?:\[([0-9A-Fa-f:.]+)\]|([^\s:[\]]+))(?::\d*)?$/;

/**
 * Whether only this machine can reach an address: 127.0.0.0/8, ::1, the same written as IPv6 (`::ffff:127.0.0.1`), `localhost` or a
 * name below it, which by RFC 6761 (6.3) never leave the machine. Without a port and brackets, as `listen` takes it.
 */
export function isLoopbackAddress(address: string): boolean {
  const family = isIP(address);
  if (family === 0) {
    return /^(?:[^.]+\.)*localhost$/i.test(address);
  }
  return loopback.check(address, family === 4 ? "ipv4" : "ipv6");
}

/**
 * Whether a `Host` header, or HTTP/2's `:authority`, names this machine as seen from itself, with any port or none. Nothing is
 * looked up: that a name leads here today is what an attack arranges.
 */
export function isLoopbackHost(host: string): boolean {
  const [, ipv6, other] = hostPattern.exec(host) ?? [];
  if (ipv6 !== undefined) {
    return isIP(ipv6) === 6 && isLoopbackAddress(ipv6);
  }
  return other !== undefined && isLoopbackAddress(other);
}

/** Clients name the same few hosts with every request, and the check costs a noticeable part of a short one. */
const loopbackHosts = createMemo<boolean>(100);

/**
 * An `onRequest` hook for a server that listens on loopback: refuses requests to any host but loopback with `HOST_NOT_ALLOWED`.
 *
 * It protects from DNS rebinding: a web page of a foreign site whose name suddenly leads to 127.0.0.1 counts for the browser as that
 * site's own, so CORS does not stop it from reading here; but its requests still name the foreign site. A request that names no host
 * (possible in HTTP/1.0) is refused too. Forwarding headers are not looked at. Register it before every other hook and route.
 */
export const refuseForeignHost: onRequestHookHandler = (request, _reply, done) => {
  const foreign = namedHosts(request).find((host) => !loopbackHosts(host, () => isLoopbackHost(host)));
  if (foreign === undefined) {
    done();
    return;
  }
  const message = `this server answers to localhost only, not to host "${foreign}"`;
  done(new TelemetryError("HOST_NOT_ALLOWED", message, { metadata: { host: foreign } }));
};

/** The hosts that a request names, at least one: HTTP/2 clients may send `:authority` and `Host`. */
function namedHosts(request: FastifyRequest): readonly string[] {
  const { host, ":authority": authority } = request.raw.headers;
  const named = [host, authority].filter((name) => typeof name === "string");
  return named.length === 0 ? [""] : named;
}
