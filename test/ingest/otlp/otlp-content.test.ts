import { assert, jsonValue, property } from "fast-check";
import { describe, expect, test } from "vitest";
import { readOtlpLlmContent, readOtlpToolContent } from "../../../src/ingest/otlp/otlp-content.ts";
import { findOtlpErrorMessage } from "../../../src/ingest/otlp/otlp-error.ts";
import { logSource, spanSource } from "./fact-source.ts";

type Attributes = Record<string, unknown>;

const inputOf = (attributes: Attributes) => readOtlpLlmContent(spanSource(attributes)).inputMessages;
const outputOf = (attributes: Attributes) => readOtlpLlmContent(spanSource(attributes)).outputMessages;
const user = (content: unknown) => ({ role: "user", content });
const assistant = (content: unknown) => ({ role: "assistant", content });

function choice(index: number, content: string) {
  return { name: "gen_ai.choice", attributes: { index, message: { content } } };
}

describe("what a model was asked", () => {
  const messages = [{ role: "user", parts: [{ type: "text", content: "Hi" }] }];

  test.for<readonly [what: string, attributes: Attributes, messages: readonly unknown[]]>([
    ["structured messages", { "gen_ai.input.messages": messages }, [user("Hi")]],
    ["the JSON text of them", { "gen_ai.input.messages": JSON.stringify(messages) }, [user("Hi")]],
    [
      "the JSON text of them cut short",
      { "gen_ai.input.messages": '[{"role":"user","parts":[{"type":"te' },
      [{ role: null, content: '[{"role":"user","parts":[{"type":"te' }],
    ],
    [
      "several parts, as sent",
      {
        "gen_ai.input.messages": [
          { role: "tool", parts: [{ type: "tool_call_response", id: "c", response: "5" }] },
          {
            role: "user",
            name: "Ann",
            parts: [
              { type: "text", content: "a" },
              { type: "uri", uri: "u" },
            ],
          },
        ],
      },
      [
        { role: "tool", content: [{ type: "tool_call_response", id: "c", response: "5" }] },
        user([
          { type: "text", content: "a" },
          { type: "uri", uri: "u" },
        ]),
      ],
    ],
    [
      "a list of JSON texts, and of texts that are none of messages",
      { "gen_ai.input.messages": [JSON.stringify(messages[0]), '{"a":1}', "Ho"] },
      [user("Hi"), { role: null, content: '{"a":1}' }, { role: null, content: "Ho" }],
    ],
    [
      "parts that are JSON text",
      { "gen_ai.input.messages": [{ role: "user", parts: '[{"type":"text","content":"Hi"}]' }] },
      [user("Hi")],
    ],
    [
      "instructions and messages",
      { "gen_ai.system_instructions": '[{"type":"text","content":"Be kind"}]', "gen_ai.input.messages": messages },
      [{ role: "system", content: "Be kind" }, user("Hi")],
    ],
    ["instructions alone", { "gen_ai.system_instructions": "Be kind" }, [{ role: "system", content: "Be kind" }]],
    [
      "numbered attributes, in the order of their numbers",
      {
        "gen_ai.prompt.10.content": "last",
        "gen_ai.prompt.10.role": "user",
        "gen_ai.prompt.2.role": "tool",
        "gen_ai.prompt.2.content": "5",
        "gen_ai.prompt.2.tool_call_id": "c",
        "gen_ai.prompt.name": "no message",
      },
      [{ role: "tool", content: { content: "5", tool_call_id: "c" } }, user("last")],
    ],
    ["a list of chat messages", { "gen_ai.prompt": '[{"role":"user","content":"Hi"}]' }, [user("Hi")]],
    ["prompts of completions", { "llm.prompts.0.prompt.text": "Once" }, [{ role: null, content: "Once" }]],
    [
      "a prompt with its system's part",
      { "ai.prompt": '{"system":"Be kind","messages":[{"role":"user","content":"Hi"}]}' },
      [{ role: "system", content: "Be kind" }, user("Hi")],
    ],
    ["any input", { "input.value": "Hi" }, [{ role: null, content: "Hi" }]],
    ["any input that is an object", { "input.value": '{"q":1}' }, [{ role: null, content: { q: 1 } }]],
    ["nothing", { "gen_ai.input.messages": [] }, []],
  ])("%s", ([, attributes, expected]) => {
    expect(inputOf(attributes)).toEqual(expected);
  });

  test("stays a text where it is deeper than documents may be", () => {
    const text = "[".repeat(100) + "]".repeat(100);
    expect(inputOf({ "gen_ai.prompt": text })).toEqual([{ role: null, content: text }]);
  });
});

