// The page's pure functions: a form of a manifest that nobody has seen, the drawing's places, the timeline, and the same call elsewhere.

import assert from "node:assert/strict";
import { test } from "node:test";
import { groupsOf, hintOf, inputsOf, pairsOf, problems } from "../../src/studio/assets/form.js";
import { layout, path } from "../../src/studio/assets/drawing.js";
import { snippet, WAYS } from "../../src/studio/assets/snippets.js";
import { after, parts, shares } from "../../src/studio/assets/timeline.js";

const input = (name, value_type, more = {}) => ({
  name,
  label: name,
  value_type,
  required: false,
  description: "",
  choices: [],
  group: "G",
  ...more,
});

const METHOD = {
  name: "tidy",
  title: "Tidy Up",
  inputs: [
    input("authorization", "text", { group: "Connection" }),
    input("when", "a-date-of-the-future", { required: true }),
    input("speed", "text", { choices: ["slow", "fast"], group: "Other" }),
    input("limit", "number"),
    input("really", "boolean"),
    input("request_body", "json", { required: true }),
  ],
  outcomes: [
    { case_name: "tidied", node_name: "onTidied" },
    { case_name: "error", node_name: "onError" },
  ],
};

test("a form is drawn of a manifest that it has never seen, and a type that is not known is text", () => {
  const groups = groupsOf(METHOD);
  assert.deepEqual(
    groups.map(({ title, fields }) => [title, fields.map(({ kind }) => kind)]),
    [
      ["G", ["text", "number", "switch", "columns"]],
      ["Other", ["choice"]],
    ],
  );
});

test("what is empty is left out, and what is not of its type goes as it is", () => {
  const values = {
    when: "soon",
    limit: "7",
    really: true,
    speed: "",
    request_body: [["urgency", "1"]],
    other: "x",
  };
  assert.deepEqual(inputsOf(METHOD, values), {
    when: "soon",
    limit: 7,
    really: true,
    request_body: { case: "fields", value: [["urgency", "1"]] },
  });
  assert.deepEqual(inputsOf(METHOD, { limit: "many", request_body: "{" }), {
    limit: "many",
    request_body: { case: "json", value: "{" },
  });
  assert.deepEqual(problems(METHOD, {}), ["request_body: give a value."]);
  assert.deepEqual(problems(METHOD, { limit: "many", request_body: [["", ""]] }), [
    "limit: many was given; expected is a whole number.",
    "request_body: give a value.",
  ]);
});

test("a JSON object is shown as columns where nothing of it is lost", () => {
  assert.deepEqual(pairsOf('{"a":"x","b":1,"c":true}'), [
    ["a", "x"],
    ["b", "1"],
    ["c", "true"],
  ]);
  assert.deepEqual(pairsOf('{ "a" : "\\u00e4 b" }'), [["a", "ä b"]]);
  for (const text of ['{"a":1.10}', '{"a":12345678901234567890}', '{"a":"1","a":"2"}']) {
    assert.equal(pairsOf(text), undefined, text);
  }
  for (const text of ["{", "[]", "null", '{"a":null}', '{"a":{"b":1}}'])
    assert.equal(pairsOf(text), undefined);
});

test("every outcome has an edge from the node to a place of its own", () => {
  const { edges, height } = layout(METHOD);
  assert.deepEqual(
    edges.map(({ name, isSuccess }) => [name, isSuccess]),
    [
      ["tidied", true],
      ["error", false],
    ],
  );
  const narrow = layout(METHOD, true);
  assert.ok(narrow.width < layout(METHOD).width && narrow.edges.length === 2);
  assert.ok(edges.every(({ to }) => to.y > 0 && to.y < height));
  assert.match(path(edges[0]), /^M192 \S+ C/);
});

