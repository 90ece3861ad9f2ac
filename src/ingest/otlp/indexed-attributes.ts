import type { JsonObject } from "../../model/exact-json.ts";

/** A tree of attributes: each key is what stands between two dots. */
type Branch = Map<string, Branch | Leaf>;

interface Leaf {
  readonly value: unknown;
}

const indexText = /^\d{1,6}$/;

/**
 * Puts attributes together whose names are a beginning, a dot, and a way with numbers in it: `llm.input_messages.0.message.role` and the
 * like give `[{ message: { role } }]`. Numbers count in their order, so that gaps close. Undefined where there are none.
 */
export function indexedValue(attributes: JsonObject, beginning: string): unknown {
  const prefix = `${beginning}.`;
  const root: Branch = new Map();
  for (const key of Object.keys(attributes)) {
    if (!key.startsWith(prefix)) continue;
    const way = key.slice(prefix.length).split(".");
    if (indexText.test(way[0] ?? "")) plant(root, way, attributes[key]);
  }
  return root.size === 0 ? undefined : valueOf(root);
}

function plant(root: Branch, way: readonly string[], value: unknown): void {
  let branch = root;
  for (const step of way.slice(0, -1)) {
    const next = branch.get(step);
    if (next instanceof Map) {
      branch = next;
      continue;
    }
    const grown: Branch = new Map();
    branch.set(step, grown);
    branch = grown;
  }
  branch.set(way.at(-1) ?? "", { value });
}

function valueOf(branch: Branch): unknown {
  const members = [...branch].map(([key, next]) => [key, next instanceof Map ? valueOf(next) : next.value] as const);
  if (!members.every(([key]) => indexText.test(key))) return Object.fromEntries(members);
  return members.sort(([a], [b]) => Number(a) - Number(b)).map(([, value]) => value);
}
