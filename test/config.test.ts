import { describe, expect, test } from "vitest";
import {
  type Config,
  ConfigError,
  databasePathDefault,
  parseConfig,
  type Surroundings,
  settings,
} from "../src/config.ts";
import { limitsDefault } from "../src/model/limits.ts";

const linux: Surroundings = { platform: "linux", homeFolder: "/home/ada" };
const parse = (environment: Readonly<Record<string, string>>, args: readonly string[] = []) =>
  parseConfig(environment, args, linux);

describe("the settings", () => {
  test("have these defaults", () => {
    expect(parse({})).toEqual({
      host: "127.0.0.1",
      port: 8000,
      otlpGrpcPort: null,
      otlpHttpPort: null,
      insecure: false,
      databasePath: "/home/ada/.config/cylestio-monitor/cylestio.db",
      durability: "full",
      pricesPath: null,
      logLevel: "info",
      corsOrigins: [],
      searchEnabled: true,
      shutdownTimeoutMs: 5_000,
      limits: limitsDefault,
    } satisfies Config);
  });

  test("have their default also where they are empty or blank", () => {
    const blank = Object.fromEntries(settings.map(({ name }, index) => [name, index % 2 === 0 ? "" : "  "]));
    expect(parse(blank)).toEqual(parse({}));
  });

  test("are described each by name, meaning, default and range", () => {
    expect(settings.length).toBe(new Set(settings.map(({ name }) => name)).size);
    for (const setting of settings) {
      expect(setting.name).toMatch(/^CYLESTIO_[A-Z_]+$/);
      expect([setting.meaning, setting.default, setting.range].every((text) => text !== "")).toBe(true);
    }
  });
});

const mebibyte = 1024 * 1024;

/** Every setting that is a number: its name, where it ends up, its least and its greatest value. */
const numbers: readonly (readonly [string, (config: Config) => number, number, number])[] = [
  ["CYLESTIO_PORT", ({ port }) => port, 0, 65_535],
  ["CYLESTIO_SHUTDOWN_TIMEOUT_MS", ({ shutdownTimeoutMs }) => shutdownTimeoutMs, 0, 600_000],
  ["CYLESTIO_BODY_MAX_BYTES", ({ limits }) => limits.bodyMaxBytes, 1024, 512 * mebibyte],
  ["CYLESTIO_BATCH_MAX_EVENTS", ({ limits }) => limits.batchMaxEvents, 1, 1_000_000],
  ["CYLESTIO_ATTRIBUTES_MAX_BYTES", ({ limits }) => limits.attributesMaxBytes, 1024, 64 * mebibyte],
  ["CYLESTIO_NESTING_MAX_DEPTH", ({ limits }) => limits.nestingMaxDepth, 1, 32],
  ["CYLESTIO_ID_MAX_BYTES", ({ limits }) => limits.idMaxBytes, 16, 4096],
  ["CYLESTIO_TEXT_MAX_BYTES", ({ limits }) => limits.textMaxBytes, 16, mebibyte],
  ["CYLESTIO_IN_FLIGHT_MAX_EVENTS", ({ limits }) => limits.inFlightMaxEvents, 1, 10_000_000],
  ["CYLESTIO_IN_FLIGHT_MAX_BYTES", ({ limits }) => limits.inFlightMaxBytes, 1024, 8192 * mebibyte],
  ["CYLESTIO_STREAM_WINDOW_BATCHES", ({ limits }) => limits.streamWindowBatches, 1, 1024],
  ["CYLESTIO_WATCH_MAX_WATCHERS", ({ limits }) => limits.watchMaxWatchers, 1, 10_000],
  ["CYLESTIO_WATCH_MAX_LAG_EVENTS", ({ limits }) => limits.watchMaxLagEvents, 1_000, 1_000_000_000],
  ["CYLESTIO_WATCH_MAX_STALL_MS", ({ limits }) => limits.watchMaxStallMs, 100, 86_400_000],
  ["CYLESTIO_FUTURE_MAX_MS", ({ limits }) => limits.futureMaxMs, 0, 10 * 366 * 24 * 60 * 60 * 1000],
  ["CYLESTIO_OTLP_GRPC_PORT", ({ otlpGrpcPort }) => otlpGrpcPort ?? 0, 0, 65_535],
  ["CYLESTIO_OTLP_HTTP_PORT", ({ otlpHttpPort }) => otlpHttpPort ?? 0, 0, 65_535],
  ["CYLESTIO_OTLP_BODY_MAX_BYTES", ({ limits }) => limits.otlpBodyMaxBytes, 1024, 512 * mebibyte],
];

describe("a setting that is a number", () => {
  test("is in this table", () => {
    const texts = ["HOST", "DB_PATH", "DURABILITY", "PRICES_PATH", "LOG_LEVEL", "CORS_ORIGINS", "SEARCH_ENABLED"].map(
      (name) => `CYLESTIO_${name}`,
    );
    expect(settings.map(({ name }) => name).sort()).toEqual([...numbers.map(([name]) => name), ...texts].sort());
  });

  test.for(numbers)("%s takes both ends of its range and nothing beyond them", ([name, read, min, max]) => {
    expect(read(parse({ [name]: String(min) }))).toBe(min);
    expect(read(parse({ [name]: ` ${max} ` }))).toBe(max);
    for (const value of [min - 1, max + 1]) {
      expect(() => parse({ [name]: String(value) })).toThrow(
        new ConfigError(`${name} must be a whole number from ${min} to ${max}, not "${value}"`),
      );
    }
    expect(settings.find((setting) => setting.name === name)?.range).toBe(`${min} to ${max}`);
  });

  test.for(["1.5", "1e3", "0x10", "+1", "one", "1 000", "1_000", "٣", "99999999999999999999", "NaN", "Infinity"])(
    "is not %s",
    (value) => {
      for (const [name] of numbers) {
        expect(() => parse({ [name]: value })).toThrow(ConfigError);
        expect(() => parse({ [name]: value })).toThrow(name);
      }
    },
  );
});