test("the same call is written for each language, and a text cannot leave its quotes", () => {
  const evil = `it's "\${x}" \`y\`\n\u0001`;
  const inputs = {
    request_body: { case: "fields", value: [["short_description", evil]] },
    correlation_id: "-a-1",
    input_display_values: true,
    timeout_ms: 5,
  };
  const call = { method: "create", instance: "dev1", authorization: "main", inputs };
  const written = Object.fromEntries(WAYS.map((way) => [way, snippet(way, call)]));
  assert.match(written["Command line"], /--field 'short_description=it'\\''s/);
  assert.match(
    written["Command line"],
    /--correlation-id=-a-1[\s\S]*--input-display-values(?! true)[\s\S]*--timeout 5ms/,
  );
  assert.ok(written.Python.includes(`{"short_description":${JSON.stringify(evil)}}`));
  assert.match(written.Python, /correlation_id="-a-1"[\s\S]*input_display_values=True/);
  assert.match(written.Rust, /Call \{ timeout_ms: Some\(5\), \.\.Call::new\("main", "dev1"\) \}/);
  assert.match(written.Rust, /it's \\"\$\{x\}\\" `y`\\n\\u\{1\}"/);
  assert.match(
    written.Rust,
    /CreateOptions \{ correlation_id: Some\("-a-1"\.into\(\)\), input_display_values: true, \.\./,
  );
  assert.match(written.curl, /-d '/);
  assert.match(written.Rust, /^use servicenow_host::incidents::\{CreateOptions, RequestBody\};/);
  const twice = {
    case: "fields",
    value: [
      ["a", "1"],
      ["a", "2"],
    ],
  };
  assert.ok(
    snippet("Python", { ...call, inputs: { request_body: twice } }).includes('[["a","1"],["a","2"]]'),
  );
  const text = '{"a":{"b":null}}';
  const nested = { ...call, inputs: { request_body: { case: "json", value: text } } };
  assert.match(snippet("Command line", nested), /--json-body '\{"a":\{"b":null\}\}'/);
  assert.match(snippet("Rust", nested), /RequestBody::Json\("\{\\"a\\":\{\\"b\\":null\}\}"\.into\(\)\)/);
  assert.ok(snippet("Python", nested).includes(JSON.stringify(text)));
  const get = {
    method: "get",
    instance: "dev1",
    authorization: "main",
    inputs: { kind: "sys_id", value: "1" },
  };
  assert.match(snippet("Command line", get), /call get --instance dev1[\s\S]*--sys-id 1$/);
  const find = { ...get, method: "find", inputs: { limit: 5 } };
  for (const way of WAYS) assert.match(snippet(way, find), /query|host\.find\(call, ""/, way);
});

test("what the instance says of a column stands in a line", () => {
  const column = { label: "Caller", choices: [], mandatory: true, read_only: false, reference: "sys_user" };
  assert.match(hintOf(column), /^Caller, a record of sys_user: .*, mandatory$/);
  const choices = [{ value: "1", label: "High" }];
  assert.equal(
    hintOf({ ...column, label: "Urgency", reference: null, choices, mandatory: false }),
    "Urgency, 1 choice",
  );
  assert.equal(
    hintOf({ label: "Title", choices: [], max_length: 160, read_only: true }),
    "Title, at most 160 characters, read-only",
  );
  assert.equal(hintOf(undefined), "");
});

test("a call is put together of what is told of it, whatever else is told", () => {
  const report = {
    url: "http://i/x?a=b",
    request_headers: [["accept", "application/json"]],
    response_bytes: 7,
  };
  const told = [
    { kind: "call-began", id: 1, method: "push", at_us: 0 },
    { kind: "call-began", id: 2, method: "push", at_us: 1000 },
    { kind: "delivery" },
    {
      kind: "exchange-began",
      call: 2,
      id: 6,
      method: "POST",
      route: "/oauth_token.do",
      of_host: true,
      at_us: 1010,
    },
    { kind: "exchange-ended", call: 2, id: 6, status: 200, at_us: 1060 },
    { kind: "exchange-began", call: 2, id: 7, method: "POST", route: "/x", of_host: false, at_us: 1100 },
    { kind: "exchange-ended", call: 2, id: 7, status: 201, at_us: 1900 },
    { kind: "call-ended", id: 2, outcome: "created", at_us: 2000 },
    { kind: "call-reported", call: 2, waited_us: 10, computed_us: 30, exchanges: [report] },
    { kind: "call-reported", call: 7, waited_us: 10, computed_us: 30, exchanges: [] },
  ];
  const [call, other] = told.reduce(after, []);
  assert.deepEqual([call.outcome, other.waited], ["created", undefined]);
  assert.deepEqual(shares(call, 0), { waited: 10, requests: 850, computed: 30, host: 110 });
  const [credential, request] = parts(call, 0);
  assert.deepEqual([credential.isCredential, credential.report], [true, undefined]);
  assert.deepEqual(request, {
    from: 0.1,
    to: 0.9,
    label: "POST /x",
    result: "201",
    isWrong: false,
    isCredential: false,
    us: 800,
    report,
  });
  // A stream that is opened again tells everything again.
  assert.deepEqual(told.concat([{ kind: "opened" }]).reduce(after, []), []);
});
