import { create } from "@bufbuild/protobuf";
import { DurationSchema, durationMs } from "@bufbuild/protobuf/wkt";
import { Code, ConnectError, createClient, createRouterTransport } from "@connectrpc/connect";
import { describe, expect, test } from "vitest";
import { ReceiptSchema } from "../../gen/cylestio/v1/receipt_pb.ts";
import { StatusService } from "../../gen/cylestio/v1/status_service_pb.ts";
import { TelemetryService } from "../../gen/cylestio/v1/telemetry_service_pb.ts";
import { BadRequestSchema, ErrorInfoSchema, RetryInfoSchema } from "../../gen/google/rpc/error_details_pb.ts";
import { type ErrorReason, errorKinds, fieldError, TelemetryError } from "../../src/model/error.ts";
import { connectCodes, connectErrorFrom, createErrorInterceptor } from "../../src/rpc/connect-error.ts";

describe("the Connect error", () => {
  test.each(Object.keys(errorKinds) as ErrorReason[])("of reason %s has its code and one ErrorInfo", (reason) => {
    const error = connectErrorFrom(new TelemetryError(reason, "some words", { metadata: { agent_id: "a" } }));
    expect(error.code).toBe(connectCodes[errorKinds[reason].code]);
    expect(error.rawMessage).toBe("some words");
    expect(error.findDetails(ErrorInfoSchema)).toMatchObject([
      { reason, domain: "cylestio.dev", metadata: { agent_id: "a" } },
    ]);
    expect(error.findDetails(RetryInfoSchema)).toHaveLength(errorKinds[reason].retryable ? 1 : 0);
    expect(error.findDetails(BadRequestSchema)).toHaveLength(0);
  });

  test("names the wrong fields in BadRequest", () => {
    const error = connectErrorFrom(
      fieldError({ field: "page_size", reason: "FIELD_INVALID", message: "must not be negative" }),
    );
    expect(error.findDetails(BadRequestSchema)[0]?.fieldViolations).toMatchObject([
      { field: "page_size", description: "must not be negative", reason: "FIELD_INVALID" },
    ]);
  });

  test("says how long to wait", () => {
    const error = connectErrorFrom(new TelemetryError("STORE_UNAVAILABLE", "busy", { retryDelayMs: 2500 }));
    const delay = error.findDetails(RetryInfoSchema)[0]?.retryDelay;
    expect(durationMs(delay ?? create(DurationSchema))).toBe(2500);
  });

  test("keeps the TelemetryError as its cause", () => {
    const cause = new TelemetryError("AGENT_NOT_FOUND", "no");
    expect(connectErrorFrom(cause).cause).toBe(cause);
  });

  test("is the same object if it has an ErrorInfo already, whatever was added to it", () => {
    const error = connectErrorFrom(new TelemetryError("ALL_EVENTS_REJECTED", "none"));
    error.details.push({ desc: ReceiptSchema, value: create(ReceiptSchema, { rejectedCount: 1 }) });
    expect(connectErrorFrom(error)).toBe(error);
    expect(connectErrorFrom(error).findDetails(ReceiptSchema)).toMatchObject([{ rejectedCount: 1 }]);
  });

  test.each([
    [Code.InvalidArgument, "MALFORMED_BODY"],
    [Code.ResourceExhausted, "BODY_TOO_LARGE"],
    [Code.Canceled, "CANCELLED"],
    [Code.Aborted, "CANCELLED"],
    [Code.DeadlineExceeded, "DEADLINE_EXCEEDED"],
    [Code.NotFound, "PATH_NOT_FOUND"],
    [Code.Unimplemented, "PATH_NOT_FOUND"],
    [Code.PermissionDenied, "HOST_NOT_ALLOWED"],
    [Code.Unavailable, "SHUTTING_DOWN"],
    [Code.Unauthenticated, "BAD_REQUEST"],
  ])("of Connect's own code %i keeps code, message, headers and details and gains the reason %s", (code, reason) => {
    const own = new ConnectError("some words", code, { "x-hint": "1" }, [
      { desc: ReceiptSchema, value: create(ReceiptSchema) },
    ]);
    const error = connectErrorFrom(own);
    expect(error.code).toBe(code);
    expect(error.rawMessage).toBe("some words");
    expect(error.metadata.get("x-hint")).toBe("1");
    expect(error.findDetails(ErrorInfoSchema)).toMatchObject([{ reason, domain: "cylestio.dev" }]);
    expect(error.findDetails(ReceiptSchema)).toHaveLength(1);
  });

  test("of Connect's own gains RetryInfo only if it has none", () => {
    const own = new ConnectError("stop", Code.Unavailable, undefined, [
      { desc: RetryInfoSchema, value: create(RetryInfoSchema, { retryDelay: { seconds: 9n } }) },
    ]);
    expect(connectErrorFrom(new ConnectError("stop", Code.Unavailable)).findDetails(RetryInfoSchema)).toHaveLength(1);
    expect(connectErrorFrom(own).findDetails(RetryInfoSchema)).toMatchObject([{ retryDelay: { seconds: 9n } }]);
  });

  test.each([
    new Error("password=1"),
    new ConnectError("password=1", Code.Internal),
    new ConnectError("password=1"),
    "password=1",
    undefined,
  ])("of anything else is internal and tells nothing of the inside: %s", (thrown) => {
    const error = connectErrorFrom(thrown);
    expect(error.code).toBe(Code.Internal);
    expect(error.rawMessage).toBe("internal error");
    expect(error.findDetails(ErrorInfoSchema)).toMatchObject([{ reason: "INTERNAL" }]);
    expect(error.cause).toBe(thrown);
  });

  test("of an aborted signal is cancelled, or deadline_exceeded if it was a timeout", () => {
    const aborted = new DOMException("x", "AbortError");
    const timedOut = new DOMException("x", "TimeoutError");
    expect(connectErrorFrom(aborted).code).toBe(Code.Canceled);
    expect(connectErrorFrom(timedOut).code).toBe(Code.DeadlineExceeded);
  });
});

