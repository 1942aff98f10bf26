// The simulator: its incidents, journal, what it sent, what it was asked, and a way to begin anew.

import { announce, fill, h } from "./dom.js";
import { ask } from "./api.js";
import { table } from "./receipt.js";

/** What a page of a table has: ten thousand rows at once would freeze a browser. */
const PAGE = 50;

const TABLES = [
  { name: "incident", title: "Incidents" },
  { name: "sys_journal_field", title: "Journal" },
  { name: "sys_outbound_http_log", title: "Sent" },
  { name: "requests", title: "Requests" },
];

let shown = TABLES[0].name;
let offset = 0;

export function instanceView({ about }) {
  if (!about.simulator) {
    const text = "This is a real instance: look at it in ServiceNow.";
    return h("section", { class: "empty" }, h("h2", null, about.instance), h("p", null, text));
  }
  const body = h("div", { class: "instance-view" });
  const wrong = h("p", { class: "wrong", role: "alert" });
  let asked;
  const draw = async () => {
    // Of an earlier table nothing is shown any more.
    asked?.abort();
    asked = new AbortController();
    wrong.textContent = "";
    try {
      const page = await ask(`table/${shown}?offset=${offset}&limit=${PAGE}`, undefined, asked);
      fill(body, rows(page), pages(page, draw));
    } catch (error) {
      if (error.name !== "AbortError") wrong.textContent = error.message;
    }
  };
  void draw();
  return h("div", { class: "instance-view" }, head(draw), wrong, body);
}

function head(draw) {
  const buttons = TABLES.map(({ name, title }) =>
    h("button", { type: "button", value: name, onclick: () => choose(name) }, title),
  );
  const press = () =>
    buttons.forEach((button) => button.setAttribute("aria-pressed", String(button.value === shown)));
  const choose = (name) => {
    [shown, offset] = [name, 0];
    press();
    void draw();
  };
  const reset = async () => {
    await ask("reset", {});
    offset = 0;
    announce("The simulator is as it was at the start.");
    await draw();
  };
  press();
  return h(
    "div",
    { class: "bar-of-view" },
    h("div", { class: "ways", role: "group", "aria-label": "Table" }, buttons),
    h("button", { type: "button", onclick: () => void draw() }, "Read again"),
    h("button", { type: "button", onclick: () => void reset() }, "Begin anew"),
  );
}

function rows({ heads, rows }) {
  return rows.length === 0 ? h("p", { class: "empty" }, "Nothing here yet.") : table(heads, rows);
}

function pages({ total }, draw) {
  if (total <= PAGE) return false;
  const go = (to) => () => ((offset = to), void draw());
  const last = Math.min(offset + PAGE, total);
  return h(
    "p",
    { class: "pages" },
    h(
      "button",
      {
        type: "button",
        disabled: offset === 0,
        onclick: go(Math.max(offset - PAGE, 0)),
      },
      "Earlier",
    ),
    ` ${offset + 1} to ${last} of ${total} `,
    h("button", { type: "button", disabled: last === total, onclick: go(offset + PAGE) }, "Later"),
  );
}