describe("what a model answered", () => {
  test.for<readonly [what: string, attributes: Attributes, messages: readonly unknown[]]>([
    [
      "a text under a number, without a role",
      { "gen_ai.completion.0.content": "Hi", "gen_ai.completion.0.finish_reason": "stop" },
      [assistant("Hi")],
    ],
    [
      "calls of tools as parts",
      {
        "gen_ai.output.messages": [
          {
            role: "assistant",
            parts: [{ type: "tool_call", name: "f", arguments: { a: 1 } }],
            finish_reason: "tool_call",
          },
        ],
      },
      [assistant([{ type: "tool_call", name: "f", arguments: { a: 1 } }])],
    ],
    [
      "calls of tools in numbered attributes",
      {
        "gen_ai.completion.0.role": "assistant",
        "gen_ai.completion.0.finish_reason": "tool_calls",
        "gen_ai.completion.0.tool_calls.0.id": "c",
        "gen_ai.completion.0.tool_calls.0.name": "f",
        "gen_ai.completion.0.tool_calls.0.arguments": "{}",
      },
      [assistant({ tool_calls: [{ id: "c", name: "f", arguments: "{}" }] })],
    ],
    ["a text", { "ai.response.text": "Hello" }, [assistant("Hello")]],
    ["an object", { "ai.response.object": '{"a":1}' }, [assistant({ a: 1 })]],
    [
      "calls of tools alone",
      { "ai.response.toolCalls": '[{"toolName":"f"}]' },
      [assistant({ tool_calls: [{ toolName: "f" }] })],
    ],
    [
      "a vendor's whole response",
      { "output.value": '{"choices":[{"message":{"role":"assistant","content":"Hello"}}]}' },
      [assistant("Hello")],
    ],
  ])("%s", ([, attributes, expected]) => {
    expect(outputOf(attributes)).toEqual(expected);
  });

  test("may be events of the span", () => {
    const events = [
      { name: "gen_ai.tool.message", attributes: { id: "c", content: "5" } },
      choice(0, "One"),
      choice(1, "Two"),
    ];
    const content = readOtlpLlmContent(spanSource({}, { extensions: { events } }));
    expect(content.inputMessages).toEqual([{ role: "tool", content: { content: "5", tool_call_id: "c" } }]);
    expect(content.outputMessages).toEqual([assistant("One"), assistant("Two")]);
  });
});

test("parameters are told one by one, in a JSON text, and once", () => {
  const attributes = {
    "gen_ai.request.model": "m",
    "gen_ai.request.temperature": 0,
    "llm.invocation_parameters": '{"temperature":1,"seed":7}',
    "llm.is_streaming": true,
    "llm.request.functions.0.name": "f",
  };
  expect(readOtlpLlmContent(spanSource(attributes)).parameters).toEqual({
    temperature: 0,
    seed: 7,
    stream: true,
    tools: [{ name: "f" }],
  });
});

test("definitions of tools may be JSON texts, one and all", () => {
  const tools = [{ type: "function", name: "f" }];
  for (const sent of [tools, JSON.stringify(tools), tools.map((tool) => JSON.stringify(tool))]) {
    expect(readOtlpLlmContent(spanSource({ "ai.prompt.tools": sent })).parameters).toEqual({ tools });
  }
});

test("content of any form is read without a fault", () => {
  const names = ["gen_ai.input.messages", "gen_ai.output.messages", "gen_ai.system_instructions", "input.value"];
  const others = ["llm.input_messages.0.message", "gen_ai.completion.0", "ai.response.toolCalls", "ai.prompt"];
  assert(
    property(jsonValue(), (value) => {
      for (const attribute of [...names, ...others]) {
        for (const sent of [value, JSON.stringify(value)]) {
          const source = spanSource({ [attribute]: sent });
          for (const { role } of readOtlpLlmContent(source).inputMessages) expect(role ?? "").toBeTypeOf("string");
          readOtlpToolContent(source);
        }
      }
    }),
  );
});

function bodyOf(level: string, attributes: Attributes): string | null {
  return findOtlpErrorMessage(logSource("log", attributes, { level, extensions: { body: "it broke" } }), 100);
}

describe("what went wrong", () => {
  const failed = (attributes: Attributes, extensions: Attributes) =>
    findOtlpErrorMessage(spanSource(attributes, { level: "ERROR", extensions }), 100);
  const exception = (attributes: Attributes) => ({ events: [{ name: "exception", attributes }] });
  const status = { status: { code: "error", message: "status" } };

  test.for<readonly [what: string, attributes: Attributes, extensions: Attributes, message: string | null]>([
    ["the exception", {}, { ...status, ...exception({ "exception.message": "thrown" }) }, "thrown"],
    ["the status", { "error.type": "type" }, status, "status"],
    ["the type of the error", { "error.type": "type" }, { status: { code: "error" } }, "type"],
    ["the type of the exception", {}, { status: { code: "error" }, ...exception({ "exception.type": "E" }) }, "E"],
    ["nothing", {}, { status: { code: "error" } }, null],
  ])("is %s", ([, attributes, extensions, message]) => {
    expect(failed(attributes, extensions)).toBe(message);
  });

  test("is nothing where nothing failed", () => {
    const extensions = { status: { code: "ok", message: "fine" }, ...exception({ "exception.message": "handled" }) };
    expect(findOtlpErrorMessage(spanSource({}, { extensions }), 100)).toBeNull();
  });

  test("is the beginning of a long text", () => {
    expect(findOtlpErrorMessage(spanSource({}, { extensions: { status: { code: "error", message: "äää" } } }), 4)).toBe(
      "ää",
    );
  });

  test("is what a record of an exception tells, whatever its severity", () => {
    const source = logSource("gen_ai.client.operation.exception", { "exception.message": "no" }, { level: "WARN" });
    expect(findOtlpErrorMessage(source, 100)).toBe("no");
  });

  test("is what a record of an error says, where it says nothing else", () => {
    expect(bodyOf("ERROR", {})).toBe("it broke");
    expect(bodyOf("ERROR", { "exception.message": "no" })).toBe("no");
    expect(bodyOf("INFO", {})).toBeNull();
  });
});
