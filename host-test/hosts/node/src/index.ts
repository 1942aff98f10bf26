// ServiceNow incidents in a sandbox: servicenow.wasm in Node.js, with credentials and a deadline from JavaScript.

import { randomUUID } from "node:crypto";
import { Worker } from "node:worker_threads";
import type { Credentials, Granted } from "./credentials.js";
import { endedByHost, isUnauthorized, notBegun, type Outcomes } from "./outcomes.js";
import type { Answer, Order } from "./worker.js";

export { apiKey, basic, bearer, clientCredentials, type Credentials, type Granted } from "./credentials.js";
export type {
  CreateOutcome,
  Failure,
  GetOutcome,
  Incident,
  Reason,
  Receipt,
  UpdateOutcome,
  Violation,
} from "./outcomes.js";

/** The deadline of a call that names none. */
const DEFAULT_TIMEOUT_MS = 5_000;

/** The longest deadline: ServiceNow cancels a REST transaction after 60 s itself. */
const MAX_TIMEOUT_MS = 60_000;

/** Kept back from the deadline that the component is told, so that it can still name the outcome itself. */
const GRACE_MS = 50;

/** How many threads wait for the next call: starting one takes some 100 ms. */
const MAX_IDLE = 4;

/** What every call names. */
export interface Call {
  authorization: string;
  instance: string;
  timeoutMs?: number;
}

/** The columns to write: names and values, or the text of a JSON object. */
export type RequestBody = Record<string, string> | [name: string, value: string][] | string;

/** How a write is made. */
export interface WriteOptions {
  inputDisplayValues?: boolean;
  choiceCheck?: "off" | "base" | "instance";
}

export interface Create extends Call, WriteOptions {
  requestBody: RequestBody;
  /** The key that makes the create safe to repeat; made where it is absent. */
  correlationId?: string;
}

export interface Get extends Call {
  kind: "number" | "sys_id" | "correlation_id";
  value: string;
}

export interface Update extends Call, WriteOptions {
  sysId: string;
  requestBody: RequestBody;
}

export interface ServiceNow {
  create(inputs: Create): Promise<Outcomes["create"]>;
  get(inputs: Get): Promise<Outcomes["get"]>;
  update(inputs: Update): Promise<Outcomes["update"]>;
  /** Ends the threads that wait. */
  close(): Promise<void>;
}

/** The incident node. `timeoutMs` is the deadline of calls that name none. */
export function createServiceNow(options: { credentials: Credentials; timeoutMs?: number }): ServiceNow {
  const { credentials, timeoutMs = DEFAULT_TIMEOUT_MS } = options;
  const threads = new Threads();

  async function run<M extends keyof Outcomes>(
    method: M,
    inputs: Call,
    parameters: unknown[],
    correlationId?: string,
  ): Promise<Outcomes[M]> {
    const within = Math.min(inputs.timeoutMs ?? timeoutMs, MAX_TIMEOUT_MS);
    const deadline = performance.now() + within;
    const { authorization, instance } = inputs;
    const late = () =>
      ({
        tag: "timeout",
        val: endedByHost(method, "deadline", "the host ended the call", correlationId),
      }) as Outcomes[M];

    const attempt = async (refused: boolean): Promise<Outcomes[M]> => {
      const granted = await before(deadline, (async () => credentials(authorization, refused))());
      if (granted === LATE) {
        const failure = {
          ...notBegun("deadline", "no credential before the deadline"),
          retry: "later" as const,
        };
        return { tag: "timeout", val: failure } as Outcomes[M];
      }
      const left = Math.floor(deadline - performance.now());
      // A deadline of 0 is the component's to refuse.
      const told = within === 0 ? 0 : Math.max(left - Math.min(GRACE_MS, left / 4), 1);
      const call = { authorization, instance, timeoutMs: Math.floor(told) };
      const order: Order = { method, parameters: [call, ...parameters], authorization, granted };
      const answer = await threads.run(order, Math.max(deadline, performance.now() + GRACE_MS));
      if (answer === LATE) return late();
      if ("outcome" in answer) return answer.outcome as Outcomes[M];
      const message = `the component ended with a trap: ${answer.trap}`;
      return { tag: "error", val: endedByHost(method, "limit", message, correlationId) } as Outcomes[M];
    };

    try {
      const outcome = await attempt(false);
      // A 401 proves that nothing was done, so the call may be made once more with a fresh credential.
      return isUnauthorized(outcome) ? await attempt(true) : outcome;
    } catch {
      // What the credentials threw may hold a secret: it is the embedder's to log, and in no outcome.
      const message = `the credentials for "${authorization}" were not to be had: the function that gives them threw`;
      return { tag: "error", val: notBegun("denied-by-host", message) } as Outcomes[M];
    }
  }

  return {
    create(inputs) {
      const correlationId = inputs.correlationId ?? randomUUID().replaceAll("-", "");
      const parameters = [columns(inputs.requestBody), { ...written(inputs), correlationId }];
      return run("create", inputs, parameters, correlationId);
    },
    get: (inputs) => run("get", inputs, [{ kind: inputs.kind, value: inputs.value }]),
    update: (inputs) => run("update", inputs, [inputs.sysId, columns(inputs.requestBody), written(inputs)]),
    close: () => threads.close(),
  };
}

function columns(body: RequestBody): unknown {
  if (typeof body === "string") return { tag: "json", val: body };
  return { tag: "fields", val: Array.isArray(body) ? body : Object.entries(body) };
}

function written({ inputDisplayValues = false, choiceCheck }: WriteOptions): object {
  return { inputDisplayValues, choiceCheck };
}

const LATE = Symbol("late");

/** A value, or `LATE` where it is not there at that time. */
async function before<T>(deadline: number, value: Promise<T>): Promise<T | typeof LATE> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<typeof LATE>((resolve) => {
    timer = setTimeout(resolve, Math.max(deadline - performance.now(), 0), LATE);
  });
  return Promise.race([value, late]).finally(() => clearTimeout(timer));
}

/** The threads that calls run in: one call at a time in each. */
class Threads {
  #idle: Worker[] = [];

  /** Runs a call. A thread whose call did not end in time is ended. */
  async run(order: Order, deadline: number): Promise<Answer | typeof LATE> {
    const worker = this.#idle.pop() ?? new Worker(new URL("./worker.js", import.meta.url));
    worker.ref();
    let done: (answer: Answer) => void = () => {};
    const answered = new Promise<Answer>((resolve) => (done = resolve));
    const broke = (error: Error) => done({ trap: error.message });
    const ended = () => done({ trap: "its thread ended" });
    worker.on("message", done).on("error", broke).on("exit", ended);
    worker.postMessage(order);
    const answer = await before(deadline, answered);
    worker.off("message", done).off("error", broke).off("exit", ended);
    if (answer === LATE || "trap" in answer || this.#idle.length >= MAX_IDLE) {
      await worker.terminate();
    } else {
      // It keeps nobody's process running.
      worker.unref();
      this.#idle.push(worker);
    }
    return answer;
  }

  async close(): Promise<void> {
    await Promise.all(this.#idle.splice(0).map((worker) => worker.terminate()));
  }
}
