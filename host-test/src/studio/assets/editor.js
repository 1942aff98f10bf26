// A text that is edited, pasted, or read from a file. One that a browser cannot edit without freezing is held beside.

import { announce, fill, h } from "./dom.js";

/** The longest text that is edited, in characters: a textarea of megabytes takes seconds for each letter. */
const MAX_EDITED = 256 * 1024;

/** How much of a longer one is shown. */
const SHOWN = 2_000;

/** An editor of a text. `changed` is told the text after each change; `put` puts another in its place. */
export function editor(name, title, text, changed) {
  const id = `edit-${name}`;
  const place = h("div", { class: "edited" });
  const put = (text) => fill(place, text.length > MAX_EDITED ? held(text) : area(text));
  const take = (text) => {
    put(text);
    changed(text);
  };
  const area = (text) =>
    h("textarea", {
      id,
      "aria-label": title,
      rows: 24,
      spellcheck: "false",
      value: text,
      oninput: ({ target }) => changed(target.value),
      onpaste: (event) => {
        const pasted = event.clipboardData.getData("text/plain");
        if (pasted.length <= MAX_EDITED) return;
        event.preventDefault();
        take(pasted);
        announce("The text is too long to edit here, and is kept as it is.");
      },
    });
  const held = (text) =>
    h(
      "section",
      { class: "held", "aria-label": title },
      h(
        "p",
        null,
        `${(text.length / 1e6).toFixed(1)} million characters are too many to edit here. They begin:`,
      ),
      h("pre", { tabindex: "0" }, h("code", null, text.slice(0, SHOWN))),
      h("button", { type: "button", class: "plain", onclick: () => take("") }, "Leave it out"),
    );
  const file = h("input", {
    type: "file",
    class: "unseen",
    id: `${id}-file`,
    accept: ".json,application/json",
    onchange: async ({ target }) => {
      const [chosen] = target.files;
      if (chosen !== undefined) take(await chosen.text());
      target.value = "";
    },
  });
  put(text);
  const element = h(
    "div",
    { class: "field" },
    h(
      "div",
      { class: "head" },
      h("h2", null, title),
      file,
      h("label", { for: file.id }, `Read ${title.toLowerCase()} from a file`),
    ),
    place,
  );
  return { element, put };
}
