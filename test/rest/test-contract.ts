import { execFileSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { createFileRegistry, type DescMessage, type DescService, fromBinary } from "@bufbuild/protobuf";
import { FileDescriptorSetSchema } from "@bufbuild/protobuf/wkt";

const root = fileURLToPath(new URL("../..", import.meta.url));
const workspace = JSON.stringify({ version: "v2", modules: [{ path: "proto" }, { path: "test/rest/proto" }] });

/** Descriptors of `test/rest/proto`, compiled here and now: no generated code can be older than the contract. */
const registry = createFileRegistry(
  fromBinary(
    FileDescriptorSetSchema,
    execFileSync(
      "node_modules/.bin/buf",
      ["build", "--config", workspace, "--as-file-descriptor-set", "--exclude-source-info", "-o", "-"],
      {
        cwd: root,
        maxBuffer: 16 * 1024 * 1024,
      },
    ),
  ),
);

/** A service of the test contract, by its short name. */
export function getTestService(name: string): DescService {
  const service = registry.getService(`transcoding.v1.${name}`);
  if (service === undefined) throw new Error(`no service ${name}`);
  return service;
}

/** A message of the test contract, by its short name. */
export function getTestMessage(name: string): DescMessage {
  const message = registry.getMessage(`transcoding.v1.${name}`);
  if (message === undefined) throw new Error(`no message ${name}`);
  return message;
}
