import { create } from "@bufbuild/protobuf";
import { type Receipt, ReceiptSchema, RejectionSchema } from "../../../gen/cylestio/v1/receipt_pb.ts";
import type { IntakeOutcome } from "../../ingest/intake.ts";

/** What became of a batch → message. */
export function receiptToProto(outcomes: readonly IntakeOutcome[]): Receipt {
  const receipt = create(ReceiptSchema);
  for (const [index, outcome] of outcomes.entries()) {
    switch (outcome.status) {
      case "accepted":
        receipt.acceptedCount += 1;
        break;
      case "duplicate":
        receipt.duplicateCount += 1;
        break;
      case "rejected": {
        const { field, reason, message } = outcome.violation;
        receipt.rejectedCount += 1;
        receipt.rejections.push(create(RejectionSchema, { index, field, reason, message }));
      }
    }
  }
  return receipt;
}
