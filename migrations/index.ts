import { CreateTables } from "./20261120000000_create_tables.ts";
import { DeriveCalls } from "./20261121000000_derive_calls.ts";
import { RollUps } from "./20261121000100_roll_ups.ts";
import { LeanCalls } from "./20261121000200_lean_calls.ts";
import { SearchTexts } from "./20261121000300_search_texts.ts";
import { ListsByAgent } from "./20261121000400_lists_by_agent.ts";
import { CallAncestors } from "./20261121000500_call_ancestors.ts";
import { SessionRollups } from "./20261121000600_session_rollups.ts";
import { SpanOwners } from "./20261121000700_span_owners.ts";
import { MetricPoints } from "./20261121001000_metric_points.ts";

/** Every migration, oldest first. A list rather than a folder scan, so that nothing depends on the working directory. */
export const migrations = [
  { name: "20261120000000_create_tables", class: CreateTables },
  { name: "20261121000000_derive_calls", class: DeriveCalls },
  { name: "20261121000100_roll_ups", class: RollUps },
  { name: "20261121000200_lean_calls", class: LeanCalls },
  { name: "20261121000300_search_texts", class: SearchTexts },
  { name: "20261121000400_lists_by_agent", class: ListsByAgent },
  { name: "20261121000500_call_ancestors", class: CallAncestors },
  { name: "20261121000600_session_rollups", class: SessionRollups },
  { name: "20261121000700_span_owners", class: SpanOwners },
  { name: "20261121001000_metric_points", class: MetricPoints },
] as const;
