import { create } from "@bufbuild/protobuf";
import type { ServiceImpl } from "@connectrpc/connect";
import {
  type IngestCounters,
  IngestCountersSchema,
  type StatusService,
} from "../../gen/cylestio/v1/status_service_pb.ts";
import type { Intake, IntakeCounters } from "../ingest/intake.ts";
import type { StoreHealth } from "../ingest/store-health.ts";
import { present } from "./convert/event.ts";

/** The name that the older server answered with too. */
const serviceName = "cylestio-mini-local-server";

export interface StatusServiceOptions {
  readonly version: string;
  /** Rejects if the server cannot do its work. */
  readonly check: () => Promise<void>;
  readonly intake: Pick<Intake, "counters">;
  /** Of the data points of metrics. */
  readonly pointIntake: Pick<Intake, "counters">;
  readonly health: Pick<StoreHealth, "problem">;
}

/** `StatusService`: the check's error, else whether events can be stored, and what became of them. */
export function createStatusService({
  version,
  check,
  intake,
  pointIntake,
  health,
}: StatusServiceOptions): ServiceImpl<typeof StatusService> {
  return {
    async getStatus() {
      await check();
      const problem = health.problem();
      return {
        status: problem === null ? "healthy" : "degraded",
        service: serviceName,
        version,
        ...present({ problem }),
        ingest: countersToProto(intake.counters()),
        metricPoints: countersToProto(pointIntake.counters()),
      };
    },
  };
}

function countersToProto({ received, stored, duplicate, rejected, refused }: IntakeCounters): IngestCounters {
  return create(IngestCountersSchema, {
    receivedCount: BigInt(received),
    storedCount: BigInt(stored),
    duplicateCount: BigInt(duplicate),
    rejectedCount: BigInt(rejected),
    refusedCount: BigInt(refused),
  });
}
