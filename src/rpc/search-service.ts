import type { ServiceImpl } from "@connectrpc/connect";
import type { SearchService } from "../../gen/cylestio/v1/search_service_pb.ts";
import type { SearchQueries } from "../query/search-queries.ts";
import { pageFrom } from "./convert/request.ts";
import { searchHitToProto } from "./convert/search.ts";
import { timeRangeFrom } from "./convert/time.ts";

/** `SearchService` over the search queries. */
export function createSearchService(queries: SearchQueries): ServiceImpl<typeof SearchService> {
  return {
    async search(request) {
      const search = {
        query: request.query,
        agentId: request.agentId || null,
        sessionId: request.sessionId || null,
        kind: request.kind,
        ...timeRangeFrom(request),
      };
      const { hits, ...rest } = await queries.search(search, pageFrom(request));
      return { hits: hits.map(searchHitToProto), ...rest };
    },
  };
}
