// What happened: each call with its requests as they leave and come back, and what may go wrong in the simulator.

import { act, announce, fill, h } from "./dom.js";
import { ask } from "./api.js";
import { after, parts, shares } from "./timeline.js";
import { table } from "./receipt.js";

let calls = [];
/** The faults that are switched on, by their names; not known until the view was drawn once. */
let on;
/** What the server's clock is before this page's, in microseconds. */
let clock = -Infinity;

/** How often a call that is under way is drawn again, in milliseconds. */
const REDRAWN_MS = 250;

/** Takes in what happens, whether this view is open or not. */
export function recordCall(event) {
  calls = after(calls, event);
  if (event.kind === "faults") on = new Set(event.active);
  if (event.kind === "reset") on = new Set();
  // An event comes after it happened: the one that came soonest tells the difference best.
  if (event.at_us !== undefined) clock = Math.max(clock, event.at_us - performance.now() * 1000);
}

export function happenedView({ about, hear }) {
  const list = h("div", { class: "timeline" });
  // A call that has not changed is not drawn again: what is open in it stays open.
  const drawn = new Map();
  let timer;
  const article = (of) => {
    if (drawn.get(of.id)?.of !== of || of.ended === undefined) drawn.set(of.id, { of, element: call(of) });
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
    clearTimeout(timer);
    const isUnderWay = calls.some(({ ended }) => ended === undefined);
    if (isUnderWay) timer = setTimeout(() => list.isConnected && draw(), REDRAWN_MS);
  };
  on ??= new Set(about.active_faults);
  const boxes = about.simulator ? faults(about.faults) : undefined;
  hear((event) => {
    if (event.kind === "faults") boxes?.show();
    if (!/^(call|exchange)-|^now$/.test(event.kind)) return;
    draw();
    const ended = event.kind === "call-ended" && calls.find(({ id }) => id === event.id);
    if (ended) announce(`${ended.method} ended in ${ended.outcome}.`);
  });
  draw();
  return h("div", { class: "panel" }, boxes?.element, h("section", { "aria-label": "Calls" }, list));
}

function nothing() {
  return h(
    "p",
    { class: "empty" },
    "No call yet. Run one in the view Node, and come back: each call is shown here as it happens.",
  );
}

/** The simulator's faults, to be switched on and off. `show` has the boxes say which are on. */
function faults(known) {
  const wrong = h("p", { class: "wrong", role: "alert" });
  const toggle = ({ target }, { name, title }) =>
    act(target, wrong, async () => {
      try {
        await ask("faults", { name, on: target.checked });
        announce(`${title} is ${target.checked ? "on" : "off"}.`);
      } catch (error) {
        show();
        throw error;
      }
    });
  const boxes = known.map((fault) =>
    h("input", {
      type: "checkbox",
      id: `fault-${fault.name}`,
      value: fault.name,
      onchange: (event) => void toggle(event, fault),
    }),
  );
  const show = () => boxes.forEach((box) => (box.checked = on.has(box.value)));
  show();
  const one = (fault, at) =>
    h(
      "div",
      { class: "field switch" },
      boxes[at],
      h("label", { for: `fault-${fault.name}` }, fault.title),
      h("p", { class: "about" }, fault.story),
    );
  const legend = h("legend", null, "Faults, until switched off");
  return { element: h("form", null, h("fieldset", null, legend, wrong, known.map(one))), show };
}

const ms = (us) => `${(us / 1000).toFixed(1)} ms`;

function call(of) {
  const now = performance.now() * 1000 + clock;
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
      h("code", null, of.outcome ?? "under way"),
      h("span", { class: "about" }, ` ${took}`),
    ),
    of.waited === undefined
      ? false
      : h(
          "p",
          { class: "about" },
          `Admitted after ${ms(waited)}. Component ${ms(computed)}, host ${ms(host)}, requests ${ms(requests)}.`,
          steps.some(({ isCredential }) => isCredential) || steps.length === 0
            ? ""
            : " The host added a credential that it had.",
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
      part.isCredential ? "Credential: " : false,
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
    h("summary", null, "Request headers"),
    h("p", null, h("code", null, url)),
    table(["Header", "Value"], headers),
    error ? h("p", { class: "warning" }, error) : false,
    body ? h("pre", { tabindex: "0" }, h("code", null, body)) : false,
  );
}

const bytes = (count) => (count < 1024 ? `${count} bytes` : `${(count / 1024).toFixed(1)} KiB`);
