/** Levels that tell of an error; SDKs send them in any case. */
const errorLevels: ReadonlySet<string> = new Set(["ERROR", "CRITICAL", "FATAL"]);

/** Whether a level, as sent, is that of an error or worse. */
export function isErrorLevel(level: string): boolean {
  return errorLevels.has(level) || errorLevels.has(level.toUpperCase());
}
