import type { DescField, Message } from "@bufbuild/protobuf";
import { reflect } from "@bufbuild/protobuf/reflect";
import { findQueryField } from "./request-message.ts";
import type { RestBinding } from "./rest-binding.ts";

/** Fields of a list request that say where to start; a link to the next page says it by its token alone. */
const startFields: ReadonlySet<string> = new Set(["page_token", "offset"]);

/** Path and query of a request target, which may be a whole URL. */
export function splitTarget(target: string): { readonly path: string; readonly query: string } {
  const origin = /^[a-z][a-z0-9+.-]*:\/\/[^/?#]*/i.exec(target)?.[0] ?? "";
  const [, path = "", query = ""] = /^([^?#]*)(?:\?([^#]*))?/.exec(target.slice(origin.length)) ?? [];
  return { path: path === "" ? "/" : path, query };
}

/**
 * Makes the function that gives the `Link` header of a reply, where the body of a list is a bare array and so has no room for the
 * token of the next page; undefined for every other route. The function gives undefined on the last page.
 *
 * The link is relative, so that it is right behind any proxy, and keeps all query parameters but those that say where to start.
 */
export function createNextLink(
  binding: RestBinding,
): ((response: Message, target: string) => string | undefined) | undefined {
  const tokenField = binding.method.output.fields.find(isPageTokenField);
  if (binding.responseField?.fieldKind !== "list" || tokenField === undefined) return undefined;
  return (response, target) => {
    const token = String(reflect(binding.method.output, response).get(tokenField));
    if (token === "") return undefined;
    const { path, query } = splitTarget(target);
    const next = new URLSearchParams();
    for (const [name, value] of new URLSearchParams(query)) {
      const field = findQueryField(binding, name);
      if (field === undefined || !startFields.has(field[0].name)) next.append(name, value);
    }
    next.append("page_token", token);
    return `<${linkPath(path)}?${next}>; rel="next"`;
  };
}

function isPageTokenField(field: DescField): boolean {
  return field.name === "next_page_token" && field.fieldKind === "scalar";
}

/** The path without what would end the link or turn it into one to another host. */
function linkPath(path: string): string {
  return path.replace(/^\/+/, "/").replaceAll(/[^!#-;=?-[\]_a-z~]/g, encodeURIComponent);
}
