// The world `incident-node` once more, in JavaScript: as little as passes the conformance suite. What makes the Rust component worth
// having, such as lost answers, drifted columns and every reason told apart, is not here.

import { get as credential } from "servicenow:plugin/credentials@0.2.0";

const TABLE = "/api/now/table/incident";
const PRIORITIES = ["1", "2", "3"];
const KINDS = { number: "number", sys_id: "sys_id", correlation_id: "correlation_id" };
const CHECKS = ["off", "base", "instance"];

/** How far the host's clock and this one may be apart. */
const CLOCKS_MS = 20;

/** Ends a call: any function below may throw one. */
class End {
  constructor(tag, val) {
    Object.assign(this, { tag, val });
  }
}

function failure(reason, message, more = {}) {
  return { reason, message, retry: "never", writeHappened: "no", ...more };
}

const refuse = (tag, field, given, expected) => {
  throw new End(tag, [{ field, given: String(given).slice(0, 80), expected }]);
};

/** What a method calls its outcomes by status, and its failure for the rest. */
const METHODS = {
  create: {
    statuses: { 400: "bad-request", 404: "not-found" },
    other: "create-incident-failure",
    writes: true,
  },
  get: { statuses: { 401: "authorization-fail", 404: "incident-not-found" }, other: "get-incident-failure" },
  update: {
    statuses: { 400: "bad-request", 404: "incident-not-found" },
    other: "incident-update-failure",
    writes: true,
  },
  find: { statuses: { 401: "authorization-fail" }, other: "find-failure" },
  columns: { statuses: { 401: "authorization-fail" }, other: "columns-failure" },
};

const REASONS = {
  400: "bad-request",
  401: "unauthorized",
  403: "forbidden",
  404: "not-found",
  429: "rate-limited",
};

/** One call's way to ServiceNow. */
class Session {
  constructor(method, call) {
    this.method = METHODS[method];
    this.deadline = Date.now() + (call.timeoutMs ?? 5000);
    const origin = originOf(call.instance);
    let granted;
    try {
      granted = credential(call.authorization);
    } catch (error) {
      const tag = error?.payload?.tag ?? "unreachable";
      const reason = tag === "unknown-authorization" ? tag : "unauthorized";
      throw new End("error", failure(reason, `no credential for "${call.authorization}": ${tag}`));
    }
    if (granted.origin !== origin) {
      throw new End("error", failure("wrong-instance", `the authorization is valid for ${granted.origin}`));
    }
    this.origin = origin;
    const { tag, val } = granted.credential;
    this.headers = { accept: "application/json", ...(tag === "header" ? { [val.name]: val.value } : {}) };
  }

  /** Sends a request; the rows of a success, or the end of the call. */
  async fetch(method, path, body) {
    const happened = body === undefined ? "no" : "unknown";
    const retry = body === undefined ? "later" : "look-up-first";
    const late = new Promise((resolve) => setTimeout(resolve, Math.max(this.deadline - Date.now(), 0)));
    const headers =
      body === undefined ? this.headers : { ...this.headers, "content-type": "application/json" };
    const answered = fetch(this.origin + path, { method, headers, body }).then(async (response) => ({
      status: response.status,
      text: await response.text(),
    }));
    const answer = await Promise.race([answered, late]).catch((error) => {
      // The host ends requests at the deadline too, and may be the first to do so.
      if (Date.now() + CLOCKS_MS >= this.deadline) return undefined;
      throw new End("error", failure("lost", String(error), { retry, writeHappened: happened }));
    });
    if (answer === undefined) {
      const more = { retry, writeHappened: happened };
      throw new End("timeout", failure("deadline", "no answer before the deadline", more));
    }
    const { status, text } = answer;
    const json = parsed(text);
    if (status >= 200 && status < 300 && json?.result !== undefined && json.error === undefined) {
      return { rows: [json.result].flat(), text };
    }
    const detail = json?.error?.detail;
    const message = json?.error?.message ?? `ServiceNow answered ${status}, and not with a record`;
    // Only an answer that refuses the request proves that nothing was done.
    const inDoubt = status < 400 || status >= 500;
    const more = inDoubt ? { status, detail, retry, writeHappened: happened } : { status, detail };
    const reason = reasonOf(status, `${message} ${detail}`);
    throw new End(this.method.statuses[status] ?? this.method.other, failure(reason, message, more));
  }
}

