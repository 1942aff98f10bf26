// The same call as somebody would write it elsewhere. Pure functions.

/** Ways to make a call, by name. */
export const WAYS = ["Command line", "Rust", "Python", "JavaScript", "curl"];

/** The call in one of them. `call` has the method, the inputs, and the name of authorization and instance. */
export function snippet(way, call) {
  return MAKERS[way](call);
}

const json = (value) => JSON.stringify(value);
/** A text for a POSIX shell. */
const shell = (text) => (/^[\w./:@=-]+$/.test(text) ? text : `'${String(text).replaceAll("'", `'\\''`)}'`);
const camel = (name) => name.replace(/_(.)/g, (_, letter) => letter.toUpperCase());
const pairs = (body) => (body.case === "fields" ? body.value : Object.entries(parsed(body.value)));

function parsed(text) {
  try {
    const value = JSON.parse(text);
    return typeof value === "object" && value !== null ? value : {};
  } catch {
    return {};
  }
}

/** The body as an object of columns, as JavaScript and Python take it. */
const columns = (body) => Object.fromEntries(pairs(body));
const others = ({ inputs }) => Object.entries(inputs).filter(([name]) => name !== "request_body");

const MAKERS = {
  "Command line"({ method, instance, authorization, inputs }) {
    const options = [
      ["--instance", instance],
      ["--authorization", authorization],
      ["--authorizations", "authorizations.toml"],
      ...(inputs.request_body === undefined
        ? []
        : pairs(inputs.request_body).map(([name, value]) => ["--field", `${name}=${value}`])),
      ...others({ inputs }).map(optionOf(inputs)).filter(Boolean),
    ];
    const shown = options.filter(([, value]) => value !== false);
    const text = shown.map(([name, value]) => (value === true ? name : `${name} ${shell(String(value))}`));
    return `host-test call ${method} ${text.join(" \\\n    ")}`;
  },
  Rust({ method, instance, authorization, inputs }) {
    const call = `Call::new(${json(authorization)}, ${json(instance)})`;
    const body = () => {
      const rows = pairs(inputs.request_body).map(
        ([name, value]) => `(${json(name)}.into(), ${json(String(value))}.into())`,
      );
      return `RequestBody::Fields(vec![${rows.join(", ")}])`;
    };
    const key =
      inputs.correlation_id === undefined
        ? ""
        : `correlation_id: Some(${json(inputs.correlation_id)}.into()), `;
    const ARGUMENTS = {
      create: () => `call, ${body()}, CreateOptions { ${key}..Default::default() }`,
      update: () => `call, ${json(inputs.sys_id ?? "")}.into(), ${body()}, UpdateOptions::default()`,
      get: () =>
        `call, IncidentRef { kind: ${json(inputs.kind ?? "number")}.into(), value: ${json(inputs.value ?? "")}.into() }`,
      find: () => `call, ${json(inputs.query ?? "")}.into(), ${inputs.limit ?? 100}, ${inputs.offset ?? 0}`,
    };
    return `let call = ${call};\nlet report = host.${method}(${(ARGUMENTS[method] ?? (() => "call"))()}).await;\nprintln!("{}", report.outcome.case());`;
  },
  Python({ method, instance, authorization, inputs }) {
    const literal = (value) => (value === true ? "True" : value === false ? "False" : json(value));
    const body = inputs.request_body === undefined ? [] : [`    ${json(columns(inputs.request_body))},`];
    const rest = others({ inputs }).map(([name, value]) => `    ${name}=${literal(value)},`);
    return [
      `outcome = host.${method}(`,
      `    ${json(authorization)},`,
      `    ${json(instance)},`,
      ...keyword(method, inputs, rest, body),
      ")",
    ].join("\n");
  },
  JavaScript({ method, instance, authorization, inputs }) {
    const given = { authorization, instance };
    for (const [name, value] of Object.entries(inputs)) {
      given[camel(name)] = name === "request_body" ? columns(value) : value;
    }
    return `const outcome = await node.${method}(${JSON.stringify(given, null, 2)});`;
  },
  curl({ method, instance, authorization, inputs }) {
    const body = JSON.stringify({ authorization, instance, ...inputs });
    return `curl "$SIDECAR_URL/v1/${method}" -H "Authorization: Bearer $SIDECAR_TOKEN" \\\n    -H 'Content-Type: application/json' -d ${shell(body)}`;
  },
};

/** Python takes the body by its place in create, and by its name after a sys_id. */
function keyword(method, inputs, rest, body) {
  if (method !== "update") return [...body, ...rest];
  return [
    `    ${json(inputs.sys_id ?? "")},`,
    ...body,
    ...rest.filter((line) => !line.startsWith("    sys_id=")),
  ];
}

/** An option of the command line. An incident's key is an option by its kind. */
function optionOf({ kind = "number" }) {
  return ([name, value]) => {
    if (name === "kind") return undefined;
    if (name === "value") return [`--${kind.replaceAll("_", "-")}`, value];
    if (name === "timeout_ms") return ["--timeout", `${value}ms`];
    return [`--${name.replaceAll("_", "-")}`, value];
  };
}
