import { ormOptions } from "./src/store/sqlite/orm.ts";

// For the MikroORM command line only. The server is given its path by `src/config.ts`.
export default ormOptions("cylestio.db");
