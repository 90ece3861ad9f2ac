/** What a text that can be searched is: a message to or from a model, arguments or result of a tool, or what went wrong. */
export const searchKinds = ["message", "tool", "error"] as const;
export type SearchKind = (typeof searchKinds)[number];

/** A text of an event that can be searched. */
export interface SearchText {
  /** 32 hexadecimal digits: of what is the same text of the same session, of whatever event. */
  readonly hash: string;
  /** Of the event. */
  readonly sequence: number;
  readonly kind: SearchKind;
  /** Who speaks in a message, as `user`; `arguments` or `result` of a tool; null where it is not told, and for errors. */
  readonly role: string | null;
  /** Never empty, at most `searchTextMaxLength` characters. */
  readonly text: string;
}

/** A text that was found. */
export interface SearchHit {
  readonly kind: SearchKind;
  readonly role: string | null;
  readonly agentId: string;
  readonly sessionId: string | null;
  /** The first event that has the text: 32 hexadecimal digits. */
  readonly eventId: string;
  /** Time of that event. */
  readonly timeMicros: number;
  /** What stands around the first place that was found, in one line. */
  readonly snippet: string;
  /** The text's beginning, at most `searchHitTextMaxLength` characters. */
  readonly text: string;
}
