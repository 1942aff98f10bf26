// A form from a manifest: what each field of a method is, and the inputs that its values are. Pure functions.

/** What the page takes care of by itself. */
const OF_THE_PAGE = ["authorization", "instance"];

/** How a value is given, by its type in the manifest. One that is not known is text. */
const KINDS = {
  text: "text",
  number: "number",
  boolean: "switch",
  json: "json",
};

/** What a form shows of an input. */
function fieldOf(input) {
  const choices = input.choices ?? [];
  const kind =
    choices.length > 0
      ? "choice"
      : input.name === "request_body"
        ? "columns"
        : (KINDS[input.value_type] ?? "text");
  return {
    name: input.name,
    label: input.label ?? input.name,
    description: input.description ?? "",
    example: input.example ?? "",
    required: input.required === true,
    absent: input.default_value,
    choices,
    kind,
  };
}

/** The fields of a method under their headings, in the manifest's order. */
export function groupsOf(method) {
  const groups = [];
  for (const input of method.inputs.filter(({ name }) => !OF_THE_PAGE.includes(name))) {
    const title = input.group ?? "Inputs";
    let group = groups.find((one) => one.title === title);
    if (group === undefined) groups.push((group = { title, fields: [] }));
    group.fields.push(fieldOf(input));
  }
  return groups;
}

/** The inputs of a call, of what a form holds by name. A field that is empty is left out. */
export function inputsOf(method, values) {
  const inputs = {};
  for (const field of groupsOf(method).flatMap(({ fields }) => fields)) {
    const value = values[field.name];
    if (value === undefined || value === "" || value === null) continue;
    inputs[field.name] = typed(field, value);
  }
  return inputs;
}

function typed({ kind }, value) {
  switch (kind) {
    case "number":
      return Number.isFinite(Number(value)) ? Number(value) : value;
    case "switch":
      return value === true || value === "true";
    case "columns":
      return typeof value === "string" ? { case: "json", value } : { case: "fields", value };
    default:
      return value;
  }
}

/** What is wrong with what a form holds, a sentence for each field. What can be sent is the component's to judge. */
export function problems(method, values) {
  const fields = groupsOf(method).flatMap(({ fields }) => fields);
  return fields.map((field) => problem(field, values[field.name])).filter(Boolean);
}

function problem({ kind, label, required }, value) {
  const isEmpty = value === undefined || value === "";
  if (kind === "number" && !isEmpty && !/^\d+$/.test(value)) {
    return `${label}: ${value} was given; expected is a whole number.`;
  }
  const hasNoColumn =
    kind === "columns" && (isEmpty || (Array.isArray(value) && value.every(([name]) => name === "")));
  return required && (hasNoColumn || (kind === "number" && isEmpty)) ? `${label}: give a value.` : undefined;
}

/**
 * The columns of a JSON object's text as pairs; nothing where they would say something else: values that are no texts,
 * numbers and booleans, names that stand twice, and numbers with digits that JavaScript drops.
 */
export function pairsOf(text) {
  let value;
  try {
    value = JSON.parse(text);
  } catch {
    return undefined;
  }
  if (typeof value !== "object" || value === null || Array.isArray(value)) return undefined;
  const plain = text.replace(/("(?:[^"\\]|\\.)*")|\s+/g, (_, string) =>
    string === undefined ? "" : JSON.stringify(JSON.parse(string)),
  );
  // Names that are numbers come first in an object: such a text is left as it is too.
  if (JSON.stringify(value) !== plain) return undefined;
  const pairs = Object.entries(value);
  const isFlat = pairs.every(([, one]) => ["string", "number", "boolean"].includes(typeof one));
  return isFlat ? pairs.map(([name, one]) => [name, String(one)]) : undefined;
}

/** What the instance says of a column, in a line; nothing of one that it does not have. */
export function hintOf(column) {
  if (column === undefined) return "";
  const { label, reference, choices, max_length: most, mandatory, read_only: isReadOnly } = column;
  return [
    label,
    reference ? `a record of ${reference}: its sys_id, or its name as a display value` : false,
    choices.length > 0 ? `${choices.length} ${choices.length === 1 ? "choice" : "choices"}` : false,
    most && choices.length === 0 && !reference ? `at most ${most} characters` : false,
    mandatory ? "mandatory" : false,
    isReadOnly ? "read-only" : false,
  ]
    .filter(Boolean)
    .join(", ");
}
