// What is given, checked before anything starts: a call that cannot be made is refused, and says what is wrong.

import type { Granted } from "../generated/interfaces/servicenow-plugin-credentials.js";
import type { Violation } from "../generated/interfaces/servicenow-plugin-types.js";

const GRANT_TYPES = [
  "client-credentials",
  "password",
  "refresh-token",
  "jwt-bearer",
  "bearer",
  "basic",
  "api-key",
];

function isText(value: unknown): value is string {
  return typeof value === "string";
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
    isRecord(value) && Object.getPrototypeOf(value) === Object.prototype && Object.values(value).every(isText)
  );
}

function optional(is: (value: unknown) => boolean): (value: unknown) => boolean {
  return (value) => value === undefined || is(value);
}

/** What each input has to be: its name in the manifest, its name here, the check, and what is expected. */
type Check = [field: string, name: string, is: (value: unknown) => boolean, expected: string];

const CALL: Check[] = [
  ["authorization", "authorization", isText, "a text"],
  ["instance", "instance", isText, "a text"],
  [
    "timeout_ms",
    "timeoutMs",
    optional((value) => Number.isInteger(value) && Number(value) >= 1),
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
  [
    "input_display_values",
    "inputDisplayValues",
    optional((value) => typeof value === "boolean"),
    "true or false",
  ],
  ["choice_check", "choiceCheck", optional(isText), "off, base or instance"],
];

const CHECKS: Record<"create" | "get" | "update", Check[]> = {
  create: [...CALL, BODY, ...WRITE, ["correlation_id", "correlationId", optional(isText), "a text"]],
  get: [
    ...CALL,
    ["kind", "kind", isText, "number, sys_id or correlation_id"],
    ["value", "value", isText, "a text"],
  ],
  update: [...CALL, ["sys_id", "sysId", isText, "a text"], BODY, ...WRITE],
};

/** What is wrong with the inputs of a method. */
export function violationsOf(method: "create" | "get" | "update", inputs: unknown): Violation[] {
  const given = isRecord(inputs) ? inputs : {};
  return CHECKS[method]
    .filter(([, name, is]) => !is(given[name]))
    .map(([field, name, , expected]) => ({ field, given: shown(given[name]), expected }));
}

/** A value as a message shows it: what kind it is, and a number as it is. */
function shown(value: unknown): string {
  return typeof value === "number"
    ? String(value)
    : value === undefined
      ? "nothing"
      : `a value of type ${typeof value}`;
}

/** Whether what the credentials function returned is a credential, or none. */
export function isCredential(value: unknown): value is Granted | undefined {
  if (value === undefined) return true;
  if (!isRecord(value) || !isRecord(value["credential"])) return false;
  const { tag, val } = value["credential"];
  const has = (...names: string[]) => isRecord(val) && names.every((name) => isText(val[name]));
  const isKnown =
    (tag === "header" && has("name", "value")) || (tag === "grant" && has("clientId", "clientSecret"));
  const names = [value["origin"], value["tokenUrl"], value["grantType"]];
  return isKnown && names.every(isText) && GRANT_TYPES.includes(String(value["grantType"]));
}

/** Whether a request body names the correlation id itself. */
export function namesCorrelationId(body: unknown): boolean {
  if (Array.isArray(body)) return body.some(([name]) => name === "correlation_id");
  if (!isText(body)) return isRecord(body) && "correlation_id" in body;
  try {
    const parsed: unknown = JSON.parse(body);
    return isRecord(parsed) && "correlation_id" in parsed;
  } catch {
    // What is no JSON is the component's to refuse.
    return false;
  }
}
