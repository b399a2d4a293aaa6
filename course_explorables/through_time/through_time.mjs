// Through time: a tanh network over forty-one inputs, its spectral radius to drag, and what each step adds to W's gradient.
import { COLOUR, clamp, drag, exponent, handle, html, keys, number, path, place, scale, svg, ticks, update } from "../base/base.mjs";
import { button, frame, live, put, readout, slider } from "../base/frame.mjs";
import { axes } from "../base/plane.mjs";

const RADII = [0.1, 3];
const REACH = [-3.2, 3.2]; // of the plane of eigenvalues
const POWERS = [-16, 8]; // of ten, the parts' axis

const norm = (values) => Math.sqrt(values.reduce((sum, value) => sum + value * value, 0));
const dot = (a, b) => a.reduce((sum, value, k) => sum + value * b[k], 0);

// h_t = tanh(W h_{t−1} + x_t), then back: the size of each step's part a_t h_{t−1}ᵀ of ∂|h_T|²/∂W, newest first, and of their sum.
function throughTime(weights, inputs) {
  const states = [weights.map(() => 0)];
  for (const x of inputs) states.push(weights.map((row, k) => Math.tanh(dot(row, states.at(-1)) + x[k])));
  const columns = weights.map((_, k) => weights.map((row) => row[k]));
  const total = weights.map((row) => row.map(() => 0));
  const parts = [];
  let carried = states.at(-1).map((value) => 2 * value);
  for (let t = inputs.length; t > 1; t -= 1) {
    const a = carried.map((value, k) => value * (1 - states[t][k] ** 2));
    parts.push(norm(a) * norm(states[t - 1]));
    a.forEach((value, k) => states[t - 1].forEach((h, j) => { total[k][j] += value * h; }));
    carried = columns.map((column) => dot(column, a));
  }
  const slopes = states.slice(1).flatMap((state) => state.map((h) => 1 - h * h));
  return { parts, total: norm(total.flat()), slope: slopes.reduce((sum, value) => sum + value, 0) / slopes.length };
}

const sized = (value) => (value >= 0.01 && value < 1e4 ? number(value, 4) : exponent(value, 4));

// What torch.nn.utils.clip_grad_norm_ multiplies by.
const clipped = (total, most = 1) => Math.min(1, most / (total + 1e-6));

function render({ model, el }) {
  const [raw, inputs, largest] = ["weights", "inputs", "largest"].map((name) => model.get(name));
  const point = handle("spectral radius");
  const scenery = svg("g", {});
  const map = svg("svg", {}, scenery, point);
  const bars = svg("svg", {});
  const size = slider({ label: "Size of the inputs s", low: 0.1, high: 2, step: 0.1, change: (value) => put(model, { size: Number(value.toFixed(1)) }) });
  const clip = button("Clip the norm to 1", () => put(model, { clip: !model.get("clip") }), { "aria-pressed": "false" });
  const read = readout([
    { key: "radius", name: "spectral radius", swatch: { shape: "ring", colour: COLOUR.parameter } },
    { key: "slope", name: "mean of 1 − h²" },
    { key: "newest", name: "newest step", swatch: { shape: "box", colour: COLOUR.gradient } },
    { key: "oldest", name: "39 steps back" },
    { key: "total", name: "norm of the sum" },
    { key: "verdict", name: "verdict" },
  ]);
  const ui = frame({ model, el }, {
    stage: [map, bars], controls: [size.node, html("div", { class: "xp-choices" }, clip)], reading: read,
    goals: ["39 steps back: within a factor of ten of the newest"],
  });

  let layout = null;
  const set = (radius) => put(model, { radius: Number(clamp(radius, ...RADII).toFixed(3)) });
  drag(point, map, (x) => set(Number(layout.X.invert(x).toFixed(2))));
  keys(point, { step: () => 0.05, low: () => RADII[0], high: () => RADII[1], value: () => model.get("radius"), change: set });

  function draw(width) {
    const [radius, s, clips] = ["radius", "size", "clip"].map((name) => model.get(name));
    const now = throughTime(raw.map((row) => row.map((w) => (w * radius) / largest)), inputs.map((x) => x.map((each) => s * each)));
    const factor = clips ? clipped(now.total) : 1;
    layout = arrange(width);
    update(map, layout.map);
    update(bars, layout.bars);
    drawPlane(scenery, layout, model.get("eigenvalues"), radius);
    place(point, layout.X(radius), layout.Y(0), { value: radius, low: RADII[0], high: RADII[1], text: `radius ${number(radius, 2)}` });
    drawBars(bars, layout, now.parts, factor, radius);
    size.set(s, number(s, 1));
    clip.setAttribute("aria-pressed", String(clips));
    tell(read, now, { radius, factor, clips });
    const ratio = now.parts.at(-1) / now.parts[0];
    ui.goal(0, ratio >= 0.1 && ratio <= 10);
    ui.code({ radius, size: s, clip: clips ? "True" : "False" });
  }
  return live({ model, el }, ["radius", "size", "clip"], draw);
}

