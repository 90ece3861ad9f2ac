import type { Scenario } from "../bench.ts";
import { type IngestPath, measureShareOfFloor } from "../ingest.ts";
import { encodeOtlpGrpc, encodeOtlpJson, encodeOtlpProtobuf } from "../otlp-encode.ts";
import { openOtlpGrpcLane, openOtlpHttpLane } from "../otlp-lane.ts";

/** What the SDKs' batch processors send at a time at most. */
const batchSize = 512;

const common = { batchSize, rows: "spans" } as const;

const grpc: IngestPath = {
  ...common,
  name: "OTLP over gRPC, 4 at a time",
  encode: encodeOtlpGrpc,
  openLane: openOtlpGrpcLane,
  laneCount: 1,
  inFlight: 4,
};

const protobuf: IngestPath = {
  ...common,
  name: "OTLP over HTTP, protobuf, 4 connections",
  encode: encodeOtlpProtobuf,
  openLane: openOtlpHttpLane("protobuf"),
  laneCount: 4,
  inFlight: 1,
};

const json: IngestPath = {
  ...protobuf,
  name: "OTLP over HTTP, JSON, 4 connections",
  encode: encodeOtlpJson,
  openLane: openOtlpHttpLane("json"),
};

/** Spans of 20 attributes, by each encoding of OTLP, by the floor of the rows that they become. */
export const otlpScenario: Scenario = {
  name: "otlp",
  run: async (bench) => [
    await measureShareOfFloor(bench, grpc, { atLeast: 0.35 }),
    await measureShareOfFloor(bench, protobuf, { atLeast: 0.35 }),
    await measureShareOfFloor(bench, json, { atLeast: 0.15 }),
  ],
};
