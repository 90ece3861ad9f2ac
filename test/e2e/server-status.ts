import { expect } from "vitest";

/** What became of all events since the start of the server, as `GET /` says. */
export interface IngestCounters {
  readonly received_count: number;
  readonly stored_count: number;
  readonly duplicate_count: number;
  readonly rejected_count: number;
  readonly refused_count: number;
}

/** The answer of `GET /`. */
export interface ServerStatus {
  readonly status: string;
  readonly problem: string | null;
  readonly ingest: IngestCounters;
}

/** A status without a problem. */
export const healthy = { status: "healthy", problem: null } as const;

export async function getStatus(url: string): Promise<ServerStatus> {
  const response = await fetch(url);
  expect(response.status).toBe(200);
  // What the contract says of it.
  return (await response.json()) as ServerStatus;
}

/** Every event that came in is counted as something; the counters that are not named are zero. Only while nothing is under way. */
export function expectBalanced({ ingest }: ServerStatus, expected: Partial<IngestCounters>): void {
  const counts = { stored_count: 0, duplicate_count: 0, rejected_count: 0, refused_count: 0, ...expected };
  const { stored_count, duplicate_count, rejected_count, refused_count } = counts;
  const received_count = stored_count + duplicate_count + rejected_count + refused_count;
  expect(ingest).toEqual({ ...counts, received_count });
}
