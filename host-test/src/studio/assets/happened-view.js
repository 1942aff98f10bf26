// What happened: each call with its requests as they leave and come back, and what may go wrong in the simulator.

import { announce, fill, h } from "./dom.js";
import { ask } from "./api.js";
import { after, parts, shares } from "./timeline.js";
import { table } from "./receipt.js";

let calls = [];
/** The faults that are switched on, by their names. */
let on = new Set();

/** Takes in what happens, whether this view is open or not. */
export function recordCall(event) {
  calls = after(calls, event);
}

export function happenedView({ about, hear }) {
  const list = h("div", { class: "timeline" });
  // A call that has not changed is not drawn again: what is open in it stays open.
  const drawn = new Map();
  const article = (of) => {
    if (drawn.get(of.id)?.of !== of) drawn.set(of.id, { of, element: call(of) });
    return drawn.get(of.id).element;
  };
  const draw = () => {
    if (calls.length === 0) return fill(list, nothing());
    const elements = calls.map(article);
    // In place: an element that is put in anew loses the focus.
    [...list.children].filter((child) => !elements.includes(child)).forEach((child) => child.remove());
    elements.forEach((element, at) => {
      if (list.children[at] !== element) list.insertBefore(element, list.children[at] ?? null);
    });
  };
  hear((event) => {
    if (!/^(call|exchange)-|^now$/.test(event.kind)) return;
    draw();
    const ended = event.kind === "call-ended" && calls.find(({ id }) => id === event.id);
    if (ended) announce(`${ended.method} ended in ${ended.outcome}.`);
  });
  draw();
  return h(
    "div",
    { class: "panel" },
    about.simulator ? faults(about.faults) : false,
    h("section", { "aria-label": "Calls" }, list),
  );
}

function nothing() {
  return h(
    "p",
    { class: "empty" },
    "No call yet. Run one in the view Node, and come back: each call is shown here as it happens.",
  );
}

/** What goes wrong once in the simulator, to be switched on. */
function faults(known) {
  const toggle = async ({ target }, { name, title }) => {
    target.disabled = true;
    try {
      const { active } = await ask("faults", { name, on: target.checked });
      on = new Set(active);
      announce(`${title} is ${target.checked ? "on" : "off"}.`);
    } finally {
      target.checked = on.has(name);
      target.disabled = false;
    }
  };
  const one = (fault) =>
    h(
      "div",
      { class: "field switch" },
      h("input", {
        type: "checkbox",
        id: `fault-${fault.name}`,
        checked: on.has(fault.name),
        onchange: (event) => void toggle(event, fault),
      }),
      h("label", { for: `fault-${fault.name}` }, fault.title),
      h("p", { class: "about" }, fault.story),
    );
  return h("form", null, h("fieldset", null, h("legend", null, "What goes wrong next"), known.map(one)));
}

const ms = (us) => `${(us / 1000).toFixed(1)} ms`;

function call(of) {
  const now = performance.now() * 1000;
  const took = of.ended === undefined ? "under way" : ms(of.ended - of.began);
  const { waited, requests, computed, host } = shares(of, now);
  const steps = parts(of, now);
  return h(
    "article",
    { class: "call" },
    h(
      "h2",
      null,
      of.method,
      " ",
      h("code", { class: of.outcome === undefined ? "under-way" : false }, of.outcome ?? "under way"),
      h("span", { class: "about" }, ` ${took}`),
    ),
    of.waited === undefined
      ? false
      : h(
          "p",
          { class: "about" },
          `Admitted after ${ms(waited)}. The component had ${ms(computed)}, the host ${ms(host)}, requests ${ms(requests)}.`,
          steps.some(({ isCredential }) => isCredential) || steps.length === 0
            ? ""
            : " The host had the credential, and added it outside of the component.",
        ),
    h("ol", null, steps.map(step)),
    steps.length === 0 && of.ended !== undefined ? h("p", { class: "about" }, "It sent nothing.") : false,
  );
}

/** A request: where it stands in the call's time, and what the host keeps of it. */
function step(part) {
  const bar = h("span", { class: part.isWrong ? "bar-of wrong" : "bar-of" });
  // By the object model: the page's policy forbids styles in markup.
  bar.style.marginInlineStart = `${part.from * 100}%`;
  bar.style.width = `${Math.max((part.to - part.from) * 100, 0.5)}%`;
  const { report } = part;
  const size = report === undefined ? "" : `, ${bytes(report.response_bytes)}`;
  return h(
    "li",
    null,
    h(
      "span",
      { class: "what" },
      part.isCredential ? "Credential, by the host: " : false,
      h("code", null, part.label),
      ` ${part.result}, ${ms(part.us)}${size}`,
    ),
    h("span", { class: "track", "aria-hidden": "true" }, bar),
    report === undefined ? false : details(report),
  );
}

function details({ url, request_headers: headers, error, response_body: body }) {
  return h(
    "details",
    null,
    h("summary", null, "Request and answer"),
    h("p", null, h("code", null, url)),
    table(["Header", "Value"], headers),
    error ? h("p", { class: "warning" }, error) : false,
    body ? h("pre", { tabindex: "0" }, h("code", null, body)) : false,
  );
}

const bytes = (count) => (count < 1024 ? `${count} bytes` : `${(count / 1024).toFixed(1)} KiB`);
