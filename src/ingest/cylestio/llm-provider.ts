import { isJsonObject, type JsonObject } from "../../model/exact-json.ts";
import { boundedText } from "../text-bounds.ts";

/** Where an event may name the vendor of a language model. */
export interface LlmProviderSource {
  readonly name: string;
  readonly attributes: JsonObject;
  readonly extensions: JsonObject | null;
  /** Bytes of a name; what is longer counts as not told. */
  readonly idMaxBytes: number;
}

const providerAttributes = ["llm.vendor", "llm.provider", "LLM_provider", "llm_provider"] as const;

/** What clients send where they do not know the vendor. */
const nobody: ReadonlySet<string> = new Set(["", "unknown", "none"]);

/**
 * The vendor of the language model that an event names, in lower case. The legacy SDK sends the name of the vendor's library,
 * as `Anthropic/Python 0.49.0`; what follows the slash is left out.
 */
export function findLlmProvider({ name, attributes, extensions, idMaxBytes }: LlmProviderSource): string | null {
  for (const key of providerAttributes) {
    const provider = readProvider(attributes[key], idMaxBytes);
    if (provider !== null) {
      return provider;
    }
  }
  // `provider` alone may mean anything; only here it is known to be the vendor of a language model.
  const patched = name.toLowerCase() === "llm_patch" ? readProvider(attributes["provider"], idMaxBytes) : null;
  return patched ?? readModelProvider(attributes, idMaxBytes) ?? readModelProvider(extensions, idMaxBytes);
}

function readModelProvider(holder: JsonObject | null, maxBytes: number): string | null {
  const model = holder?.["model"];
  return isJsonObject(model) ? readProvider(model["provider"], maxBytes) : null;
}

function readProvider(value: unknown, maxBytes: number): string | null {
  if (typeof value !== "string") {
    return null;
  }
  const slash = value.indexOf("/");
  const provider = (slash === -1 ? value : value.slice(0, slash)).trim().toLowerCase();
  return nobody.has(provider) ? null : boundedText(provider, maxBytes);
}
