// The page: its views, and what they share.

import { announce, fill, h } from "./dom.js";
import { ask, listen, Unreachable } from "./api.js";
import { happenedView, recordCall } from "./happened-view.js";
import { instanceView } from "./instance-view.js";
import { nodeView, recordEnds } from "./node-view.js";
import { recordLife, rulesView } from "./rules-view.js";
import { recordDelivery, waysView } from "./ways-view.js";

/** The views by their names in the address. */
const VIEWS = [
  { name: "node", title: "Node", draw: nodeView },
  { name: "happened", title: "What happened", draw: happenedView },
  { name: "rules", title: "Rules", draw: rulesView },
  { name: "ways", title: "Both ways", draw: waysView },
  { name: "instance", title: "Instance", draw: instanceView },
];

const RECORDERS = [recordCall, recordDelivery, recordEnds, recordLife];

const place = document.getElementById("view");
const links = document.getElementById("views");
const connection = document.getElementById("connection");

/** The page of another token: an address that was put into the same tab. */
const token = () => new URLSearchParams(location.hash.slice(1)).get("token");
const opened = token();
addEventListener("hashchange", () => token() !== opened && location.reload());

// Its address would take the token's place.
document.getElementById("skip").addEventListener("click", (event) => {
  event.preventDefault();
  place.focus();
});

/** What was read once: the manifest, the instance, what may be done. */
let about;
/** Those who want to hear of events. */
const listeners = new Set();

function current() {
  const name = new URLSearchParams(location.hash.slice(1)).get("view");
  return VIEWS.find((view) => view.name === name) ?? VIEWS[0];
}

function address(view) {
  const parameters = new URLSearchParams(location.hash.slice(1));
  parameters.set("view", view.name);
  return `#${parameters}`;
}

function drawLinks() {
  const link = (view) =>
    h(
      "a",
      {
        href: address(view),
        "aria-current": view === current() ? "page" : false,
      },
      view.title,
    );
  fill(links, VIEWS.map(link));
}

function draw() {
  drawLinks();
  listeners.clear();
  const view = current();
  document.title = `${view.title} · ServiceNow node · studio`;
  fill(place, view.draw({ about, hear: (listener) => listeners.add(listener) }));
}

/** Something that keeps the page from working, in place of a view. */
function failed(error) {
  const message = error instanceof Unreachable ? error.message : `This page failed: ${error.message}`;
  fill(place, h("section", { class: "empty" }, h("h2", null, "Nothing to show"), h("p", null, message)));
  announce(message);
}

function said(text, isWrong) {
  connection.className = isWrong ? "wrong" : "";
  connection.textContent = text;
}

try {
  about = await ask("about");
  const where = about.simulator ? "the simulator" : about.instance;
  said(about.writes ? where : `${where}, read-only`, false);
  addEventListener("hashchange", draw);
  draw();
  let isLive = false;
  void listen((event) => {
    if (event.kind === "gone")
      said("The server is gone. Start host-test studio again, and open the address that it prints.", true);
    if (event.kind === "opened") said(about.writes ? where : `${where}, read-only`, false);
    if (event.kind === "opened" || event.kind === "now") isLive = event.kind === "now";
    // Whatever view is open: what happened is there when its view is.
    RECORDERS.forEach((record) => record(event));
    if (isLive && event.kind === "reset") draw();
    if (isLive) listeners.forEach((listener) => listener(event));
  });
} catch (error) {
  failed(error);
}
