import { describe, expect, test } from "vitest";
import { AgentService } from "../../gen/cylestio/v1/agent_service_pb.ts";
import { TelemetryService } from "../../gen/cylestio/v1/telemetry_service_pb.ts";
import { restBindingsOf } from "../../src/rest/rest-binding.ts";
import { getTestService } from "./test-contract.ts";

describe("the REST routes of an RPC", () => {
  test("are the main one, then the additional ones", () => {
    const bindings = restBindingsOf(AgentService.method.listAgents);
    expect(bindings).toMatchObject([
      { httpMethod: "GET", template: { text: "/api/agents" }, body: { kind: "none" }, successStatus: 200 },
    ]);
    expect(bindings[0]?.responseField?.name).toBe("agents");
    const routes = restBindingsOf(TelemetryService.method.sendEvent).map(
      ({ httpMethod, template, body, successStatus }) => `${httpMethod} ${template.text} ${body.kind} ${successStatus}`,
    );
    expect(routes).toEqual([
      "POST /api/v1/telemetry free-form 202",
      "PUT /api/v1/telemetry free-form 202",
      "POST /v1/telemetry free-form 201",
      "PUT /v1/telemetry free-form 201",
      "POST /v1/telemetry/v1/telemetry free-form 201",
      "PUT /v1/telemetry/v1/telemetry free-form 201",
      "POST / free-form 202",
      "PUT / free-form 202",
    ]);
  });

  test("are none without the option, streams included", () => {
    const { method } = getTestService("KitchenSinkService");
    expect(method["hidden"] && restBindingsOf(method["hidden"])).toEqual([]);
    expect(method["hiddenWatch"] && restBindingsOf(method["hiddenWatch"])).toEqual([]);
  });

  test("are of server-sent events where the responses are a stream", () => {
    const { method } = getTestService("KitchenSinkService");
    const streams = [method["watch"], method["watchWhole"]].map((rpc) => rpc && restBindingsOf(rpc)[0]?.eventStream);
    expect(streams).toMatchObject([
      { idField: { name: "string_value" }, lastIdField: { name: "renamed_value" } },
      { idField: undefined, lastIdField: undefined },
    ]);
    expect(method["echo"] && restBindingsOf(method["echo"])[0]?.eventStream).toBeUndefined();
  });

  test("may have a method of their own", () => {
    const { method } = getTestService("KitchenSinkService");
    const bindings = method["echo"] === undefined ? [] : restBindingsOf(method["echo"]);
    expect(bindings.at(-1)).toMatchObject({ httpMethod: "OPTIONS", template: { text: "/echo/options" } });
  });

  test.each([
    ["VerbService", "custom verbs are not supported"],
    ["DoubleStarService", '"**" is supported at the end of a path only'],
    ["UnknownVariableService", "the path names missing, which transcoding.v1.Small does not have"],
    ["ClientStreamService", "streams of requests have no REST route"],
    ["BidiStreamService", "streams of requests have no REST route"],
    ["UnaryEventStreamService", "event_stream is for RPCs that stream their responses"],
    ["UnknownIdFieldService", "there is no field missing"],
    ["ListIdFieldService", "texts must be one string"],
    ["RepeatedVariableService", "the variable text is there twice"],
    ["ListVariableService", "the path variable texts must be one scalar value"],
    ["MessageVariableService", "the path variable small must be one scalar value"],
    ["GetBodyService", "GET has no body"],
    ["FreeFormGetService", "GET has no body"],
    ["FreeFormAndBodyService", "body must be empty"],
    ["UnknownBodyService", "there is no field missing"],
    ["UnknownResponseBodyService", "there is no field missing"],
    ["NestedBindingService", "additional_bindings must not be nested"],
    ["NoPathService", "google.api.http names no path"],
    ["RelativePathService", "the path cannot be read"],
    ["EmptySegmentService", 'the segment "" is not supported'],
    ["PartialSegmentService", "cannot be read"],
    ["StatusService", "404 is no status of success"],
  ])("of %s are refused, and the error names the RPC", (name, message) => {
    const [method] = getTestService(name).methods;
    expect(method).toBeDefined();
    expect(() => method && restBindingsOf(method)).toThrow(`transcoding.v1.${name}.Get: `);
    expect(() => method && restBindingsOf(method)).toThrow(message);
  });
});
