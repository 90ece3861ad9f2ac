import { isErrorLevel } from "../../model/level.ts";
import { idText } from "../id-text.ts";
import { textBeginning } from "../text-beginning.ts";
import { findFact, type OtlpFactSource } from "./alias.ts";
import { attributeTable } from "./attribute-table.ts";
import { findOutcome } from "./outcome.ts";

/** What an OpenTelemetry event says went wrong, as sent; null where nothing did. Of a longer text the beginning is taken. */
export function findOtlpErrorMessage(source: OtlpFactSource, maxBytes: number): string | null {
  if (findOutcome(source) !== "error" && !isErrorLevel(source.level) && !tellsException(source)) return null;
  const found = findFact(source, attributeTable.errorMessage, readText);
  return found === null
    ? null
    : maxBytes === Number.POSITIVE_INFINITY
      ? found.value
      : textBeginning(found.value, maxBytes);
}

/** A log record may be nothing but an exception, whatever its severity. */
function tellsException({ channel, attributes }: OtlpFactSource): boolean {
  return channel === "LOG" && (attributes["exception.message"] ?? attributes["exception.type"]) !== undefined;
}

function readText(value: unknown): string | null {
  const text = idText(value)?.trim() ?? "";
  return text === "" ? null : text;
}
