import { posix, win32 } from "node:path";
import { type Limits, limitsDefault } from "./model/limits.ts";

/** Everything that can be set. */
export interface Config {
  readonly host: string;
  readonly port: number;
  /** Further ports that answer all that `port` answers; null: none. */
  readonly otlpGrpcPort: number | null;
  readonly otlpHttpPort: number | null;
  /** Whether an address other than loopback may be served, although there are no keys. */
  readonly insecure: boolean;
  readonly databasePath: string;
  readonly durability: "full" | "normal";
  /** The user's own price table; null: none. */
  readonly pricesPath: string | null;
  readonly logLevel: LogLevel;
  /** Whether texts of events are added to the search index. */
  readonly searchEnabled: boolean;
  readonly corsOrigins: readonly string[];
  readonly shutdownTimeoutMs: number;
  readonly limits: Limits;
}

const logLevels = ["trace", "debug", "info", "warn", "error", "fatal", "silent"] as const;
export type LogLevel = (typeof logLevels)[number];

/** One setting as users see it; the README's table is tested against these. */
export interface Setting {
  readonly name: string;
  readonly meaning: string;
  readonly default: string;
  /** What values it takes. */
  readonly range: string;
}

/** A setting has a value that cannot be. The message names the setting. */
export class ConfigError extends Error {
  override readonly name = "ConfigError";
}

/** Where the process runs, as far as defaults depend on it. */
export interface Surroundings {
  readonly platform: NodeJS.Platform;
  readonly homeFolder: string;
}

type Environment = Readonly<Record<string, string | undefined>>;

interface NumberSetting extends Setting {
  readonly value: number;
  readonly min: number;
  readonly max: number;
}

const mebibyte = 1024 * 1024;

function numberSetting(
  name: string,
  meaning: string,
  [value, min, max]: readonly [number, number, number],
): NumberSetting {
  return { name, meaning, value, min, max, default: String(value), range: `${min} to ${max}` };
}

const numbers = {
  port: numberSetting("CYLESTIO_PORT", "TCP port; 0 takes a free one", [8000, 0, 65_535]),
  shutdownTimeoutMs: numberSetting(
    "CYLESTIO_SHUTDOWN_TIMEOUT_MS",
    "how long work in flight may take after SIGTERM, in ms",
    [5_000, 0, 600_000],
  ),
  bodyMaxBytes: numberSetting("CYLESTIO_BODY_MAX_BYTES", "bytes of one message or body, after decompression", [
    limitsDefault.bodyMaxBytes,
    1024,
    512 * mebibyte,
  ]),
  batchMaxEvents: numberSetting("CYLESTIO_BATCH_MAX_EVENTS", "events in one batch", [
    limitsDefault.batchMaxEvents,
    1,
    1_000_000,
  ]),
  attributesMaxBytes: numberSetting("CYLESTIO_ATTRIBUTES_MAX_BYTES", "bytes of one event's attributes as JSON", [
    limitsDefault.attributesMaxBytes,
    1024,
    64 * mebibyte,
  ]),
  nestingMaxDepth: numberSetting("CYLESTIO_NESTING_MAX_DEPTH", "levels of objects and arrays in attributes", [
    limitsDefault.nestingMaxDepth,
    1,
    32,
  ]),
  idMaxBytes: numberSetting("CYLESTIO_ID_MAX_BYTES", "bytes of an id or a name", [limitsDefault.idMaxBytes, 16, 4096]),
  textMaxBytes: numberSetting("CYLESTIO_TEXT_MAX_BYTES", "bytes of any other text field", [
    limitsDefault.textMaxBytes,
    16,
    mebibyte,
  ]),
  inFlightMaxEvents: numberSetting("CYLESTIO_IN_FLIGHT_MAX_EVENTS", "events on their way to the disk at a time", [
    limitsDefault.inFlightMaxEvents,
    1,
    10_000_000,
  ]),
  inFlightMaxBytes: numberSetting(
    "CYLESTIO_IN_FLIGHT_MAX_BYTES",
    "bytes of attributes on their way to the disk at a time",
    [limitsDefault.inFlightMaxBytes, 1024, 8192 * mebibyte],
  ),
  streamWindowBatches: numberSetting(
    "CYLESTIO_STREAM_WINDOW_BATCHES",
    "batches of one stream that are worked on at a time",
    [limitsDefault.streamWindowBatches, 1, 1024],
  ),
  watchMaxWatchers: numberSetting("CYLESTIO_WATCH_MAX_WATCHERS", "clients that watch events at a time", [
    limitsDefault.watchMaxWatchers,
    1,
    10_000,
  ]),
  watchMaxLagEvents: numberSetting(
    "CYLESTIO_WATCH_MAX_LAG_EVENTS",
    "stored events that a watcher may fall behind before it is dropped",
    [limitsDefault.watchMaxLagEvents, 1_000, 1_000_000_000],
  ),
  watchMaxStallMs: numberSetting(
    "CYLESTIO_WATCH_MAX_STALL_MS",
    "how long a watcher may leave a message untaken before it is dropped, in ms",
    [limitsDefault.watchMaxStallMs, 100, 86_400_000],
  ),
  futureMaxMs: numberSetting(
    "CYLESTIO_FUTURE_MAX_MS",
    "how far ahead of the server's clock an event's time may be, in ms",
    [limitsDefault.futureMaxMs, 0, 10 * 366 * 24 * 60 * 60 * 1000],
  ),
  otlpGrpcPort: numberSetting(
    "CYLESTIO_OTLP_GRPC_PORT",
    "second TCP port, where exporters of OpenTelemetry send by gRPC unless told otherwise: 4317; 0 is none",
    [0, 0, 65_535],
  ),
  otlpHttpPort: numberSetting("CYLESTIO_OTLP_HTTP_PORT", "the same for HTTP: 4318; 0 is none", [0, 0, 65_535]),
  otlpBodyMaxBytes: numberSetting(
    "CYLESTIO_OTLP_BODY_MAX_BYTES",
    "bytes of one request of OpenTelemetry, after decompression",
    [limitsDefault.otlpBodyMaxBytes, 1024, 512 * mebibyte],
  ),
} as const;

