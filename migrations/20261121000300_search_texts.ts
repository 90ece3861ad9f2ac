import { Migration } from "@mikro-orm/migrations";

/** Texts that can be searched, each once, and how far the events were gone through for them. The index holds no text of its own. */
export class SearchTexts extends Migration {
  override up(): void {
    this.addSql(`create table search_texts (
      id integer not null primary key,
      text_hash blob not null,
      agent_key integer not null,
      session_key integer null,
      sequence integer not null,
      time_micros bigint not null,
      kind text not null,
      role text null,
      text text not null
    )`);
    this.addSql("create unique index search_texts_hash on search_texts (text_hash)");
    this.addSql(`create virtual table search_index using fts5 (
      text, content = 'search_texts', content_rowid = 'id', columnsize = 0, tokenize = 'unicode61 remove_diacritics 2'
    )`);
    this.addSql("create table search_cursor (id integer not null primary key, sequence integer not null)");
    this.addSql("insert into search_cursor (id, sequence) values (1, 0)");
  }
}