describe("the ports", () => {
  test("are none for OpenTelemetry alone unless they are set", () => {
    expect(parse({ CYLESTIO_OTLP_GRPC_PORT: "4317" })).toMatchObject({ otlpGrpcPort: 4317, otlpHttpPort: null });
    expect(parse({ CYLESTIO_OTLP_HTTP_PORT: "4318" })).toMatchObject({ otlpGrpcPort: null, otlpHttpPort: 4318 });
  });

  test.for([
    [
      { CYLESTIO_PORT: "4318", CYLESTIO_OTLP_HTTP_PORT: "4318" },
      "CYLESTIO_OTLP_HTTP_PORT is the port of CYLESTIO_PORT",
    ],
    [{ CYLESTIO_OTLP_GRPC_PORT: "8000" }, "CYLESTIO_OTLP_GRPC_PORT is the port of CYLESTIO_PORT"],
    [
      { CYLESTIO_OTLP_GRPC_PORT: "4318", CYLESTIO_OTLP_HTTP_PORT: "4318" },
      "CYLESTIO_OTLP_HTTP_PORT is the port of CYLESTIO_OTLP_GRPC_PORT",
    ],
  ] as const)("are different ones: %o are not", ([environment, message]) => {
    expect(() => parse(environment)).toThrow(ConfigError);
    expect(() => parse(environment)).toThrow(message);
  });
});

describe("a setting that is one of several words", () => {
  test.for([
    ["CYLESTIO_DURABILITY", ({ durability }: Config) => durability, ["full", "normal"]],
    [
      "CYLESTIO_LOG_LEVEL",
      ({ logLevel }: Config) => logLevel,
      ["trace", "debug", "info", "warn", "error", "fatal", "silent"],
    ],
    ["CYLESTIO_SEARCH_ENABLED", ({ searchEnabled }: Config) => String(searchEnabled), ["true", "false"]],
  ] as const)("%s takes each of them and no other", ([name, read, words]) => {
    for (const word of words) expect(read(parse({ [name]: word }))).toBe(word);
    for (const value of ["FULL", "Info", "off", "0"]) {
      expect(() => parse({ [name]: value })).toThrow(
        new ConfigError(`${name} must be one of ${words.join(", ")}, not "${value}"`),
      );
    }
    expect(settings.find((setting) => setting.name === name)?.range).toBe(words.join(", "));
  });
});

describe("the origins of CORS", () => {
  test.for([
    ["http://localhost:3000", ["http://localhost:3000"]],
    ["http://localhost:3000, https://example.com ,", ["http://localhost:3000", "https://example.com"]],
    ["http://[::1]:8080", ["http://[::1]:8080"]],
    [" , ", []],
  ] as const)("are read from %o", ([value, expected]) => {
    expect(parse({ CYLESTIO_CORS_ORIGINS: value }).corsOrigins).toEqual(expected);
  });

  test.for([
    "*",
    "null",
    "localhost:3000",
    "http://localhost:3000/",
    "http://localhost:80",
    "HTTP://LOCALHOST",
    "http://a/b",
  ])("are not %s", (origin) => {
    expect(() => parse({ CYLESTIO_CORS_ORIGINS: `http://fine, ${origin}` })).toThrow(
      new ConfigError(`CYLESTIO_CORS_ORIGINS must be origins such as http://localhost:3000, not "${origin}"`),
    );
  });
});

describe("the address", () => {
  test("is what the setting says", () => {
    expect(parse({ CYLESTIO_HOST: " 0.0.0.0 " })).toMatchObject({ host: "0.0.0.0", insecure: false });
  });

  test("may be any where --insecure is given, which is the only argument", () => {
    expect(parse({}, ["--insecure"]).insecure).toBe(true);
    for (const args of [["--insecure=true"], ["--port", "1"], [""], ["--insecure", "-x"]]) {
      expect(() => parse({}, args)).toThrow(ConfigError);
    }
  });
});

describe("the path of the database", () => {
  test("is what the setting says", () => {
    expect(parse({ CYLESTIO_DB_PATH: " data/my own.db " }).databasePath).toBe("data/my own.db");
  });

  test.for([
    ["linux", "/home/ada", {}, "/home/ada/.config/cylestio-monitor/cylestio.db"],
    ["freebsd", "/home/ada", {}, "/home/ada/.config/cylestio-monitor/cylestio.db"],
    ["darwin", "/Users/ada", {}, "/Users/ada/Library/Application Support/cylestio-monitor/cylestio.db"],
    ["win32", "C:\\Users\\ada", {}, "C:\\Users\\ada\\AppData\\Local\\cylestio\\cylestio-monitor\\cylestio.db"],
    [
      "win32",
      "C:\\Users\\ada",
      { LOCALAPPDATA: "" },
      "C:\\Users\\ada\\AppData\\Local\\cylestio\\cylestio-monitor\\cylestio.db",
    ],
    ["win32", "C:\\Users\\ada", { LOCALAPPDATA: "D:\\Local" }, "D:\\Local\\cylestio\\cylestio-monitor\\cylestio.db"],
  ] as const)(
    "is by default, on %s with the home folder %s and %o, %s",
    ([platform, homeFolder, environment, expected]) => {
      expect(databasePathDefault({ platform, homeFolder }, environment)).toBe(expected);
      expect(parseConfig(environment, [], { platform, homeFolder }).databasePath).toBe(expected);
    },
  );
});
