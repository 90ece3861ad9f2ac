import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll } from "vitest";

/** A folder for the test file that asks for it, removed with all that is in it when the tests of the file have run. */
export function createTemporaryFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), "cylestio-test-"));
  afterAll(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}
