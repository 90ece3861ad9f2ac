import type { OperationOutcome } from "../../model/event.ts";
import { isJsonObject, type JsonObject } from "../../model/exact-json.ts";
import type { OtlpFactSource } from "./alias.ts";
import { findLogOperation } from "./log-operation.ts";
import { failureAttributes } from "./operation-table.ts";

/** How the work ended that an event tells; null while it runs, and for a log record that tells none. */
export function findOutcome(source: OtlpFactSource): OperationOutcome | null {
  if (source.channel !== "SPAN") return logOutcome(source);
  if (typeof source.extensions?.["end_time_unix_nano"] !== "string") return null;
  return hasFailed(source) ? "error" : "ok";
}

function hasFailed({ attributes, extensions }: OtlpFactSource): boolean {
  const status = extensions?.["status"];
  const code = isJsonObject(status) ? status["code"] : undefined;
  if (code === "error") return true;
  return failureAttributes.some(({ attribute, value, unlessOk }) => {
    if (unlessOk === true && code === "ok") return false;
    const text = lowerText(attributes, attribute);
    return value === undefined ? text !== "" : text === value;
  });
}

function logOutcome(source: OtlpFactSource): OperationOutcome | null {
  const operation = findLogOperation(source);
  if (operation === null) return null;
  const { successAttribute } = operation;
  if (successAttribute === null) return "error";
  if (successAttribute !== undefined) {
    return lowerText(source.attributes, successAttribute) === "false" ? "error" : "ok";
  }
  return (source.attributes["error.type"] ?? null) === null ? "ok" : "error";
}

function lowerText(attributes: JsonObject, attribute: string): string {
  const value = attributes[attribute];
  return typeof value === "string" || typeof value === "boolean" ? String(value).toLowerCase() : "";
}
