import { describe, expect, test } from "vitest";
import { type LlmContent, readLlmContent } from "../../../src/ingest/cylestio/llm-content.ts";
import type { JsonObject } from "../../../src/model/exact-json.ts";
import { readSampleEvents } from "../../samples.ts";

const nothing: LlmContent = { inputMessages: [], outputMessages: [], parameters: {}, responseId: null };

const inputOf = (start: unknown): unknown => readLlmContent({ start, finish: null }).inputMessages;
const outputOf = (finish: unknown): unknown => readLlmContent({ start: null, finish }).outputMessages;

/** The JSON text of messages, of which one has content of so many levels. */
function nested(levels: number): string {
  return `[{"role":"user","content":${"[".repeat(levels)}${"]".repeat(levels)}}]`;
}

describe("what was asked, in each shape", () => {
  const asked = [{ role: "user", content: "How many crates?" }];

  test.each<[string, JsonObject, unknown]>([
    ["legacy A, the JSON text of messages", { prompt: '[{"role": "user", "content": "How many crates?"}]' }, asked],
    [
      "legacy A, the JSON text of an input",
      { prompt: '{"messages": [{"type": "human", "content": "Hi"}]}' },
      [{ role: "user", content: "Hi" }],
    ],
    ["legacy A, a text", { prompt: "How many crates?" }, [{ role: null, content: "How many crates?" }]],
    ["a text that begins like JSON", { prompt: "[ENV] go" }, [{ role: null, content: "[ENV] go" }]],
    ["JSON that has no messages", { prompt: '["a", 1]' }, [{ role: null, content: '["a", 1]' }]],
    [
      "JSON of which only a part is messages",
      { prompt: '[{"role": "user", "content": "a"}, 5]' },
      [{ role: null, content: '[{"role": "user", "content": "a"}, 5]' }],
    ],
    ["LangChain's types as roles", { messages: [{ role: "human", content: "a" }] }, [{ role: "user", content: "a" }]],
    ["an object that has none", { prompt: '{"query": "a"}' }, [{ role: null, content: '{"query": "a"}' }]],
    ["an empty list as a text", { prompt: "[]" }, [{ role: null, content: "[]" }]],
    [
      "JSON as Python writes it",
      { prompt: '[{"role": "user", "content": "a", "score": NaN}]' },
      [{ role: "user", content: "a" }],
    ],
    ["legacy B, a list of messages", { method: "messages.create", prompt: asked }, asked],
    [
      "LangChain's lists of messages",
      { messages: [[{ type: "human", content: "Hi" }], [{ type: "ai", content: "" }]] },
      [
        { role: "user", content: "Hi" },
        { role: "assistant", content: "" },
      ],
    ],
    [
      "LangChain's classes",
      { messages: [[{ type: "SystemMessage", content: "Be brief." }]] },
      [{ role: "system", content: "Be brief." }],
    ],
    [
      "LangChain's prompts",
      { prompts: ["one", "two"] },
      [
        { role: null, content: "one" },
        { role: null, content: "two" },
      ],
    ],
    ["the application's prompt", { prompt: "Summarise", alert: "none" }, [{ role: null, content: "Summarise" }]],
    ["v1 messages", { "llm.request.data": { messages: asked, model: "m" } }, asked],
    [
      "v1 messages with instructions",
      { "llm.request.data": { messages: asked, system: "You plan." } },
      [{ role: "system", content: "You plan." }, ...asked],
    ],
    [
      "v1 instructions in parts",
      { "llm.request.data": { messages: [], system: [{ type: "text", text: "a" }] } },
      [{ role: "system", content: [{ type: "text", text: "a" }] }],
    ],
    ["v1 prompt", { "llm.request.data": { prompt: "Finish:" } }, [{ role: null, content: "Finish:" }]],
    [
      "v1 prompts",
      { "llm.request.data": { prompt: ["a", "b"] } },
      [
        { role: null, content: "a" },
        { role: null, content: "b" },
      ],
    ],
    ["factory, a text", { "llm.request.prompt": "Hi" }, [{ role: null, content: "Hi" }]],
    ["factory, messages", { "llm.request.prompt": asked }, asked],
    [
      "parts of content",
      { "llm.request.data": { messages: [{ role: "user", content: [{ type: "image" }] }] } },
      [{ role: "user", content: [{ type: "image" }] }],
    ],
    [
      "calls of tools",
      { prompt: [{ role: "assistant", content: null, tool_calls: [{ id: "c" }], audio: null }] },
      [{ role: "assistant", content: { tool_calls: [{ id: "c" }] } }],
    ],
    [
      "answers of tools",
      { prompt: [{ role: "tool", content: "128", tool_call_id: "c" }] },
      [{ role: "tool", content: { content: "128", tool_call_id: "c" } }],
    ],
    ["one message", { prompt: { role: "user", content: "a" } }, [{ role: "user", content: "a" }]],
    [
      "a list with odd entries",
      { prompt: ["a", null, 5, { x: 1 }, [{ role: "user" }]] },
      [
        { role: null, content: "a" },
        { role: null, content: 5 },
        { role: null, content: { x: 1 } },
        { role: "user", content: { role: "user" } },
      ],
    ],
    ["LangChain of v1, which tells only numbers", { "llm.num_messages": 2, "llm.messages.human": 1 }, []],
    ["nothing", { prompt: null, messages: [], prompts: "" }, []],
  ])("%s", (_shape, start, messages) => {
    expect(inputOf(start)).toEqual(messages);
  });

  test("a finish tells it where the start is missing or says nothing", () => {
    const finish = { prompt: "Summarise", response: "One seat." };
    expect(readLlmContent({ start: null, finish }).inputMessages).toEqual([{ role: null, content: "Summarise" }]);
    expect(readLlmContent({ start: {}, finish }).inputMessages).toEqual([{ role: null, content: "Summarise" }]);
    expect(readLlmContent({ start: { prompt: "a" }, finish }).inputMessages).toEqual([{ role: null, content: "a" }]);
  });

  test("a text of great depth stays a text", () => {
    expect(inputOf({ prompt: nested(30) })).toMatchObject([{ role: "user" }]);
    for (const levels of [31, 100_000]) {
      expect(inputOf({ prompt: nested(levels) })).toEqual([{ role: null, content: nested(levels) }]);
    }
  });
});

