import type { DescEnumValue, DescField, DescMessage, DescMethod, DescOneof, DescService } from "@bufbuild/protobuf";
import { getComments } from "@bufbuild/protoplugin";

/** The comment above an element of the contract: its paragraphs each in one line, a blank line between them. Empty if there is none. */
export function commentOf(
  element: DescEnumValue | DescField | DescMessage | DescMethod | DescOneof | DescService,
): string {
  const { leading = "" } = getComments(element);
  return leading
    .trim()
    .split(/\n\s*\n/)
    .map((paragraph) => paragraph.replaceAll(/\s*\n\s*/g, " ").trim())
    .join("\n\n");
}

/** The first sentence of a comment, without its full stop, and what follows it. */
export function splitSummary(comment: string): { readonly summary: string; readonly rest: string } {
  const [, summary = comment, rest = ""] = /^(.*?)\.(?:\s+(.*))?$/s.exec(comment) ?? [];
  return { summary, rest };
}

/** The comment of a field, with what its values mean where it has names for them. */
export function fieldDescription(field: DescField): string {
  const values = field.enum?.values.map((value) => `- \`${value.name}\`: ${commentOf(value)}`) ?? [];
  return values.length === 0 ? commentOf(field) : `${commentOf(field)}\n\n${values.join("\n")}`;
}
