import { describe } from "vitest";
import { testAgents } from "./conformance/agent-suite.ts";
import { testAlerts } from "./conformance/alert-suite.ts";
import { testAppend } from "./conformance/append-suite.ts";
import { testEventLists } from "./conformance/event-list-suite.ts";
import { testEventTails } from "./conformance/event-tail-suite.ts";
import { testLifetime } from "./conformance/lifetime-suite.ts";
import { testMeasures } from "./conformance/measure-suite.ts";
import { testMetricPoints } from "./conformance/metric-point-suite.ts";
import { testOperationLists } from "./conformance/operation-list-suite.ts";
import { testOperations } from "./conformance/operation-suite.ts";
import { testSearch } from "./conformance/search-suite.ts";
import { testSessions } from "./conformance/session-suite.ts";
import { testTraces } from "./conformance/trace-suite.ts";
import type { CreateStore } from "./open-store.ts";

/**
 * What the comments of `src/store/store.ts` promise, as tests; every implementation of `TelemetryStore` has to pass them.
 */
export function describeTelemetryStore(name: string, createStore: CreateStore): void {
  describe(`${name}, by its contract:`, () => {
    describe("append", () => {
      testAppend(createStore);
    });
    describe("agents", () => {
      testAgents(createStore);
    });
    describe("events", () => {
      testEventLists(createStore);
    });
    describe("what is stored after a place", () => {
      testEventTails(createStore);
    });
    describe("operations", () => {
      testOperations(createStore);
    });
    describe("lists of operations", () => {
      testOperationLists(createStore);
    });
    describe("sessions", () => {
      testSessions(createStore);
    });
    describe("traces", () => {
      testTraces(createStore);
    });
    describe("alerts", () => {
      testAlerts(createStore);
    });
    describe("search", () => {
      testSearch(createStore);
    });
    describe("measures", () => {
      testMeasures(createStore);
    });
    describe("data points of metrics", () => {
      testMetricPoints(createStore);
    });
    describe("lifetime", () => {
      testLifetime(createStore);
    });
  });
}
