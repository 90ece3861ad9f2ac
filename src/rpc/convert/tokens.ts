import { create } from "@bufbuild/protobuf";
import { type TokenUsage, TokenUsageSchema } from "../../../gen/cylestio/v1/llm_call_pb.ts";
import type { TokenCounts } from "../../model/llm-call.ts";
import { present } from "./event.ts";

const picoPerUsd = 1e12;

/** Numbers of tokens → message; where nothing is told, an empty one. */
export function tokensToProto({ input, output, cacheRead, cacheWrite, reasoning }: TokenCounts): TokenUsage {
  const total = input === null && output === null ? null : (input ?? 0) + (output ?? 0);
  return create(
    TokenUsageSchema,
    present({
      input: toBigInt(input),
      output: toBigInt(output),
      cacheRead: toBigInt(cacheRead),
      cacheWrite: toBigInt(cacheWrite),
      reasoning: toBigInt(reasoning),
      total: toBigInt(total),
    }),
  );
}

/** 1e-12 USD → USD. */
export function costToUsd(picoUsd: number | null): number | null {
  return picoUsd === null ? null : picoUsd / picoPerUsd;
}

function toBigInt(count: number | null): bigint | null {
  return count === null ? null : BigInt(count);
}