function createCaller(thrown: unknown) {
  const reported: unknown[] = [];
  const interceptor = createErrorInterceptor({
    onInternalError: (error, request) => reported.push([error, request.method.name]),
  });
  const transport = createRouterTransport(
    ({ service }) => {
      service(StatusService, {
        getStatus: () => {
          throw thrown;
        },
      });
      service(TelemetryService, {
        async *streamEvents(requests) {
          for await (const { batchNumber } of requests) yield { batchNumber };
          throw thrown;
        },
      });
    },
    { router: { interceptors: [interceptor] } },
  );
  return {
    reported,
    status: createClient(StatusService, transport),
    telemetry: createClient(TelemetryService, transport),
  };
}

async function* oneBatch() {
  yield { batchNumber: 7n };
}

async function readStream(thrown: unknown) {
  const { reported, telemetry } = createCaller(thrown);
  const numbers: bigint[] = [];
  try {
    for await (const { batchNumber } of telemetry.streamEvents(oneBatch())) numbers.push(batchNumber);
  } catch (error) {
    return { reported, numbers, error: ConnectError.from(error) };
  }
  throw new Error("the stream ended well");
}

describe("the error interceptor", () => {
  test("maps what a unary handler throws", async () => {
    const { reported, status } = createCaller(new TelemetryError("STORE_UNAVAILABLE", "busy"));
    const error = ConnectError.from(await status.getStatus({}).catch((reason: unknown) => reason));
    expect(error.code).toBe(Code.Unavailable);
    expect(error.findDetails(ErrorInfoSchema)).toMatchObject([{ reason: "STORE_UNAVAILABLE" }]);
    expect(reported).toEqual([]);
  });

  test("maps what a stream throws after its first message", async () => {
    const { numbers, error, reported } = await readStream(new TelemetryError("SHUTTING_DOWN", "stop"));
    expect(numbers).toEqual([7n]);
    expect(error.code).toBe(Code.Unavailable);
    expect(error.findDetails(ErrorInfoSchema)).toMatchObject([{ reason: "SHUTTING_DOWN" }]);
    expect(reported).toEqual([]);
  });

  test("reports internal errors with the original", async () => {
    const fault = new Error("password=1");
    const { reported, status } = createCaller(fault);
    await expect(status.getStatus({})).rejects.toThrow("[internal] internal error");
    expect(reported).toEqual([[fault, "GetStatus"]]);
    expect((await readStream(fault)).reported).toEqual([[fault, "StreamEvents"]]);
  });

  test("passes what succeeds", async () => {
    const transport = createRouterTransport(
      ({ service }) => service(StatusService, { getStatus: () => ({ status: "healthy" }) }),
      { router: { interceptors: [createErrorInterceptor({ onInternalError: () => undefined })] } },
    );
    await expect(createClient(StatusService, transport).getStatus({})).resolves.toMatchObject({ status: "healthy" });
  });
});
