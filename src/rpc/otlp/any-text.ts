import { type DescFile, ScalarType } from "@bufbuild/protobuf";
import { nestedTypes } from "@bufbuild/protobuf/reflect";
import { file_opentelemetry_proto_common_v1_common } from "../../../gen/opentelemetry/proto/common/v1/common_pb.ts";
import { file_opentelemetry_proto_logs_v1_logs } from "../../../gen/opentelemetry/proto/logs/v1/logs_pb.ts";
import { file_opentelemetry_proto_metrics_v1_metrics } from "../../../gen/opentelemetry/proto/metrics/v1/metrics_pb.ts";
import { file_opentelemetry_proto_trace_v1_trace } from "../../../gen/opentelemetry/proto/trace/v1/trace_pb.ts";

const files: readonly DescFile[] = [
  file_opentelemetry_proto_common_v1_common,
  file_opentelemetry_proto_trace_v1_trace,
  file_opentelemetry_proto_logs_v1_logs,
  file_opentelemetry_proto_metrics_v1_metrics,
];

/**
 * Has texts in OpenTelemetry's messages read with replacement characters for what is not UTF-8, whatever the transport: exporters that
 * cut a text at a number of bytes cut characters too, and for one such text the whole request would be refused. To be called before the
 * first message is read.
 */
export function takeAnyText(): void {
  for (const file of files) {
    for (const type of nestedTypes(file)) {
      if (type.kind !== "message") continue;
      for (const field of type.fields) {
        // The feature `utf8_validation` of protobuf's editions, which a contract in proto3 cannot set.
        if (field.scalar === ScalarType.STRING) Object.assign(field, { utf8Validation: false });
      }
    }
  }
}
