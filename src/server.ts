import { cors, createContextValues } from "@connectrpc/connect";
import { fastifyConnectPlugin } from "@connectrpc/connect-fastify";
import { fastifyCors } from "@fastify/cors";
import { type FastifyBaseLogger, type FastifyInstance, type FastifyRequest, fastify, LogController } from "fastify";
import type { Logger } from "pino";
import packageJson from "../package.json" with { type: "json" };
import { type Config, ConfigError } from "./config.ts";
import { refuseWhileClosing } from "./http/closing.ts";
import { createCorsOptions, otlpRequestHeaders } from "./http/cors.ts";
import { cutRequest } from "./http/cut-request.ts";
import { isLoopbackAddress, refuseForeignHost } from "./http/host-check.ts";
import { assertCanListen, listenErrorFrom } from "./http/listen-error.ts";
import { createOnePortServer, listenAlso } from "./http/one-port-server.ts";
import { createRequestIdGenerator, sendRequestId } from "./http/request-id.ts";
import { deriveStoredFacts } from "./ingest/derive-facts.ts";
import { admissionOf, createIntake } from "./ingest/intake.ts";
import { createOtlpDiagnostics } from "./ingest/otlp/diagnostics.ts";
import { createPointIntake } from "./ingest/otlp/point-intake.ts";
import { createSearchIndexer, type SearchIndexer } from "./ingest/search-indexer.ts";
import { createStoreHealth, type StoreHealth } from "./ingest/store-health.ts";
import { createTurns } from "./ingest/turns.ts";
import { TelemetryError } from "./model/error.ts";
import { readPriceTables } from "./price-files.ts";
import { upgradePythonDatabase } from "./python-upgrade.ts";
import { createAgentQueries } from "./query/agent-queries.ts";
import { createAlertQueries } from "./query/alert-queries.ts";
import { createCallQueries } from "./query/call-queries.ts";
import { createEventQueries } from "./query/event-queries.ts";
import { createEventWatches } from "./query/event-watches.ts";
import { createMetricQueries } from "./query/metric-queries.ts";
import { createOtlpMetricQueries } from "./query/otlp-metric-queries.ts";
import { createSearchQueries } from "./query/search-queries.ts";
import { createSessionQueries } from "./query/session-queries.ts";
import { createTraceQueries } from "./query/trace-queries.ts";
import { docsPages } from "./rest/docs-pages.ts";
import { createClientErrorHandler, registerErrorReplies, replyToFrameworkError } from "./rest/error-reply.ts";
import { otlpPlugin } from "./rest/otlp/otlp-plugin.ts";
import { restPlugin } from "./rest/rest-plugin.ts";
import { createAgentService } from "./rpc/agent-service.ts";
import { createAlertService } from "./rpc/alert-service.ts";
import { createErrorInterceptor } from "./rpc/connect-error.ts";
import { cutCallKey } from "./rpc/cut-call.ts";
import { createDiagnosticsService } from "./rpc/diagnostics-service.ts";
import { createEventService } from "./rpc/event-service.ts";
import { createLlmCallService } from "./rpc/llm-call-service.ts";
import { createMetricsService } from "./rpc/metrics-service.ts";
import { createOtlpMetricsService } from "./rpc/otlp/otlp-metrics-service.ts";
import { createOtlpLogsService, createOtlpTraceService } from "./rpc/otlp/otlp-services.ts";
import { createOtlpMetricService } from "./rpc/otlp-metric-service.ts";
import { requestLogKey } from "./rpc/request-log.ts";
import { createSearchService } from "./rpc/search-service.ts";
import { type Implementations, otlpSignals, registerServices, restServices } from "./rpc/services.ts";
import { createSessionService } from "./rpc/session-service.ts";
import { createStatusService } from "./rpc/status-service.ts";
import { createTelemetryService } from "./rpc/telemetry-service.ts";
import { createToolCallService } from "./rpc/tool-call-service.ts";
import { createTraceService } from "./rpc/trace-service.ts";
import { createSqliteStore } from "./store/sqlite/sqlite-store.ts";
import type { TelemetryStore } from "./store/store.ts";

export interface ServerOptions {
  readonly config: Config;
  readonly logger: Logger;
  /** The clock: milliseconds since 1970 UTC. */
  readonly nowMs: () => number;
  /** Makes ids for requests that bring none. */
  readonly newId: () => string;
}

/** A server that is put together but does not listen yet. */
export interface Server {
  /** Starts to listen. Resolves to the address, as `http://127.0.0.1:8000`. */
  listen(): Promise<string>;
  /**
   * Takes no more work, ends streams, lets calls in flight finish within the configured time, and closes the database.
   * May be called again.
   */
  close(): Promise<void>;
}

