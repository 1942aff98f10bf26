// ServiceNow incidents in a sandbox: servicenow.wasm in Node.js, with credentials and a deadline from JavaScript.

import { existsSync } from "node:fs";
import { randomUUID } from "node:crypto";
import { isDeepStrictEqual } from "node:util";
import type { Credentials, Granted } from "./credentials.js";
import { isCredential, namesCorrelationId, violationsOf } from "./inputs.js";
import { endedByHost, isUnauthorized, notBegun, type Failure, type Outcomes } from "./outcomes.js";
import { before, Threads } from "./threads.js";
import type { Order } from "./worker.js";

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
  /** Ends the threads, and the calls that run. No call may be made afterwards. */
  close(): Promise<void>;
}

/** The incident node. `timeoutMs` is the deadline of calls that name none. */
export function createServiceNow(options: { credentials: Credentials; timeoutMs?: number }): ServiceNow {
  const { credentials, timeoutMs = DEFAULT_TIMEOUT_MS } = options;
  if (!Number.isInteger(timeoutMs) || timeoutMs < 1) {
    throw new TypeError("timeoutMs is a whole number of milliseconds, 1 or more");
  }
  if (!existsSync(new URL("../generated/servicenow.js", import.meta.url))) {
    throw new Error("servicenow.wasm is not there as JavaScript: run `npm run build` in this package");
  }
  const threads = new Threads();

  async function run<M extends keyof Outcomes>(
    method: M,
    inputs: Call,
    parameters: () => unknown[],
    correlationId?: string,
  ): Promise<Outcomes[M]> {
    const ended = (tag: "error" | "timeout", val: Failure) => ({ tag, val }) as Outcomes[M];
    if (threads.closed)
      return ended("error", notBegun("denied-by-host", "the host was closed", correlationId));
    const violations = violationsOf(method, inputs);
    if (violations.length > 0) return { tag: "invalid-data", val: violations } as Outcomes[M];
    const within = Math.min(inputs.timeoutMs ?? timeoutMs, MAX_TIMEOUT_MS);
    const deadline = performance.now() + within;
    const { authorization, instance } = inputs;

    const attempt = async (granted: Granted | undefined): Promise<Outcomes[M]> => {
      const left = deadline - performance.now();
      const told = Math.max(Math.floor(left - Math.min(GRACE_MS, left / 4)), 1);
      const call = { authorization, instance, timeoutMs: told };
      const order: Order = { method, parameters: [call, ...parameters()], authorization, granted };
      const answer = await threads.run(order, deadline);
      if ("late" in answer) {
        const message = "the host ended the call at its deadline";
        return answer.begun
          ? ended("timeout", endedByHost(method, "deadline", message, correlationId))
          : ended("timeout", notBegun("deadline", "no thread before the deadline", correlationId, "later"));
      }
      if ("outcome" in answer) return answer.outcome as Outcomes[M];
      return ended(
        "error",
        endedByHost(method, "limit", `the component ended with a trap: ${answer.trap}`, correlationId),
      );
    };

    const first = await obtained(credentials, authorization, false, deadline);
    if ("failed" in first) return ended(...whyNot(first.failed, authorization, correlationId));
    const outcome = await attempt(first.granted);
    // The component renews what it obtains itself. A header may be out of date.
    if (!isUnauthorized(outcome) || first.granted?.credential.tag !== "header") return outcome;
    const second = await obtained(credentials, authorization, true, deadline);
    const isFresh = !("failed" in second) && second.granted?.credential.tag === "header";
    if (!isFresh || isDeepStrictEqual(first, second)) return outcome;
    return attempt(second.granted);
  }

  return {
    create(inputs) {
      const body = inputs?.requestBody;
      const made = namesCorrelationId(body) ? undefined : randomUUID().replaceAll("-", "");
      const correlationId = inputs?.correlationId ?? made;
      return run(
        "create",
        inputs,
        () => [columns(body), { ...written(inputs), correlationId }],
        correlationId,
      );
    },
    get: (inputs) => run("get", inputs, () => [{ kind: inputs.kind, value: inputs.value }]),
    update: (inputs) =>
      run("update", inputs, () => [inputs.sysId, columns(inputs.requestBody), written(inputs)]),
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

/** Why there is no credential. */
type NoCredential = "late" | "threw" | "not-one";

/** Asks for a credential. What the function throws or returns by mistake may hold a secret, and is in no outcome. */
async function obtained(
  credentials: Credentials,
  authorization: string,
  refused: boolean,
  deadline: number,
): Promise<{ granted: Granted | undefined } | { failed: NoCredential }> {
  const asked = (async () => credentials(authorization, refused))();
  let given: { value: unknown } | undefined;
  try {
    given = await before(deadline, asked);
  } catch {
    return { failed: "threw" };
  }
  if (given === undefined) return { failed: "late" };
  try {
    // A copy of what is known to be there: a thread can be handed nothing else.
    return isCredential(given.value) ? { granted: structuredClone(given.value) } : { failed: "not-one" };
  } catch {
    return { failed: "not-one" };
  }
}

function whyNot(
  why: NoCredential,
  authorization: string,
  correlationId: string | undefined,
): ["error" | "timeout", Failure] {
  if (why === "late") {
    return ["timeout", notBegun("deadline", "no credential before the deadline", correlationId, "later")];
  }
  const what = why === "threw" ? "threw" : "returned no credential";
  const message = `the function that gives the credentials for "${authorization}" ${what}`;
  return ["error", notBegun("denied-by-host", message, correlationId)];
}
