// How a call ended, in words.

import { h } from "./dom.js";

/** What a failure advises. */
const ADVICE = {
  never: "Do not repeat it: it ends the same way until somebody changes something.",
  later: "It can be repeated",
  "look-up-first": "Look the record up first. A create with its correlation id does that itself.",
};

const WRITTEN = {
  no: "Nothing was written.",
  yes: "It was written.",
  unknown: "Whether it was written is not known.",
};

const MADE = {
  created: "was created",
  found: "was there: an earlier call with this correlation id made it",
  updated: "was changed",
  "confirmed-by-reading": "was written, as a look at the record confirmed: the answer was lost",
};

/** The outcome: its name, what it means, and what it holds. */
export function receipt(end, method) {
  const outcome = method.outcomes.find(({ case_name }) => case_name === end.case);
  return h(
    "section",
    {
      class: `receipt ${end.case === method.outcomes[0].case_name ? "success" : "other"}`,
      "aria-label": "Outcome",
    },
    h("h2", null, h("code", null, end.case)),
    h("p", { class: "about" }, outcome?.description ?? "An outcome that this page does not know."),
    words(end),
    h(
      "p",
      { class: "about" },
      `${(end.elapsed_us / 1000).toFixed(1)} ms, ${end.requests} ${end.requests === 1 ? "request" : "requests"}`,
    ),
    h(
      "details",
      null,
      h("summary", null, "The whole outcome as JSON"),
      h(
        "pre",
        { tabindex: "0" },
        h("code", null, JSON.stringify({ case: end.case, value: end.value }, null, 2)),
      ),
    ),
  );
}

/** What an outcome holds, in words. */
export function words({ value }) {
  if (Array.isArray(value))
    return value.some((one) => "given" in one) ? violations(value) : count(value.length, "row");
  if (value === null || typeof value !== "object") return h("p", null, String(value ?? ""));
  const failure = value.failure ?? value;
  if (failure.retry !== undefined) return failed(failure);
  if (Array.isArray(value.columns)) return written(value);
  if (Array.isArray(value.incidents)) return found(value);
  if (Array.isArray(value.fields)) return incident(value);
  return false;
}

const count = (number, what) => h("p", null, `${number} ${what}${number === 1 ? "" : "s"}`);

/** A link to a record, where its address is one of the web. */
function record({ number, url }) {
  return /^https?:\/\//.test(url ?? "")
    ? h("a", { href: url, rel: "noreferrer", target: "_blank" }, number)
    : h("strong", null, number);
}

function written(value) {
  const lost = value.columns.filter(({ stored }) => stored !== "stored");
  return [
    h("p", null, record(value), ` ${MADE[value.made] ?? value.made}.`),
    lost.length > 0
      ? h(
          "p",
          { class: "warning" },
          `Not every column was kept: ${lost.map(({ name, stored }) => `${name} (${stored})`).join(", ")}.`,
        )
      : false,
    table(
      ["Column", "Stored"],
      value.columns.map(({ name, stored }) => [name, stored]),
    ),
  ];
}

function incident(value) {
  const shown = value.fields.filter((field) => field.display_value !== "");
  return [
    h("p", null, record(value)),
    table(
      ["Column", "Value", "Shown as"],
      shown.map(({ name, value, display_value }) => [name, value, display_value]),
    ),
  ];
}

function found({ incidents, total }) {
  const column = (fields, name) => fields.find((field) => field.name === name)?.display_value ?? "";
  const row = (one) => [record(one), column(one.fields, "short_description"), column(one.fields, "state")];
  return [
    count(incidents.length, "incident"),
    total === undefined ? false : h("p", { class: "about" }, `${total} in all`),
    table(["Number", "Short description", "State"], incidents.map(row)),
  ];
}

function violations(value) {
  return table(
    ["Input", "Given", "Expected"],
    value.map(({ field, given, expected }) => [field, given, expected]),
  );
}

function failed(failure) {
  const wait =
    failure.retry_after_ms === undefined || failure.retry_after_ms === null
      ? ""
      : ` after ${Math.ceil(failure.retry_after_ms / 1000)} s`;
  const advice =
    failure.retry === "later" ? `${ADVICE.later}${wait}.` : (ADVICE[failure.retry] ?? failure.retry);
  return [
    h("p", null, failure.message),
    failure.detail ? h("p", { class: "about" }, failure.detail) : false,
    h(
      "p",
      { class: failure.write_happened === "no" ? false : "warning" },
      WRITTEN[failure.write_happened] ?? failure.write_happened,
    ),
    h("p", null, advice),
    h(
      "p",
      { class: "about" },
      `Reason: ${failure.reason}${failure.status ? `, status ${failure.status}` : ""}`,
    ),
  ];
}

/** How many tables were drawn: each is a place of its own for those who hear the page. */
let drawn = 0;

/** A table; a small screen scrolls it and not the page. */
export function table(heads, rows) {
  drawn += 1;
  const cell = (value) => h("td", null, value);
  return h(
    "div",
    {
      class: "scrolls",
      tabindex: "0",
      role: "region",
      "aria-label": `Table ${drawn}: ${heads.join(", ")}`,
    },
    h(
      "table",
      null,
      h(
        "thead",
        null,
        h(
          "tr",
          null,
          heads.map((head) => h("th", { scope: "col" }, head)),
        ),
      ),
      h(
        "tbody",
        null,
        rows.map((row) => h("tr", null, row.map(cell))),
      ),
    ),
  );
}
