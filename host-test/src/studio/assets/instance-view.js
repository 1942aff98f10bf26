// The simulator: its incidents, journal, what it sent, what it was asked, and a way to begin anew.

import { act, announce, fill, h } from "./dom.js";
import { ask } from "./api.js";
import { table } from "./receipt.js";

/** What a page of a table has: ten thousand rows at once would freeze a browser. */
const PAGE = 50;

const TABLES = [
  { name: "incident", title: "Incidents" },
  { name: "sys_journal_field", title: "Journal" },
  { name: "sys_outbound_http_log", title: "Outbound log" },
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
      if (offset >= page.total && offset > 0) {
        // Rows are gone since.
        offset = 0;
        return draw();
      }
      fill(body, rows(page), pages(page, draw));
    } catch (error) {
      if (error.name !== "AbortError") wrong.textContent = error.message;
    }
  };
  void draw();
  return h("div", { class: "instance-view" }, head(draw, wrong), wrong, body);
}

function head(draw, wrong) {
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
  // The page is told of it, and draws anew.
  const reset = ({ target }) =>
    act(target, wrong, async () => {
      await ask("reset", {});
      announce("The simulator is as it was at the start.");
    });
  press();
  return h(
    "div",
    { class: "bar-of-view" },
    h("div", { class: "ways", role: "group", "aria-label": "Table" }, buttons),
    h("button", { type: "button", onclick: () => void draw() }, "Refresh"),
    h("button", { type: "button", onclick: (event) => void reset(event) }, "Reset"),
  );
}

function rows({ heads, rows }) {
  return rows.length === 0 ? h("p", { class: "empty" }, "Nothing here yet.") : table(heads, rows);
}

function pages({ total }, draw) {
  if (total <= PAGE) return false;
  const go = (to) => () => to !== offset && to < total && ((offset = to), void draw());
  const last = Math.min(offset + PAGE, total);
  return h(
    "p",
    { class: "pages" },
    h(
      "button",
      {
        type: "button",
        "aria-disabled": offset === 0 ? "true" : false,
        onclick: go(Math.max(offset - PAGE, 0)),
      },
      "Earlier",
    ),
    ` ${offset + 1} to ${last} of ${total} `,
    h(
      "button",
      { type: "button", "aria-disabled": last === total ? "true" : false, onclick: go(offset + PAGE) },
      "Later",
    ),
  );
}
