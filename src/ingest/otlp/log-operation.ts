import { type OtlpFactSource, resourceAttributesOf } from "./alias.ts";
import { type LogOperation, logOperations } from "./operation-table.ts";

/** The whole call that a log record tells, or null. */
export function findLogOperation(source: OtlpFactSource): LogOperation | null {
  const operation = source.channel === "LOG" ? logOperations.get(source.name) : undefined;
  if (operation === undefined) return null;
  const { when = [], withoutSpan, exceptService } = operation;
  if (withoutSpan === true && source.spanId !== null) return null;
  if (exceptService !== undefined && resourceAttributesOf(source)["service.name"] === exceptService) return null;
  const isWhole = when.every(({ attribute, value }) => {
    const told = source.attributes[attribute];
    return value === undefined ? told !== undefined && told !== null : told === value;
  });
  return isWhole ? operation : null;
}
