// The node: its form, its drawing, and how the last call ended.

import { announce, fill, h } from "./dom.js";
import { ask } from "./api.js";
import { drawing } from "./drawing.js";
import { field } from "./fields.js";
import { groupsOf, inputsOf, problems } from "./form.js";
import { receipt } from "./receipt.js";
import { snippet, WAYS } from "./snippets.js";

/** What was given to each method, while the page is open. */
const given = {};
let shown;
let way = WAYS[0];
/** The last call of each method. */
let ended = {};
/** The methods whose call is under way. */
const running = new Set();
/** What is wrong with the form of each method, or kept its last call from an outcome. */
const wrongs = {};
/** Draws the outcome of the method that is shown. */
let show = () => {};
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
  const { name, title, description, inputs } = method;
  const values = (given[name] ??= {});
  const picture = h("div", { class: "picture" });
  const result = h("div", { class: "result" });
  const code = h("section", { class: "code", "aria-label": "The same call elsewhere" });
  const run = h("button", { type: "submit", class: "run" }, `Run ${title}`);
  const wrong = h("p", { class: "wrong", role: "alert" });
  const changed = () => fill(code, elsewhere(method, values, about, changed));
  const submit = (event) => {
    event.preventDefault();
    void start(method, values);
  };
  const groups = groupsOf(method).map((one, _, all) => group(one, all.length === 1, values, changed));
  const isRefused = !about.writes && inputs.some(({ name }) => name === "request_body");
  changed();
  show = () => {
    const end = ended[name];
    fill(picture, drawing(method, end?.case));
    fill(result, end === undefined ? first(method) : receipt(end, method));
    wrong.textContent = wrongs[name] ?? "";
    if (running.has(name)) run.setAttribute("aria-disabled", "true");
    else run.removeAttribute("aria-disabled");
  };
  show();
  return h(
    "div",
    { id: "method", role: "tabpanel", "aria-labelledby": `tab-${name}`, class: "panel" },
    h("p", { class: "lead" }, description),
    h(
      "form",
      { onsubmit: submit, novalidate: true },
      groups,
      isRefused
        ? h("p", null, "This studio only reads. Start it with --allow-writes to create and update.")
        : run,
      wrong,
    ),
    h("div", { class: "outcome" }, picture, result, code),
    offered(),
  );
}

/** Makes the call of a form. Its outcome is kept, whatever is shown when it ends. */
async function start(method, values) {
  const { name, title } = method;
  if (running.has(name)) return;
  const found = problems(method, values);
  wrongs[name] = found.join(" ");
  if (found.length > 0) return show();
  running.add(name);
  show();
  announce(`${title} runs.`);
  try {
    const end = await ask(`call/${name}`, inputsOf(method, values));
    ended[name] = end;
    announce(`${title} ended in ${end.case}.`);
  } catch (error) {
    wrongs[name] = error.message;
  } finally {
    running.delete(name);
    show();
    // On a small screen it is below the form.
    if (shown === name) document.querySelector("#method .picture")?.scrollIntoView({ block: "nearest" });
  }
}

/** Takes in what happens, whether this view is open or not. */
export function recordEnds(event) {
  if (event.kind === "reset") ended = {};
}

/** A group of fields. One that can be left as it is is closed until something is given in it. */
function group({ title, fields }, isOnly, values, changed) {
  const drawn = fields.map((one) => field(one, values, changed, live));
  if (isOnly || fields.some(({ required }) => required)) {
    return h("fieldset", null, h("legend", null, title), drawn);
  }
  const isGiven = fields.some(({ name }) => values[name] !== undefined && values[name] !== "");
  return h("details", { class: "group", open: isGiven }, h("summary", null, title), drawn);
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
    `Run the call: its outcome is highlighted. ${method.outcomes[0].case_name} is the success.`,
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
        try {
          await navigator.clipboard.writeText(text);
          copy.textContent = "Copied";
        } catch {
          copy.textContent = "The browser does not allow it: select the text and copy it";
        }
        announce(copy.textContent);
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
    columns = end.case === "columns-success" ? end.value : undefined;
  } catch {
    // The form does without: columns are typed.
    columns = undefined;
  }
  if (columns === undefined) return;
  // In place: a form that is drawn anew would lose what is being typed.
  waiting.forEach((then) => then());
  waiting.clear();
}