const texts = {
  host: {
    name: "CYLESTIO_HOST",
    meaning: "address to listen on",
    default: "127.0.0.1",
    range: "loopback, or any with `--insecure`",
  },
  databasePath: { name: "CYLESTIO_DB_PATH", meaning: "database file", default: "by operating system", range: "a path" },
  durability: {
    name: "CYLESTIO_DURABILITY",
    meaning: "what an acknowledged event survives: `full` also a power cut, `normal` only a crash of the process",
    default: "full",
    range: "full, normal",
  },
  pricesPath: {
    name: "CYLESTIO_PRICES_PATH",
    meaning: "JSON file with prices of models that go before those of the server's own table",
    default: "none",
    range: "a path",
  },
  logLevel: {
    name: "CYLESTIO_LOG_LEVEL",
    meaning: "least level that is logged",
    default: "info",
    range: logLevels.join(", "),
  },
  corsOrigins: {
    name: "CYLESTIO_CORS_ORIGINS",
    meaning: "origins whose pages may call the server, separated by commas",
    default: "none",
    range: "origins such as `http://localhost:3000`",
  },
  searchEnabled: {
    name: "CYLESTIO_SEARCH_ENABLED",
    meaning:
      "whether texts of events are added to the search index; what is not added is caught up when it is on again",
    default: "true",
    range: "true, false",
  },
} as const satisfies Record<string, Setting>;

/** Every setting, in the order of the documentation. */
export const settings: readonly Setting[] = [
  texts.host,
  numbers.port,
  texts.databasePath,
  texts.durability,
  texts.pricesPath,
  texts.logLevel,
  texts.corsOrigins,
  texts.searchEnabled,
  ...Object.values(numbers).slice(1),
];

