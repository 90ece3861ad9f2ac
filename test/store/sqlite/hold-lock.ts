import process from "node:process";
import { lockDatabase } from "../../../src/store/sqlite/database-lock.ts";

/*
 * A process of its own for `database-lock.test.ts`: claims the database that its argument names, says so, and holds it until it is
 * killed.
 */
lockDatabase(process.argv[2] ?? "");
process.stdout.write("locked\n");
setInterval(() => undefined, 60_000);
