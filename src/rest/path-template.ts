/** One piece of the value of a path variable: text of the template, or what the client wrote in this place. */
export type TemplatePart =
  | { readonly kind: "literal"; readonly text: string }
  | { readonly kind: "parameter"; readonly name: string };

/** A variable of a path template. */
export interface TemplateVariable {
  /** The field that it sets, as `agent_id` or `filter.agent_id`. */
  readonly name: string;
  /** Its value is these, joined with "/". */
  readonly parts: readonly TemplatePart[];
}

/** A path template of `google.api.http`, understood. */
export interface PathTemplate {
  /** The template as the contract has it, as `/api/agents/{agent_id}`. */
  readonly text: string;
  /** The path in the router's words, as `/api/agents/:p0`. */
  readonly routerPath: string;
  readonly variables: readonly TemplateVariable[];
}

const segmentPattern = /\/(\{[^{}]*\}|[^/{}]*)/y;
const variablePattern = /^\{([\w.]+)(?:=([^{}]+))?\}$/;
const literalPattern = /^[\w\-.~!$&'()+,;=@%]+$/;

/**
 * Understands a path template: literals, `*`, `{field}`, `{field=literal/*}`, and `**` at the very end. `*` is one segment, `**`
 * is all the rest, slashes included.
 *
 * Throws an Error that says what it cannot serve: custom verbs, `**` elsewhere, a variable that shares its segment with other
 * text, and the same variable twice.
 */
export function parsePathTemplate(text: string): PathTemplate {
  if (text.includes(":")) throw new Error(`custom verbs are not supported: ${text}`);
  const names = new ParameterNames();
  const variables: TemplateVariable[] = [];
  const routerSegments: string[] = [];
  for (const segment of splitSegments(text)) {
    if (!segment.startsWith("{")) {
      routerSegments.push(routerTextOf(parsePart(segment, names)));
      continue;
    }
    const [, name, pattern = "*"] = variablePattern.exec(segment) ?? [];
    if (name === undefined) throw new Error(`the variable ${segment} cannot be read: ${text}`);
    if (variables.some((variable) => variable.name === name))
      throw new Error(`the variable ${name} is there twice: ${text}`);
    const parts = pattern.split("/").map((part) => parsePart(part, names));
    variables.push({ name, parts });
    routerSegments.push(...parts.map(routerTextOf));
  }
  const wildcard = routerSegments.indexOf("*");
  if (wildcard !== -1 && wildcard !== routerSegments.length - 1) {
    throw new Error(`"**" is supported at the end of a path only: ${text}`);
  }
  return { text, routerPath: `/${routerSegments.join("/")}`, variables };
}

/** The value of a variable, from the router's parameters, which are percent-decoded. */
export function templateVariableValue(
  variable: TemplateVariable,
  parameters: Readonly<Record<string, string>>,
): string {
  return variable.parts.map((part) => (part.kind === "literal" ? part.text : (parameters[part.name] ?? ""))).join("/");
}

/** Gives every `*` its own name in the router; it has one name only for `**`. */
class ParameterNames {
  #count = 0;

  next(): string {
    return `p${this.#count++}`;
  }
}

function splitSegments(text: string): readonly string[] {
  if (text === "/") return [];
  const segments: string[] = [];
  segmentPattern.lastIndex = 0;
  while (segmentPattern.lastIndex < text.length) {
    const segment = segmentPattern.exec(text)?.[1];
    if (segment === undefined) throw new Error(`the path cannot be read: ${JSON.stringify(text)}`);
    segments.push(segment);
  }
  if (segments.length === 0) throw new Error("the path is empty");
  return segments;
}

function parsePart(text: string, names: ParameterNames): TemplatePart {
  if (text === "**") return { kind: "parameter", name: "*" };
  if (text === "*") return { kind: "parameter", name: names.next() };
  if (!literalPattern.test(text)) throw new Error(`the segment ${JSON.stringify(text)} is not supported`);
  return { kind: "literal", text };
}

function routerTextOf(part: TemplatePart): string {
  if (part.kind === "literal") return part.text;
  return part.name === "*" ? "*" : `:${part.name}`;
}