describe("what was answered, in each shape", () => {
  test.each<[string, JsonObject, unknown]>([
    ["legacy A, a text", { response: "Let me look." }, [{ role: "assistant", content: "Let me look." }]],
    [
      "a text that is JSON",
      { response: '[{"role":"user","content":"x"}]' },
      [{ role: "assistant", content: '[{"role":"user","content":"x"}]' }],
    ],
    [
      "legacy B, Anthropic's response",
      {
        response: {
          id: "msg_01",
          type: "message",
          role: "assistant",
          model: "m",
          content: [{ type: "text", text: "a" }],
          stop_reason: "end_turn",
        },
      },
      [{ role: "assistant", content: [{ type: "text", text: "a" }] }],
    ],
    [
      "LangChain's text",
      { response: { text: "Use form R-12.", llm_output: { id: "msg_01" } } },
      [{ role: "assistant", content: "Use form R-12." }],
    ],
    [
      "LangChain's message",
      { response: { text: "", message: { type: "ai", content: "Yes." } } },
      [{ role: "assistant", content: "Yes." }],
    ],
    [
      "LangChain's generations",
      { response: { generations: [["a"], [{ text: "b", message: { type: "ai", content: "c" } }]] } },
      [
        { role: "assistant", content: "a" },
        { role: "assistant", content: "c" },
      ],
    ],
    [
      "OpenAI's choices",
      { response: { choices: [{ message: { role: "assistant", content: "a" } }, { text: " b" }] } },
      [
        { role: "assistant", content: "a" },
        { role: "assistant", content: " b" },
      ],
    ],
    [
      "v1 Anthropic, parts",
      {
        "llm.response.content": [
          { text: "I'll check.", type: "text" },
          { text: null, type: "tool_use" },
        ],
      },
      [
        {
          role: "assistant",
          content: [
            { text: "I'll check.", type: "text" },
            { text: null, type: "tool_use" },
          ],
        },
      ],
    ],
    [
      "v1 OpenAI, a message",
      { "llm.response.content": { role: "assistant", content: "Form R-12.", refusal: null, tool_calls: null } },
      [{ role: "assistant", content: "Form R-12." }],
    ],
    [
      "v1 OpenAI, calls of tools",
      { "llm.response.content": { role: "assistant", content: "Look:", tool_calls: [{ id: "c" }] } },
      [{ role: "assistant", content: { content: "Look:", tool_calls: [{ id: "c" }] } }],
    ],
    [
      "a part whose type is called like a role",
      { "llm.response.content": [{ type: "function", name: "f" }] },
      [{ role: "assistant", content: [{ type: "function", name: "f" }] }],
    ],
    ["v1 OpenAI, a text", { "llm.response.content": " R-12." }, [{ role: "assistant", content: " R-12." }]],
    [
      "factory, messages",
      { "llm.response.content": [{ role: "assistant", content: "a" }] },
      [{ role: "assistant", content: "a" }],
    ],
    ["any other object", { response: { answer: 42 } }, [{ role: "assistant", content: { answer: 42 } }]],
    ["a number", { response: 42 }, [{ role: "assistant", content: 42 }]],
    [
      "nothing, as after an error",
      { "error.message": "529 overloaded", response: null, "llm.response.content": [] },
      [],
    ],
  ])("%s", (_shape, finish, messages) => {
    expect(outputOf(finish)).toEqual(messages);
  });
});

