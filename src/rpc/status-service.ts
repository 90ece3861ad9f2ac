import type { ServiceImpl } from "@connectrpc/connect";
import type { StatusService } from "../../gen/cylestio/v1/status_service_pb.ts";

/** The name that the older server answered with too. */
const serviceName = "cylestio-mini-local-server";

export interface StatusServiceOptions {
  readonly version: string;
  /** Rejects if the server cannot do its work. */
  readonly check: () => Promise<void>;
}

/** `StatusService`: healthy if the check passes, else the check's error. */
export function createStatusService({ version, check }: StatusServiceOptions): ServiceImpl<typeof StatusService> {
  return {
    async getStatus() {
      await check();
      return { status: "healthy", service: serviceName, version };
    },
  };
}
