import process from "node:process";
import { fastify } from "fastify";

/*
 * The least that the same framework can do with the same requests: it parses the body as JSON and says that all is well. Run as a
 * process of its own.
 */

const app = fastify({ forceCloseConnections: true });
app.post("/api/v1/telemetry", async (_request, reply) => {
  reply.code(202);
  return { event_id: "0".repeat(32), duplicate: false };
});
process.once("SIGTERM", () => {
  void app.close().then(() => process.exit(0));
});
const address = await app.listen({ host: "127.0.0.1", port: 0 });
console.log(JSON.stringify({ msg: "ready", address }));
