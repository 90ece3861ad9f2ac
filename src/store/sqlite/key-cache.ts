/** Keys of rows by what names them, so that they need not be looked up for each event. */
export interface KeyCache {
  get(name: string): number | undefined;
  /** The key that is remembered, or else the one that `look` finds or makes. */
  getOr(name: string, look: () => number): number;
  delete(name: string): void;
  clear(): void;
}

/** Keys that are kept in memory at most; beyond that they are looked up again. */
const cachedKeysMax = 20_000;

/** An empty cache. */
export function createKeyCache(): KeyCache {
  const keys = new Map<string, number>();
  return {
    get: (name) => keys.get(name),
    getOr(name, look) {
      const known = keys.get(name);
      if (known !== undefined) return known;
      const key = look();
      if (keys.size >= cachedKeysMax) keys.clear();
      keys.set(name, key);
      return key;
    },
    delete: (name) => void keys.delete(name),
    clear: () => keys.clear(),
  };
}
