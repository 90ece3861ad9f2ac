import { isMaker, isVendorName, vendorOf } from "../model/vendor.ts";

/** An id of a model as a client sent it, taken apart. All in lower case. */
export interface ModelId {
  /** As sent, but for case and blanks around it. */
  readonly asSent: string;
  /** Without the names of vendors, regions and interface versions that hosts put around it; with the date of a snapshot. */
  readonly snapshot: string;
  /** Also without date and `-latest`. */
  readonly model: string;
  /** The vendors that were named in it, outermost first, as price tables name them. */
  readonly vendors: readonly string[];
}

/**
 * Takes an id of a model apart. What is left in `model` is to be compared whole: `gpt-4o-mini` and `ft:gpt-4o:acme` are other models
 * than `gpt-4o`, at other prices.
 *
 * | removed | as in |
 * | --- | --- |
 * | `models/`, and any vendor's name before a slash | `models/gemini-1.5-pro`, `openai/gpt-4o`, `vertex_ai/claude-3-haiku` |
 * | Vertex resource names | `publishers/google/models/gemini-2.0-flash`, with or without `projects/…/locations/…/` |
 * | Bedrock resource names | `arn:aws:bedrock:us-east-1::foundation-model/anthropic.claude-3-haiku-20240307-v1:0` |
 * | a maker before a dot, with or without a region | `anthropic.claude-3-haiku`, `us.anthropic.claude-3-haiku` |
 * | the version of Bedrock's interface | `-v1:0`; `-v1` only behind a maker and a dot, because `deepseek-v3` is a name |
 * | Vertex versions | `@20241022` and `-v2@20241022` become `-20241022`; `@default`, `@latest` |
 * | dates and `-latest` | `-2024-08-06`, `-20240307` |
 */
export function parseModelId(text: string): ModelId {
  const asSent = text.trim().toLowerCase();
  const vendors: string[] = [];
  const { rest, isDotted } = withoutPrefixes(asSent, vendors);
  const snapshot = untilUnchanged(rest, (id) => withoutHostSuffix(id, isDotted));
  const model = untilUnchanged(snapshot, (id) => withoutHostSuffix(id, isDotted).replace(snapshotSuffix, "").trim());
  return { asSent, snapshot, model, vendors };
}

const vertexResource = /^(?:projects\/[^/]+\/locations\/[^/]+\/)?publishers\/([^/]+)\/models\/(?=.)/;
const bedrockResource = /^arn:aws[a-z-]*:bedrock:[^/]*\/(?=.)/;
const pathPart = /^([^/]+)\/(?=.)/;
const makerPart = /^(?:(?:us|us-gov|eu|apac|au|ca|jp|global)\.)?([a-z0-9]+)\.(?=.)/;

/** Takes off what stands before the id, and adds the vendors that it names. Dotted: a maker and a dot stood there, as Bedrock's do. */
function withoutPrefixes(asSent: string, vendors: string[]): { readonly rest: string; readonly isDotted: boolean } {
  let isDotted = false;
  const rest = untilUnchanged(asSent, (id) => {
    const [vertex = "", publisher] = vertexResource.exec(id) ?? [];
    if (publisher !== undefined) {
      vendors.push("gcp.vertex_ai", vendorOf(publisher));
      return id.slice(vertex.length).trim();
    }
    const bedrock = bedrockResource.exec(id);
    if (bedrock !== null) {
      vendors.push("aws.bedrock");
      return id.slice(bedrock[0].length).trim();
    }
    const [path = "", folder = ""] = pathPart.exec(id) ?? [];
    if (folder === "models") return id.slice(path.length).trim();
    if (isVendorName(folder)) {
      vendors.push(vendorOf(folder));
      return id.slice(path.length).trim();
    }
    const [dotted = "", maker = ""] = makerPart.exec(id) ?? [];
    if (!isMaker(maker)) return id;
    isDotted = true;
    vendors.push(maker);
    return id.slice(dotted.length).trim();
  });
  return { rest, isDotted };
}

const vertexDate = /(?<=.)(?:-v\d+)?@(?=\d{8}$)/;
const vertexAlias = /(?<=.)@(?:default|latest)$/;
const bedrockVersion = /(?<=.)-v\d+:\d+$/;
const dottedVersion = /(?<=.)-v\d+$/;
const snapshotSuffix =
  /(?<=.)-(?:latest|20\d{2}-(?:0[1-9]|1[0-2])-(?:0[1-9]|[12]\d|3[01])|20\d{2}(?:0[1-9]|1[0-2])(?:0[1-9]|[12]\d|3[01]))$/;

function withoutHostSuffix(id: string, isDotted: boolean): string {
  const short = id.replace(vertexDate, "-").replace(vertexAlias, "").replace(bedrockVersion, "").trim();
  return isDotted ? short.replace(dottedVersion, "").trim() : short;
}

function untilUnchanged(text: string, step: (text: string) => string): string {
  let previous = text;
  for (let next = step(previous); next !== previous; next = step(next)) previous = next;
  return previous;
}
