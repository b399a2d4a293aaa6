// Strides: one buffer below, a view above that operations change; each index and the cell it reads.
import { COLOUR, drag, handle, html, place, svg, update } from "../base/base.mjs";
import { button, frame, live, put, slider } from "../base/frame.mjs";
import { bracketed, cell, cellAt, contiguous, count, pickKeys, position, ravel, tuple, unravel } from "../base/lattice.mjs";
import { OPERATIONS, chain, fits, isContiguous } from "./views.mjs";

const LONGEST = 8; // operations in a row
const GOAL = { strides: "(2, 12)", offset: 7 };

function render({ model, el }) {
  const base = model.get("base");
  const start = { shape: base, strides: contiguous(base), offset: 0 };
  const scenery = svg("g", {});
  const field = svg("rect", { class: "xp-target" });
  const point = handle("element of the view");
  const chart = svg("svg", {}, scenery, field, point);
  const lines = ["chain", "view", "element"].map((key) => html("div", { "data-reading": key }));
  const reading = {
    node: html("div", { class: "xp-readout xp-sentence", role: "group", "aria-label": "Read-out", "aria-live": "polite" }, ...lines),
  };
  // An operation torch refused stands last; whatever is done next takes its place.
  const done = () => model.get("operations").slice(0, now?.error ? -1 : undefined);
  const buttons = Object.keys(OPERATIONS).map((name) => button(name, () => put(model, { operations: [...done(), name] })));
  const undo = button("Undo", () => put(model, { operations: model.get("operations").slice(0, -1) }));
  const pick = slider({ label: "Element", low: 0, high: 1, step: 1, change: (element) => choose(element) });
  const ui = frame({ model, el }, {
    stage: [chart],
    controls: [html("div", { class: "xp-choices xp-operations", role: "group", "aria-label": "Operations" }, ...buttons, undo), pick.node],
    reading,
    goals: [`strides ${GOAL.strides}, offset ${GOAL.offset}`, "a view that torch refuses"],
  });

  let now = null;
  let layout = null;
  let hovered = null; // an element under the mouse, shown as long as it is there
  const choose = (element) => {
    hovered = null;
    put(model, { element });
  };
  drag(point, chart, (x, y) => choose(nearest(layout, now, x, y)));
  drag(field, chart, (x, y) => choose(nearest(layout, now, x, y)), { focus: point });
  pickKeys(point, { shape: () => now.shape, element: () => now.element, change: choose });
  const hover = (element) => {
    if (element === hovered) return;
    hovered = element;
    show();
  };
  chart.addEventListener("pointermove", (event) => {
    if (event.buttons || event.pointerType !== "mouse") return;
    const box = chart.getBoundingClientRect();
    hover(under(layout, now, event.clientX - box.left, event.clientY - box.top));
  });
  chart.addEventListener("pointerleave", () => hover(null));

  function draw(width) {
    const operations = model.get("operations");
    hovered = null;
    now = chain(start, operations);
    now.elements = count(now.shape);
    now.element = Math.max(0, Math.min(model.get("element"), now.elements - 1));
    layout = arrange(now, count(base), width);
    update(chart, { width: layout.width, height: layout.height });
    buttons.forEach((each) => { each.disabled = done().length >= LONGEST || !fits(each.textContent, now); });
    undo.disabled = operations.length === 0;
    const some = now.elements > 0;
    point.style.display = field.style.display = some ? "" : "none";
    pick.node.hidden = now.elements < 2;
    if (some) {
      pick.input.max = Math.max(1, now.elements - 1);
      pick.set(now.element, bracketed(unravel(now.element, now.shape)));
    }
    lines[0].textContent = `v = t${operations.join("")}`;
    ui.goal(0, !now.error && tuple(now.strides) === GOAL.strides && now.offset === GOAL.offset);
    ui.goal(1, Boolean(now.error) && now.refused.startsWith(".view"));
    ui.code({ chain: operations.join(""), index: some ? tuple(unravel(now.element, now.shape)) : "..." });
    show();
  }

  // What depends on the element shown: the picked one, or the one under the mouse.
  function show() {
    const element = hovered === null ? now.element : hovered;
    const index = unravel(element, now.shape);
    drawAll(scenery, layout, now, now.elements > 0 ? index : null);
    if (now.elements > 0) {
      const { x, y, size } = spot(layout, now, unravel(now.element, now.shape));
      place(point, x + size - 3, y + size - 3, {
        value: now.element, low: 0, high: now.elements - 1,
        text: `${bracketed(unravel(now.element, now.shape))}, cell ${position(unravel(now.element, now.shape), now.strides, now.offset)}`,
      });
      const { left, top, right, bottom } = layout.field;
      update(field, { x: left, y: top, width: right - left, height: bottom - top });
    }
    lines[1].textContent = now.error ? `${now.kind}: ${now.error}`
      : `shape ${tuple(now.shape)}, strides ${tuple(now.strides)}, offset ${now.offset}, ${isContiguous(now) ? "contiguous" : "not contiguous"}`;
    lines[2].textContent = now.elements > 0 ? sum(now, index) : "no element";
  }
  return live({ model, el }, ["operations", "element"], draw);
}

