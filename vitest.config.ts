import { defineConfig } from "vitest/config";

export default defineConfig({
  test: {
    include: ["test/**/*.test.ts"],
    globals: false,
    testTimeout: 20_000,
    coverage: { include: ["src/**"], provider: "v8" },
  },
});
