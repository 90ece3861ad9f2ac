import { type FilteredList, type FilterField, filterFields, type ListFilter } from "../../src/model/filter.ts";

/** A filter that looks at every field of a list, in every way. */
export function anyValue<List extends FilteredList>(list: List): ListFilter<List> {
  // The record has no other keys than its type says.
  const fields = Object.keys(filterFields[list]) as FilterField<List>[];
  const operands = fields.flatMap((field): ListFilter<List>[] => {
    const subject = { field, keys: field === "attributes" ? ["a"] : [] };
    return [
      { ...subject, kind: "compare", operator: "=", value: 1 },
      { ...subject, kind: "compare", operator: "=", value: "1" },
      { kind: "not", operand: { ...subject, kind: "present" } },
      { ...subject, kind: "contains", text: "a" },
      { ...subject, kind: "match", text: "a", at: "start" },
    ];
  });
  return { kind: "or", operands };
}