function reasonOf(status, text) {
  if (status === 403 && /data policy/i.test(text)) return "data-policy";
  if (status < 300) return "not-json";
  return REASONS[status] ?? (status >= 500 ? "server-error" : "unexpected-status");
}

function parsed(text) {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function originOf(instance) {
  const text = instance.includes(".") || instance.includes(":") ? instance : `${instance}.service-now.com`;
  const url = parsedUrl(text.includes("://") ? text : `https://${text}`);
  if (instance === "" || url === undefined || url.pathname !== "/" || url.search !== "") {
    refuse("invalid-data", "instance", instance, "an instance id, a host name or an origin");
  }
  return url.origin;
}

function parsedUrl(text) {
  try {
    return new URL(text);
  } catch {
    return undefined;
  }
}

/** The columns of a body, checked. */
function columnsOf(body, check) {
  if (check !== undefined && !CHECKS.includes(check)) {
    refuse("invalid-choice", "choice_check", check, CHECKS.join(", "));
  }
  const columns = body.tag === "json" ? parsed(body.val) : Object.fromEntries(body.val);
  if (typeof columns !== "object" || columns === null || Array.isArray(columns)) {
    refuse("invalid-data", "request_body", body.val, "the text of a JSON object");
  }
  if (body.tag === "fields" && Object.keys(columns).length < body.val.length) {
    throw new End("error", failure("duplicate-key", "the same key stands twice"));
  }
  const isWrong = (name) => columns[name] !== undefined && !PRIORITIES.includes(String(columns[name]));
  const wrong = check === "base" ? ["urgency", "impact"].find(isWrong) : undefined;
  if (wrong !== undefined) refuse("invalid-choice", wrong, columns[wrong], PRIORITIES.join(", "));
  return columns;
}

function receipt(session, row, made, columns, text) {
  const value = (name) => String(row[name]?.value ?? row[name] ?? "");
  const stored = (name) => (value(name) === String(columns[name]) ? "stored" : "unverifiable");
  return {
    number: value("number"),
    sysId: value("sys_id"),
    taskEffectiveNumber: value("task_effective_number"),
    correlationId: value("correlation_id"),
    made,
    columns: Object.keys(columns).map((name) => ({ name, stored: stored(name) })),
    url: page(session, value("sys_id")),
    responsePayload: text,
  };
}

const page = (session, sysId) => `${session.origin}/nav_to.do?uri=incident.do%3Fsys_id%3D${sysId}`;

function fieldsOf(row) {
  return Object.entries(row).map(([name, cell]) => ({
    name,
    value: String(cell.value ?? cell),
    displayValue: String(cell.display_value ?? cell),
    link: cell.link,
  }));
}

/** The primary key of a create: the same for the same authorization and correlation id. */
async function keyOf(authorization, correlationId) {
  const bytes = new TextEncoder().encode(`${authorization}\0${correlationId}`);
  const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", bytes));
  return Array.from(digest.subarray(0, 16), (byte) => byte.toString(16).padStart(2, "0")).join("");
}

/** Runs a method; what it throws is its outcome. */
async function outcome(method, call, run) {
  try {
    return await run(new Session(method, call));
  } catch (end) {
    if (end instanceof End) return { tag: end.tag, val: end.val };
    return { tag: "error", val: failure("limit", String(end)) };
  }
}

export const incidents = {
  async create(call, body, options) {
    return outcome("create", call, async (session) => {
      const columns = columnsOf(body, options.choiceCheck);
      const correlationId = options.correlationId ?? columns.correlation_id ?? crypto.randomUUID();
      const key = await keyOf(call.authorization, correlationId);
      const sent = JSON.stringify({ ...columns, correlation_id: correlationId, sys_id: key });
      try {
        const { rows, text } = await session.fetch("POST", TABLE, sent);
        return { tag: "incident-created", val: receipt(session, rows[0], "created", columns, text) };
      } catch (end) {
        // A second record with the same key is refused; the first one is then the answer.
        if (!(end instanceof End) || end.val.status !== 403) throw end;
        const { rows, text } = await session.fetch(
          "GET",
          `${TABLE}?sysparm_query=sys_id=${key}&sysparm_limit=1`,
        );
        if (rows.length === 0) throw end;
        return { tag: "incident-created", val: receipt(session, rows[0], "found", columns, text) };
      }
    });
  },

  async get(call, { kind: given, value }) {
    const kind = given || "number";
    return outcome("get", call, async (session) => {
      if (KINDS[kind] === undefined) refuse("invalid-choice", "kind", kind, Object.keys(KINDS).join(", "));
      if (value === "" || /[\^\r\n]/.test(value)) refuse("invalid-data", "value", value, "a key without ^");
      const query = encodeURIComponent(`${KINDS[kind]}=${value}`);
      const path = `${TABLE}?sysparm_query=${query}&sysparm_display_value=all&sysparm_limit=2`;
      const { rows, text } = await session.fetch("GET", path);
      if (rows.length === 0)
        throw new End("incident-not-found", failure("not-found", `no incident has ${value}`));
      const fields = fieldsOf(rows[0]);
      const column = (name) => fields.find((field) => field.name === name)?.value ?? "";
      if (column(KINDS[kind]) !== value) {
        throw new End("get-incident-failure", failure("wrong-record", "another incident came back"));
      }
      const incident = {
        number: column("number"),
        sysId: column("sys_id"),
        taskEffectiveNumber: column("task_effective_number"),
        state: column("state"),
        matches: rows.length,
        fields,
        url: page(session, column("sys_id")),
        responsePayload: text,
      };
      return { tag: "get-incident-success", val: incident };
    });
  },

  async update(call, sysId, body, options) {
    return outcome("update", call, async (session) => {
      if (!/^[0-9a-f]{32}$/.test(sysId)) refuse("invalid-data", "sys_id", sysId, "32 hexadecimal digits");
      const columns = columnsOf(body, options.choiceCheck);
      const { rows, text } = await session.fetch("PATCH", `${TABLE}/${sysId}`, JSON.stringify(columns));
      return { tag: "incident-update-success", val: receipt(session, rows[0], "updated", columns, text) };
    });
  },

  async find(call, query, limit, offset) {
    return outcome("find", call, async (session) => {
      if (limit < 1 || limit > 1000) refuse("invalid-data", "limit", limit, "1 to 1000");
      const path = `${TABLE}?sysparm_query=${encodeURIComponent(query)}&sysparm_display_value=all&sysparm_limit=${limit}`;
      const { rows } = await session.fetch("GET", `${path}&sysparm_offset=${offset}`);
      const found = rows.map((row) => ({
        number: row.number.value,
        sysId: row.sys_id.value,
        fields: fieldsOf(row),
      }));
      const nextOffset = rows.length === limit ? offset + limit : undefined;
      return { tag: "find-success", val: { incidents: found, total: undefined, nextOffset } };
    });
  },

  async columns(call) {
    return outcome("columns", call, async (session) => {
      const query = "sysparm_query=name=incident%5EORname=task&sysparm_limit=1000";
      const { rows } = await session.fetch("GET", `/api/now/table/sys_dictionary?${query}`);
      const columns = rows.map((row) => ({
        name: row.element,
        label: row.column_label,
        internalType: row.internal_type?.value ?? row.internal_type ?? "",
        mandatory: row.mandatory === "true",
        readOnly: row.read_only === "true",
        choices: [],
      }));
      return { tag: "columns-success", val: columns };
    });
  },
};

/** The edges of the original node. */
const EDGES = {
  create:
    "incident-created:onIncidentCreated bad-request:onBadRequest not-found:onNotFound create-incident-failure:onCreateIncidentFailure",
  get: "get-incident-success:onGetIncidentSuccess incident-not-found:onIncidentNotFound authorization-fail:onauthorizationfail get-incident-failure:onGetIncidentFailure",
  update:
    "incident-update-success:onIncidentUpdateSuccess bad-request:onBadRequest incident-not-found:onIncidentNotFound incident-update-failure:onIncidentUpdateFailure",
  find: "find-success:onFindSuccess authorization-fail:onauthorizationfail find-failure:onFindFailure",
  columns:
    "columns-success:onColumnsSuccess authorization-fail:onauthorizationfail columns-failure:onColumnsFailure",
};
const COMMON = "invalid-data:onInvalidData invalid-choice:onInvalidChoice timeout:onTimeout error:onError";

export const manifest = {
  describe() {
    const methods = Object.entries(EDGES).map(([name, edges]) => ({
      name,
      title: name,
      description: "",
      inputs: [],
      outputs: [],
      outcomes: `${edges} ${COMMON}`.split(" ").map((edge) => {
        const [caseName, nodeName] = edge.split(":");
        return { caseName, nodeName, description: "" };
      }),
      inputSchema: "{}",
    }));
    return {
      name: "servicenow-port",
      title: "ServiceNow, ported",
      version: "0.2.0",
      description: "",
      methods,
    };
  },
};
