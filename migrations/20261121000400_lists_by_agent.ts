import { Migration } from "@mikro-orm/migrations";

/** Lists of one agent's sessions and traces walk an index of its own: by start alone they passed over those of all others. */
export class ListsByAgent extends Migration {
  override up(): void {
    this.addSql("create index sessions_by_agent_start on sessions (agent_key, start_micros)");
    this.addSql("create index traces_by_agent_start on traces (agent_key, start_micros)");
  }
}
