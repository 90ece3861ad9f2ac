import { type ContextKey, createContextKey } from "@connectrpc/connect";

/**
 * Cuts the connection, or the HTTP/2 stream, of a call without an answer, on every protocol. For a client that takes nothing of what
 * it is sent: what is sent to it in good order would not reach it either.
 */
export const cutCallKey: ContextKey<() => void> = createContextKey<() => void>(() => undefined, {
  description: "cuts the connection of the call",
});
