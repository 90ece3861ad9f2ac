/*
 * Who sells a model. A maker sells its own models (`anthropic`), a host those of others (`aws.bedrock`); some hosts charge the list
 * price of the maker.
 */

/** What clients call a vendor, by the name that price tables use. All in lower case. */
const namesByVendor: Readonly<Record<string, readonly string[]>> = {
  anthropic: ["anthropic.messages", "anthropic-chat", "chatanthropic", "claude"],
  openai: ["openai.chat", "openai.responses", "openai.completion", "openai.embedding", "openai-chat", "chatopenai"],
  google: [
    "gemini",
    "gcp.gemini",
    "gcp.gen_ai",
    "google_ai_studio",
    "google_genai",
    "google-genai",
    "google.generative-ai",
    "google_generative_ai",
    "generativelanguage",
  ],
  mistral: ["mistral_ai", "mistralai", "mistral.chat", "mistral-ai"],
  cohere: ["cohere.chat", "cohere_chat", "cohere_ai"],
  deepseek: ["deepseek.chat", "deepseek-ai", "deepseek_ai"],
  xai: ["x_ai", "x-ai", "xai.chat", "x.ai"],
  meta: ["meta-llama", "meta_llama"],
  amazon: ["amazon-nova", "nova"],
  ai21: ["ai21labs", "ai21_labs"],
  azure: [
    "az.ai.openai",
    "az.ai.inference",
    "azure.ai.openai",
    "azure.ai.inference",
    "azure_openai",
    "azure-openai",
    "azure-openai.chat",
    "azure openai",
    "azureopenai",
    "azure_ai",
    "azure-ai",
  ],
  "aws.bedrock": [
    "aws",
    "aws_bedrock",
    "bedrock",
    "bedrock_converse",
    "amazon_bedrock",
    "amazon-bedrock",
    "amazon bedrock",
  ],
  "gcp.vertex_ai": [
    "vertex",
    "vertexai",
    "vertex_ai",
    "vertex-ai",
    "gcp",
    "google_vertexai",
    "google_vertex",
    "google-vertex",
    "google.vertex.chat",
    "google_anthropic_vertex",
    "anthropic_vertex",
  ],
  groq: ["groq.chat"],
};

const vendorByName: ReadonlyMap<string, string> = new Map(
  Object.entries(namesByVendor).flatMap(([vendor, names]) => [vendor, ...names].map((name) => [name, vendor] as const)),
);

/** Vendors that sell their own models only. Every other one is a host, also one that only a user's table knows. */
const makers: ReadonlySet<string> = new Set([
  "anthropic",
  "openai",
  "google",
  "mistral",
  "cohere",
  "deepseek",
  "xai",
  "meta",
  "amazon",
  "ai21",
]);

/**
 * Makers whose list price a host charges. Of the other makers' models (Llama on Bedrock, Mistral on Azure) it has prices of its own:
 * without an entry under the host's name these are unknown.
 */
const makersAtListPrice: ReadonlyMap<string, readonly string[]> = new Map([
  ["azure", ["openai"]],
  ["aws.bedrock", ["anthropic", "amazon"]],
  ["gcp.vertex_ai", ["google", "anthropic"]],
]);

/** The name that price tables use for a vendor, whatever its spelling; one that is not known keeps its own, in lower case. */
export function vendorOf(name: string): string {
  const lower = name.trim().toLowerCase();
  return vendorByName.get(lower) ?? lower;
}

/** Whether the text, in lower case, is one of the known names of a vendor. */
export function isVendorName(text: string): boolean {
  return vendorByName.has(text);
}

/** Whether the text is the name of a maker, as price tables use it. */
export function isMaker(vendor: string): boolean {
  return makers.has(vendor);
}

/** Under which vendors a price may be found, for a vendor as price tables name it: its own come first, then its makers'. */
export function sellersOf(vendor: string): readonly string[] {
  return [vendor, ...(makersAtListPrice.get(vendor) ?? [])];
}

/**
 * Those of the sellers that are left when the model's id names a vendor, as in `bedrock/anthropic.claude-3-haiku`: a host sells
 * models of many makers, but a maker none of another. Null is any seller.
 */
export function narrowSellers(sellers: readonly string[] | null, vendor: string): readonly string[] {
  const named = sellersOf(vendor);
  return sellers === null ? named : sellers.filter((seller) => named.includes(seller) || !makers.has(seller));
}
