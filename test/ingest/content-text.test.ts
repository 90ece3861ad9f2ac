import { expect, test } from "vitest";
import { textOfContent, textOfMessage } from "../../src/ingest/content-text.ts";
import { parseExactJson } from "../../src/model/exact-json.ts";

test.for<readonly [what: string, content: unknown, text: string]>([
  ["a text", "Hello", "Hello"],
  ["nothing", null, ""],
  ["blank texts", [" ", "", "\n"], ""],
  ["values without names, in order", { city: "Lisbon", at: { hour: 12 }, tags: ["a", "b"] }, "Lisbon\n12\na\nb"],
  ["no truth values", [true, false, null, 0], "0"],
  ["numbers with all digits", parseExactJson("[12345678901234567890, 1.5]"), "12345678901234567890\n1.5"],
  ["texts as they are, with their line breaks", ['say "a"\nb'], 'say "a"\nb'],
  ["no file behind a data: address", { url: "data:image/png;base64,iVBORw0KGgo=", alt: "a cat" }, "a cat"],
  ["no base64", ["iVBORw0KGgo".repeat(50), "a cat"], "a cat"],
  ["long texts that are no base64", "一".repeat(600), "一".repeat(600)],
  ["what is shorter than base64 is taken for", "x".repeat(511), "x".repeat(511)],
  ["what a member is called `type` says", { type: "invoice" }, "invoice"],
])("reads %s", ([, content, text]) => {
  expect(textOfContent(content)).toBe(text);
});

test("reads of a message's parts what they say, not what they are", () => {
  const parts = ["first", { type: "text", text: "second" }, { type: "tool_use", name: "find", input: { type: "a" } }];
  expect(textOfMessage(parts)).toBe("first\nsecond\nfind\na");
  expect(textOfMessage("alone")).toBe("alone");
  expect(textOfMessage({ content: "x", tool_calls: [{ function: { name: "find" } }] })).toBe("x\nfind");
});
