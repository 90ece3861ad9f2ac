import process from "node:process";

/*
 * A browser's client of server-sent events, in a process of its own: Node has it behind a flag. Writes one line of JSON for each thing
 * that it is told. The first argument is the address.
 */

const [, , url = ""] = process.argv;
const say = (said: object): void => void process.stdout.write(`${JSON.stringify(said)}\n`);

const source = new EventSource(url);
source.addEventListener("open", () => say({ type: "open" }));
source.addEventListener("message", ({ data, lastEventId }) =>
  say({ type: "message", id: JSON.parse(data).id, lastEventId }),
);
// Both an event of that name and a lost connection; only the former has data.
source.addEventListener("error", (event) => {
  const data = "data" in event ? JSON.parse(String(event.data)) : null;
  say({
    type: "error",
    reason: data?.error.reason ?? null,
    isConnecting: source.readyState === EventSource.CONNECTING,
  });
});
// Between two connections nothing else would keep the process alive.
setInterval(() => undefined, 1_000);
