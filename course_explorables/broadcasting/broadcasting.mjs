// Broadcasting: two shapes aligned at the right, the shape of the result or the error, and which cells are read again.
import { COLOUR, drag, handle, html, place, svg, update } from "../base/base.mjs";
import { frame, live, put, slider } from "../base/frame.mjs";
import { bracketed, cell, cellAt, contiguous, count, pickKeys, position, ravel, tuple, unravel } from "../base/lattice.mjs";
import { allowed, padded, shapeInput, sizes } from "../base/shape_table.mjs";

const DRAWN = 8; // rows and columns drawn at most

// The rule, from the last dimension to the first, as torch goes: the shape, or the error in torch's words.
function meet(a, b) {
  const dimensions = Math.max(a.length, b.length);
  const [left, right] = [padded(a, dimensions), padded(b, dimensions)];
  for (let k = dimensions - 1; k >= 0; k -= 1) {
    if (left[k] !== right[k] && left[k] !== 1 && right[k] !== 1) {
      return { error: `The size of tensor a (${left[k]}) must match the size of tensor b (${right[k]}) at non-singleton dimension ${k}` };
    }
  }
  return { shape: left.map((size, k) => (size === 1 ? right[k] : size)) };
}

// Strides with which torch reads a tensor as if it had the shape `target`: 0 wherever it is repeated.
function spread(shape, target) {
  const own = contiguous(shape);
  const missing = target.length - shape.length;
  const strides = target.map(() => 0);
  for (let k = target.length - 1; k >= 0; k -= 1) {
    // A dimension filled in on the left, of size 1, is never stepped along; torch gives it the stride of a whole run.
    const stride = k >= missing ? own[k - missing] : (target[k + 1] * strides[k + 1] || 0);
    const size = k >= missing ? shape[k - missing] : 1;
    strides[k] = size === target[k] ? stride : 0;
  }
  return strides;
}

function render({ model, el }) {
  const set = (name, shape) => {
    if (allowed(shape)) put(model, { [name]: shape });
  };
  const inputs = ["a", "b"].map((name) => shapeInput(model, name, set));
  const table = sizes(model, set);
  const scenery = svg("g", {});
  const field = svg("rect", { class: "xp-target" });
  const point = handle("element of a − b");
  const chart = svg("svg", {}, scenery, field, point);
  const pick = slider({ label: "Element", low: 0, high: 1, step: 1, change: (element) => put(model, { element }) });
  const lines = ["result", "strides", "element"].map((key) => html("div", { "data-reading": key }));
  const reading = {
    node: html("div", { class: "xp-readout xp-sentence", role: "group", "aria-label": "Read-out", "aria-live": "polite" }, ...lines),
  };
  const ui = frame({ model, el }, {
    stage: [table.node, chart], controls: [...inputs.map((each) => each.node), pick.node], reading,
    goals: ["a difference without a stride of 0", "shapes that torch refuses"],
  });

  let now = null;
  let layout = null;
  const choose = (element) => put(model, { element });
  const toCell = (x, y) => {
    const { left, top, size, rows, columns } = layout.tables[2];
    const index = [...unravel(now.element, now.shape)];
    if (index.length > 1) index[index.length - 2] = cellAt(y, top, size, rows);
    if (index.length > 0) index[index.length - 1] = cellAt(x, left, size, columns);
    choose(ravel(index, now.shape));
  };
  drag(point, chart, toCell);
  drag(field, chart, toCell, { focus: point });
  pickKeys(point, { shape: () => now.shape, element: () => now.element, change: choose });

  function draw(width) {
    now = current(model.get("a"), model.get("b"), model.get("element"));
    table.draw(now);
    inputs.forEach((each) => each.draw());
    const drawn = now.elements > 0 && now.shape.slice(-2).every((size) => size <= DRAWN);
    layout = drawn ? arrange(now, width) : { width: Math.min(width, 320), height: 34 };
    update(chart, { width: layout.width, height: layout.height });
    point.style.display = field.style.display = drawn ? "" : "none";
    pick.node.hidden = !drawn;
    if (drawn) drawTables(scenery, field, point, layout, now);
    else scenery.replaceChildren(svg("text", { x: 4, y: 22 }, why(now)));
    if (drawn) {
      pick.input.max = now.elements - 1;
      pick.set(now.element, bracketed(now.index));
    }
    lines[0].textContent = now.error ? `RuntimeError: ${now.error}` : `(a − b).shape = ${tuple(now.shape)}: ${counted(now.elements)}`;
    lines[1].textContent = now.error ? "" : `strides as read: a ${tuple(now.read[0])}, b ${tuple(now.read[1])}`;
    lines[2].textContent = now.elements > 0 ? `${bracketed(now.index)}: cell ${now.cells[0]} of a, cell ${now.cells[1]} of b, ${now.cells[0]} − ${now.cells[1]} = ${difference(now)}` : "";
    ui.goal(0, now.elements > 0 && now.read.flat().every((stride) => stride !== 0));
    ui.goal(1, Boolean(now.error));
    ui.code({
      a: tuple(now.a), b: tuple(now.b), count_a: count(now.a), count_b: count(now.b),
      index: now.elements > 0 ? tuple(now.index) : "...",
    });
  }
  return live({ model, el }, ["a", "b", "element"], draw);
}

