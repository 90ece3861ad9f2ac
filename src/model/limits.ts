/** Bounds of what one event, one request and one page may hold. Each can be set; see `config.ts` for the names. */
export interface Limits {
  /** Bytes of one request message or body, after decompression. */
  readonly bodyMaxBytes: number;
  /** Events in one batch. */
  readonly batchMaxEvents: number;
  /** Bytes of the JSON text of one event's attributes, and of its extensions. */
  readonly attributesMaxBytes: number;
  /** Levels of objects and arrays in attributes and extensions; the outermost is the first. */
  readonly nestingMaxDepth: number;
  /** Bytes (UTF-8) of an id or a name. */
  readonly idMaxBytes: number;
  /** Bytes (UTF-8) of any other string field. */
  readonly textMaxBytes: number;
  /** Events, and bytes of their attributes and extensions, that the server holds at a time on their way to the disk. */
  readonly inFlightMaxEvents: number;
  readonly inFlightMaxBytes: number;
  /** Batches of one stream that the server works on at a time; a faster client is slowed by flow control. */
  readonly streamWindowBatches: number;
  /** Clients that watch events at a time. */
  readonly watchMaxWatchers: number;
  /** Stored events that a watcher may fall behind, beyond those that it began behind, before it is dropped. */
  readonly watchMaxLagEvents: number;
  /** How long a watcher may leave a message untaken before it is dropped, and once more until its connection is cut, in milliseconds. */
  readonly watchMaxStallMs: number;
  /** How far into the future an event's time may lie, in milliseconds. */
  readonly futureMaxMs: number;
  /** Bytes of one request of OpenTelemetry, after decompression: exporters cannot make smaller ones when they are told to. */
  readonly otlpBodyMaxBytes: number;
}

export const limitsDefault: Limits = {
  bodyMaxBytes: 16 * 1024 * 1024,
  batchMaxEvents: 10_000,
  attributesMaxBytes: 4 * 1024 * 1024,
  nestingMaxDepth: 32,
  idMaxBytes: 256,
  textMaxBytes: 4096,
  inFlightMaxEvents: 50_000,
  inFlightMaxBytes: 64 * 1024 * 1024,
  streamWindowBatches: 8,
  watchMaxWatchers: 64,
  watchMaxLagEvents: 100_000,
  watchMaxStallMs: 60_000,
  futureMaxMs: 24 * 60 * 60 * 1000,
  // What the specification recommends.
  otlpBodyMaxBytes: 64 * 1024 * 1024,
};

/** The earliest time that a Cylestio event may have: 2000-01-01T00:00:00Z in microseconds. */
export const eventTimeMinMicros = 946_684_800_000_000;

/** Items on a page where the client names no size. */
export const pageSizeDefault = 50;

/** Items on a page of the older REST paths where the client names no size. */
export const restLimitDefault = 100;

/** Items on a page at most; a larger size counts as this. */
export const pageSizeMax = 1000;

/** Items that `offset` may pass over; further on, page tokens lead. */
export const offsetMax = 10_000;

/** Operations in the answer to a question for one trace. */
export const traceSpansMax = 10_000;

/** Characters (UTF-16) of a text that are indexed for search; the rest of a longer one cannot be found. */
export const searchTextMaxLength = 32_768;

/** Characters (UTF-16) of a query for a search. */
export const searchQueryMaxLength = 1000;

/** Hits on a page of a search at most: the place of each is sought in its text. */
export const searchPageSizeMax = 100;

/** Characters (UTF-16) of a hit's text that are given. */
export const searchHitTextMaxLength = 2000;

/** Events that wait for the search index are counted up to this. */
export const pendingCountMax = 10_000;

/** Length of the filter of a list, in UTF-16 units. */
export const filterLengthMax = 2_000;

/** Attributes that a question for the points of a metric may name. */
export const attributeFiltersMax = 20;
