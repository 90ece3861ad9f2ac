import { create } from "@bufbuild/protobuf";
import { type SearchHit as SearchHitMessage, SearchHitSchema } from "../../../gen/cylestio/v1/search_pb.ts";
import type { SearchHit } from "../../model/search-text.ts";
import { present } from "./event.ts";
import { timestampFromMicros } from "./time.ts";

/** Text that was found → message. */
export function searchHitToProto({ role, sessionId, timeMicros, ...rest }: SearchHit): SearchHitMessage {
  return create(SearchHitSchema, {
    ...rest,
    eventTime: timestampFromMicros(timeMicros),
    ...present({ role, sessionId }),
  });
}
