import { readFileSync } from "node:fs";
import { create, createFileRegistry } from "@bufbuild/protobuf";
import {
  CodeGeneratorResponse_Feature,
  CodeGeneratorResponseSchema,
  FileDescriptorSetSchema,
} from "@bufbuild/protobuf/wkt";
import { runNodeJs } from "@bufbuild/protoplugin";
import { createOpenApiDocument } from "./document.ts";

/** Where the version of the server is written. */
const packageFile = new URL("../../../package.json", import.meta.url);

// A plugin of `buf generate`, run for all files of the contract at once: writes `openapi.json`.
runNodeJs({
  name: "openapi",
  version: "1",
  run(request) {
    const registry = createFileRegistry(create(FileDescriptorSetSchema, { file: request.protoFile }));
    const services = request.fileToGenerate.flatMap((name) => registry.getFile(name)?.services ?? []);
    const { version } = JSON.parse(readFileSync(packageFile, "utf8"));
    const document = createOpenApiDocument({ services, version: String(version) });
    return create(CodeGeneratorResponseSchema, {
      supportedFeatures: BigInt(CodeGeneratorResponse_Feature.PROTO3_OPTIONAL),
      file: [{ name: "openapi.json", content: `${JSON.stringify(document, null, 2)}\n` }],
    });
  },
});