/**
 * Puts the server together: store, services, protocols. Throws `ConfigError` for an address that it must not serve, and
 * `ListenError` where another program has it; then the database is untouched: it may be that program's.
 */
export async function createServer(options: ServerOptions): Promise<Server> {
  const { config, logger } = options;
  assertSafeHost(config);
  for (const port of [config.port, ...otlpPorts(config)]) await assertCanListen({ host: config.host, port });
  const health = createStoreHealth({
    // After the opening: it is what finds the problems.
    probe: () => store.probe(),
    onProblem: (problem) => {
      if (problem === null) logger.info("events can be stored again");
      else logger.error({ problem }, "events cannot be stored");
    },
  });
  const store = await openStore({ ...options, health });
  const stopping = new AbortController();
  const app = createApp(options);
  await registerProtocols(
    app,
    options,
    createImplementations({ ...options, store, health, stopping: stopping.signal }),
  );

  const indexer = startSearchIndexer(options, store);

  let closing: Promise<void> | undefined;
  const close = async (): Promise<void> => {
    stopping.abort(new TelemetryError("SHUTTING_DOWN", "the server is shutting down"));
    await indexer?.close();
    await app.close();
    await store.close();
    logger.info("stopped");
  };
  return {
    listen: () => listen(app, options),
    close: () => (closing ??= close()),
  };
}

function otlpPorts({ otlpGrpcPort, otlpHttpPort }: Config): readonly number[] {
  return [otlpGrpcPort, otlpHttpPort].filter((port) => port !== null);
}

async function listen(app: FastifyInstance, { config, logger }: ServerOptions): Promise<string> {
  const listening = app.listen({ host: config.host, port: config.port, listenTextResolver });
  const url = await listening.catch((error: unknown) => {
    throw listenErrorFrom(error, config);
  });
  // More than one address where the host is `localhost`.
  const hosts = app.addresses().flatMap((bound) => (typeof bound === "string" ? [] : [bound.address]));
  for (const host of hosts) {
    for (const port of otlpPorts(config)) {
      await listenAlso(app.server, { host, port }).catch((error: unknown) => {
        throw listenErrorFrom(error, { host, port });
      });
      logger.info({ host, port }, "listening for OpenTelemetry too");
    }
  }
  return url;
}

const listenTextResolver = (address: string): string =>
  `listening on ${address}; the API is described at ${address}/docs`;

function assertSafeHost({ host, insecure }: Config): void {
  if (insecure || isLoopbackAddress(host)) return;
  throw new ConfigError(
    `CYLESTIO_HOST=${host} would let every machine that can reach this address read and write. Start with --insecure if that is what you want.`,
  );
}

async function openStore({
  config,
  logger,
  nowMs,
  health,
}: ServerOptions & { readonly health: StoreHealth }): Promise<TelemetryStore> {
  const { databasePath, durability } = config;
  try {
    await upgradePythonDatabase({ config, logger, nowMs });
    return await createSqliteStore({
      databasePath,
      durability,
      priceTables: readPriceTables(config),
      derive: (event) => deriveStoredFacts(event, config.limits),
      onRebuilt: (eventCount) => {
        if (eventCount > 0) logger.info({ eventCount }, "derived tables made anew from the events");
      },
      onMigrated: ({ applied, backupPath }) => {
        if (applied.length > 0) logger.info({ applied, backupPath }, "database schema brought up to date");
      },
      onThreadDied: (thread, { error, retryDelayMs }) => {
        logger.error({ err: error, thread, retryDelayMs }, "a thread of the database is down; it is started again");
        if (thread === "writer") health.failed(error);
      },
      onThreadRestarted: (thread) => logger.info({ thread }, "the thread of the database runs again"),
    });
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    // SQLite's own messages do not say which file they are about.
    if (reason.includes(databasePath)) throw error;
    throw new Error(`cannot open the database ${databasePath}: ${reason}`, { cause: error });
  }
}

function startSearchIndexer({ config, logger, nowMs }: ServerOptions, store: TelemetryStore): SearchIndexer | null {
  if (!config.searchEnabled) return null;
  return createSearchIndexer({
    store,
    nowMs,
    onFault: (error) => logger.error({ err: error }, "texts of events could not be added to the search index"),
  });
}

