/** What is put around the words that were found: characters that Unicode reserves, so that texts have none. */
export const snippetMarks = { open: "\u{fdd0}", close: "\u{fdd1}" } as const;

const marks = /[\u{fdd0}\u{fdd1}]/gu;

/** Characters before and after the beginning of the first place. */
const before = 60;
const after = 180;

/** What stands around the first marked place, without marks and in one line; `…` where the text goes on. */
export function snippetOf(markedText: string): string {
  const text = markedText.replace(marks, "");
  const place = Math.max(0, markedText.indexOf(snippetMarks.open));
  const from = Math.max(0, place - before);
  const to = place + after;
  // Half of a pair of surrogates at an end is left out.
  const piece = text
    .slice(from, to)
    .toWellFormed()
    .replaceAll(/^\u{fffd}|\u{fffd}$/gu, "");
  return `${from > 0 ? "…" : ""}${piece.replaceAll(/\s+/g, " ").trim()}${to < text.length ? "…" : ""}`;
}
