// Two shapes to type and to step: a field each, and the table of their sizes aligned at the right.
import { html, identifier } from "./base.mjs";
import { button } from "./frame.mjs";
import { count, tuple } from "./lattice.mjs";

const DIMENSIONS = 5;
const SIZE = 999;
const ELEMENTS = 1e6;

export function allowed(shape) {
  return shape.length <= DIMENSIONS && count(shape) <= ELEMENTS;
}

// "(4, 1)", "4, 1" or "[4, 1]" as a shape, or what is wrong with it.
function parse(text) {
  const bare = text.trim().replace(/^\((.*)\)$|^\[(.*)\]$/, (_, round, square) => `${round ?? square},`);
  const parts = bare.replace(/,\s*,?\s*$/, "").split(",").map((part) => part.trim());
  if (bare === ",") return { shape: [] };
  if (!parts.every((part) => /^\d{1,3}$/.test(part))) return { problem: `expected sizes from 0 to ${SIZE} such as (4, 1)` };
  if (parts.length > DIMENSIONS) return { problem: `expected at most ${DIMENSIONS} dimensions` };
  const shape = parts.map(Number);
  if (count(shape) > ELEMENTS) return { problem: "expected at most 1,000,000 elements" };
  return { shape };
}

export function padded(shape, dimensions) {
  return [...Array(dimensions - shape.length).fill(1), ...shape];
}

// A field to type a shape in, and the three edits that add or drop sizes of 1.
export function shapeInput(model, name, set) {
  const id = identifier("shape");
  const problemId = identifier("problem");
  const problem = html("span", { class: "xp-problem", id: problemId, role: "status" });
  const input = html("input", {
    type: "text", id, class: "xp-shape", spellcheck: "false", autocomplete: "off", "aria-describedby": problemId,
    oninput: () => {
      const found = parse(input.value);
      say(found.problem ?? "");
      if (found.shape) set(name, found.shape);
    },
    onblur: () => { say(""); write(); },
  });
  const say = (text) => {
    problem.textContent = text;
    input.setAttribute("aria-invalid", String(text !== ""));
  };
  const write = () => { input.value = tuple(model.get(name)); };
  const edit = (label, change) => button(`${name}${label}`, () => set(name, change(model.get(name))));
  return {
    node: html("div", { class: "xp-choices xp-tensor" },
      html("label", { for: id }, `${name}.shape`), input,
      edit("[None]", (shape) => [1, ...shape]), edit("[..., None]", (shape) => [...shape, 1]),
      edit(".squeeze()", (shape) => shape.filter((size) => size !== 1)), problem),
    draw: () => { if (input.getRootNode().activeElement !== input) write(); },
  };
}

// The aligned shapes, one column a dimension. Its cells are made once, so that a button keeps the focus.
export function sizes(model, set) {
  const columns = Array.from({ length: DIMENSIONS }, (_, k) => DIMENSIONS - k); // −5 … −1
  const step = (name, back, change) => {
    const shape = [...model.get(name)];
    shape[shape.length - back] = Math.min(SIZE, Math.max(1, shape[shape.length - back] + change));
    set(name, shape);
  };
  const row = (title, make) => {
    const cells = columns.map((back) => html("td", {}, ...make(back)));
    return { node: html("tr", {}, html("th", { scope: "row" }, title), ...cells), cells };
  };
  const stepped = (name) => row(name, (back) => {
    const buttons = [["−", -1, "smaller"], ["+", 1, "larger"]].map(([sign, change, word]) =>
      button(sign, () => step(name, back, change), { "aria-label": `${name}, dimension −${back}: one ${word}` }));
    return [html("span", { class: "xp-size" }), html("span", { class: "xp-steps" }, ...buttons)];
  });
  const plain = (title, key) => row(title, (back) => [html("span", { class: "xp-size", "data-reading": `${key}-${back}` })]);
  const [a, b] = [stepped("a"), stepped("b")];
  const result = plain("a − b", "size");
  const strides = [plain("stride a", "stride-a"), plain("stride b", "stride-b")];
  const heads = columns.map((back) => html("th", { scope: "col" }, `−${back}`));
  const node = html("table", { class: "xp-sizes" },
    html("thead", {}, html("tr", {}, html("th", { scope: "col" }, "dim"), ...heads)),
    html("tbody", {}, a.node, b.node, result.node, ...strides.map((each) => each.node)));

  function draw(now) {
    const dimensions = Math.max(now.a.length, now.b.length);
    const [left, right] = [padded(now.a, dimensions), padded(now.b, dimensions)];
    columns.forEach((back, k) => {
      const at = dimensions - back;
      for (const td of [heads[k], ...[a, b, result, ...strides].map((each) => each.cells[k])]) td.hidden = at < 0;
      if (at < 0) return;
      const clash = left[at] !== right[at] && left[at] !== 1 && right[at] !== 1;
      [[a, now.a, left, right], [b, now.b, right, left]].forEach(([{ cells }, own, sizes, others]) => {
        const missing = back > own.length;
        const [size, steps] = cells[k].children;
        size.textContent = sizes[at];
        cells[k].className = clash ? "clash" : missing ? "missing" : sizes[at] === 1 && others[at] !== 1 ? "stretched" : "";
        steps.hidden = missing;
        [...steps.children].forEach((each, larger) => { each.disabled = larger ? sizes[at] >= SIZE : sizes[at] <= 1; });
      });
      result.cells[k].firstChild.textContent = clash ? "✗" : now.error ? "·" : now.shape[at];
      result.cells[k].className = clash ? "clash" : "";
      strides.forEach(({ cells }, which) => {
        cells[k].firstChild.textContent = now.error ? "·" : now.read[which][at];
        cells[k].className = !now.error && now.read[which][at] === 0 ? "zero" : "";
      });
    });
  }
  return { node, draw };
}
