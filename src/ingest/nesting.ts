/**
 * Whether a parsed JSON value has more than `levels` levels of objects and arrays, the outermost being the first. It stops
 * at the first part that is too deep, so that no document makes it recurse any further.
 */
export function isDeeperThan(value: unknown, levels: number): boolean {
  if (typeof value !== "object" || value === null) {
    return false;
  }
  if (levels === 0) {
    return !JSON.isRawJSON(value);
  }
  return Object.values(value).some((member) => isDeeperThan(member, levels - 1));
}
