// The same call as somebody would write it elsewhere. Pure functions.

/** Ways to make a call, by name. */
export const WAYS = ["Command line", "Rust", "Python", "JavaScript", "curl"];

/** The call in one of them. `call` has the method, the inputs, and the name of authorization and instance. */
export function snippet(way, { method, instance, authorization, inputs }) {
  // A search for everything has an empty query, which every other way wants to be given.
  const all = method === "find" ? { query: "", ...inputs } : inputs;
  return MAKERS[way]({ method, instance, authorization, inputs: all });
}

const json = (value) => JSON.stringify(value);
const camel = (name) => name.replace(/_(.)/g, (_, letter) => letter.toUpperCase());
const others = (inputs) => Object.entries(inputs).filter(([name]) => name !== "request_body");

/** A text for a POSIX shell. */
function shell(text) {
  return /^[\w./:@=-]+$/.test(text) ? text : `'${String(text).replaceAll("'", `'\\''`)}'`;
}

/** An option with its value. One that begins as an option does is joined to its name. */
function option(name, value) {
  return String(value).startsWith("-") ? `${name}=${shell(value)}` : `${name} ${shell(value)}`;
}

/** A text as Rust writes it: JSON has escapes that Rust lacks. */
function rust(text) {
  const known = { '"': '\\"', "\\": "\\\\", "\n": "\\n", "\r": "\\r", "\t": "\\t" };
  const escaped = (letter) => (letter < " " ? `\\u{${letter.charCodeAt(0).toString(16)}}` : letter);
  return `"${[...text].map((letter) => known[letter] ?? escaped(letter)).join("")}"`;
}

/** The body: a JSON object's text, an object of columns, or pairs where a column stands twice. */
function bodyOf({ case: kind, value }) {
  if (kind === "json") return value;
  const object = Object.fromEntries(value);
  return Object.keys(object).length === value.length ? object : value;
}

const MAKERS = {
  "Command line"({ method, instance, authorization, inputs }) {
    const { request_body: body, kind = "number", ...rest } = inputs;
    const columns =
      body?.case === "json"
        ? [option("--json-body", body.value)]
        : (body?.value ?? []).map(([name, value]) => option("--field", `${name}=${value}`));
    const one = ([name, value]) => {
      if (name === "value") return option(`--${kind.replaceAll("_", "-")}`, value);
      if (name === "timeout_ms") return option("--timeout", `${value}ms`);
      const flag = `--${name.replaceAll("_", "-")}`;
      return value === true ? flag : option(flag, value);
    };
    const options = [
      option("--instance", instance),
      option("--authorization", authorization),
      option("--authorizations", "authorizations.toml"),
      ...columns,
      ...Object.entries(rest).map(one),
    ];
    return `host-test call ${method} ${options.join(" \\\n    ")}`;
  },
  Rust({ method, instance, authorization, inputs }) {
    const made = `Call::new(${rust(authorization)}, ${rust(instance)})`;
    const { timeout_ms: timeout } = inputs;
    const call = timeout === undefined ? made : `Call { timeout_ms: Some(${timeout}), ..${made} }`;
    const body = () => {
      const { case: kind, value } = inputs.request_body ?? { case: "fields", value: [] };
      if (kind === "json") return `RequestBody::Json(${rust(value)}.into())`;
      const rows = value.map(([name, one]) => `(${rust(name)}.into(), ${rust(one)}.into())`);
      return `RequestBody::Fields(vec![${rows.join(", ")}])`;
    };
    const options = (type, count) => {
      const given = [
        ["correlation_id", inputs.correlation_id, (text) => `Some(${rust(text)}.into())`],
        ["input_display_values", inputs.input_display_values, String],
        ["choice_check", inputs.choice_check, (text) => `Some(${rust(text)}.into())`],
      ].filter(([, value]) => value !== undefined);
      const fields = given.map(([name, value, write]) => `${name}: ${write(value)}, `).join("");
      if (given.length === count) return `${type} { ${fields.slice(0, -2)} }`;
      return fields === "" ? `${type}::default()` : `${type} { ${fields}..Default::default() }`;
    };
    const text = (name, absent = "") => `${rust(inputs[name] ?? absent)}.into()`;
    const ARGUMENTS = {
      create: () => `, ${body()}, ${options("CreateOptions", 3)}`,
      update: () => `, ${text("sys_id")}, ${body()}, ${options("UpdateOptions", 2)}`,
      get: () => `, IncidentRef { kind: ${text("kind", "number")}, value: ${text("value")} }`,
      find: () => `, ${text("query")}, ${inputs.limit ?? 100}, ${inputs.offset ?? 0}`,
    };
    const NEEDED = {
      create: "{CreateOptions, RequestBody}",
      update: "{RequestBody, UpdateOptions}",
      get: "IncidentRef",
    };
    const needed = NEEDED[method] === undefined ? "" : `use servicenow_host::incidents::${NEEDED[method]};\n`;
    return `${needed}use servicenow_host::outcome::Outcome;
use servicenow_host::types::Call;

let call = ${call};
let report = host.${method}(call${ARGUMENTS[method]?.() ?? ""}).await;
println!("{}", report.outcome.case());`;
  },
  Python({ method, instance, authorization, inputs }) {
    const literal = (value) => (value === true ? "True" : value === false ? "False" : json(value));
    const { sys_id: key, request_body: body, ...rest } = inputs;
    const inPlace = [
      ...(method === "update" ? [json(key ?? "")] : []),
      ...(body === undefined ? [] : [json(bodyOf(body))]),
    ];
    const named = Object.entries(rest).map(([name, value]) => `${name}=${literal(value)}`);
    const all = [json(authorization), json(instance), ...inPlace, ...named];
    return `outcome = host.${method}(\n${all.map((one) => `    ${one},\n`).join("")})`;
  },
  JavaScript({ method, instance, authorization, inputs }) {
    const body = inputs.request_body;
    const given = {
      authorization,
      instance,
      ...(body === undefined ? {} : { requestBody: bodyOf(body) }),
      ...Object.fromEntries(others(inputs).map(([name, value]) => [camel(name), value])),
    };
    return `const outcome = await node.${method}(${JSON.stringify(given, null, 2)});`;
  },
  curl({ method, instance, authorization, inputs }) {
    const body = JSON.stringify({ authorization, instance, ...inputs });
    return `curl "$SIDECAR_URL/v1/${method}" -H "Authorization: Bearer $SIDECAR_TOKEN" \\
    -H 'Content-Type: application/json' -d ${shell(body)}`;
  },
};
