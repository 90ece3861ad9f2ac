/** What the one port allows its clients, and for how long. Times are in milliseconds. */
export interface OnePortOptions {
  /** How long a new connection may take to show whether it speaks HTTP/1.1 or HTTP/2. Then it is cut without an answer. */
  readonly protocolTimeoutMs: number;
  /** How long the headers of an HTTP/1.1 request may take; then 408. At most `requestTimeoutMs`, unless that is 0. */
  readonly headersTimeoutMs: number;
  /**
   * How long a whole HTTP/1.1 request, with its body, may take to arrive; then 408. 0 is for ever. A response may take as long as
   * it likes.
   */
  readonly requestTimeoutMs: number;
  /** How often the two timeouts above are looked at: they fire late by up to this much. */
  readonly timeoutCheckIntervalMs: number;
  /** How long an HTTP/1.1 connection may wait for its next request. */
  readonly keepAliveTimeoutMs: number;
  /** After how long a silence TCP asks whether the client's machine is still there, so that vanished clients free what they hold. */
  readonly tcpKeepAliveDelayMs: number;
  /** How long requests and streams in progress may take once the server closes; what is still open then is cut. */
  readonly shutdownTimeoutMs: number;
  /**
   * Requests at a time on one HTTP/2 session; a client queues the others on its side. At least 100: that many a client may send
   * before it has heard of this bound, and what goes beyond it is refused (NGHTTP2_REFUSED_STREAM).
   */
  readonly sessionStreamsMax: number;
  /**
   * Bytes that a client may send ahead on one HTTP/2 stream, and on all streams of one session together, before the server has
   * read them. It bounds what a fast client makes the server hold.
   */
  readonly streamWindowBytes: number;
  readonly sessionWindowBytes: number;
  /**
   * Megabytes (10^6) that one HTTP/2 session may hold, mostly responses that the client has not taken yet; beyond it, new streams
   * of that session are refused until the client catches up.
   */
  readonly sessionMemoryMaxMegabytes: number;
}

/** Settings for a laptop or a team box. */
export const onePortDefaults: OnePortOptions = {
  // Only a broken or a hostile client says nothing; but a browser connects ahead of its first request.
  protocolTimeoutMs: 10_000,
  headersTimeoutMs: 30_000,
  // Node's own default: an upload of the largest body through a slow line.
  requestTimeoutMs: 300_000,
  timeoutCheckIntervalMs: 5_000,
  // Longer than the 60 s after which usual proxies give up their side, so that they never send into a connection we just closed.
  keepAliveTimeoutMs: 72_000,
  tcpKeepAliveDelayMs: 60_000,
  // `docker stop` kills after 10 s, and the store has to close after the port.
  shutdownTimeoutMs: 5_000,
  // Well above the 100 that RFC 9113 (6.5.2) recommends, as live streams stay open; Node's own default is no bound.
  sessionStreamsMax: 256,
  // HTTP/2's own 64 KiB make a client of large batches wait for leave several times in each, and the server give it each time.
  streamWindowBytes: 2 * 1024 * 1024,
  sessionWindowBytes: 8 * 1024 * 1024,
  // Node's 10 is less than one large answer, so a client that reads slowly would see its other calls refused.
  sessionMemoryMaxMegabytes: 64,
};
