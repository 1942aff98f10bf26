// One call while it runs: its deadline, its credential, and whether a write may have left.

import type { Failure, Reason } from "../generated/node/interfaces/servicenow-plugin-types.js";
import type { Authorization, Header } from "./authorizations.js";
import type { Plan } from "./plans.js";
import type { Known, Remembered } from "./remembered.js";

/** What stands in place of a secret. */
export const STRUCK = "****";

/** A shorter text would strike more than secrets. */
const MIN_SECRET = 4;

export class Call {
  authorization: Authorization | undefined;
  header: Header | undefined;
  /** Whether a write may have left. */
  wrote = false;
  /** Whether nothing may leave any more: whoever called was told what had left. */
  over = false;
  /** Why the host ended it. */
  refused: string | undefined;
  /** What the component was told of records: by that it judged. */
  readonly told = new Map<string, Known>();
  /** How many texts it may still write into the ledger: a page of changes has 1000 records, and an event one. */
  textsLeft = 4_096;
  readonly #secrets = new Set<string>();

  /** `deadline` is a time of `performance.now()`. */
  constructor(
    readonly plan: Plan,
    readonly deadline: number,
    readonly remembered?: Remembered,
    readonly owner: string = crypto.randomUUID(),
  ) {}

  /** Has these secrets struck from what the component is shown, as they are and as JSON has them. */
  knows(...secrets: string[]): void {
    for (const secret of secrets.filter((one) => one.length >= MIN_SECRET)) {
      this.#secrets.add(secret).add(JSON.stringify(secret).slice(1, -1));
    }
  }

  /** A text without secrets. */
  struck(text: string): string {
    for (const secret of this.#secrets) text = text.replaceAll(secret, STRUCK);
    return text;
  }

  /** The failure of a call that the host ended. What had left by then decides whether a write is in doubt. */
  ended(reason: Reason, message: string): Failure {
    this.over = true;
    const inDoubt = this.plan.writes && this.wrote;
    const { correlationId } = this.plan;
    return {
      reason,
      message,
      retry: inDoubt ? "look-up-first" : reason === "deadline" ? "later" : "never",
      writeHappened: inDoubt ? "unknown" : "no",
      ...(correlationId === undefined ? {} : { correlationId }),
    };
  }
}
