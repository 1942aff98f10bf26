// The node with its outcomes as edges: where everything stands, as numbers, and the drawing of it.

import { h, s } from "./dom.js";

const ROW = 34;
const TOP = 20;

/** The widths of the drawing, of its node, and from where to where an edge goes; on a small screen the text stays readable. */
const WIDE = { width: 560, node: { x: 16, width: 176 }, label: 330 };
const NARROW = { width: 400, node: { x: 2, width: 136 }, label: 186 };

/** The places of a method's node and edges. The first outcome is the success. */
export function layout(method, isNarrow = false) {
  const { width, node, label } = isNarrow ? NARROW : WIDE;
  const rows = method.outcomes.length;
  const height = TOP * 2 + rows * ROW;
  const middle = height / 2;
  const edges = method.outcomes.map(({ case_name, description }, row) => ({
    name: case_name,
    description: description ?? "",
    isSuccess: row === 0,
    from: { x: node.x + node.width, y: middle },
    to: { x: label, y: TOP + ROW * row + ROW / 2 },
  }));
  return { width, height, node: { ...node, y: middle - 36, height: 72, title: method.title }, edges };
}

/** A line that leaves the node and arrives at its label, both level. */
export function path({ from, to }) {
  const bend = (from.x + to.x) / 2;
  return `M${from.x} ${from.y} C${bend} ${from.y} ${bend} ${to.y} ${to.x} ${to.y}`;
}

/** The drawing, and its twin in words. `taken` is the outcome that the last call ended in. */
export function drawing(method, taken) {
  const { width, height, node, edges } = layout(method, matchMedia("(max-width: 40rem)").matches);
  const edge = (one) => {
    const state = one.name === taken ? "edge taken" : "edge";
    return s(
      "g",
      { class: `${state} ${one.isSuccess ? "success" : "other"}` },
      s("path", { d: path(one), fill: "none" }),
      s("circle", { cx: one.to.x, cy: one.to.y, r: 5 }),
      s("text", { x: one.to.x + 14, y: one.to.y + 5 }, one.name),
      s("title", null, one.description),
    );
  };
  const picture = s(
    "svg",
    { class: "node", viewBox: `0 0 ${width} ${height}`, "aria-hidden": "true" },
    // What is taken lies above the others.
    edges.filter(({ name }) => name !== taken).map(edge),
    edges.filter(({ name }) => name === taken).map(edge),
    s("rect", {
      class: "box",
      x: node.x,
      y: node.y,
      width: node.width,
      height: node.height,
      rx: 10,
    }),
    s(
      "text",
      {
        class: "title",
        x: node.x + node.width / 2,
        y: node.y + 32,
        "text-anchor": "middle",
      },
      node.title,
    ),
    s(
      "text",
      {
        class: "method",
        x: node.x + node.width / 2,
        y: node.y + 52,
        "text-anchor": "middle",
      },
      method.name,
    ),
  );
  const item = (one) =>
    h(
      "li",
      {
        class: one.name === taken ? "taken" : false,
        "aria-current": one.name === taken ? "true" : false,
      },
      h("code", null, one.name),
      ` ${one.description}`,
    );
  const twin = h(
    "details",
    { class: "twin" },
    h("summary", null, `The ${edges.length} outcomes in words`),
    h("ol", null, edges.map(item)),
  );
  return h("figure", { class: "drawing" }, picture, twin);
}