function createImplementations({
  store,
  config,
  nowMs,
  health,
  stopping,
}: ServerOptions & {
  readonly store: TelemetryStore;
  readonly health: StoreHealth;
  readonly stopping: AbortSignal;
}): Implementations {
  const nowMicros = () => nowMs() * 1000;
  const { limits } = config;
  const admission = admissionOf(limits);
  const intake = createIntake({ store, limits, nowMicros, health, admission });
  const pointIntake = createPointIntake({ store, limits, health, admission });
  const diagnostics = createOtlpDiagnostics();
  const agentQueries = createAgentQueries(store);
  const watches = createEventWatches({ store, limits, stopping, nextTurn: createTurns().next });
  return {
    telemetry: createTelemetryService({
      intake,
      stopping,
      streamWindowBatches: config.limits.streamWindowBatches,
    }),
    agents: createAgentService(agentQueries),
    events: createEventService({ queries: createEventQueries(store, agentQueries), watches }),
    sessions: createSessionService(createSessionQueries(store)),
    traces: createTraceService(createTraceQueries(store)),
    llmCalls: createLlmCallService(createCallQueries(store, "llm")),
    toolCalls: createToolCallService(createCallQueries(store, "tool")),
    alerts: createAlertService(createAlertQueries(store, { nowMicros })),
    search: createSearchService(createSearchQueries(store)),
    metrics: createMetricsService(agentQueries, createMetricQueries({ store, getAgent: agentQueries.getAgent, nowMs })),
    diagnostics: createDiagnosticsService(diagnostics),
    otlpTraces: createOtlpTraceService({ intake, diagnostics }),
    otlpLogs: createOtlpLogsService({ intake, diagnostics }),
    otlpMetrics: createOtlpMetricsService(pointIntake),
    otlpMetricPoints: createOtlpMetricService(createOtlpMetricQueries(store)),
    status: createStatusService({
      version: packageJson.version,
      check: () => store.ping(),
      intake,
      pointIntake,
      health,
    }),
  };
}

function createApp({ config, logger, newId }: ServerOptions): FastifyInstance {
  // Declared as what Fastify needs, so that the application does not get the type of this very logger.
  const loggerInstance: FastifyBaseLogger = logger;
  const app = fastify({
    serverFactory: (handler) => createOnePortServer(handler, { shutdownTimeoutMs: config.shutdownTimeoutMs }),
    loggerInstance,
    // At debug level below, because one line per event would cost more than the event.
    logController: new LogController({ disableRequestLogging: true, requestIdLogLabel: "requestId" }),
    genReqId: createRequestIdGenerator(newId),
    bodyLimit: config.limits.bodyMaxBytes,
    // A byte of an id takes three characters in a path.
    routerOptions: { maxParamLength: 3 * config.limits.idMaxBytes },
    return503OnClosing: false,
    frameworkErrors: replyToFrameworkError,
    clientErrorHandler: createClientErrorHandler({ createRequestId: newId }),
  });
  app.addHook("onRequest", sendRequestId);
  if (isLoopbackAddress(config.host)) app.addHook("onRequest", refuseForeignHost);
  refuseWhileClosing(app);
  registerErrorReplies(app);
  if (logger.isLevelEnabled("debug")) {
    app.addHook("onResponse", (request, reply, done) => {
      const { method, url } = request;
      request.log.debug({ method, url, status: reply.statusCode, ms: reply.elapsedTime }, "request");
      done();
    });
  }
  return app;
}

const contextValues = ({ log, raw }: FastifyRequest) =>
  createContextValues()
    .set(requestLogKey, log)
    .set(cutCallKey, () => cutRequest(raw));

async function registerProtocols(
  app: FastifyInstance,
  { config, logger }: ServerOptions,
  implementations: Implementations,
) {
  const corsOptions = createCorsOptions({
    origins: config.corsOrigins,
    // Browsers send it by themselves; who reads server-sent events in another way may need it too.
    allowedHeaders: [...cors.allowedHeaders, "Last-Event-ID", ...otlpRequestHeaders],
    exposedHeaders: cors.exposedHeaders,
  });
  if (corsOptions !== undefined) await app.register(fastifyCors, corsOptions);
  const interceptors = [
    createErrorInterceptor({
      onInternalError: (error, { service, method, contextValues }) => {
        const log = contextValues.get(requestLogKey) ?? logger;
        log.error({ err: error, rpc: `${service.typeName}/${method.name}` }, "call failed");
      },
    }),
  ];
  await app.register(fastifyConnectPlugin, {
    routes: (router) => registerServices(router, implementations, config.limits),
    interceptors,
    contextValues,
    readMaxBytes: config.limits.bodyMaxBytes,
    // Before the port cuts what is left.
    shutdownTimeoutMs: config.shutdownTimeoutMs * 0.8,
  });
  await app.register(restPlugin, {
    services: restServices(implementations),
    interceptors,
    contextValues,
    limits: config.limits,
  });
  await app.register(otlpPlugin, {
    signals: otlpSignals(implementations),
    interceptors,
    contextValues,
    bodyMaxBytes: config.limits.otlpBodyMaxBytes,
  });
  await app.register(docsPages);
}
