// A template of a flow engine: steps whose outcomes are edges, and a journal by which a run goes on after a crash.

import { existsSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import type { Call, ServiceNow } from "../src/index.js";

/** How often a step is made that ends in an outcome which may be repeated. */
const ATTEMPTS = 4;

/** How long a step waits before its first repetition, where the outcome names no time; twice as long before each further. */
const FIRST_WAIT_MS = 250;

export interface Flow {
  start: string;
  /** `edges` has the next step by the outcome. An outcome without an edge ends the run. */
  steps: Record<string, { method: string; inputs: Inputs; edges: Record<string, string> }>;
}

type Inputs = Record<string, unknown>;

/** How a call ended. */
interface Outcome {
  tag: string;
  val: { retry?: string; retryAfterMs?: number; writeHappened?: string } & Record<string, unknown>;
}

/** What a run has done, in a file: each step's outcome, written before the next step begins. */
interface Journal {
  /** Makes the correlation ids of this run its own. */
  run: string;
  outcomes: Record<string, Outcome>;
}

export class Engine {
  readonly #node: ServiceNow;
  readonly #call: Call;
  readonly #path: string;

  /** `call` is the instance and the authorization: the operator's, and not the flow's. */
  constructor(node: ServiceNow, call: Call, path: string) {
    this.#node = node;
    this.#call = call;
    this.#path = path;
  }

  /** Runs a flow to its end, or goes on with it: the steps that were taken, and the outcome of each. */
  async run(flow: Flow, run: string): Promise<[step: string, outcome: string][]> {
    const journal = this.#read() ?? { run, outcomes: {} };
    this.#write(journal);
    const taken: [string, string][] = [];
    for (let name: string | undefined = flow.start; name !== undefined;) {
      const step: Flow["steps"][string] | undefined = flow.steps[name];
      if (step === undefined) throw new Error(`the flow has no step ${name}`);
      // A step has one outcome and one key in a run.
      if (taken.some(([earlier]) => earlier === name)) {
        throw new Error(`the flow comes to step ${name} a second time`);
      }
      let outcome: Outcome | undefined = journal.outcomes[name];
      if (outcome === undefined) {
        const inputs = filled(step.inputs, journal.outcomes);
        outcome = await this.#repeated(step.method, inputs, `${journal.run}/${name}`);
        journal.outcomes[name] = outcome;
        this.#write(journal);
      }
      taken.push([name, outcome.tag]);
      name = step.edges[outcome.tag];
    }
    return taken;
  }

  /** Makes a call until its outcome says that a repetition is of no use, or not safe. */
  async #repeated(method: string, inputs: Inputs, key: string): Promise<Outcome> {
    let mayHaveWritten = false;
    for (let attempt = 1, wait = FIRST_WAIT_MS; ; attempt++, wait *= 2) {
      const outcome = await this.call(method, inputs, key);
      const { retry, retryAfterMs, writeHappened } = outcome.val;
      mayHaveWritten ||= writeHappened === "unknown";
      // It speaks of its own attempt, and the step of all.
      if (mayHaveWritten && writeHappened === "no") outcome.val.writeHappened = "unknown";
      // A create with a key looks the record up itself.
      const mayRepeat = retry === "later" || (retry === "look-up-first" && method === "create");
      if (!mayRepeat || attempt === ATTEMPTS) return outcome;
      await sleep(retryAfterMs ?? wait);
    }
  }

  async call(method: string, inputs: Inputs, correlationId: string): Promise<Outcome> {
    const call = { ...inputs, ...this.#call };
    switch (method) {
      case "create":
        return plain(
          await this.#node.create({ ...call, correlationId } as Parameters<ServiceNow["create"]>[0]),
        );
      case "get":
        return plain(await this.#node.get(call as Parameters<ServiceNow["get"]>[0]));
      case "update":
        return plain(await this.#node.update(call as Parameters<ServiceNow["update"]>[0]));
      default:
        throw new Error(`this engine has no method ${method}: it has create, get and update`);
    }
  }

  #read(): Journal | undefined {
    return existsSync(this.#path) ? (JSON.parse(readFileSync(this.#path, "utf8")) as Journal) : undefined;
  }

  /** Replaces the file at once: a crash leaves the old or the new. */
  #write(journal: Journal): void {
    writeFileSync(`${this.#path}.half`, JSON.stringify(journal));
    renameSync(`${this.#path}.half`, this.#path);
  }
}

function plain(outcome: { tag: string; val: unknown }): Outcome {
  return outcome as Outcome;
}

/** Inputs by their names here, with the values of earlier steps in place of `{step.name}`. Columns keep their names. */
function filled(inputs: Inputs, outcomes: Journal["outcomes"]): Inputs {
  const value = (given: unknown) => {
    const [, step, name] = /^\{([^.}]+)\.([^}]+)\}$/.exec(String(given)) ?? [];
    if (step === undefined || name === undefined) return given;
    const found = outcomes[step]?.val[camel(name)];
    if (found === undefined) throw new Error(`${given} names no value of an earlier step`);
    return found;
  };
  const inputsHere: Inputs = {};
  for (const [name, given] of Object.entries(inputs)) {
    const isColumns = name === "request_body" && typeof given === "object" && !Array.isArray(given);
    const columns = isColumns ? Object.entries(given as Inputs) : undefined;
    inputsHere[camel(name)] =
      columns === undefined
        ? value(given)
        : JSON.stringify(Object.fromEntries(columns.map(([column, text]) => [column, value(text)])));
  }
  return inputsHere;
}

/** `sys_id` as `sysId`. */
function camel(name: string): string {
  return name.replace(/_(.)/g, (_, letter: string) => letter.toUpperCase());
}
