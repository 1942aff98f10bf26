// What a node's form says, as the inputs of a call. Nothing here does any I/O.

/** Inputs that come from the configuration node. */
const OF_THE_AUTHORIZATION = ["authorization", "instance"];

/** The inputs of a method that a form has. */
export function formInputs(method) {
  return method.inputs.filter(({ name }) => !OF_THE_AUTHORIZATION.includes(name));
}

/** `request_body` as `requestBody`. */
export function camel(name) {
  return name.replace(/_(.)/g, (_, letter) => letter.toUpperCase());
}

/** What makes a create safe to repeat. */
const KEY = "correlation_id";

/**
 * The inputs of a call, of values by the manifest's names: those of the fields that were filled in. One that comes to
 * nothing for this message, and need not be given, is left out.
 */
export function inputsOf(method, values) {
  const inputs = {};
  for (const input of formInputs(method)) {
    const value = values[input.name];
    if (value === undefined || value === null || value === "") {
      if (input.required) throw new Error(`${input.label}: give a value; ${input.description}`);
      if (input.name === KEY && Object.hasOwn(values, KEY)) {
        throw new Error(
          `${input.label}: it is empty for this message, which would make another incident each time`,
        );
      }
      continue;
    }
    inputs[camel(input.name)] = typed(input, value);
  }
  return inputs;
}

/** A value as the host takes it. One that is not of its type is passed on: the host says what it expects. */
function typed({ name, valueType }, value) {
  if (name === "request_body") return bodyOf(value);
  if (valueType === "number" && typeof value === "string" && value.trim() !== "") return Number(value);
  if (valueType === "boolean" && (value === "true" || value === "false")) return value === "true";
  if (valueType === "text" && typeof value === "number") return String(value);
  return value;
}

/** A request body: an object of columns may have numbers and booleans, as JSON has them. */
function bodyOf(value) {
  return typeof value === "object" && !Array.isArray(value) ? JSON.stringify(value) : value;
}

/**
 * Rows of columns as pairs, so that a name that stands twice is refused and not overwritten. A column that comes to
 * nothing for a message is left out, but for the one that makes a create safe to repeat.
 */
export function pairsOf(rows) {
  const isNothing = (value) => value === undefined || value === null;
  if (rows.some(([name, value]) => name === KEY && (isNothing(value) || value === ""))) {
    throw new Error(`${KEY}: it is empty for this message, which would make another incident each time`);
  }
  const given = rows.filter(([, value]) => !isNothing(value));
  return given.map(([name, value]) => [
    name,
    ["number", "boolean"].includes(typeof value) ? String(value) : value,
  ]);
}
