import { describe, expect, test } from "vitest";
import { parsePathTemplate, templateVariableValue } from "../../src/rest/path-template.ts";

describe("a path template", () => {
  test.each([
    ["/", "/", {}, {}],
    ["/healthz", "/healthz", {}, {}],
    ["/api/agents/{agent_id}", "/api/agents/:p0", { p0: "a" }, { agent_id: "a" }],
    ["/api/{filter.agent_id}/x/{name}", "/api/:p0/x/:p1", { p0: "a", p1: "b" }, { "filter.agent_id": "a", name: "b" }],
    ["/v1/{name=shelves/*/books/*}", "/v1/shelves/:p0/books/:p1", { p0: "1", p1: "2" }, { name: "shelves/1/books/2" }],
    ["/v1/*/{name}", "/v1/:p0/:p1", { p0: "1", p1: "2" }, { name: "2" }],
    ["/v1/{name=**}", "/v1/*", { "*": "a/b" }, { name: "a/b" }],
    ["/v1/{name=files/**}", "/v1/files/*", { "*": "a/b" }, { name: "files/a/b" }],
    ["/v1/**", "/v1/*", { "*": "a/b" }, {}],
  ])("%s is the route %s", (text, routerPath, parameters, expected) => {
    const template = parsePathTemplate(text);
    const values = template.variables.map((variable) => [variable.name, templateVariableValue(variable, parameters)]);
    expect(template.routerPath).toBe(routerPath);
    expect(Object.fromEntries(values)).toEqual(expected);
  });

  test.each([
    ["", "the path is empty"],
    ["api", "cannot be read"],
    ["/api//x", "is not supported"],
    ["/api/", "is not supported"],
    ["/api/{id}:cancel", "custom verbs are not supported"],
    ["/api:cancel", "custom verbs are not supported"],
    ["/api/**/x", '"**" is supported at the end'],
    ["/api/{id=**}/x", '"**" is supported at the end'],
    ["/api/{id}x", "cannot be read"],
    ["/api/x{id}", "cannot be read"],
    ["/api/{id", "cannot be read"],
    ["/api/{}", "cannot be read"],
    ["/api/{id=}", "cannot be read"],
    ["/api/{a b}", "cannot be read"],
    ["/api/{id}/{id}", "is there twice"],
    ["/api/a*", "is not supported"],
    ["/api/a b", "is not supported"],
    ["/api?x=1", "is not supported"],
  ])("%j is refused", (text, message) => {
    expect(() => parsePathTemplate(text)).toThrow(message);
  });
});
