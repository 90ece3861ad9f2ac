import { Migration } from "@mikro-orm/migrations";

/** What lies above calls of vendors, where wrappers may cover them. The rows are derived from the events, and made anew from them. */
export class CallAncestors extends Migration {
  override up(): void {
    this.addSql(`create table call_ancestors (
      operation_id integer not null,
      span_key text not null,
      primary key (operation_id, span_key)
    ) without rowid`);
    this.addSql("create index call_ancestors_by_span on call_ancestors (span_key)");
    this.addSql("drop index llm_calls_by_link");
    this.addSql(
      "create index llm_calls_by_parent on llm_calls (link_key) where link_key is not null and is_wrapper = 0",
    );
    this.addSql(
      "create index llm_calls_by_wrapper on llm_calls (link_key) where link_key is not null and is_wrapper = 1",
    );
  }
}
