// A form's fields, drawn.

import { fill, h } from "./dom.js";
import { hintOf, pairsOf } from "./form.js";

/** A field's label, control and description. `values` holds what is given, by name, and `changed` is called after a change. */
export function field(of, values, changed, live) {
  const id = `field-${of.name}`;
  const describedBy = `${id}-about`;
  const set = (value) => {
    values[of.name] = value;
    changed();
  };
  const common = {
    id,
    "aria-describedby": describedBy,
    "aria-required": of.required ? "true" : false,
  };
  return h(
    "div",
    { class: `field ${of.kind}` },
    h("label", { for: id }, of.label, of.required ? h("span", { class: "required" }, " required") : false),
    CONTROLS[of.kind](of, common, values, set, live),
    h("p", { id: describedBy, class: "about" }, of.description),
  );
}

const CONTROLS = {
  text: (of, common, values, set) =>
    h("input", {
      ...common,
      type: "text",
      value: values[of.name] ?? "",
      placeholder: of.example === "" ? false : `e.g. ${of.example}`,
      autocomplete: "off",
      spellcheck: "false",
      oninput: ({ target }) => set(target.value),
    }),
  number: (of, common, values, set) =>
    h("input", {
      ...common,
      type: "text",
      inputmode: "numeric",
      value: values[of.name] ?? "",
      placeholder: of.absent === undefined ? `e.g. ${of.example}` : `${of.absent} when empty`,
      autocomplete: "off",
      oninput: ({ target }) => set(target.value),
    }),
  json: (of, common, values, set) =>
    h("textarea", {
      ...common,
      rows: 5,
      spellcheck: "false",
      placeholder: of.example,
      value: values[of.name] ?? "",
      oninput: ({ target }) => set(target.value),
    }),
  switch: (of, common, values, set) =>
    h("input", {
      ...common,
      type: "checkbox",
      checked: values[of.name] === true,
      onchange: ({ target }) => set(target.checked || undefined),
    }),
  choice: (of, common, values, set) => {
    const absent = of.absent === undefined ? "(not given)" : `${of.absent} (when not given)`;
    const option = (value) => h("option", { value, selected: values[of.name] === value }, value);
    return h(
      "select",
      { ...common, onchange: ({ target }) => set(target.value || undefined) },
      h("option", { value: "" }, absent),
      of.choices.map(option),
    );
  },
  columns,
};

/** Columns row by row, or as the text of a JSON object. */
function columns(of, common, values, set, live) {
  const place = h("div", { class: "rows" });
  const given = () => values[of.name];
  const rows = () => (Array.isArray(given()) ? given() : []);
  const draw = () => {
    const isText = typeof given() === "string";
    const way = (label, on, value) =>
      h(
        "button",
        {
          type: "button",
          "aria-pressed": String(on),
          onclick: () => on || turn(value()),
        },
        label,
      );
    fill(
      place,
      h(
        "div",
        {
          class: "ways",
          role: "group",
          "aria-label": "How the columns are given",
        },
        way("Columns", !isText, () => (given().trim() === "" ? [["", ""]] : pairsOf(given()))),
        way("JSON", isText, () => JSON.stringify(Object.fromEntries(rows()), null, 2)),
      ),
      wrong,
      isText
        ? text()
        : [...rows().map(row), h("button", { type: "button", class: "plain", onclick: add }, "Add a column")],
    );
  };
  const wrong = h("p", { class: "wrong", role: "alert" });
  const turn = (value) => {
    wrong.textContent =
      value === undefined
        ? "Only an object of texts, plain numbers and booleans can be shown as columns, each name once."
        : "";
    if (value === undefined) return;
    set(value);
    draw();
  };
  const text = () =>
    h("textarea", {
      ...common,
      rows: 6,
      spellcheck: "false",
      placeholder: of.example,
      value: given(),
      oninput: ({ target }) => set(target.value),
    });
  const put = (at, change) => set(rows().map((pair, index) => (index === at ? change(pair) : pair)));
  const add = () => {
    set([...rows(), ["", ""]]);
    draw();
    place.querySelector(".row:last-of-type input")?.focus();
  };
  const row = ([name, value], at) => {
    const known = h("datalist", { id: `${common.id}-${at}-values` });
    const hint = h("p", { class: "about", id: `${common.id}-${at}-hint` });
    let named = name;
    // In place: a row that is drawn anew would lose what is being typed.
    const offer = () => {
      const column = live.known(named);
      fill(
        known,
        (column?.choices ?? []).map(({ value, label }) => h("option", { value }, label)),
      );
      hint.textContent = hintOf(column);
    };
    const leaveOut = () => {
      set(rows().filter((_, index) => index !== at));
      draw();
      place.querySelector(":scope > button")?.focus();
    };
    offer();
    live.whenRead(offer);
    return h(
      "div",
      { class: "row" },
      h("input", {
        ...(at === 0 ? common : {}),
        type: "text",
        "aria-label": `Column ${at + 1}`,
        list: "live-columns",
        value: name,
        placeholder: "e.g. short_description",
        autocomplete: "off",
        spellcheck: "false",
        oninput: ({ target }) => {
          named = target.value;
          put(at, ([, value]) => [named, value]);
          offer();
        },
      }),
      h("input", {
        type: "text",
        "aria-label": `Value of column ${at + 1}`,
        "aria-describedby": hint.id,
        list: known.id,
        value,
        placeholder: "e.g. Printer on fire",
        autocomplete: "off",
        oninput: ({ target }) => put(at, ([name]) => [name, target.value]),
      }),
      h(
        "button",
        {
          type: "button",
          class: "plain",
          "aria-label": `Leave column ${at + 1} out`,
          onclick: leaveOut,
        },
        "×",
      ),
      known,
      hint,
    );
  };
  if (given() === undefined) values[of.name] = pairsOf(of.example) ?? [["", ""]];
  draw();
  return place;
}
