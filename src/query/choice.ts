import { fieldError } from "../model/error.ts";

/** The one of `choices` that a field names; null where it is empty. Throws `FIELD_INVALID` for anything else. */
export function parseChoice<Choice extends string>(
  field: string,
  text: string,
  choices: readonly Choice[],
): Choice | null {
  if (text === "") return null;
  const choice = choices.find((candidate) => candidate === text);
  if (choice === undefined) {
    throw fieldError({ field, reason: "FIELD_INVALID", message: `must be one of ${choices.join(", ")}` });
  }
  return choice;
}
