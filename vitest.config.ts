import process from "node:process";
import { fileURLToPath } from "node:url";
import { defineConfig } from "vitest/config";

// Every server of a test starts two threads, each of which loads its modules: without types only once, that takes half the time.
process.env["NODE_COMPILE_CACHE"] ??= fileURLToPath(new URL("node_modules/.cache/compile", import.meta.url));

export default defineConfig({
  test: {
    include: ["test/**/*.test.ts"],
    globals: false,
    testTimeout: 60_000,
    // Many tests wait for sockets and processes; with the default, a machine of two cores would run one file at a time.
    maxWorkers: 4,
    // Files share the modules that they load, of which MikroORM alone takes a quarter of a second; none of ours keeps state for a test.
    isolate: false,
    coverage: { include: ["src/**"], provider: "v8" },
  },
});
