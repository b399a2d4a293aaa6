// What every explorable draws with: elements, numbers on screen, scales, and things to drag by pointer or keys.
// Python joins this file, frame.mjs and the explorable's own into one module.

const SVG = "http://www.w3.org/2000/svg";
export const COLOUR = {
  data: "#0072B2", model: "#E69F00", parameter: "#009E73", gradient: "#D55E00", loss: "#CC79A7",
};

// --- elements ---------------------------------------------------------------------------------------------

function fill(node, attributes, children) {
  for (const [name, value] of Object.entries(attributes ?? {})) {
    if (value === null || value === undefined || value === false) continue;
    if (name.startsWith("on")) node.addEventListener(name.slice(2), value);
    else node.setAttribute(name, value === true ? "" : value);
  }
  node.append(...children.filter((child) => child !== null && child !== undefined));
  return node;
}

export function html(tag, attributes, ...children) {
  return fill(document.createElement(tag), attributes, children);
}

export function svg(tag, attributes, ...children) {
  return fill(document.createElementNS(SVG, tag), attributes, children);
}

export function update(node, attributes) {
  return fill(node, attributes, []);
}

let identifiers = 0;
export function identifier(word) {
  let id;
  do id = `xp-${word}-${(identifiers += 1)}`; while (document.getElementById(id));
  return id;
}

// --- numbers on screen: fixed digits, and words where a number is missing -----------------------------------------

export function number(value, decimals = 6, missing = "not finite") {
  if (typeof value !== "number" || !Number.isFinite(value)) return missing;
  const size = Math.abs(value);
  const text = size >= 1e5 ? exponent(value, 5) : value.toFixed(decimals);
  return (Number(text) === 0 ? text.replace("-", "") : text).replace("-", "−");
}

export function exponent(value, decimals = 1) {
  if (typeof value !== "number" || !Number.isFinite(value)) return "not finite";
  return value === 0 ? "0" : value.toExponential(decimals).replace("e+", "e");
}

// --- scales ------------------------------------------------------------------------------------------------------

export function scale([from, to], [low, high]) {
  const slope = (high - low) / (to - from || 1);
  const map = (value) => low + (value - from) * slope;
  map.invert = (pixel) => from + (pixel - low) / slope;
  return map;
}

export function ticks([from, to], about = 5) {
  const raw = (to - from) / about;
  const power = 10 ** Math.floor(Math.log10(raw));
  const step = power * [1, 2, 5, 10].find((factor) => factor * power >= raw * 0.99);
  const found = [];
  for (let k = Math.ceil(from / step - 1e-9); k * step <= to + step * 1e-9; k += 1) found.push(Number((k * step).toPrecision(12)));
  return found;
}

export function path(points) {
  let pen = "M";
  let text = "";
  for (const point of points) {
    if (point === null) { pen = "M"; continue; }
    text += `${pen}${point[0].toFixed(1)} ${point[1].toFixed(1)}`;
    pen = "L";
  }
  return text;
}

export function clamp(value, low, high) {
  return Math.min(high, Math.max(low, value));
}

// --- dragging and keys ---------------------------------------------------------------------------------------------

// Calls move(x, y, event) with the pointer's place inside `surface`, from the press until the release.
export function drag(node, surface, move, { focus = node, start = null, end = null } = {}) {
  const place = (event) => {
    const box = surface.getBoundingClientRect();
    return [event.clientX - box.left, event.clientY - box.top, event];
  };
  let pointer = null;
  node.style.touchAction = "none";
  node.addEventListener("pointerdown", (event) => {
    if (event.button !== 0) return;
    event.preventDefault();
    pointer = event.pointerId;
    node.setPointerCapture(pointer);
    focus?.focus({ preventScroll: true });
    start?.(...place(event));
    move(...place(event));
  });
  node.addEventListener("pointermove", (event) => {
    if (event.pointerId === pointer) move(...place(event));
  });
  for (const name of ["pointerup", "pointercancel"]) {
    node.addEventListener(name, (event) => {
      if (event.pointerId !== pointer) return;
      pointer = null;
      end?.();
    });
  }
}

// Arrow keys change by a step, Shift makes it a tenth, Page keys ten steps; Home and End go to the ends.
export function keys(node, { step, low, high, value, change }) {
  node.addEventListener("keydown", (event) => {
    const fine = event.shiftKey ? 0.1 : 1;
    const moves = {
      ArrowRight: fine, ArrowUp: fine, ArrowLeft: -fine, ArrowDown: -fine, PageUp: 10, PageDown: -10,
    };
    if (event.key in moves) change(clamp(value() + moves[event.key] * step(), low(), high()));
    else if (event.key === "Home") change(low());
    else if (event.key === "End") change(high());
    else return;
    event.preventDefault();
  });
}

// A point on an svg stage that can be dragged and is a slider to a screen reader.
export function handle(label, colour = COLOUR.parameter) {
  return svg("g", { class: "xp-handle", role: "slider", tabindex: 0, "aria-label": label },
    svg("circle", { class: "xp-target", r: 20 }),
    svg("circle", { class: "xp-ring", r: 13 }),
    svg("circle", { class: "xp-mark", r: 8, fill: colour }));
}

export function place(node, x, y, { value, low, high, text }) {
  return update(node, {
    transform: `translate(${x.toFixed(1)} ${y.toFixed(1)})`,
    "aria-valuenow": value, "aria-valuemin": low, "aria-valuemax": high, "aria-valuetext": text,
  });
}
