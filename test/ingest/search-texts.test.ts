import { describe, expect, test } from "vitest";
import { findSearchTexts } from "../../src/ingest/search-texts.ts";
import type { StoredEvent } from "../../src/model/event.ts";
import { searchTextMaxLength } from "../../src/model/limits.ts";
import { buildEvent } from "../store/event-builder.ts";

function storedEvent(name: string, attributes: unknown, overrides: Partial<StoredEvent> = {}): StoredEvent {
  const event = buildEvent({ name, attributesJson: JSON.stringify(attributes) });
  return { ...event, sequence: 7, pairedDurationMs: null, ...overrides };
}

const textsOf = (event: StoredEvent) => findSearchTexts(event).map(({ kind, role, text }) => [kind, role, text]);

const user = (content: unknown) => ({ role: "user", content });

describe("the texts of an event", () => {
  test.for<readonly [what: string, name: string, attributes: unknown, texts: readonly unknown[]]>([
    [
      "what a model is asked",
      "llm.call.start",
      { "llm.request.data": { system: "Be kind", messages: [user("Hi"), user([{ type: "text", text: "there" }])] } },
      [
        ["message", "system", "Be kind"],
        ["message", "user", "Hi"],
        ["message", "user", "there"],
      ],
    ],
    [
      "what a model answers",
      "llm.call.finish",
      { "llm.response.content": [{ type: "text", text: "Hello" }] },
      [["message", "assistant", "Hello"]],
    ],
    [
      "both where one event tells both",
      "llm.call.finish",
      { "llm.request.data": { messages: [user("Hi")] }, "llm.response.content": [{ type: "text", text: "Hello" }] },
      [
        ["message", "user", "Hi"],
        ["message", "assistant", "Hello"],
      ],
    ],
    ["a prompt without a role", "LLM_call_start", { prompt: "Hi" }, [["message", null, "Hi"]]],
    ["arguments of a tool", "tool.start", { "tool.input": { city: "Lisbon" } }, [["tool", "arguments", "Lisbon"]]],
    ["the result of a tool", "tool.end", { "tool.output": "18 °C" }, [["tool", "result", "18 °C"]]],
    ["why a tool failed", "tool.error", { "error.message": "no such city" }, [["error", null, "no such city"]]],
    ["an error of anything else", "framework.error", { message: "broken" }, [["error", null, "broken"]]],
    ["nothing of any other event", "user.message", { message: "hello", prompt: "hello" }, []],
    ["nothing of attributes that are no object", "llm.call.start", ["hello"], []],
    ["nothing where a message says nothing", "llm.call.start", { "llm.request.data": { messages: [user(" ")] } }, []],
    [
      "no role that is longer than any",
      "llm.call.start",
      {
        messages: [
          { role: "r".repeat(64), content: "a" },
          { role: "r".repeat(65), content: "b" },
        ],
      },
      [
        ["message", "r".repeat(64), "a"],
        ["message", null, "b"],
      ],
    ],
  ])("are %s", ([, name, attributes, texts]) => {
    expect(textsOf(storedEvent(name, attributes))).toEqual(texts);
  });

  test(`are cut to ${searchTextMaxLength} characters, and told apart by all of them`, () => {
    const of = (end: string) =>
      findSearchTexts(storedEvent("tool.end", { "tool.output": "x ".repeat(searchTextMaxLength / 2) + end }));
    const [whole, longer] = [...of(""), ...of("y")];
    expect(whole?.text.length).toBe(searchTextMaxLength);
    expect(longer?.text).toBe(whole?.text);
    expect(longer?.hash).not.toBe(whole?.hash);
    const [cut] = findSearchTexts(
      storedEvent("tool.end", { "tool.output": `x${"\u{1f9f5}".repeat(searchTextMaxLength)}` }),
    );
    expect(cut?.text.isWellFormed()).toBe(true);
  });
});

const hashOf = (text: string, overrides: Partial<StoredEvent> = {}) =>
  findSearchTexts(storedEvent("tool.end", { "tool.output": text }, overrides))[0]?.hash;

