import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { parseModelId } from "../../src/pricing/model-id.ts";

describe("the model in an id", () => {
  test.each([
    ["claude-3-haiku", "claude-3-haiku"],
    [" Claude-3-Haiku ", "claude-3-haiku"],
    ["claude-3-haiku-20240307", "claude-3-haiku"],
    ["gpt-4o-2024-08-06", "gpt-4o"],
    ["claude-3-7-sonnet-latest", "claude-3-7-sonnet"],
    ["models/gemini-1.5-pro", "gemini-1.5-pro"],
    ["publishers/google/models/gemini-2.0-flash", "gemini-2.0-flash"],
    ["projects/p/locations/us-east5/publishers/anthropic/models/claude-3-haiku@20240307", "claude-3-haiku"],
    ["arn:aws:bedrock:us-east-1::foundation-model/anthropic.claude-3-haiku-20240307-v1:0", "claude-3-haiku"],
    [
      "arn:aws-us-gov:bedrock:us-gov-west-1:1:inference-profile/us-gov.anthropic.claude-3-haiku-20240307-v1:0",
      "claude-3-haiku",
    ],
    ["anthropic/claude-3-opus", "claude-3-opus"],
    ["openai/gpt-4o", "gpt-4o"],
    ["vertex_ai/claude-3-5-sonnet-v2@20241022", "claude-3-5-sonnet"],
    ["bedrock/eu.anthropic.claude-sonnet-4-20250514-v1:0", "claude-sonnet-4"],
    ["global.anthropic.claude-opus-4-6-v1", "claude-opus-4-6"],
    ["amazon.nova-pro-v1:0", "nova-pro"],
    ["claude-sonnet-4@latest", "claude-sonnet-4"],
    ["gemini-2.0-flash@default", "gemini-2.0-flash"],
  ])("of %s is %s", (text, model) => {
    expect(parseModelId(text).model).toBe(model);
  });

  test.each([
    "gpt-4o-mini",
    "gpt-4.1",
    "gpt-4-0613",
    "ft:gpt-4o-mini-2024-07-18:acme::1",
    "gpt-4o:extended",
    "acme/gpt-4o",
    "deepseek-v3",
    "us.claude-3-haiku",
    "mistral-large-2407",
    "gpt-4-2024-13-01",
    "gpt-4-20241301",
    "model-12345678",
    "latest",
    "-latest",
    "models/",
    "anthropic.",
    "",
  ])("of %s is all of it", (text) => {
    expect(parseModelId(text).model).toBe(text);
  });
});

test("an id tells its snapshot, and the vendors that it names from the outermost on", () => {
  expect(parseModelId("Bedrock/us.anthropic.claude-3-5-sonnet-20241022-v2:0")).toEqual({
    asSent: "bedrock/us.anthropic.claude-3-5-sonnet-20241022-v2:0",
    snapshot: "claude-3-5-sonnet-20241022",
    model: "claude-3-5-sonnet",
    vendors: ["aws.bedrock", "anthropic"],
  });
  expect(parseModelId("claude-3-5-sonnet-v2@20241022").snapshot).toBe("claude-3-5-sonnet-20241022");
  expect(parseModelId("mistral-small-latest")).toMatchObject({
    snapshot: "mistral-small-latest",
    model: "mistral-small",
  });
  expect(parseModelId("publishers/mistralai/models/codestral-2501").vendors).toEqual(["gcp.vertex_ai", "mistral"]);
  expect(parseModelId("models/gemini-1.5-pro").vendors).toEqual([]);
});

const part = fc.constantFrom(
  "gpt-4o",
  "claude-3-haiku",
  "x",
  "models/",
  "openai/",
  "bedrock/",
  "publishers/google/models/",
  "projects/p/locations/l/",
  "arn:aws:bedrock:r::m/",
  "us.",
  "anthropic.",
  "deepseek.",
  "-v1",
  "-v2:0",
  "@20241022",
  "@latest",
  "@default",
  "-latest",
  "-2024-08-06",
  "-20240307",
  "-2024",
  " ",
  ".",
  "/",
  "É",
);
const ids = fc.oneof(
  fc.array(part, { maxLength: 9 }).map((parts) => parts.join("")),
  fc.string(),
);

test("the model in a model is itself, and the snapshot in a snapshot", () => {
  fc.assert(
    fc.property(ids, (id) => {
      const { model, snapshot } = parseModelId(id);
      expect(parseModelId(model).model).toBe(model);
      expect(parseModelId(snapshot).snapshot).toBe(snapshot);
    }),
    { numRuns: 5_000 },
  );
});

test("the model is never another than a whole part of what was sent", () => {
  fc.assert(
    fc.property(ids, (id) => {
      const { asSent, model } = parseModelId(id);
      expect(asSent).toContain(model);
      expect(model === "").toBe(asSent === "");
    }),
  );
});
