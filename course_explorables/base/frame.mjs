// What stands round every explorable: controls, read-out, frame; when to redraw; and the small model that stands in
// for the kernel in a page without one.
import { html, identifier, update } from "./base.mjs";

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
  const reset = button("Reset", () => {
    put(model, model.get("initial"));
    goalNodes.forEach((node) => tick(node, false));
  });

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
    // ticked until Reset
    goal(index, reached) {
      if (reached) tick(goalNodes[index], true);
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

function tick(node, reached) {
  if (node.classList.contains("reached") === reached) return;
  node.classList.toggle("reached", reached);
  node.querySelector(".xp-reached")?.remove();
  if (reached) node.append(html("span", { class: "xp-reached" }, " — reached"));
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