// "v[2, 1] lies in cell 6 + 2·1 + 1·6 = 14"
function sum({ strides, offset, error }, index) {
  const terms = index.map((i, k) => ` + ${i}·${strides[k]}`).join("");
  return `${error ? "before it, " : ""}v${bracketed(index)} lies in cell ${offset}${terms} = ${position(index, strides, offset)}`;
}

// --- where things stand ----------------------------------------------------------------------------------------------

function arrange({ shape }, cells, width) {
  const line = width >= 500 ? cells : cells / 2;
  const pitch = Math.min(28, Math.floor((width - 4) / line));
  const strip = { left: 2, top: 56, size: pitch, line, rows: cells / line, down: pitch + 26 };
  const top = strip.top + strip.rows * strip.down + 30;
  // A single dimension too long for the width goes on in the next line.
  const columns = shape.length === 1 ? Math.min(shape[0], Math.floor((width - 4) / 22)) : shape.at(-1) ?? 1;
  const rows = shape.length === 1 ? Math.ceil(shape[0] / Math.max(1, columns)) : shape.at(-2) ?? 1;
  const blocks = shape.at(-3) ?? 1;
  const gap = 20;
  const size = Math.max(15, Math.min(28, Math.floor((width - 4 - gap * (Math.min(blocks, 4) - 1)) / Math.max(1, columns * Math.min(blocks, 4)))));
  const perLine = Math.max(1, Math.floor((width - 4 + gap) / Math.max(1, columns * size + gap)));
  const tables = Array.from({ length: blocks }, (_, k) => ({
    left: 2 + (k % perLine) * (columns * size + gap),
    top: top + Math.floor(k / perLine) * (rows * size + 26) + (blocks > 1 ? 14 : 0),
  }));
  const right = Math.max(...tables.map(({ left }) => left + columns * size), 0);
  const bottom = Math.max(...tables.map((table) => table.top + rows * size), top);
  return {
    strip, tables, size, rows, columns, width, height: Math.max(bottom + 12, top + 4 * 28 + 12),
    field: { left: 2, top: tables[0]?.top ?? top, right, bottom },
  };
}

function spot({ tables, size, columns }, { shape }, index) {
  const { left, top } = tables[shape.length > 2 ? index[0] : 0];
  const [row, column] = shape.length === 1 ? [Math.floor(index[0] / columns), index[0] % columns] : [index.at(-2) ?? 0, index.at(-1) ?? 0];
  return { x: left + column * size, y: top + row * size, size };
}

// The element whose cell of the view lies nearest to a place.
function nearest({ tables, size, rows, columns }, { shape }, x, y) {
  const away = tables.map(({ left, top }) => Math.hypot(x - left - (columns * size) / 2, y - top - (rows * size) / 2));
  const block = away.indexOf(Math.min(...away));
  const { left, top } = tables[block];
  const [row, column] = [cellAt(y, top, size, rows), cellAt(x, left, size, columns)];
  if (shape.length === 1) return Math.min(row * columns + column, shape[0] - 1);
  return shape.length ? ravel([block, row, column].slice(3 - shape.length), shape) : 0;
}