function current(a, b, wanted) {
  const { shape, error } = meet(a, b);
  if (error) return { a, b, error, elements: 0 };
  const elements = count(shape);
  const read = [spread(a, shape), spread(b, shape)];
  const element = Math.max(0, Math.min(wanted, elements - 1));
  const index = elements > 0 ? unravel(element, shape) : [];
  return { a, b, shape, elements, read, element, index, cells: read.map((strides) => position(index, strides)) };
}

function difference({ cells }) {
  return String(cells[0] - cells[1]).replace("-", "−");
}

function counted(elements) {
  return `${elements.toLocaleString("en-GB")} ${elements === 1 ? "element" : "elements"}`;
}

function why({ error, elements }) {
  if (error) return "✗ There is no result to draw.";
  return elements === 0 ? "No element: there is nothing to draw." : `Drawn up to ${DRAWN} rows and columns.`;
}

// --- the three tables ------------------------------------------------------------------------------------------------

function arrange({ shape }, width) {
  const [columns, rows] = [shape.at(-1) ?? 1, shape.at(-2) ?? 1];
  const wide = width >= 520;
  const across = wide ? 3 : 2;
  const gap = 30;
  const size = Math.max(15, Math.min(30, Math.floor((width - 4 - gap * (across - 1)) / (columns * across)), Math.floor(240 / rows)));
  const step = Math.max(columns * size, 44) + gap;
  const table = (place, line) => ({ left: 2 + place * step, top: 26 + line * (rows * size + 34), size, rows, columns });
  const tables = wide ? [table(0, 0), table(1, 0), table(2, 0)] : [table(0, 0), table(1, 0), table(0, 1)];
  return { tables, gap, wide, width: Math.min(width, across * step - gap + 4), height: tables[2].top + rows * size + 12 };
}

function drawTables(scenery, field, point, { tables, gap, wide }, now) {
  const leading = now.index.slice(0, -2);
  const fixed = leading.length ? ` [${leading.join(", ")}]` : "";
  const full = (row, column) => [...leading, ...[row, column].slice(2 - Math.min(2, now.shape.length))];
  const parts = [];
  tables.forEach(({ left, top, size, rows, columns }, which) => {
    const title = ["a as read", "b as read", wide ? "a − b" : "= a − b"][which];
    parts.push(svg("text", { class: "xp-strong", x: left, y: top - 9 }, `${columns * size > 120 ? title : title.replace(" as read", "")}${fixed}`));
    if (which < (wide ? 2 : 1)) parts.push(svg("text", { class: "xp-strong", x: left + Math.max(columns * size, 44) + gap / 2, y: top + (rows * size) / 2 + 4, "text-anchor": "middle" }, which ? "=" : "−"));
    for (let row = 0; row < rows; row += 1) {
      for (let column = 0; column < columns; column += 1) {
        const index = full(row, column);
        const cells = now.read.map((strides) => position(index, strides));
        const repeated = which < 2 && index.some((i, k) => i > 0 && now.read[which][k] === 0);
        const same = which < 2 && cells[which] === now.cells[which];
        const here = index.every((i, k) => i === now.index[k]);
        parts.push(cell({
          x: left + column * size, y: top + row * size, size, dashed: repeated, strong: here,
          fill: which === 2 ? "none" : which ? COLOUR.data : COLOUR.model, opacity: same ? 0.5 : repeated ? 0.08 : 0.24,
          text: which === 2 ? difference({ cells }) : cells[which],
        }));
      }
    }
  });
  scenery.replaceChildren(...parts);
  const { left, top, size, rows, columns } = tables[2];
  update(field, { x: left, y: top, width: size * columns, height: size * rows });
  const [row, column] = [now.index.at(-2) ?? 0, now.index.at(-1) ?? 0];
  place(point, left + (column + 1) * size - 3, top + (row + 1) * size - 3, {
    value: now.element, low: 0, high: now.elements - 1,
    text: `${bracketed(now.index)}, cell ${now.cells[0]} of a minus cell ${now.cells[1]} of b`,
  });
}

export default { render };
