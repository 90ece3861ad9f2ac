import { openReaderConnection } from "./database-file.ts";
import { createReader, type Reader } from "./reader.ts";
import { serveThread } from "./thread.ts";

/*
 * The thread that reads, so that a question about many events keeps neither the network nor the writer waiting.
 */

export interface ReaderData {
  readonly databasePath: string;
  readonly examinedRowsMax: number;
}

/** What other threads may ask of it. */
export type ReaderMethods = Reader & { readonly close: () => Promise<void> };

await serveThread(async ({ databasePath, examinedRowsMax }: ReaderData): Promise<ReaderMethods> => {
  const connection = openReaderConnection(databasePath);
  return {
    ...createReader(connection, examinedRowsMax),
    async close() {
      connection.close();
    },
  };
});
