// What is given, checked before anything starts: a call that cannot be made is refused, and says what is wrong.

import type { Violation } from "../generated/node/interfaces/servicenow-plugin-types.js";
import type { Method } from "./outcomes.js";

/** What a number of the interface holds. */
const MAX_COUNT = 2 ** 32 - 1;

/** Half a surrogate pair is no text: on the way it would become another's. */
function isText(value: unknown): value is string {
  return typeof value === "string" && value.isWellFormed();
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function isPair(value: unknown): boolean {
  return Array.isArray(value) && value.length === 2 && value.every(isText);
}

function isBody(value: unknown): boolean {
  if (isText(value)) return true;
  if (Array.isArray(value)) return value.every(isPair);
  return (
    isRecord(value) &&
    Object.getPrototypeOf(value) === Object.prototype &&
    Object.entries(value).flat().every(isText)
  );
}

function isDocument(value: unknown): boolean {
  if (isText(value)) return true;
  try {
    return isRecord(value) && JSON.stringify(value) !== undefined;
  } catch {
    return false;
  }
}

function isCount(value: unknown): boolean {
  return Number.isInteger(value) && Number(value) >= 0 && Number(value) <= MAX_COUNT;
}

function optional(is: (value: unknown) => boolean): (value: unknown) => boolean {
  return (value) => value === undefined || is(value);
}

/** What each input has to be: its name in the manifest, its name here, the check, and what is expected. */
type Check = [field: string, name: string, is: (value: unknown) => boolean, expected: string];

const isTruth = (value: unknown) => typeof value === "boolean";
const areTexts = (value: unknown) => Array.isArray(value) && value.every(isText);
const areColumns = (value: unknown) =>
  Array.isArray(value) && value.every((column) => isRecord(column) && Array.isArray(column.choices));
const COUNT = `a whole number from 0 to ${MAX_COUNT}`;
const DOCUMENT = "an object, or the text of a JSON object";

const CALL: Check[] = [
  ["authorization", "authorization", isText, "a text"],
  ["instance", "instance", isText, "a text"],
  [
    "timeout_ms",
    "timeoutMs",
    optional((value) => isCount(value) && value !== 0),
    "a whole number of milliseconds, 1 or more",
  ],
];

const BODY: Check = [
  "request_body",
  "requestBody",
  isBody,
  "an object of texts, a list of pairs of texts, or the text of a JSON object",
];

const WRITE: Check[] = [
  ["input_display_values", "inputDisplayValues", optional(isTruth), "true or false"],
  ["choice_check", "choiceCheck", optional(isText), "off, base or instance"],
];

const EVENT: Check[] = [
  ["rules", "rules", isDocument, DOCUMENT],
  ["event", "event", isDocument, DOCUMENT],
  ["manual", "manual", optional(isTruth), "true or false"],
];

const CHECKS: Record<Method, Check[]> = {
  create: [...CALL, BODY, ...WRITE, ["correlation_id", "correlationId", optional(isText), "a text"]],
  get: [
    ...CALL,
    ["kind", "kind", optional(isText), "number, sys_id or correlation_id"],
    ["value", "value", isText, "a text"],
  ],
  update: [...CALL, ["sys_id", "sysId", isText, "a text"], BODY, ...WRITE],
  find: [
    ...CALL,
    ["query", "query", isText, "a text"],
    ["limit", "limit", optional(isCount), COUNT],
    ["offset", "offset", optional(isCount), COUNT],
  ],
  columns: CALL,
  authenticate: CALL,
  describe: [],
  push: [...CALL, ...EVENT],
  preview: [
    ...EVENT,
    ["columns", "columns", optional(areColumns), "the columns that the method columns reads"],
  ],
  items: EVENT.slice(0, 2),
  paths: [["event", "event", isDocument, DOCUMENT]],
  receive: [["rules", "rules", optional(isDocument), DOCUMENT]],
  since: [
    ...CALL,
    ["tables", "tables", optional(areTexts), "a list of texts"],
    ["time_zone", "timeZone", optional(isText), "a text"],
    ["overlap_seconds", "overlapSeconds", optional(isCount), COUNT],
    ["limit", "limit", optional(isCount), COUNT],
    ["rules", "rules", optional(isDocument), DOCUMENT],
  ],
};

/** What is wrong with the inputs of a method. */
export function violationsOf(method: Method, inputs: unknown): Violation[] {
  const given = isRecord(inputs) ? inputs : {};
  return CHECKS[method]
    .filter(([, name, is]) => !is(given[name]))
    .map(([field, name, , expected]) => ({ field, given: shown(given[name]), expected }));
}

/** How much of a wrong input is shown, as in the component. */
const MAX_SHOWN = 80;

/** A value as a message shows it: of an object the first member that is no text. */
function shown(value: unknown): string {
  const wrong = isRecord(value) ? Object.entries(value).find((pair) => !pair.every(isText)) : undefined;
  return wrong === undefined
    ? kind(value)
    : `${JSON.stringify(wrong[0])}: ${kind(wrong[1])}`.slice(0, MAX_SHOWN);
}

function kind(value: unknown): string {
  if (value === undefined) return "nothing";
  return typeof value === "number" ? String(value) : `a value of type ${typeof value}`;
}

/** Whether a request body names the correlation id itself. */
export function namesCorrelationId(body: unknown): boolean {
  if (Array.isArray(body)) return body.some((pair) => Array.isArray(pair) && pair[0] === "correlation_id");
  if (!isText(body)) return isRecord(body) && "correlation_id" in body;
  try {
    const parsed: unknown = JSON.parse(body);
    return isRecord(parsed) && "correlation_id" in parsed;
  } catch {
    // What is no JSON is the component's to refuse.
    return false;
  }
}