describe("parameters", () => {
  test("are what the client set, with zero and false, and without what it did not set", () => {
    const start = {
      "llm.vendor": "openai",
      "llm.request.type": "chat_completion",
      "llm.request.timestamp": "2025-04-10T08:00:00Z",
      "llm.request.data": {
        messages: [],
        model: "m",
        system: "s",
        temperature: 0,
        stream: false,
        stop: null,
        stop_sequences: [],
      },
      "llm.request.temperature": 1,
      "llm.request.max_tokens": 1000,
      "llm.request.top_p": null,
      "session.id": "s",
    };
    expect(readLlmContent({ start, finish: null }).parameters).toEqual({
      temperature: 0,
      stream: false,
      stop_sequences: [],
      max_tokens: 1000,
    });
  });

  test("may stand among the data of legacy events, and LangChain calls stop otherwise", () => {
    const start = { prompt: "a", temperature: 0.2, top_k: 5, "llm.stop_tokens": ["END"] };
    expect(readLlmContent({ start, finish: null }).parameters).toEqual({ temperature: 0.2, top_k: 5, stop: ["END"] });
  });

  test("are the start's where both tell them", () => {
    const events = { start: { temperature: 0 }, finish: { temperature: 1, "llm.request.seed": 7 } };
    expect(readLlmContent(events).parameters).toEqual({ temperature: 0, seed: 7 });
  });

  test("may have any name", () => {
    const start = { "llm.request.data": JSON.parse('{"__proto__": {"x": 1}}') };
    const { parameters } = readLlmContent({ start, finish: null });
    expect(Object.keys(parameters)).toEqual(["__proto__"]);
    expect("x" in parameters).toBe(false);
  });
});

test.each([
  [{ "llm.response.id": "msg_1" }, "msg_1"],
  [{ response: { id: "msg_2", content: [] } }, "msg_2"],
  [{ response: { llm_output: { id: "msg_3" } } }, "msg_3"],
  [{ response: { message: { id: "msg_4" } } }, "msg_4"],
  [{ "llm.response.id": "", response: "text" }, null],
  [{ "llm.response.id": 5 }, null],
])("%j has the response id %s", (finish, id) => {
  expect(readLlmContent({ start: null, finish }).responseId).toBe(id);
});

test.each([null, undefined, "text", 5, [], [{}], JSON.rawJSON("1e999"), {}])("%j tells nothing", (value) => {
  expect(readLlmContent({ start: value, finish: value })).toEqual(nothing);
});

test("the samples' calls have their messages and parameters", () => {
  const events = readSampleEvents("v1-events.json");
  const attributesOf = (name: string, span: string) =>
    events.find((event) => event["name"] === name && event["span_id"] === span)?.["attributes"];
  const content = readLlmContent({
    start: attributesOf("llm.call.start", "f6782f2e2d2150bd"),
    finish: attributesOf("llm.call.finish", "f6782f2e2d2150bd"),
  });
  expect(content).toEqual({
    inputMessages: [
      { role: "system", content: "You plan warehouse restocks." },
      { role: "user", content: "Draft a restock plan for next week." },
    ],
    outputMessages: [
      {
        role: "assistant",
        content: [{ text: "Monday: 40 crates of limes, and email orders to j***@example.com ...", type: "text" }],
      },
    ],
    parameters: { max_tokens: 640, temperature: 0.7 },
    responseId: "msg_01046f6e84cc2cec3115f603",
  });
});
