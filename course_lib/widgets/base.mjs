// What every explorable shares: building elements, the frame, sliders, things to drag, scales, numbers on screen,
// and the small model that stands in for the kernel in a static page. Python joins this file with the explorable's own.

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

// --- numbers on screen: fixed digits, and words where there is no number -----------------------------------------

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

// --- controls ------------------------------------------------------------------------------------------------------

export function slider({ label, low, high, step, change }) {
  const id = identifier("slider");
  const input = html("input", { type: "range", id, min: low, max: high, step, oninput: () => change(Number(input.value)) });
  const shown = html("span", { class: "xp-number" });
  const node = html("div", { class: "xp-slider" }, html("label", { for: id }, label), input, shown);
  return {
    node,
    input,
    set(value, text) {
      input.value = value;
      input.setAttribute("aria-valuetext", text);
      shown.textContent = text;
    },
  };
}

export function button(text, click, attributes) {
  return html("button", { type: "button", class: "xp-button", onclick: click, ...attributes }, text);
}

// Rows of the read-out: a swatch, a name, a number, a remark. `show` fills them without moving anything.
export function readout(rows) {
  const cells = {};
  const node = html("div", { class: "xp-readout", role: "group", "aria-label": "Read-out" });
  for (const { key, name, swatch = null } of rows) {
    cells[key] = [html("span", { class: "xp-value", "data-reading": key }), html("span", { class: "xp-note" })];
    node.append(html("div", { class: "xp-row" },
      html("span", { class: `xp-swatch ${swatch?.shape ?? ""}`, style: swatch && `--swatch:${swatch.colour}` }),
      html("span", { class: "xp-name" }, name), ...cells[key]));
  }
  return {
    node,
    show(key, value, note = "") {
      cells[key][0].textContent = value;
      cells[key][1].textContent = note;
    },
  };
}

// --- the frame -------------------------------------------------------------------------------------------------------

export function frame({ model, el }, { stage, controls = [], reading = null, goals = [] }) {
  const title = model.get("title");
  el.replaceChildren();
  el.classList.add("explorable");
  update(el, { role: "group", "aria-label": title, "data-lm-suppress-shortcuts": "true" });
  // A notebook listens for keys too; those pressed in here are ours.
  el.addEventListener("keydown", (event) => {
    if (!event.ctrlKey && !event.metaKey) event.stopPropagation();
  });

  const source = html("code", {});
  const codeId = identifier("code");
  const copy = button("Copy", async () => {
    getSelection().selectAllChildren(source);
    const done = await navigator.clipboard?.writeText(source.textContent).then(() => true, () => false);
    copy.textContent = done ? "Copied" : "Selected";
  });
  const panel = html("div", { class: "xp-code", id: codeId, hidden: true },
    html("pre", { tabindex: 0, "aria-label": "PyTorch code" }, source), copy);
  const show = button("Show the PyTorch code", () => {
    panel.hidden = !panel.hidden;
    show.setAttribute("aria-expanded", String(!panel.hidden));
    show.textContent = `${panel.hidden ? "Show" : "Hide"} the PyTorch code`;
  }, { "aria-expanded": "false", "aria-controls": codeId });
  const reset = button("Reset", () => put(model, model.get("initial")));

  const goalNodes = goals.map((text) => html("li", {}, html("span", { class: "xp-goal-text" }, text)));
  const goalList = goals.length ? html("ul", { class: "xp-goals", "aria-live": "polite" }, ...goalNodes) : null;
  el.append(
    html("p", { class: "xp-title" }, title),
    html("div", { class: "xp-stage" }, ...stage),
    html("div", { class: "xp-controls" }, ...controls),
    ...[reading?.node, goalList].filter(Boolean),
    html("div", { class: "xp-buttons" }, reset, show),
    panel,
  );
  return {
    goal(index, reached) {
      const node = goalNodes[index];
      if (node.classList.contains("reached") === reached) return;
      node.classList.toggle("reached", reached);
      node.querySelector(".xp-reached")?.remove();
      if (reached) node.append(html("span", { class: "xp-reached" }, " — reached"));
    },
    code(values) {
      const text = model.get("code_template").replace(/«(\w+)»/g, (_, name) => values[name]);
      if (source.textContent !== text) {
        source.textContent = text;
        copy.textContent = "Copy";
      }
    },
  };
}

// Sets several of the model's values at once and sends them to the kernel, where there is one.
export function put(model, values) {
  for (const [name, value] of Object.entries(values)) model.set(name, value);
  model.save_changes();
}

// Draws now, whenever a named value changes, and whenever the place gets another width. Returns what undoes it.
export function live({ model, el }, names, draw) {
  let width = 0;
  const again = () => width > 0 && draw(width);
  for (const name of names) model.on(`change:${name}`, again);
  const observer = new ResizeObserver(() => {
    const inner = Math.floor(el.querySelector(".xp-stage").clientWidth);
    if (inner === width || inner === 0) return;
    width = inner;
    draw(width);
  });
  observer.observe(el);
  return () => {
    observer.disconnect();
    for (const name of names) model.off(`change:${name}`, again);
  };
}

// --- a page without a kernel ---------------------------------------------------------------------------------------------

function decode(value) {
  if (value === null || typeof value !== "object" || !("base64" in value)) return value;
  return new DataView(Uint8Array.from(atob(value.base64), (character) => character.charCodeAt(0)).buffer);
}

export function mount(render, key, state) {
  const el = document.querySelector(`[data-explorable="${key}"]:not([data-live])`);
  if (!el) return;
  el.dataset.live = "";
  const values = Object.fromEntries(Object.entries(state).map(([name, value]) => [name, decode(value)]));
  const listeners = {};
  const model = {
    get: (name) => values[name],
    set(name, value) {
      if (values[name] === value) return;
      values[name] = value;
      for (const listener of listeners[`change:${name}`] ?? []) listener();
    },
    save_changes() {},
    on: (name, listener) => { (listeners[name] ??= []).push(listener); },
    off: (name, listener) => { listeners[name] = (listeners[name] ?? []).filter((each) => each !== listener); },
  };
  render({ model, el });
}