describe("the hash of a text", () => {
  test("is the same in every event of a session", () => {
    expect(hashOf("a")).toMatch(/^[0-9a-f]{32}$/);
    expect(hashOf("a", { traceId: "t1", sequence: 8 })).toBe(hashOf("a", { traceId: "t2" }));
    const outOfSession = { sessionId: null, traceId: "t" };
    expect(hashOf("a", outOfSession)).toBe(hashOf("a", outOfSession));
  });

  test("is another one for what is not the same text of the same session", () => {
    const hashes = [
      hashOf("a"),
      hashOf("b"),
      hashOf("a", { agentId: "other" }),
      hashOf("a", { sessionId: "other" }),
      hashOf("a", { sessionId: null }),
      hashOf("a", { sessionId: null, traceId: "session" }),
      findSearchTexts(storedEvent("tool.start", { "tool.input": "a" }))[0]?.hash,
      findSearchTexts(storedEvent("llm.call.finish", { response: "a" }))[0]?.hash,
      findSearchTexts(storedEvent("x.error", { error: "a" }))[0]?.hash,
    ];
    expect(new Set(hashes).size).toBe(hashes.length);
  });

  test("of an answer is that of the message by which the next call repeats it", () => {
    const answer = storedEvent("llm.call.finish", { "llm.response.content": [{ type: "text", text: "Hello" }] });
    const repeated = storedEvent("llm.call.start", { messages: [{ role: "assistant", content: "Hello" }] });
    expect(findSearchTexts(answer)[0]?.hash).toBe(findSearchTexts(repeated)[0]?.hash);
  });
});

function otlp(channel: "SPAN" | "LOG", attributes: unknown, extensions: unknown, name = "work"): StoredEvent {
  return storedEvent(name, attributes, { dialect: "otlp", channel, extensionsJson: JSON.stringify(extensions) });
}

describe("the texts of OpenTelemetry", () => {
  test("are the messages of a call, and what went wrong", () => {
    const attributes = {
      "gen_ai.operation.name": "chat",
      "gen_ai.input.messages": [{ role: "user", parts: [{ type: "text", content: "Hi" }] }],
      "gen_ai.output.messages": '[{"role":"assistant","parts":[{"type":"text","content":"Hello"}]}]',
    };
    const extensions = { end_time_unix_nano: "1", status: { code: "error", message: "cut off" } };
    expect(textsOf(otlp("SPAN", attributes, extensions))).toEqual([
      ["message", "user", "Hi"],
      ["message", "assistant", "Hello"],
      ["error", null, "cut off"],
    ]);
  });

  test("are arguments and result of a tool", () => {
    const attributes = {
      "gen_ai.operation.name": "execute_tool",
      "gen_ai.tool.call.arguments": '{"city":"Paris"}',
      "gen_ai.tool.call.result": "sunny",
    };
    expect(textsOf(otlp("SPAN", attributes, {}))).toEqual([
      ["tool", "arguments", "Paris"],
      ["tool", "result", "sunny"],
    ]);
  });

  test("are the message that a log record is", () => {
    expect(textsOf(otlp("LOG", {}, { body: { content: "Hi" } }, "gen_ai.user.message"))).toEqual([
      ["message", "user", "Hi"],
    ]);
    expect(textsOf(otlp("LOG", { prompt: "Fix it" }, {}, "claude_code.user_prompt"))).toEqual([
      ["message", "user", "Fix it"],
    ]);
    const choice = { index: 0, message: { role: "assistant", content: "Hello" }, finish_reason: "stop" };
    expect(textsOf(otlp("LOG", {}, { body: choice }, "gen_ai.choice"))).toEqual([["message", "assistant", "Hello"]]);
  });

  test("are none of other spans and records", () => {
    expect(textsOf(otlp("SPAN", { "input.value": "x" }, {}))).toEqual([]);
    expect(textsOf(otlp("LOG", {}, { body: "x" }))).toEqual([]);
  });
});
