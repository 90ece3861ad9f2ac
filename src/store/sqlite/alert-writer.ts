import type { Database } from "better-sqlite3";
import type { AlertFacts } from "../../model/security-alert.ts";

/** Keeps security alerts. Every call must run inside the transaction that stores the event. */
export interface AlertWriter {
  /** Adds the finding of an event that was just stored. */
  write(alert: AlertFacts, event: AlertEvent): void;
  /** Gives the finding of an event, if it has one, to another agent or session. */
  move(event: Omit<AlertEvent, "timeMicros">): Pick<AlertFacts, "severity" | "category"> | null;
}

/** The event that reports a finding. */
export interface AlertEvent {
  readonly sequence: number;
  readonly timeMicros: number;
  readonly agentKey: number;
  readonly sessionKey: number | null;
}

/** Prepares the statement on the writer's connection. */
export function createAlertWriter(database: Database): AlertWriter {
  const insert = database.prepare(
    `insert into security_alerts (sequence, agent_key, session_key, time_micros, severity, category, keywords_json, sample,
      description) values (?, ?, ?, ?, ?, ?, ?, ?, ?)`,
  );
  const move = database.prepare<[number, number | null, number], Pick<AlertFacts, "severity" | "category">>(
    "update security_alerts set agent_key = ?, session_key = ? where sequence = ? returning severity, category",
  );
  return {
    move: ({ sequence, agentKey, sessionKey }) => move.get(agentKey, sessionKey, sequence) ?? null,
    write({ severity, category, keywords, sample, description }, { sequence, agentKey, sessionKey, timeMicros }) {
      const finding = [severity, category, JSON.stringify(keywords), sample, description];
      insert.run(sequence, agentKey, sessionKey, timeMicros, ...finding);
    },
  };
}
