import { expect, test } from "vitest";
import { pendingCountMax, searchHitTextMaxLength } from "../../../src/model/limits.ts";
import type { SearchFilter, TelemetryStore } from "../../../src/store/store.ts";
import { buildEvent, builtFromMicros } from "../event-builder.ts";
import { type CreateStore, openStore } from "../open-store.ts";
import { buildText, everyText, readHitPages, searchFor } from "../search-builder.ts";

/** A store with an event for each text, the first one an hour after the beginning of time; all texts are in the index. */
async function openWithTexts(createStore: CreateStore, ...texts: readonly string[]): Promise<TelemetryStore> {
  const store = await openStore(createStore);
  await store.append(texts.map((_, index) => buildEvent({ timeMicros: builtFromMicros + index })));
  const batch = texts.map((text, index) => buildText(index + 1, text));
  await store.indexTexts({ texts: batch, throughSequence: texts.length });
  return store;
}

async function textsFor(store: TelemetryStore, ...words: readonly string[]): Promise<readonly string[]> {
  const terms = words.map((word) => ({ text: word.replace(/\*$/, ""), isPrefix: word.endsWith("*") }));
  return (await store.searchTexts(searchFor("", { terms }))).hits.map(({ text }) => text);
}

/** Texts by their words, and how far the events were gone through for them. */
export function testSearch(createStore: CreateStore): void {
  testWords(createStore);
  testBatches(createStore);
  testHits(createStore);
  testPages(createStore);
}

function testWords(createStore: CreateStore): void {
  test.for<readonly [what: string, words: readonly string[], found: readonly string[]]>([
    ["a word", ["lisbon"], ["The weather in Lisbon", "Lisbon!"]],
    ["no word that only begins or ends so", ["isb"], []],
    ["every word, in any order", ["lisbon", "WEATHER"], ["The weather in Lisbon"]],
    ["a phrase", ["weather in"], ["The weather in Lisbon"]],
    ["no phrase whose words stand apart", ["the lisbon"], []],
    ["a prefix", ["weath*"], ["Weathered stone", "The weather in Lisbon"]],
    ["a phrase whose last word goes on", ["in lis*"], ["The weather in Lisbon"]],
    ["a word without its diacritics", ["sao"], ["Café São Bento, 12°"]],
    ["a word with diacritics that the text does not have", ["wéather"], ["The weather in Lisbon"]],
    ["a number", ["12"], ["Café São Bento, 12°"]],
    ["parts of a word with punctuation, in a row", ["são-bento"], ["Café São Bento, 12°"]],
    ["a quote as what it is", ['"lisbon"'], ["The weather in Lisbon", "Lisbon!"]],
    ["words that are operators elsewhere", ["AND", "NOT", "NEAR(a b)"], []],
    ["such a word where it stands", ["or"], ["this OR that"]],
    ["a name of a column as a word", ["text:lisbon"], []],
    ["nothing for what has no word, beside a word", ["lisbon", "!"], ["The weather in Lisbon", "Lisbon!"]],
  ])("finds %s", async ([, words, found]) => {
    const texts = ["Lisbon!", "The weather in Lisbon", "Weathered stone", "Café São Bento, 12°", "this OR that"];
    const store = await openWithTexts(createStore, ...texts);
    expect([...(await textsFor(store, ...words))].sort()).toEqual([...found].sort());
  });

  test("takes no text for more than words", async () => {
    const store = await openWithTexts(createStore, "a");
    for (const text of [
      '"',
      '""a',
      "a OR b",
      "(a",
      "a)",
      "^a",
      "-a",
      "{a} : b",
      "a NEAR/2 b",
      "a'; drop table events; --",
    ]) {
      for (const isPrefix of [false, true]) {
        await expect(store.searchTexts(searchFor("", { terms: [{ text, isPrefix }] }))).resolves.toBeDefined();
      }
    }
  });
}

function testBatches(createStore: CreateStore): void {
  test("a text that is there already is not added again, whatever event it comes with", async () => {
    const store = await openStore(createStore);
    await store.append([buildEvent(), buildEvent()]);
    const texts = [buildText(1, "once"), buildText(2, "once"), buildText(2, "more, not once")];
    await store.indexTexts({ texts, throughSequence: 1 });
    await store.indexTexts({ texts, throughSequence: 2 });
    const { hits } = await store.searchTexts(searchFor("once"));
    expect(hits.map(({ text }) => text)).toEqual(["more, not once", "once"]);
  });

  test("a text whose event is not there is passed over", async () => {
    const store = await openWithTexts(createStore, "one");
    await store.indexTexts({ texts: [buildText(77, "lost"), buildText(1, "kept")], throughSequence: 1 });
    expect([await textsFor(store, "lost"), await textsFor(store, "kept")]).toEqual([[], ["kept"]]);
  });

  test("the place up to which events were gone through never goes back, and is there after a new start", async () => {
    const place = { name: "search-restart" };
    const store = await openStore(createStore, place);
    expect(await store.getIndexedSequence()).toBe(0);
    await store.append([buildEvent(), buildEvent(), buildEvent()]);
    await store.indexTexts({ texts: [buildText(1, "word")], throughSequence: 2 });
    await store.indexTexts({ texts: [], throughSequence: 1 });
    await store.close();
    const reopened = await openStore(createStore, place);
    expect(await reopened.getIndexedSequence()).toBe(2);
    expect(await textsFor(reopened, "word")).toEqual(["word"]);
  });

  test("events behind that place are told as pending, up to a bound", async () => {
    const store = await openStore(createStore);
    const pending = async () => (await store.searchTexts(searchFor("x"))).pendingEventCount;
    expect(await pending()).toBe(0);
    await store.append([buildEvent(), buildEvent(), buildEvent()]);
    expect(await pending()).toBe(3);
    await store.indexTexts({ texts: [], throughSequence: 2 });
    expect(await pending()).toBe(1);
    await store.append(Array.from({ length: pendingCountMax }, () => buildEvent()));
    expect(await pending()).toBe(pendingCountMax);
  });
}

