import { type ContextKey, createContextKey } from "@connectrpc/connect";

/** What calls log to: a logger whose lines carry the request's id. */
export interface RequestLog {
  error(facts: object, message: string): void;
}

/** Where the log of a call lies in its context, on every protocol. */
export const requestLogKey: ContextKey<RequestLog | undefined> = createContextKey<RequestLog | undefined>(undefined, {
  description: "log of the request",
});