/** Reads the settings. Throws `ConfigError` naming the first that is wrong. An empty value counts as not set. */
export function parseConfig(environment: Environment, args: readonly string[], surroundings: Surroundings): Config {
  const unknown = args.filter((arg) => arg !== "--insecure");
  if (unknown.length > 0) throw new ConfigError(`unknown argument ${unknown.join(" ")}; the only one is --insecure`);
  const text = (setting: Setting) => environment[setting.name]?.trim() || undefined;
  const number = (setting: NumberSetting) => parseNumber(setting, text(setting));
  assertDistinct([numbers.port, numbers.otlpGrpcPort, numbers.otlpHttpPort], number);
  return {
    host: text(texts.host) ?? texts.host.default,
    port: number(numbers.port),
    otlpGrpcPort: number(numbers.otlpGrpcPort) || null,
    otlpHttpPort: number(numbers.otlpHttpPort) || null,
    insecure: args.includes("--insecure"),
    databasePath: text(texts.databasePath) ?? databasePathDefault(surroundings, environment),
    durability: parseChoice(texts.durability, text(texts.durability), ["full", "normal"]),
    pricesPath: text(texts.pricesPath) ?? null,
    logLevel: parseChoice(texts.logLevel, text(texts.logLevel), logLevels),
    corsOrigins: parseOrigins(text(texts.corsOrigins)),
    searchEnabled: parseChoice(texts.searchEnabled, text(texts.searchEnabled), ["true", "false"]) === "true",
    shutdownTimeoutMs: number(numbers.shutdownTimeoutMs),
    limits: {
      bodyMaxBytes: number(numbers.bodyMaxBytes),
      batchMaxEvents: number(numbers.batchMaxEvents),
      attributesMaxBytes: number(numbers.attributesMaxBytes),
      nestingMaxDepth: number(numbers.nestingMaxDepth),
      idMaxBytes: number(numbers.idMaxBytes),
      textMaxBytes: number(numbers.textMaxBytes),
      inFlightMaxEvents: number(numbers.inFlightMaxEvents),
      inFlightMaxBytes: number(numbers.inFlightMaxBytes),
      streamWindowBatches: number(numbers.streamWindowBatches),
      watchMaxWatchers: number(numbers.watchMaxWatchers),
      watchMaxLagEvents: number(numbers.watchMaxLagEvents),
      watchMaxStallMs: number(numbers.watchMaxStallMs),
      futureMaxMs: number(numbers.futureMaxMs),
      otlpBodyMaxBytes: number(numbers.otlpBodyMaxBytes),
    },
  };
}

/** Where the database is unless a setting says otherwise: the place of the earlier Python server. */
export function databasePathDefault({ platform, homeFolder }: Surroundings, environment: Environment): string {
  const parts = ["cylestio-monitor", "cylestio.db"];
  if (platform === "darwin") return posix.join(homeFolder, "Library", "Application Support", ...parts);
  if (platform === "win32") {
    return win32.join(environment["LOCALAPPDATA"] || win32.join(homeFolder, "AppData", "Local"), "cylestio", ...parts);
  }
  return posix.join(homeFolder, ".config", ...parts);
}

function parseNumber({ name, value, min, max }: NumberSetting, text: string | undefined): number {
  if (text === undefined) return value;
  const number = Number(text);
  if (!/^\d+$/.test(text) || number < min || number > max) {
    throw new ConfigError(`${name} must be a whole number from ${min} to ${max}, not ${JSON.stringify(text)}`);
  }
  return number;
}

/** Throws where two settings name one port; 0 is no port in particular. */
function assertDistinct(ports: readonly NumberSetting[], valueOf: (setting: NumberSetting) => number): void {
  for (const [index, port] of ports.entries()) {
    const value = valueOf(port);
    const other = ports.slice(0, index).find((other) => valueOf(other) === value);
    if (value !== 0 && other !== undefined)
      throw new ConfigError(`${port.name} is the port of ${other.name}: ${value}`);
  }
}

function parseChoice<Choice extends string>(
  { name, default: value }: Setting,
  text: string | undefined,
  choices: readonly Choice[],
): Choice {
  const choice = choices.find((choice) => choice === (text ?? value));
  if (choice === undefined) {
    throw new ConfigError(`${name} must be one of ${choices.join(", ")}, not ${JSON.stringify(text)}`);
  }
  return choice;
}

function parseOrigins(text: string | undefined): readonly string[] {
  const origins = (text ?? "")
    .split(",")
    .map((origin) => origin.trim())
    .filter((origin) => origin !== "");
  for (const origin of origins) {
    if (!URL.canParse(origin) || new URL(origin).origin !== origin) {
      throw new ConfigError(
        `${texts.corsOrigins.name} must be origins such as http://localhost:3000, not ${JSON.stringify(origin)}`,
      );
    }
  }
  return origins;
}