function testHits(createStore: CreateStore): void {
  test("a hit tells where the text was first, and what stands around the word", async () => {
    const store = await openStore(createStore);
    const event = buildEvent({ agentId: "a", sessionId: null });
    await store.append([event]);
    const text = `${"before ".repeat(400)}the needle\nin the hay ${"after ".repeat(400)}`;
    const found = buildText(1, text, { kind: "tool", role: null });
    await store.indexTexts({ texts: [found], throughSequence: 1 });
    const [hit] = (await store.searchTexts(searchFor("NEEDLE"))).hits;
    expect(hit).toEqual({
      kind: "tool",
      role: null,
      agentId: "a",
      sessionId: null,
      eventId: event.id,
      timeMicros: event.timeMicros,
      text: text.slice(0, searchHitTextMaxLength),
      snippet: expect.stringMatching(/^….*before the needle in the hay after .*…$/),
    });
    expect(hit?.snippet.length).toBeLessThan(300);
  });

  test("a short text is its own snippet", async () => {
    const store = await openWithTexts(createStore, "needle, \u{1f9f5} and more");
    expect((await store.searchTexts(searchFor("more"))).hits).toMatchObject([
      { snippet: "needle, \u{1f9f5} and more" },
    ]);
  });

  test("the parts of a pair of surrogates are not given apart", async () => {
    const store = await openWithTexts(createStore, `x needle ${"\u{1f9f5}".repeat(searchHitTextMaxLength)}`);
    const [hit] = (await store.searchTexts(searchFor("needle"))).hits;
    expect([hit?.text.isWellFormed(), hit?.snippet.isWellFormed()]).toEqual([true, true]);
    expect(hit?.snippet).not.toContain("\u{fffd}");
  });
}

const numberOf = ({ text }: { readonly text: string }) => Number(text.split(" ")[1]);

function testPages(createStore: CreateStore): void {
  /** 60 texts of two agents, three sessions and all kinds; every one has the word. */
  async function openMixed(examinedRowsMax?: number): Promise<TelemetryStore> {
    const store = await openStore(createStore, examinedRowsMax === undefined ? {} : { examinedRowsMax });
    await store.append(
      Array.from({ length: 60 }, (_, index) =>
        buildEvent({ agentId: `a${index % 2}`, sessionId: `s${index % 3}`, timeMicros: builtFromMicros + index }),
      ),
    );
    const kinds = ["message", "tool", "error", "message"] as const;
    const texts = Array.from({ length: 60 }, (_, index) =>
      buildText(index + 1, `word ${index}`, { kind: kinds[index % 4] ?? "message" }),
    );
    await store.indexTexts({ texts, throughSequence: 60 });
    return store;
  }
  const all = Array.from({ length: 60 }, (_, index) => 59 - index);

  test.for([1, 7, 59, 60, 61])("pages of %d hold every hit once, the newest first", async (limit) => {
    const pages = await readHitPages(await openMixed(), searchFor("word", { limit }));
    expect(pages.flat().map(numberOf)).toEqual(all);
    expect(pages.length).toBe(Math.ceil(60 / limit));
  });

  test.for<readonly [Partial<SearchFilter>, (index: number) => boolean]>([
    [{ agentId: "a1" }, (index) => index % 2 === 1],
    [{ agentId: "nobody" }, () => false],
    [{ sessionId: "s2" }, (index) => index % 3 === 2],
    [{ sessionId: "none" }, () => false],
    [{ agentId: "a0", sessionId: "s1" }, (index) => index % 2 === 0 && index % 3 === 1],
    [{ kind: "message" }, (index) => index % 4 === 0 || index % 4 === 3],
    [{ kind: "error", agentId: "a0" }, (index) => index % 4 === 2],
    [{ fromMicros: builtFromMicros + 10, toMicros: builtFromMicros + 20 }, (index) => index >= 10 && index <= 20],
  ])("only what %o lets through is found, also where a page examines few texts", async ([filter, passes]) => {
    for (const examinedRowsMax of [undefined, 1, 7]) {
      const store = await openMixed(examinedRowsMax);
      const pages = await readHitPages(store, searchFor("word", { filter: { ...everyText, ...filter }, limit: 4 }));
      expect(pages.flat().map(numberOf)).toEqual(all.filter(passes));
      expect(pages.every((page) => page.length <= Math.min(4, examinedRowsMax ?? 4))).toBe(true);
    }
  });
}
