import { fileURLToPath } from "node:url";
import { type CallOptions, Client, credentials, Metadata, type ServiceError } from "@grpc/grpc-js";
import { loadSync, type ServiceDefinition } from "@grpc/proto-loader";

const folderOf = (relative: string): string => fileURLToPath(new URL(relative, import.meta.url));

/** The contract as grpc-js users load it: the `.proto` files, read at run time. */
const definitions = loadSync(
  [
    "cylestio/v1/telemetry_service.proto",
    "cylestio/v1/agent_service.proto",
    "cylestio/v1/event_service.proto",
    "opentelemetry/proto/collector/trace/v1/trace_service.proto",
    "status_details.proto",
  ],
  {
    includeDirs: [folderOf("../../proto"), folderOf(".")],
    keepCase: true,
    longs: Number,
    enums: String,
    defaults: true,
    oneofs: true,
  },
);

const decoders = serviceOf("google.rpc.Decoders");

/** One of the details of an error. */
export type ErrorDetail = Readonly<Record<string, unknown>> & { readonly type: string };

/** A grpc-js client of all services on one channel. */
export class GrpcJsClient {
  readonly #client: Client;

  constructor(port: number) {
    this.#client = new Client(`127.0.0.1:${port}`, credentials.createInsecure());
  }

  /** Calls a unary RPC, as `cylestio.v1.AgentService/ListAgents`. Rejects with grpc-js's `ServiceError`. */
  call<Response>(rpc: string, request: object, options: CallOptions = {}): Promise<Response> {
    const { path, requestSerialize, responseDeserialize } = methodOf(rpc);
    return new Promise((resolve, reject) => {
      this.#client.makeUnaryRequest(
        path,
        requestSerialize,
        responseDeserialize,
        request,
        new Metadata(),
        options,
        // What the loader decodes has the shape of the message that the caller names.
        (error, response) => (error === null ? resolve(response as Response) : reject(error)),
      );
    });
  }

  /** Opens a stream of batches. */
  stream(options: CallOptions = {}) {
    const { path, requestSerialize, responseDeserialize } = methodOf("cylestio.v1.TelemetryService/StreamEvents");
    return this.#client.makeBidiStreamRequest(path, requestSerialize, responseDeserialize, new Metadata(), options);
  }

  close(): void {
    this.#client.close();
  }
}

/** The details that an error carries in `grpc-status-details-bin`. */
export function detailsOf(error: ServiceError): readonly ErrorDetail[] {
  const [bytes] = error.metadata.get("grpc-status-details-bin");
  if (!(bytes instanceof Buffer)) return [];
  // By the decoders of status_details.proto.
  const status = methodOf("google.rpc.Decoders/ReadStatus").requestDeserialize(bytes) as {
    readonly code: number;
    readonly details: readonly { readonly type_url: string; readonly value: Buffer }[];
  };
  const { ReadStatus, ReadDetails } = decoders;
  return status.details.map(({ type_url: url, value }) => {
    const type = url.slice(url.lastIndexOf("/") + 1);
    const decode = new Map([
      ["google.rpc.ErrorInfo", ReadStatus?.responseDeserialize],
      ["google.rpc.BadRequest", ReadDetails?.requestDeserialize],
      ["google.rpc.RetryInfo", ReadDetails?.responseDeserialize],
    ]).get(type);
    return { type, ...decode?.(value) };
  });
}

function methodOf(rpc: string) {
  const [service = "", name = ""] = rpc.split("/");
  const method = serviceOf(service)[name];
  if (method === undefined) throw new Error(`the contract has no ${rpc}`);
  return method;
}

function serviceOf(name: string): ServiceDefinition {
  const service = definitions[name];
  if (service === undefined || "format" in service) throw new Error(`the contract has no service ${name}`);
  return service as ServiceDefinition;
}
