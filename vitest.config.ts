import { defineConfig } from "vitest/config";

export default defineConfig({
  test: {
    include: ["test/**/*.test.ts"],
    globals: false,
    testTimeout: 20_000,
    // Many tests wait for sockets and processes; with the default, a machine of two cores would run one file at a time.
    maxWorkers: 3,
    coverage: { include: ["src/**"], provider: "v8" },
  },
});