// The element under the mouse, in the view or in the buffer; null where there is none.
function under(layout, now, x, y) {
  if (now.elements === 0) return null;
  const { strip, tables, size, rows, columns } = layout;
  const inside = tables.some(({ left, top }) => x >= left && y >= top && x < left + columns * size && y < top + rows * size);
  if (inside) return nearest(layout, now, x, y);
  const column = Math.floor((x - strip.left) / strip.size);
  const row = Math.floor((y - strip.top) / strip.down);
  if (column < 0 || column >= strip.line || row < 0 || row >= strip.rows) return null;
  const wanted = row * strip.line + column;
  for (let element = 0; element < now.elements; element += 1) {
    if (position(unravel(element, now.shape), now.strides, now.offset) === wanted) return element;
  }
  return null;
}

// --- drawing ---------------------------------------------------------------------------------------------------------

function drawAll(scenery, layout, now, index) {
  const { strip, tables } = layout;
  const read = new Set(Array.from({ length: now.elements }, (_, k) => position(unravel(k, now.shape), now.strides, now.offset)));
  const here = index ? position(index, now.strides, now.offset) : null;
  const parts = [svg("text", { class: "xp-strong", x: 2, y: 14 }, `the buffer, ${read.size} of its ${strip.line * strip.rows} cells read`)];
  const at = (k) => [strip.left + (k % strip.line) * strip.size, strip.top + Math.floor(k / strip.line) * strip.down];
  for (let k = 0; k < strip.line * strip.rows; k += 1) {
    const [x, y] = at(k);
    const used = read.has(k);
    parts.push(cell({ x, y, size: strip.size, text: k, fill: used ? COLOUR.data : "none", opacity: k === here ? 0.5 : 0.24, dashed: !used, strong: k === here }));
  }
  if (now.offset < strip.line * strip.rows) {
    const [x, y] = at(now.offset);
    parts.push(svg("path", { d: `M${x + strip.size / 2} ${y + strip.size + 2}l-5 8h10Z`, fill: "var(--xp-text)" }),
      svg("text", { x: Math.max(strip.left, Math.min(x + strip.size / 2 - 22, layout.width - 60)), y: y + strip.size + 22 }, `offset ${now.offset}`));
  }
  if (index) parts.push(...steps(now, index, at, strip));
  const title = `the view v, shape ${tuple(now.shape)}`;
  parts.push(svg("text", { class: "xp-strong", x: 2, y: (tables[0]?.top ?? layout.field.top) - (tables.length > 1 ? 24 : 9) }, title));
  if (tables.length > 1) tables.forEach(({ left, top }, block) => parts.push(svg("text", { x: left, y: top - 5 }, `[${block}]`)));
  for (let element = 0; element < now.elements; element += 1) {
    const own = unravel(element, now.shape);
    const strong = index !== null && own.every((i, k) => i === index[k]);
    parts.push(cell({ ...spot(layout, now, own), text: position(own, now.strides, now.offset), fill: COLOUR.data, opacity: strong ? 0.5 : 0.24, strong }));
  }
  scenery.replaceChildren(...parts);
}

// Above the buffer: how far one step along each dimension carries, from the element shown to its neighbour.
function steps(now, index, at, strip) {
  return now.shape.flatMap((size, k) => {
    const back = index[k] + 1 >= size;
    if (size < 2) return [];
    const other = index.map((i, dimension) => (dimension === k ? i + (back ? -1 : 1) : i));
    const ends = [index, other].map((each) => at(position(each, now.strides, now.offset)));
    if (ends[0][1] !== ends[1][1]) return [];
    const [x1, x2] = ends.map(([x]) => x + strip.size / 2);
    const [low, y] = [ends[0][1] - 2, ends[0][1] - 12 - Math.min(20, Math.abs(x2 - x1) / 8)];
    if (low > strip.top) return [];
    return [
      svg("path", { d: `M${x1} ${low}Q${(x1 + x2) / 2} ${2 * y - low} ${x2} ${low}`, fill: "none", stroke: COLOUR.parameter, "stroke-width": 2, "stroke-dasharray": k % 2 ? "4 3" : null }),
      svg("circle", { cx: x2, cy: low, r: 3, fill: COLOUR.parameter }),
      svg("text", { class: "xp-digits", x: (x1 + x2) / 2, y: y + 1, "text-anchor": "middle" }, `${back ? "−" : "+"}${now.strides[k]}`),
    ];
  });
}

export default { render };
