// ServiceNow incidents in a sandbox: the components in Node.js, with requests, credentials and deadlines of this host.

import type { Authorizations } from "./authorizations.js";
import { deliver, readChanges, type Delivery, type Handler } from "./events.js";
import { httpTransport, type Transport } from "./http.js";
import { memoryLedger, type Ledger } from "./ledger.js";
import type { ChangesOutcome, Returns, Verdict } from "./outcomes.js";
import * as plans from "./plans.js";
import { allowedCalls, EVENT_CALLS, INCIDENT_CALLS } from "./policy.js";
import { Remembered } from "./remembered.js";
import { folderOf, Runner } from "./runner.js";

export {
  apiKey,
  basic,
  bearer,
  clientCredentials,
  headers,
  refreshToken,
  type Authorization,
  type Authorizations,
  type Header,
} from "./authorizations.js";
export type { Delivery, Handler } from "./events.js";
export {
  Broken,
  httpTransport,
  type HttpOptions,
  type Request,
  type Response,
  type Transport,
} from "./http.js";
export { memoryLedger, sqliteLedger, type Database, type Ledger } from "./ledger.js";
export type * from "./outcomes.js";
export type {
  Call,
  Changes,
  Create,
  Document,
  Find,
  Get,
  Preview,
  Push,
  RequestBody,
  Update,
} from "./plans.js";
export { EVENT_CALLS, INCIDENT_CALLS } from "./policy.js";
export { ComponentFailed } from "./runner.js";

/** How a host is set up. */
export interface Options {
  authorizations: Authorizations;
  /** undici where absent. */
  transport?: Transport;
  /** What requests may leave, beside their origin; what the methods need where absent. */
  allowedCalls?: readonly string[];
  /** The deadline of calls that name none; 5 s where absent, 60 s at most. */
  timeoutMs?: number;
  /** Takes what a person should see, without secrets; standard error where absent. */
  log?: (message: string) => void;
}

export interface ServiceNow {
  /** Creates an incident. Safe to repeat with the same correlation id. */
  create(inputs: plans.Create): Promise<Returns["create"]>;
  get(inputs: plans.Get): Promise<Returns["get"]>;
  update(inputs: plans.Update): Promise<Returns["update"]>;
  /** Finds incidents by an encoded query. */
  find(inputs: plans.Find): Promise<Returns["find"]>;
  /** Reads the columns of the incident table with their choices. */
  columns(inputs: plans.Call): Promise<Returns["columns"]>;
  /** Checks whether an authorization works, and why not. */
  authenticate(inputs: plans.Call): Promise<Returns["authenticate"]>;
  /** Describes the node: its methods, their inputs, outputs and outcomes. */
  describe(): Promise<Returns["describe"]>;
  /** Ends the threads, and the calls that run. No call may be made afterwards. */
  close(): Promise<void>;
}

export interface EventSync {
  /** Brings an event into ServiceNow: creates its incident, changes it or resolves it. Repeating it changes nothing. */
  push(inputs: plans.Push): Promise<Returns["push"]>;
  /** Shows what a push would send. Needs no network. */
  preview(inputs: plans.Preview): Promise<Returns["preview"]>;
  /** The events that an event holds, by the `for_each` of the rules; without one the event itself. */
  items(inputs: plans.Items): Promise<Returns["items"]>;
  /**
   * Pushes each event that an event holds, one after the other, and yields each outcome as it comes. Each has the
   * deadline for itself.
   */
  pushEach(inputs: plans.Push): AsyncGenerator<Returns["push"]>;
  /** Lists what an event offers to templates. */
  paths(event: plans.Document): Promise<Returns["paths"]>;
  /**
   * Takes in what the instance posted. A change that is new is handed on, and remembered where `handle` returns; what
   * `handle` throws is thrown here, and the change is new the next time.
   */
  deliver(delivery: Delivery, handle: Handler): Promise<Verdict>;
  /**
   * Reads what deliveries missed since the last reading, and hands it on as `deliver` does. The first reading begins
   * with the present. Each page has the deadline.
   */
  changes(inputs: plans.Changes, handle: Handler): Promise<ChangesOutcome>;
  /** Ends the threads, and the calls that run. No call may be made afterwards. */
  close(): Promise<void>;
}

/** The incident node. */
export function createServiceNow(options: Options): ServiceNow {
  const { run, close } = started("node", options, INCIDENT_CALLS);
  return {
    create: (inputs) => run(plans.create(inputs)) as Promise<Returns["create"]>,
    get: (inputs) => run(plans.get(inputs)) as Promise<Returns["get"]>,
    update: (inputs) => run(plans.update(inputs)) as Promise<Returns["update"]>,
    find: (inputs) => run(plans.find(inputs)) as Promise<Returns["find"]>,
    columns: (inputs) => run(plans.columns(inputs)) as Promise<Returns["columns"]>,
    authenticate: (inputs) => run(plans.authenticate(inputs)) as Promise<Returns["authenticate"]>,
    describe: () => run(plans.describe()) as Promise<Returns["describe"]>,
    close,
  };
}

/** Two-way event sync. What it must remember between calls is in the ledger; in memory where none is given. */
export function createEventSync({
  ledger = memoryLedger(),
  ...options
}: Options & { ledger?: Ledger }): EventSync {
  const { runner, run, close } = started("sync", options, EVENT_CALLS);
  const push = (inputs: plans.Push) =>
    run(plans.push(inputs), new Remembered(ledger, inputs?.authorization)) as Promise<Returns["push"]>;
  const items = (inputs: plans.Items) => run(plans.items(inputs)) as Promise<Returns["items"]>;
  return {
    push,
    items,
    async *pushEach(inputs) {
      const split = await items(inputs);
      if (split.tag !== "items") return yield split;
      for (const event of split.val) yield await push({ ...inputs, event });
    },
    preview: (inputs) => run(plans.preview(inputs)) as Promise<Returns["preview"]>,
    paths: (event) => run(plans.paths(event)) as Promise<Returns["paths"]>,
    deliver: (delivery, handle) => deliver(runner, ledger, delivery, handle),
    changes: (inputs, handle) => readChanges(runner, ledger, inputs, handle),
    close,
  };
}

function started(component: "node" | "sync", options: Options, calls: readonly string[]) {
  const { authorizations, timeoutMs, log = console.error } = options;
  const transport = options.transport ?? httpTransport();
  const allowed = allowedCalls(options.allowedCalls ?? calls);
  const runner = new Runner(folderOf(component), { authorizations, transport, allowed, log }, timeoutMs);
  return {
    runner,
    run: async (plan: plans.Plan, remembered?: Remembered) => (await runner.run(plan, remembered)).outcome,
    async close() {
      await runner.close();
      if (options.transport === undefined) await transport.close();
    },
  };
}
