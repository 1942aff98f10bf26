// Both ways: the simulator is set up, an agent changes an incident, and the delivery arrives with its verdict.

import { announce, fill, h } from "./dom.js";
import { ask } from "./api.js";

/** Deliveries, the latest first. */
let deliveries = [];
/** Whether the simulator delivers, and whether the receiver listens. */
let state;
/** Whether something is being done, and what was wrong with the last. */
let isBusy = false;
let problem = "";
/** Draws the steps. */
let showSteps = () => {};

const KEPT = 100;

/** What a verdict means. */
const MEANING = {
  accepted: "A change that is new, and handed on.",
  late: "Overtaken by a later one; its comments and earlier values are handed on.",
  duplicate: "It came before.",
  stale: "The record is known to have gone on since.",
  echo: "Our own write, come back.",
  ignored: "The rules leave it out.",
  unauthenticated: "It does not have the callback secret.",
  "invalid-data": "It is no delivery.",
  reconciled: "Read from the instance afterwards; no delivery of it is known.",
};

/** Takes in what was delivered, whether this view is open or not. */
export function recordDelivery(event) {
  // What follows is everything that the server remembers.
  if (event.kind === "opened" || event.kind === "reset") deliveries = [];
  if (event.kind === "delivery") deliveries = [event, ...deliveries].slice(0, KEPT);
}

export function waysView({ about, hear }) {
  const place = h("div", { class: "panel" });
  const list = h("ol", { class: "deliveries" });
  const wrong = h("p", { class: "wrong", role: "alert" });
  const draw = () =>
    fill(
      list,
      deliveries.length === 0
        ? h("li", { class: "empty" }, "Nothing was delivered yet.")
        : deliveries.map(delivery),
    );
  hear((event) => {
    if (event.kind === "now") draw();
    if (event.kind !== "delivery") return;
    draw();
    announce(`A delivery: ${event.verdict}.`);
  });
  const steps = h("div", { class: "steps" });
  const button = (text, path, body, isReady) =>
    h(
      "button",
      {
        type: "button",
        id: `${path}-${Object.keys(body)}`,
        "aria-disabled": !isReady || isBusy ? "true" : false,
        onclick: () => isReady && void send(path, body),
      },
      text,
    );
  showSteps = () => {
    wrong.textContent = problem;
    const { provisioned = false, receiving = true, incident } = state ?? {};
    const { number, urgency, state: stage } = incident ?? {};
    const step = (text, ...of) => h("li", null, h("p", null, text), of);
    fill(
      steps,
      h(
        "ol",
        null,
        step(
          "Set the instance up: a script and a business rule that deliver changes.",
          button(provisioned ? "Set up" : "Set up the instance", "provision", {}, !provisioned),
        ),
        step(
          number ? `Change ${number} as an agent would.` : "Have an agent open an incident.",
          ...(number
            ? [
                // To another value each time: what stays as it is makes no change.
                urgency === "1"
                  ? button("Lower the urgency", "agent", { urgency: "2" }, provisioned)
                  : button("Raise the urgency", "agent", { urgency: "1" }, provisioned),
                button("Comment", "agent", { comments: "Looking at it" }, provisioned),
                stage === "6"
                  ? button("Reopen", "agent", { state: "2" }, provisioned)
                  : button("Resolve", "agent", { state: "6" }, provisioned),
              ]
            : [button("Open an incident", "agent", {}, provisioned)]),
        ),
        step(
          receiving || !provisioned
            ? "Stop the receiver, change something, start it again, and read what it missed."
            : "The receiver is stopped: deliveries are lost.",
          receiving || !provisioned
            ? button("Stop the receiver", "receiver", { on: false }, provisioned)
            : button("Start the receiver", "receiver", { on: true }, provisioned),
          button("Read what was missed", "reconcile", {}, provisioned && receiving),
        ),
      ),
    );
  };
  if (!about.simulator)
    return h(
      "section",
      { class: "empty" },
      h("h2", null, "On the simulator alone"),
      h("p", null, "Start the studio without --instance to see changes come back."),
    );
  fill(
    place,
    h("div", { class: "picture" }, steps, wrong),
    h("section", { class: "result", "aria-label": "Deliveries" }, h("h2", null, "Deliveries"), list),
  );
  showSteps();
  draw();
  void send("receiver");
  return place;
}

/** Has the server do something. What becomes of it is kept, whatever is shown when it ends. */
async function send(path, body) {
  if (isBusy) return;
  isBusy = true;
  problem = "";
  showSteps();
  try {
    state = await ask(path, body);
  } catch (error) {
    problem = error.message;
  } finally {
    isBusy = false;
    showSteps();
  }
}

function delivery({ verdict, number, changed = [], why }) {
  return h(
    "li",
    null,
    h("strong", { class: `verdict ${verdict}` }, verdict),
    number ? ` ${number}` : "",
    changed.length > 0 ? `: ${changed.join(", ")}` : "",
    h("p", { class: "about" }, why ?? MEANING[verdict] ?? ""),
  );
}
