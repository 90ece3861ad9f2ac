import type { IncomingMessage } from "node:http";
import { constants, type Http2ServerRequest } from "node:http2";

/**
 * Ends a request without waiting until its client has taken what it was sent. Over HTTP/2 it is the end of the one stream, and says
 * that the client is to blame; over HTTP/1.1 of the connection, which has no other use before the answer is complete.
 */
export function cutRequest(request: IncomingMessage | Http2ServerRequest): void {
  if ("stream" in request) request.stream.close(constants.NGHTTP2_ENHANCE_YOUR_CALM);
  else request.socket.destroy();
}
