import type { UniversalHandler } from "@connectrpc/connect/protocol";

/**
 * The same handler, except that the rest of a body that it does not want, as one over the size limit, is read and thrown away.
 *
 * Connect just stops reading. Over HTTP/1.1 what the client still sends then stands before its next request, for which it would
 * wait in vain on that connection.
 */
export function withDrainedBody(handler: UniversalHandler): UniversalHandler {
  const drained = (request: Parameters<UniversalHandler>[0]): ReturnType<UniversalHandler> =>
    handler(isStream(request.body) ? { ...request, body: keptOpen(request.body) } : request);
  return Object.assign(drained, handler);
}

function isStream(body: Parameters<UniversalHandler>[0]["body"]): body is AsyncIterable<Uint8Array> {
  return typeof body === "object" && body !== null && Symbol.asyncIterator in body;
}

/** The same items. To leave the loop over them does not destroy the source but reads it to its end. */
function keptOpen(source: AsyncIterable<Uint8Array>): AsyncIterable<Uint8Array> {
  const items = source[Symbol.asyncIterator]();
  return {
    [Symbol.asyncIterator]: () => ({
      next: () => items.next(),
      return: async () => {
        void drain(items);
        return { done: true, value: undefined };
      },
    }),
  };
}

async function drain(items: AsyncIterator<Uint8Array>): Promise<void> {
  try {
    while ((await items.next()).done !== true);
  } catch {
    // The client went away; there is nothing more to throw away.
  }
}
