// What fits: the two fullest moments of a training step, part by part, against a device's memory, a line to drag.
import { budget, moments, peak, total } from "./budget.mjs";
import { COLOUR, clamp, drag, handle, html, keys, number, place, scale, svg, ticks, update } from "../base/base.mjs";
import { button, frame, live, put, readout, slider } from "../base/frame.mjs";

const GIB = 2 ** 30;
const PARTS = {
  weights: ["W", COLOUR.parameter], gradients: ["G", COLOUR.gradient], optimizer: ["O", COLOUR.loss],
  activations: ["A", COLOUR.model], working: ["+", "#999999"],
};
const NAMES = { weights: "weights", gradients: "gradients", optimizer: "optimiser", activations: "activations", working: "working" };
const SHARDING = { none: "nothing", optimizer: "optimiser", gradients: "+ gradients", weights: "+ weights" };

function render({ model, el }) {
  const choices = model.get("choices");
  const names = ["layers", "width", "batch", "seq", "precision", "optimizer", "checkpointing", "sharding", "devices", "memory"];
  const setting = (changed = {}) => ({ ...Object.fromEntries(names.map((name) => [name, model.get(name)])), ...changed });

  const scenery = svg("g", {});
  const line = svg("line", { stroke: COLOUR.parameter, "stroke-width": 2.5, "stroke-dasharray": "6 4" });
  const grip = handle("memory of a device, GiB");
  const chart = svg("svg", {}, scenery, line, grip);
  const sliders = Object.entries({ layers: "Layers", width: "Width d", batch: "Batch per device", seq: "Tokens", devices: "Devices" }).map(([name, label]) => {
    const made = slider({ label, low: 0, high: choices[name].length - 1, step: 1, change: (k) => put(model, { [name]: choices[name][k] }) });
    return { name, ...made };
  });
  const models = group("Model", choices.models.map(([name, layers, width]) => ({
    text: name, click: () => put(model, { layers, width }), on: (now) => now.layers === layers && now.width === width,
  })));
  const options = [
    models,
    choice("Precision", "precision", (value) => value),
    choice("Optimiser", "optimizer", (value) => value),
    choice("Devices share", "sharding", (value) => SHARDING[value]),
    group("Blocks", [{ text: "recompute", click: () => put(model, { checkpointing: !model.get("checkpointing") }), on: (now) => now.checkpointing }]),
  ];
  const read = readout([
    ...Object.entries(PARTS).map(([key, [, colour]]) => ({ key, name: NAMES[key], swatch: { shape: "box", colour } })),
    { key: "peak", name: "fullest moment" },
  ]);
  const ui = frame({ model, el }, {
    stage: [chart], controls: [...options.map(({ node }) => node), html("div", { class: "xp-inputs" }, ...sliders.map(({ node }) => node))],
    reading: read, goals: ["6 billion parameters or more in at most 80 GiB", "recomputing halves the fullest moment"],
  });

  function choice(label, name, wording) {
    return group(label, choices[name].map((value) => ({
      text: wording(value), click: () => put(model, { [name]: value }), on: (now) => now[name] === value,
    })));
  }

  let layout = null;
  let held = null; // the scale stays while the line is dragged
  const setMemory = (value) => put(model, { memory: clamp(Math.round(value), ...choices.memory) });
  drag(grip, chart, (x) => setMemory(held.invert(x)), { start: () => { held = layout.X; }, end: () => { held = null; draw(layout.width); } });
  keys(grip, { step: () => 1, low: () => choices.memory[0], high: () => choices.memory[1], value: () => model.get("memory"), change: setMemory });

  function draw(width) {
    const now = setting();
    const found = budget(now, choices);
    const most = peak(found);
    const limit = now.memory * GIB;
    const X = held ?? scale([0, Math.max(most, limit) * 1.08 / GIB], [8, width - 14]);
    layout = { width, X };
    drawBars(chart, scenery, layout, found);
    update(line, { x1: X(now.memory), x2: X(now.memory), y1: 26, y2: 142 });
    place(grip, clamp(X(now.memory), 8, width - 8), 16, { value: now.memory, low: choices.memory[0], high: choices.memory[1], text: `${now.memory} GiB` });
    options.forEach((each) => each.draw(now));
    for (const each of sliders) each.set(choices[each.name].indexOf(now[each.name]), number(now[each.name], 0));
    const notes = {
      weights: `${counted(found.parameters)} parameters`, gradients: "of all weights, at the update",
      activations: "kept by the forward pass", working: "gradients of activations",
    };
    for (const key of Object.keys(PARTS)) read.show(key, gib(key === "working" ? found.fullest.working : found[key]), notes[key] ?? "");
    const spare = limit - most;
    read.show("peak", gib(most), spare >= 0 ? `fits, ${gib(spare)} to spare` : `does not fit: ${gib(-spare)} too much`);
    ui.goal(0, found.parameters >= 6e9 && spare >= 0 && now.memory <= 80);
    ui.goal(1, now.checkpointing && 2 * most <= peak(budget({ ...now, checkpointing: false }, choices)));
    ui.code({
      ...now, heads: now.width / choices.headDim, checkpointing: now.checkpointing ? "True" : "False",
      shards: choices.sharded[now.sharding].includes("gradients") ? now.devices : 1,
    });
  }
  return live({ model, el }, names, draw);
}

// Buttons of which any number may be pressed.
function group(label, entries) {
  const buttons = entries.map(({ text, click }) => button(text, click, { "aria-pressed": "false" }));
  return {
    node: html("div", { class: "xp-choices", role: "group", "aria-label": label }, html("span", {}, label), ...buttons),
    draw: (now) => entries.forEach(({ on }, k) => buttons[k].setAttribute("aria-pressed", String(on(now)))),
  };
}

function gib(bytes) {
  const size = bytes / GIB;
  return `${size.toFixed(size < 10 ? 3 : size < 1000 ? 2 : 1)} GiB`;
}

function counted(parameters) {
  return parameters >= 1e9 ? `${(parameters / 1e9).toFixed(2)} billion` : `${(parameters / 1e6).toFixed(1)} million`;
}

function drawBars(chart, scenery, { width, X }, found) {
  update(chart, { width, height: 166 });
  const parts = [];
  for (const tick of ticks([0, X.invert(width - 14)], width >= 520 ? 7 : 4)) {
    parts.push(svg("line", { class: tick === 0 ? "xp-zero" : "xp-grid", x1: X(tick), x2: X(tick), y1: 30, y2: 142 }),
      svg("text", { x: X(tick), y: 158, "text-anchor": tick === 0 ? "start" : "middle" }, tick === 0 ? "0 GiB" : tick));
  }
  Object.entries(moments(found)).forEach(([moment, pieces], row) => {
    const y = 52 + row * 52;
    parts.push(svg("text", { class: "xp-strong", x: 10, y: y - 5 }, `${moment}: ${gib(total(pieces))}`));
    let from = 0;
    for (const [key, size] of Object.entries(pieces)) {
      const [letter, colour] = PARTS[key];
      const [left, right] = [X(from / GIB), X((from + size) / GIB)];
      parts.push(svg("rect", { class: "xp-part", "data-part": key, x: left.toFixed(2), y, width: Math.max(right - left, 0).toFixed(2), height: 26, fill: colour }));
      if (right - left >= 14) parts.push(svg("text", { class: "xp-on-part", x: (left + right) / 2, y: y + 18, "text-anchor": "middle" }, letter));
      from += size;
    }
  });
  scenery.replaceChildren(...parts);
}

export default { render };
