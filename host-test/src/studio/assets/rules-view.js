// Rules: an event on the left, the rules in the middle, and on the right what a push would send, as one types.

import { announce, fill, h } from "./dom.js";
import { ask } from "./api.js";
import { editor } from "./editor.js";
import { table, words } from "./receipt.js";

/** How long after the last letter the preview is asked for. */
const PAUSE_MS = 250;

/** What is edited, while the page is open. */
const edited = { event: "", rules: "" };
let chosen;
/** Which event of the example it was last. */
let part;
/** What became of each incident by the pushes of this page: its number and the stages. */
let life = [];
/** Whether a push is under way, and what was wrong with the last one. */
let isPushing = false;
let problem = "";
/** Draws what became of pushes. */
let showPushes = () => {};

export function rulesView({ about }) {
  const preview = h("section", {
    class: "preview",
    "aria-label": "What a push would send",
    "aria-live": "polite",
  });
  const strip = h("div", { class: "lives" });
  const wrong = h("p", { class: "wrong", role: "alert" });
  let timer;
  let asked;
  const show = async () => {
    // Of an earlier text nothing is shown any more.
    asked?.abort();
    asked = new AbortController();
    try {
      const { events, outcomes } = await ask("map", edited, { signal: asked.signal });
      fill(
        preview,
        events > outcomes.length
          ? h("p", { class: "about" }, `The first ${outcomes.length} of ${events} events:`)
          : false,
        outcomes.length > 0
          ? outcomes.map(mapped)
          : h("p", { class: "empty" }, "The event holds nothing to push."),
      );
    } catch (error) {
      if (error.name !== "AbortError") fill(preview, h("p", { class: "wrong" }, error.message));
    }
  };
  const later = () => {
    clearTimeout(timer);
    timer = setTimeout(() => void show(), PAUSE_MS);
  };
  const edits = (name) => (text) => {
    edited[name] = text;
    later();
  };
  const editors = {
    event: editor("event", "Event", edited.event, edits("event")),
    rules: editor("rules", "Rules", edited.rules, edits("rules")),
  };
  const parts = h("div", { class: "ways", role: "group", "aria-label": "The event tells of" });
  const put = (name, text) => {
    edited[name] = text;
    editors[name].put(text);
  };
  const tell = (payload, event) => {
    part = event.name;
    put("event", event.text);
    fill(
      parts,
      payload.events.map((one) =>
        h(
          "button",
          {
            type: "button",
            "aria-pressed": String(one.name === part),
            onclick: () => {
              tell(payload, one);
              parts.querySelector("[aria-pressed=true]").focus();
            },
          },
          one.name,
        ),
      ),
    );
    void show();
  };
  const take = (payload) => {
    chosen = payload.name;
    put("rules", payload.rules);
    life = [];
    problem = "";
    showPushes();
    tell(payload, payload.events[0]);
  };
  const button = h("button", { type: "button", class: "run", onclick: () => void push() }, "Push this event");
  showPushes = () => {
    fill(strip, life.map(stages));
    wrong.textContent = problem;
    if (isPushing) button.setAttribute("aria-disabled", "true");
    else button.removeAttribute("aria-disabled");
  };
  const choices = h(
    "select",
    {
      id: "payload",
      onchange: ({ target }) => take(about.payloads.find(({ name }) => name === target.value)),
    },
    about.payloads.map(({ name, title }) => h("option", { value: name, selected: name === chosen }, title)),
  );
  const view = h(
    "div",
    { class: "rules-view" },
    h(
      "div",
      { class: "example" },
      h("div", { class: "field" }, h("label", { for: "payload" }, "Example"), choices),
      parts,
      about.writes ? button : false,
    ),
    wrong,
    strip,
    h("div", { class: "thirds" }, editors.event.element, editors.rules.element, preview),
  );
  const known = about.payloads.find(({ name }) => name === chosen);
  if (known === undefined) take(about.payloads[0]);
  else {
    const { event } = edited;
    tell(
      known,
      known.events.find(({ name }) => name === part),
    );
    // What was typed stays.
    put("event", event);
    void show();
  }
  showPushes();
  return view;
}

/** Pushes what is edited. What becomes of it is kept, whatever is shown when it ends. */
async function push() {
  if (isPushing) return;
  isPushing = true;
  problem = "";
  showPushes();
  try {
    const ends = await ask("push", edited);
    life = lived(life, ends);
    announce(`Pushed: ${ends.map(({ case: name }) => name).join(", ")}.`);
  } catch (error) {
    problem = error.message;
  } finally {
    isPushing = false;
    showPushes();
  }
}

/** What a push of one event would send. */
function mapped({ case: name, value }) {
  if (name === "filtered-out") return h("article", null, h("h2", null, "Filtered out"), h("p", null, value));
  if (name !== "mapped") {
    return h(
      "article",
      null,
      h("h2", { class: "warning" }, "Refused"),
      table(
        ["Place", "Given", "Expected"],
        value.map(({ field, given, expected }) => [h("code", null, field), given, expected]),
      ),
    );
  }
  const what = value.recovers
    ? "Ends the incident"
    : value.creates
      ? "Creates or changes the incident"
      : "Changes the incident, and creates none";
  return h(
    "article",
    null,
    h("h2", null, what),
    h(
      "p",
      null,
      "Key ",
      h("code", null, value.correlation_id),
      value.priority ? `, priority ${value.priority} by urgency and impact` : "",
    ),
    table(
      ["Column", "Value", "Written"],
      value.columns.map(({ name, value, write }) => [h("code", null, name), value, write]),
    ),
    value.note ? h("p", null, "Note: ", value.note) : false,
    value.warnings.length === 0
      ? false
      : [
          h("h3", { class: "warning" }, "Warnings"),
          table(
            ["Place", "Given", "Expected"],
            value.warnings.map(({ field, given, expected }) => [h("code", null, field), given, expected]),
          ),
        ],
  );
}

/** Takes in what happens, whether this view is open or not. */
export function recordLife(event) {
  if (event.kind === "reset") life = [];
}

/** The lives of incidents after some more pushes. A push that has no incident stands by itself. */
function lived(lives, ends) {
  return ends.reduce((lives, end) => {
    const number = end.value?.number ?? "";
    const known = lives.find((life) => life.number === number);
    if (known === undefined) return [...lives, { number, ends: [end] }];
    return lives.map((life) => (life === known ? { number, ends: [...life.ends, end] } : life));
  }, lives);
}

function stages({ number, ends }) {
  const of = number === "" ? "No incident" : number;
  const last = ends.at(-1);
  return h(
    "div",
    { class: "life" },
    h("strong", null, of),
    h(
      "ol",
      { "aria-label": `The life of ${of}` },
      ends.map((end) => h("li", null, end.case)),
    ),
    // Why it has no incident, or is as it was.
    number === "" ? h("div", { class: "why" }, words(last)) : false,
  );
}
