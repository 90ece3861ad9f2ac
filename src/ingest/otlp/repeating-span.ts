import { type OtlpFactSource, scopeNameOf } from "./alias.ts";
import { repeatingSpans } from "./operation-table.ts";

/** Whether a span repeats a call that something else tells: see `repeatingSpans`. */
export function isRepeating(source: OtlpFactSource): boolean {
  const { names, scopes, servedAttributes } = repeatingSpans;
  if (names.some((name) => source.name.startsWith(name)) || scopes.includes(scopeNameOf(source))) return true;
  return isServed(source) && servedAttributes.some((attribute) => source.attributes[attribute] !== undefined);
}

/** Flags of a span: whether the second one tells anything, and whether the parent is in another process. */
const tellsRemote = 0x100;
const isRemote = 0x200;

/** Whether a span is the callee's end of a call whose caller is traced too. */
function isServed({ parentSpanId, extensions }: OtlpFactSource): boolean {
  if (parentSpanId === null || extensions?.["kind"] !== "server") return false;
  const told = extensions["flags"];
  const flags = typeof told === "number" ? told : 0;
  return (flags & tellsRemote) === 0 || (flags & isRemote) !== 0;
}
