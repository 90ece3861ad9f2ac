import { type ContextKey, createContextKey, type HandlerContext } from "@connectrpc/connect";

/** The body of a REST call to an RPC that takes free-form JSON (`rest_method.free_form_body`). */
export interface FreeFormBody {
  /** The whole body: decompressed, valid UTF-8 within the size limit, and not looked into. It may not be JSON at all. */
  readonly text: string;
}

/**
 * Where the body of such a call lies in the handler's context. The request message is empty beside it. Undefined on every other
 * protocol: there the request message carries everything.
 */
export const freeFormBodyKey: ContextKey<FreeFormBody | undefined> = createContextKey<FreeFormBody | undefined>(
  undefined,
  {
    description: "free-form REST body",
  },
);

/** `HandlerContext.protocolName` of a call that came over a REST route. */
export const restProtocolName = "rest";

/**
 * True if the call came over a REST route. For the few places where an answer depends on it, as the defaults of the older REST
 * paths do.
 */
export function isRestCall(context: Pick<HandlerContext, "protocolName">): boolean {
  return context.protocolName === restProtocolName;
}
