// Calls before they are made: each method of the component as what it takes, checked. Nothing here does any I/O.

import { randomUUID } from "node:crypto";
import type { Violation } from "../generated/node/interfaces/servicenow-plugin-types.js";
import { namesCorrelationId, violationsOf } from "./inputs.js";
import type { Column, Method } from "./outcomes.js";
import { headersOfRules } from "./policy.js";

/** What every call names. */
export interface Call {
  authorization: string;
  instance: string;
  timeoutMs?: number;
}

/** The columns to write: names and values, or the text of a JSON object. */
export type RequestBody = Record<string, string> | [name: string, value: string][] | string;

/** Rules or an event: an object as JSON has them, or its text. */
export type Document = object | string;

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
  /** Which key `value` is: the incident's number where it is absent. */
  kind?: "number" | "sys_id" | "correlation_id";
  value: string;
}

export interface Update extends Call, WriteOptions {
  sysId: string;
  requestBody: RequestBody;
}

export interface Find extends Call {
  /** An encoded query, as copied from a list's filter. */
  query: string;
  /** 1 to 1000; 100 where absent. */
  limit?: number;
  offset?: number;
}

export interface Push extends Call {
  rules: Document;
  event: Document;
  /** Whether somebody asked for this push: it passes triggers and filters. */
  manual?: boolean;
}

export interface Preview {
  rules: Document;
  event: Document;
  manual?: boolean;
  /** The columns of the instance, as `columns` reads them: lengths, types and choices are warned of. */
  columns?: Column[];
}

export interface Items {
  rules: Document;
  event: Document;
}

/** Which changes are read. */
export interface Selection {
  /** The tables; all six of the task family where empty. */
  tables?: string[];
  /** The time zone of the authorization's user, such as `Europe/Berlin`; read from the user's record where absent. */
  timeZone?: string;
  /** How many seconds before the cursor are read again; 120 where absent. */
  overlapSeconds?: number;
  /** How many records a page has at most, 1 to 1000; 200 where absent. */
  limit?: number;
}

export interface Changes extends Call, Selection {
  rules?: Document;
}

/** A call that can be made, or what is wrong with its inputs. */
export interface Plan {
  method: Method;
  /** The exported interface that has the method, and its name there. */
  exported: [interfaceName: string, name: string];
  /** What follows the call itself. */
  parameters: unknown[];
  /** Empty for what needs none. */
  authorization: string;
  instance: string;
  timeoutMs: number | undefined;
  /** Whether it needs no instance, and so no deadline. */
  isLocal: boolean;
  writes: boolean;
  correlationId: string | undefined;
  /** Those that the rules add to requests. */
  headers: string[];
  violations: Violation[];
}

function plan(method: Method, inputs: unknown, more: Partial<Plan>): Plan {
  const { authorization, instance, timeoutMs } = (inputs ?? {}) as Partial<Call>;
  return {
    method,
    exported: ["incidents", method],
    parameters: [],
    authorization: authorization ?? "",
    instance: instance ?? "",
    timeoutMs,
    isLocal: false,
    writes: false,
    correlationId: undefined,
    headers: [],
    violations: violationsOf(method, inputs),
    ...more,
  };
}

export function create(inputs: Create): Plan {
  const made = namesCorrelationId(inputs?.requestBody) ? undefined : randomUUID().replaceAll("-", "");
  const correlationId = inputs?.correlationId ?? made;
  return checked("create", inputs, { writes: true, correlationId }, () => [
    columnsOf(inputs.requestBody),
    { ...written(inputs), correlationId },
  ]);
}

export function get(inputs: Get): Plan {
  return checked("get", inputs, {}, () => [{ kind: inputs.kind ?? "", value: inputs.value }]);
}

export function update(inputs: Update): Plan {
  return checked("update", inputs, { writes: true }, () => [
    inputs.sysId,
    columnsOf(inputs.requestBody),
    written(inputs),
  ]);
}

export function find(inputs: Find): Plan {
  return checked("find", inputs, {}, () => [inputs.query, inputs.limit ?? 100, inputs.offset ?? 0]);
}

export function columns(inputs: Call): Plan {
  return checked("columns", inputs, {}, () => []);
}

export function authenticate(inputs: Call): Plan {
  return checked("authenticate", inputs, { exported: ["authorization", "authenticate"] }, () => []);
}

export function describe(): Plan {
  return plan("describe", undefined, { exported: ["manifest", "describe"], isLocal: true, violations: [] });
}

export function push(inputs: Push): Plan {
  const rules = textOf(inputs?.rules) ?? "";
  const more: Partial<Plan> = { exported: ["push", "push"], writes: true, headers: headersOfRules(rules) };
  return checked("push", inputs, more, () => [rules, textOf(inputs.event), inputs.manual ?? false]);
}

export function preview(inputs: Preview): Plan {
  const more: Partial<Plan> = { exported: ["mapping", "preview"], isLocal: true };
  return checked("preview", inputs, more, () => [
    textOf(inputs.rules),
    textOf(inputs.event),
    inputs.manual ?? false,
    (inputs.columns ?? []).map((column) => ({
      ...column,
      choices: column.choices.map(({ value }) => value),
    })),
  ]);
}

export function items(inputs: Items): Plan {
  const more: Partial<Plan> = { exported: ["mapping", "items"], isLocal: true };
  return checked("items", inputs, more, () => [textOf(inputs.rules), textOf(inputs.event)]);
}

export function paths(event: Document): Plan {
  const more: Partial<Plan> = { exported: ["mapping", "paths"], isLocal: true };
  return checked("paths", { event }, more, () => [textOf(event)]);
}

/** Judges a delivery that came with this secret. */
export function receive(authorization: string, secret: string, body: Uint8Array, rules?: Document): Plan {
  const delivery = { authorization, headers: [["x-callback-secret", secret]], body };
  const more: Partial<Plan> = { exported: ["callbacks", "receive"], isLocal: true };
  return checked("receive", { authorization, rules }, more, () => [
    delivery,
    rules === undefined ? undefined : textOf(rules),
  ]);
}

/** Reads a page of the changes since a cursor. */
export function since(inputs: Changes, cursor: string | undefined): Plan {
  return checked("since", inputs, { exported: ["changes", "since"] }, () => [
    {
      tables: inputs.tables ?? [],
      timeZone: inputs.timeZone,
      overlapSeconds: inputs.overlapSeconds,
      limit: inputs.limit,
    },
    inputs.rules === undefined ? undefined : textOf(inputs.rules),
    cursor,
  ]);
}

/** With parameters that are made only of inputs that are what they have to be. */
function checked(method: Method, inputs: unknown, more: Partial<Plan>, parameters: () => unknown[]): Plan {
  const made = plan(method, inputs, more);
  return made.violations.length > 0 ? made : { ...made, parameters: parameters() };
}

function columnsOf(body: RequestBody): unknown {
  if (typeof body === "string") return { tag: "json", val: body };
  return { tag: "fields", val: Array.isArray(body) ? body : Object.entries(body) };
}

function written({ inputDisplayValues = false, choiceCheck }: WriteOptions): object {
  return { inputDisplayValues, choiceCheck };
}

function textOf(document: Document): string | undefined {
  if (typeof document === "string") return document;
  try {
    return JSON.stringify(document);
  } catch {
    return undefined;
  }
}