function tell(read, { parts, total, slope }, { radius, factor, clips }) {
  const ratio = parts.at(-1) / parts[0];
  read.show("radius", number(radius, 3), "of W");
  read.show("slope", number(slope, 4), "tanh's own factor");
  read.show("newest", sized(factor * parts[0]));
  read.show("oldest", sized(factor * parts.at(-1)), `${sized(ratio)} times the newest`);
  read.show("total", sized(factor * total), !clips ? "not clipped" : factor < 1 ? `every part times ${sized(factor)}` : "nothing to clip");
  if (ratio < 0.1) read.show("verdict", "vanishes", "on the way back");
  else if (ratio > 10) read.show("verdict", "explodes", "on the way back");
  else read.show("verdict", "reaches", "all forty steps");
}

// --- where things stand, and drawing ---------------------------------------------------------------------------------

function arrange(width) {
  const wide = width >= 520;
  const side = wide ? Math.round(width * 0.44) : Math.min(width, 300);
  const across = wide ? width - side - 8 : width;
  const tall = wide ? side + 24 : 240;
  const [left, right, top, bottom] = [40, across - 6, 24, tall - 36];
  return {
    map: { width: side, height: side + 24 }, xs: REACH, ys: REACH, X: scale(REACH, [26, side - 8]), Y: scale(REACH, [side - 12, 22]),
    bars: { width: across, height: tall }, left, right, top, bottom,
    pitch: (right - left) / 40, B: scale(POWERS, [bottom, top]),
  };
}

function drawPlane(scenery, layout, eigenvalues, radius) {
  const { X, Y } = layout;
  const circle = (r, attributes) => svg("ellipse", { cx: X(0), cy: Y(0), rx: X(r) - X(0), ry: Y(0) - Y(r), fill: "none", ...attributes });
  scenery.replaceChildren(
    ...axes(layout, ["real part", "eigenvalues of W"]),
    circle(1, { stroke: "var(--xp-muted)", "stroke-width": 2, "stroke-dasharray": "4 4" }),
    svg("text", { x: X(0), y: Y(-1) + 15, "text-anchor": "middle" }, "1"),
    circle(radius, { stroke: COLOUR.parameter, "stroke-width": 2.5 }),
    ...eigenvalues.map(([re, im]) => svg("circle", { class: "xp-outlined", cx: X(radius * re), cy: Y(radius * im), r: 3.5, fill: "var(--xp-muted)" })),
  );
}

function drawBars(chart, { left, right, top, bottom, pitch, B }, parts, factor, radius) {
  const at = (value) => B(clamp(Math.log10(Math.max(value, 1e-300)), ...POWERS));
  const middle = (k) => right - pitch * (k + 0.5); // time runs to the right, so steps back to the left
  const chartParts = [svg("text", { class: "xp-strong", x: left, y: top - 8 }, "what each step adds to ∂L/∂W")];
  for (const power of ticks(POWERS, 6)) {
    chartParts.push(svg("line", { class: power === 0 ? "xp-zero" : "xp-grid", x1: left, x2: right, y1: B(power), y2: B(power) }),
      svg("text", { x: left - 5, y: B(power) + 4, "text-anchor": "end" }, power === 0 ? "1" : `1e${power}`.replace("-", "−")));
  }
  parts.forEach((part, k) => {
    const box = { x: middle(k) - pitch * 0.38, width: pitch * 0.76 };
    if (factor < 1) chartParts.push(svg("rect", { ...box, y: at(part), height: bottom - at(part), fill: "none", stroke: "var(--xp-muted)", "stroke-width": 1 }));
    chartParts.push(svg("rect", { ...box, y: at(factor * part) - 1, height: bottom - at(factor * part) + 1, fill: COLOUR.gradient }));
  });
  const alone = parts.map((_, k) => [middle(k), at(factor * parts[0] * radius ** k)]);
  chartParts.push(
    ...[["var(--xp-ground)", 4.5, null], ["var(--xp-text)", 2, "5 4"]].map(([stroke, width, dash]) => svg("path", { d: path(alone), fill: "none", stroke, "stroke-width": width, "stroke-dasharray": dash })),
    ...ticks([0, 39], 4).map((k) => svg("text", { x: middle(k), y: bottom + 15, "text-anchor": "middle" }, k)),
    svg("text", { class: "xp-strong", x: right, y: bottom + 30, "text-anchor": "end" }, "steps back"),
    svg("text", { x: left, y: bottom + 30 }, "dashed: radiusᵏ, no tanh"));
  chart.replaceChildren(...chartParts);
}

export default { render };
