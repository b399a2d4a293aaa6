// Tables of cells: what a flat element number means as an index, how a cell is drawn, and how one is picked by keys.
import { clamp, svg } from "./base.mjs";

export function count(shape) {
  return shape.reduce((product, size) => product * size, 1);
}

export function unravel(element, shape) {
  const index = shape.map(() => 0);
  for (let k = shape.length - 1; k >= 0; k -= 1) {
    index[k] = element % shape[k];
    element = Math.floor(element / shape[k]);
  }
  return index;
}

export function ravel(index, shape) {
  return index.reduce((sum, i, k) => sum * shape[k] + i, 0);
}

// Strides of a tensor whose elements lie in row-major order; a size of 0 counts as 1, as in torch.
export function contiguous(shape) {
  const strides = [];
  let step = 1;
  for (let k = shape.length - 1; k >= 0; k -= 1) {
    strides.unshift(step);
    step *= Math.max(shape[k], 1);
  }
  return strides;
}

export function position(index, strides, offset = 0) {
  return index.reduce((sum, i, k) => sum + i * strides[k], offset);
}

// Numbers as Python writes a tuple.
export function tuple(numbers) {
  return numbers.length === 1 ? `(${numbers[0]},)` : `(${numbers.join(", ")})`;
}

export function bracketed(numbers) {
  return `[${numbers.length ? numbers.join(", ") : "()"}]`;
}

// One square cell. A dashed one is a repetition; a strong one is under the finger, or what it reads.
export function cell({ x, y, size, text = "", fill = "none", opacity = 0.28, dashed = false, strong = false }) {
  const inset = strong ? 1.5 : 0.5;
  const fits = String(text).length * 6.6 <= size - 2;
  return svg("g", {},
    svg("rect", {
      x: x + inset, y: y + inset, width: size - 2 * inset, height: size - 2 * inset, rx: 2, fill, "fill-opacity": opacity,
      stroke: strong ? "var(--xp-text)" : fill === "none" ? "var(--xp-line)" : fill,
      "stroke-width": strong ? 2.5 : 1, "stroke-dasharray": dashed ? "3 3" : null,
    }),
    fits && text !== "" ? svg("text", {
      class: dashed && !strong ? "" : "xp-digits", x: x + size / 2, y: y + size / 2 + 4, "text-anchor": "middle",
      style: "font-size:11px",
    }, text) : null);
}

// Which of `pitch`-wide cells from `from` on lies under a pixel; the nearest one outside.
export function cellAt(pixel, from, pitch, cells) {
  return clamp(Math.floor((pixel - from) / pitch), 0, cells - 1);
}

// Arrow keys go to the neighbouring cell, from a row's end on to the next; Home and End to the first and the last.
export function pickKeys(node, { shape, element, change }) {
  node.addEventListener("keydown", (event) => {
    const last = count(shape()) - 1;
    const row = shape().at(-1) ?? 1;
    const moves = { ArrowRight: 1, ArrowLeft: -1, ArrowDown: row, ArrowUp: -row };
    let next = null;
    if (event.key in moves) next = element() + moves[event.key];
    else if (event.key === "Home") next = 0;
    else if (event.key === "End") next = last;
    else return;
    event.preventDefault();
    if (next >= 0 && next <= last) change(next);
  });
}
