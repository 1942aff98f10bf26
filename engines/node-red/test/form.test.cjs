"use strict";

// A form from manifests that nobody has seen before.
const assert = require("node:assert/strict");
const { it } = require("node:test");
const { groupsOf, missing, portsOf } = require("../resources/form.js");

const input = (more) => ({
  ...{ name: "colour", label: "Colour", valueType: "text", required: false, choices: [] },
  ...{ description: "What it looks like", example: "red", group: "Looks", icon: "paint-brush", ...more },
});

it("fields stand under their headings, in the manifest's order", () => {
  const inputs = [
    input({}),
    input({ name: "size", group: "Looks" }),
    input({ name: "weight", group: "Body" }),
  ];
  const groups = groupsOf({ inputs });
  assert.deepEqual(
    groups.map(({ title, fields }) => [title, fields.map(({ name }) => name)]),
    [
      ["Looks", ["colour", "size"]],
      ["Body", ["weight"]],
    ],
  );
});

it("a field has the type of its input, and a type that is not known is text", () => {
  for (const [valueType, type] of [
    ["text", "str"],
    ["number", "num"],
    ["boolean", "bool"],
    ["json", "json"],
    ["hologram", "str"],
    [undefined, "str"],
  ]) {
    const [{ fields }] = groupsOf({ inputs: [input({ valueType })] });
    assert.deepEqual(fields[0].types, [type, "msg", "flow", "global", "jsonata", "env"]);
  }
});

it("choices are offered, and what an absent value means is chosen", () => {
  const [{ fields }] = groupsOf({ inputs: [input({ choices: ["red", "blue"], defaultValue: "blue" })] });
  assert.equal(fields[0].types[0], "choice");
  assert.deepEqual(fields[0].saved, { type: "choice", value: "blue" });
});

it("an icon is a name, and nothing else reaches the page as one", () => {
  const [{ fields }] = groupsOf({ inputs: [input({ icon: 'x" onload="alert(1)' })] });
  assert.equal(fields[0].icon, "circle-o");
});

it("ports are the outcomes, and what is missing is told by its label", () => {
  assert.deepEqual(portsOf({ outcomes: [{ caseName: "painted" }, { caseName: "error" }] }), [
    "painted",
    "error",
  ]);
  const method = {
    inputs: [input({ required: true }), input({ name: "rows", label: "Rows", required: true })],
  };
  assert.deepEqual(missing(method, { rows: { type: "columns", value: [] } }), ["Colour", "Rows"]);
  assert.deepEqual(missing(method, { colour: { value: "red" }, rows: { value: [{}] } }), []);
});
