// Elements, made without markup: text stays text.

const SVG = "http://www.w3.org/2000/svg";

/** An element. Properties that begin with `on` are listeners; `false`, `null` and `undefined` are left out. */
export function h(name, properties, ...children) {
  return made(document.createElement(name), properties, children);
}

/** The same in a drawing. */
export function s(name, properties, ...children) {
  return made(document.createElementNS(SVG, name), properties, children);
}

function made(element, properties, children) {
  for (const [name, value] of Object.entries(properties ?? {})) {
    if (value === undefined || value === null || value === false) continue;
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (name in PROPERTIES) element[name] = value;
    else element.setAttribute(name, value === true ? "" : String(value));
  }
  element.append(
    ...children.flat().filter((child) => child !== undefined && child !== null && child !== false),
  );
  return element;
}

/** What is a property and not an attribute, because its value changes while the page is used. */
const PROPERTIES = { value: true, checked: true, disabled: true };

/** Puts these in place of whatever an element holds. The focus stays, and what was opened stays open. */
export function fill(element, ...children) {
  const focused = element.contains(document.activeElement) ? nameOf(document.activeElement) : undefined;
  const opened = [...element.querySelectorAll("details[open] > summary")].map(nameOf);
  element.replaceChildren(...children.flat().filter(Boolean));
  for (const summary of element.querySelectorAll("summary")) {
    if (opened.includes(nameOf(summary))) summary.parentElement.open = true;
  }
  if (focused === undefined) return;
  const controls = [...element.querySelectorAll("a, button, input, select, textarea, summary")];
  (controls.find((control) => nameOf(control) === focused) ?? controls[0])?.focus();
}

/** What a control is known by when it is drawn again. */
function nameOf(element) {
  return element.id || `${element.tagName} ${element.getAttribute("aria-label") ?? element.textContent}`;
}

/** Does something that takes a while, once at a time. What fails is shown in `wrong`. */
export async function act(control, wrong, action) {
  if (control.getAttribute("aria-disabled") === "true") return;
  // Not `disabled`: that would take the focus.
  control.setAttribute("aria-disabled", "true");
  wrong.textContent = "";
  try {
    await action();
  } catch (error) {
    wrong.textContent = error.message;
  } finally {
    control.removeAttribute("aria-disabled");
  }
}

/** Says something to a person who does not see the page. */
export function announce(text) {
  document.getElementById("announcer").textContent = text;
}
