// The node: its form, its drawing, and how the last call ended.

import { announce, fill, h } from "./dom.js";
import { ask } from "./api.js";
import { drawing } from "./drawing.js";
import { field } from "./fields.js";
import { groupsOf, inputsOf, missing } from "./form.js";
import { receipt } from "./receipt.js";
import { snippet, WAYS } from "./snippets.js";

/** What was given to each method, while the page is open. */
const given = {};
let shown;
let way = WAYS[0];
/** The last call of each method. */
const ended = {};
/** The columns of the instance: none until they were read. Who waits for them is in `waiting`. */
let columns;
const waiting = new Set();
const live = {
  known: (name) => columns?.find((column) => column.name === name),
  whenRead: (then) => columns?.length > 0 || waiting.add(then),
};

export function nodeView({ about }) {
  const { methods } = about.manifest;
  shown ??= methods[0].name;
  const place = h("div", { class: "node-view" });
  const draw = () =>
    fill(
      place,
      tabs(methods, draw),
      panel(
        methods.find(({ name }) => name === shown),
        about,
      ),
    );
  draw();
  if (columns === undefined) void readColumns();
  return place;
}

/** Tabs that the arrow keys move between. */
function tabs(methods, draw) {
  const choose = (name) => {
    shown = name;
    draw();
    document.getElementById(`tab-${name}`).focus();
  };
  const step = (event) => {
    const at = methods.findIndex(({ name }) => name === shown);
    const to = {
      ArrowRight: at + 1,
      ArrowLeft: at - 1,
      Home: 0,
      End: methods.length - 1,
    }[event.key];
    if (to === undefined) return;
    event.preventDefault();
    choose(methods[(to + methods.length) % methods.length].name);
  };
  const tab = ({ name, title }) =>
    h(
      "button",
      {
        type: "button",
        role: "tab",
        id: `tab-${name}`,
        "aria-selected": String(name === shown),
        "aria-controls": "method",
        tabindex: name === shown ? "0" : "-1",
        onclick: () => choose(name),
      },
      title,
    );
  return h(
    "div",
    {
      class: "tabs",
      role: "tablist",
      "aria-label": "Methods",
      onkeydown: step,
    },
    methods.map(tab),
  );
}

function panel(method, about) {
  const values = (given[method.name] ??= {});
  const picture = h("div", { class: "picture" }, drawing(method, ended[method.name]?.case));
  const result = h(
    "div",
    { class: "result" },
    ended[method.name] ? receipt(ended[method.name], method) : first(method),
  );
  const code = h("section", {
    class: "code",
    "aria-label": "The same call elsewhere",
  });
  const changed = () => fill(code, elsewhere(method, values, about, changed));
  const run = h("button", { type: "submit", class: "run" }, `Run ${method.title}`);
  const wrong = h("p", { class: "wrong", role: "alert" });
  const submit = async (event) => {
    event.preventDefault();
    const empty = missing(method, values);
    wrong.textContent = empty.length > 0 ? `Give a value: ${empty.join(", ")}.` : "";
    if (empty.length > 0) return;
    run.disabled = true;
    announce("The call runs.");
    try {
      const end = await ask(`call/${method.name}`, inputsOf(method, values));
      ended[method.name] = end;
      fill(picture, drawing(method, end.case));
      fill(result, receipt(end, method));
      // On a small screen it is below the form.
      result.scrollIntoView({ block: "nearest" });
      announce(`The call ended in ${end.case}.`);
    } catch (error) {
      wrong.textContent = error.message;
    } finally {
      run.disabled = false;
    }
  };
  const group = ({ title, fields }) =>
    h(
      "fieldset",
      null,
      h("legend", null, title),
      fields.map((one) => field(one, values, changed, live)),
    );
  const isRefused = !about.writes && method.inputs.some(({ name }) => name === "request_body");
  changed();
  return h(
    "div",
    {
      id: "method",
      role: "tabpanel",
      "aria-labelledby": `tab-${method.name}`,
      class: "panel",
    },
    h("p", { class: "lead" }, method.description),
    h(
      "form",
      { onsubmit: submit, novalidate: true },
      groupsOf(method).map(group),
      isRefused
        ? h(
            "p",
            { class: "about" },
            "This studio only reads. Start it with --allow-writes to create and update.",
          )
        : false,
      isRefused ? false : run,
      wrong,
    ),
    h("div", { class: "outcome" }, picture, result, code),
    offered(),
  );
}

/** The names of the instance's columns, for the fields that take one. */
function offered() {
  const list = h("datalist", { id: "live-columns" });
  const offer = () =>
    fill(
      list,
      (columns ?? []).map(({ name, label }) => h("option", { value: name }, label)),
    );
  offer();
  live.whenRead(offer);
  return list;
}

function first(method) {
  return h(
    "p",
    { class: "empty" },
    `Run it, and the edge that the call leaves by lights up. ${method.outcomes[0].case_name} is the success.`,
  );
}

function elsewhere(method, values, about, changed) {
  const call = {
    method: method.name,
    inputs: inputsOf(method, values),
    authorization: about.authorization,
    instance: about.instance,
  };
  const choose = (name) =>
    h(
      "button",
      {
        type: "button",
        "aria-pressed": String(name === way),
        onclick: () => ((way = name), changed()),
      },
      name,
    );
  const text = snippet(way, call);
  const copy = h(
    "button",
    {
      type: "button",
      class: "plain",
      onclick: async () => {
        await navigator.clipboard.writeText(text);
        announce("Copied.");
        copy.textContent = "Copied";
      },
    },
    "Copy",
  );
  return [
    h("div", { class: "ways", role: "group", "aria-label": "Language" }, WAYS.map(choose)),
    h("pre", { tabindex: "0" }, h("code", null, text)),
    copy,
  ];
}

async function readColumns() {
  columns = [];
  try {
    const end = await ask("call/columns", {});
    if (end.case === "columns-success") columns = end.value;
  } catch {
    // The form does without: columns are typed.
  }
  // In place: a form that is drawn anew would lose the focus.
  waiting.forEach((then) => then());
  waiting.clear();
}
