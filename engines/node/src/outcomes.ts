// The outcomes as the component's types have them: discriminated unions by `tag`. A host adds the two that only it can tell.

import type * as incidents from "../generated/interfaces/servicenow-plugin-incidents.js";
import type { Failure, Reason } from "../generated/interfaces/servicenow-plugin-types.js";

export type {
  CreateOutcome,
  GetOutcome,
  Incident,
  Receipt,
  UpdateOutcome,
} from "../generated/interfaces/servicenow-plugin-incidents.js";
export type { Failure, Reason, Violation } from "../generated/interfaces/servicenow-plugin-types.js";

/** The methods, and what each ends in. */
export interface Outcomes {
  create: incidents.CreateOutcome;
  get: incidents.GetOutcome;
  update: incidents.UpdateOutcome;
}

/** What a call that the host ended says of itself. This engine does not tell what had left by then. */
export function endedByHost(
  method: keyof Outcomes,
  reason: Reason,
  message: string,
  correlationId: string | undefined,
): Failure {
  const reads = method === "get";
  const failure: Failure = {
    reason,
    message,
    retry: reads ? "later" : "look-up-first",
    writeHappened: reads ? "no" : "unknown",
  };
  return correlationId === undefined ? failure : { ...failure, correlationId };
}

/** What a call says that never began: nothing was sent. */
export function notBegun(
  reason: Reason,
  message: string,
  correlationId: string | undefined,
  retry: Failure["retry"] = "never",
): Failure {
  const failure: Failure = { reason, message, retry, writeHappened: "no" };
  return correlationId === undefined ? failure : { ...failure, correlationId };
}

/** Whether ServiceNow refused the credential itself and says that nothing was written: a fresh one may help. */
export function isUnauthorized(outcome: Outcomes[keyof Outcomes]): boolean {
  const value: object = outcome.val;
  if (!("reason" in value && "status" in value && "writeHappened" in value)) return false;
  return value.reason === "unauthorized" && value.status === 401 && value.writeHappened === "no";
}
