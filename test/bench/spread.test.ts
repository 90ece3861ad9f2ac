import { describe, expect, test } from "vitest";
import { eventsPerSession, firstMicros } from "../../bench/events.ts";
import { createSpreadRun, spreadMicros } from "../../bench/spread.ts";

const dayMicros = 86_400_000_000;

describe.for([
  { agentCount: 3, eventCount: 10_000, wholeSessions: 96 },
  { agentCount: 300, eventCount: 40_000, wholeSessions: 300 },
])("$eventCount events of $agentCount agents", ({ agentCount, eventCount, wholeSessions }) => {
  const run = createSpreadRun({ agentCount, eventCount });
  const events = Array.from({ length: eventCount }, (_, index) => run.eventAt(index));
  const namesOf = ({ agent_id, trace_id, attributes }: (typeof events)[number]) =>
    JSON.stringify({ agentId: agent_id, sessionId: attributes["session.id"], traceId: trace_id });
  const sessions = Map.groupBy(events, namesOf);

  test("have the whole sessions that the run says, by the names that it gives", () => {
    expect(run.sessionCountIn(eventCount)).toBe(wholeSessions);
    for (let number = 0; number < wholeSessions; number += 1) {
      expect(sessions.get(JSON.stringify(run.sessionAt(number)))).toHaveLength(eventsPerSession);
    }
    expect([...sessions.values()].filter(({ length }) => length === eventsPerSession)).toHaveLength(wholeSessions);
  });

  test("have two alerts and two errors in each whole session", () => {
    for (const session of sessions.values()) {
      if (session.length < eventsPerSession) continue;
      expect(session.filter(({ name }) => name.startsWith("security.content."))).toHaveLength(2);
      expect(session.filter(({ name }) => name.endsWith(".error"))).toHaveLength(2);
    }
  });

  test("are of all agents on every day of the time that all databases cover", () => {
    const seen = new Set(
      events.map(({ agent_id }, index) => {
        return `${agent_id} ${Math.floor((run.timeMicrosAt(index) - firstMicros) / dayMicros)}`;
      }),
    );
    expect(seen.size).toBe((agentCount * spreadMicros) / dayMicros);
  });
});
