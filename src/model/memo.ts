/** How long a text may be under which something is remembered. */
const textMaxLength = 2_000;

/**
 * Remembers what was computed for up to `max` short texts, and then begins anew: for what telemetry repeats over and over, as
 * names and the keys of objects.
 */
export function createMemo<Result>(max: number): (text: string, compute: () => Result) => Result {
  const known = new Map<string, { readonly result: Result }>();
  return (text, compute) => {
    const found = known.get(text);
    if (found !== undefined) return found.result;
    const result = compute();
    if (text.length <= textMaxLength) {
      if (known.size >= max) known.clear();
      known.set(text, { result });
    }
    return result;
  };
}
