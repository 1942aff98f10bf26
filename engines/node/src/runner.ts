// Runs calls in a component's threads.

import { existsSync } from "node:fs";
import { Call } from "./calls.js";
import { Imports, type Outside } from "./imports.js";
import type { Plan } from "./plans.js";
import type { Remembered } from "./remembered.js";
import { answered, before, SUSPENDS, Threads, type Answer } from "./threads.js";

/** The deadline of a call that names none. */
const DEFAULT_TIMEOUT_MS = 5_000;

/** The longest deadline: ServiceNow cancels a REST transaction after 60 s itself. */
const MAX_TIMEOUT_MS = 60_000;

/** Kept back from the deadline that the component is told, so that it can still name the outcome itself. */
const GRACE_MS = 50;

/** The component does not keep to its world, or to its limits, in a function that has no outcome for that. */
export class ComponentFailed extends Error {}

/** Where the components stand as JavaScript. */
export function folderOf(component: "node" | "sync"): URL {
  return new URL(`../generated/${component}${SUSPENDS ? "-suspending" : ""}`, import.meta.url);
}

export class Runner {
  readonly imports: Imports;
  readonly #threads: Threads;
  readonly #outside: Outside;
  readonly #timeoutMs: number;

  /** With the component that stands in a folder as JavaScript. */
  constructor(folder: URL, outside: Outside, timeoutMs = DEFAULT_TIMEOUT_MS) {
    if (!Number.isInteger(timeoutMs) || timeoutMs < 1) {
      throw new TypeError("timeoutMs is a whole number of milliseconds, 1 or more");
    }
    if (!existsSync(folder)) {
      throw new Error("the components are not there as JavaScript: run `npm run build` in this package");
    }
    this.imports = new Imports(outside);
    this.#outside = outside;
    this.#threads = new Threads(folder.href);
    this.#timeoutMs = timeoutMs;
  }

  /** Makes a call. It ends at its deadline, whatever happens. */
  async run(
    plan: Plan,
    remembered?: Remembered,
    oneTime?: string,
  ): Promise<{ call: Call; outcome: unknown }> {
    const isRight = plan.violations.length === 0;
    const within = Math.min((isRight ? plan.timeoutMs : undefined) ?? this.#timeoutMs, MAX_TIMEOUT_MS);
    const call = new Call(plan, performance.now() + within, remembered);
    const outcome = await this.#outcome(call, oneTime);
    return { call, outcome };
  }

  async close(): Promise<void> {
    await this.#threads.close();
  }

  async #outcome(call: Call, oneTime: string | undefined): Promise<unknown> {
    const { plan, remembered } = call;
    if (this.#threads.closed) return this.#failed(call, "denied-by-host", "the host was closed");
    if (plan.violations.length > 0) return { tag: "invalid-data", val: plan.violations };
    if (!plan.writes || remembered === undefined) return this.#made(call, oneTime);
    let outcome: Promise<unknown> | undefined;
    const written = remembered.writing(2 * (call.deadline - performance.now()), () => {
      outcome = this.#made(call, oneTime);
      return outcome;
    });
    try {
      // A ledger that hangs keeps nobody.
      const inTime = await before(call.deadline, written);
      if (inTime !== undefined) return inTime.value;
      return await (outcome ?? this.#failed(call, "deadline", "the host ended the call at its deadline"));
    } catch (error) {
      if (outcome !== undefined) throw error;
      // Before anything is written: a delivery of this write would be told as somebody's change.
      const name = error instanceof Error ? error.name : typeof error;
      return this.#failed(call, "limit", `the ledger cannot be used: ${name}`);
    }
  }

  async #made(call: Call, oneTime: string | undefined): Promise<unknown> {
    const { authorization, instance, exported, parameters, isLocal } = call.plan;
    const credential = isLocal
      ? undefined
      : await answered(this.imports.answer(call, "get", [authorization]));
    const left = Math.max(call.deadline - performance.now(), 1);
    const timeoutMs = Math.max(Math.floor(left - Math.min(GRACE_MS, left / 4)), 1);
    const told = isLocal ? parameters : [{ authorization, instance, timeoutMs }, ...parameters];
    const answer: Answer = await this.#threads.run({
      order: { exported, parameters: told, authorization, oneTime, credential },
      answer: (name, asked) => this.imports.answer(call, name, asked),
      deadline: call.deadline,
    });
    if ("returned" in answer) return answer.returned;
    if ("late" in answer) return this.#failed(call, "deadline", "the host ended the call at its deadline");
    if (this.#threads.closed) return this.#failed(call, "denied-by-host", "the host was closed");
    if (call.refused !== undefined) return this.#failed(call, "limit", call.refused);
    if ("threadEnded" in answer) return this.#failed(call, "limit", "the thread of the call was ended");
    this.#outside.log(`the component ended with a trap: ${call.struck(answer.trap)}`);
    return this.#failed(call, "limit", "the component ended with a trap; the log says which");
  }

  /** How a call ends that the component did not end itself. */
  #failed(call: Call, reason: "deadline" | "denied-by-host" | "limit", message: string): unknown {
    if (call.plan.isLocal) throw new ComponentFailed(message);
    return { tag: reason === "deadline" ? "timeout" : "error", val: call.ended(reason, message) };
  }
}
