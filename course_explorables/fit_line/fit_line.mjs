// Fit a line: points and a line to drag; beside them the loss over (w, b), the gradient's arrow, and the way descent takes.
import { COLOUR, clamp, drag, handle, html, identifier, keys, number, place, scale, svg, ticks, update } from "../base/base.mjs";
import { button, frame, live, put, readout, slider } from "../base/frame.mjs";
import { bowl, feature, gradient, inward, loss, outward, train } from "./line_descent.mjs";
import { nearestFirst } from "../base/nearest.mjs";
import { axes, cover, landscape, planeKeys, trail } from "../base/plane.mjs";

const XS = [0.6, 2.4]; // t
const YS = [0, 24]; // litres per 100 km
const ENDS = [0.66, 2.34]; // where the line's handles stand
const MOST = 200; // steps
const UNITS = ["l/100 km per t", "l/100 km per std"];

function render({ model, el }) {
  const points = model.get("points").map((_, k) => {
    const node = handle(`car ${k + 1}`, COLOUR.data);
    update(node.querySelector(".xp-mark"), { r: 6 });
    return node;
  });
  const ends = ["left", "right"].map((side) => handle(`${side} end of the line`));
  const theta = handle("w and b of the line");
  const scenery = svg("g", {});
  const chart = svg("svg", {}, scenery, ...points, ...ends);
  const clipId = identifier("clip");
  const inside = svg("rect", {});
  const ground = svg("g", {});
  const walk = svg("g", { "clip-path": `url(#${clipId})` });
  const map = svg("svg", {}, svg("clipPath", { id: clipId }, inside), ground, walk, theta);

  const rate = slider({
    label: "Learning rate η", low: -120, high: 20, step: 1,
    change: (index) => put(model, { learning_rate: Number((10 ** (index / 40)).toPrecision(3)) }),
  });
  const steps = slider({ label: "Steps", low: 0, high: MOST, step: 1, change: (value) => put(model, { steps: value }) });
  const standard = button("Standardise x", () => put(model, { standardise: !model.get("standardise") }), { "aria-pressed": "false" });
  const one = button("Step ▶", () => put(model, { steps: Math.min(MOST, model.get("steps") + 1) }));
  const read = readout([
    { key: "loss", name: "MSE", swatch: { shape: "line", colour: COLOUR.loss } },
    { key: "w", name: "w, slope", swatch: { shape: "dot", colour: COLOUR.parameter } },
    { key: "b", name: "b, intercept" },
    { key: "dw", name: "∂MSE/∂w", swatch: { shape: "line", colour: COLOUR.gradient } },
    { key: "db", name: "∂MSE/∂b" },
    { key: "bound", name: "2/L" },
    { key: "verdict", name: "verdict" },
  ]);
  const ui = frame({ model, el }, {
    stage: [chart, map], controls: [rate.node, steps.node, html("div", { class: "xp-choices" }, one, standard)], reading: read,
    goals: ["by hand: MSE at most 1.1 times the least", "by descent: from above 20 to 1.01 times the least in 20 steps"],
  });

  let layout = null;
  let now = null;
  const begin = (line) => put(model, { w: Number(line[0].toFixed(4)), b: Number(line[1].toFixed(4)), steps: 0 });
  const movePoint = (k, x, y) => {
    const moved = [Number(clamp(x, ...XS).toFixed(2)), Number(clamp(y, ...YS).toFixed(2))];
    put(model, { points: model.get("points").map((old, other) => (other === k ? moved : old)) });
  };
  nearestFirst(chart, [...points, ...ends]);
  points.forEach((node, k) => {
    drag(node, chart, (x, y) => movePoint(k, layout.X.invert(x), Number(layout.Y.invert(y).toFixed(1))));
    planeKeys(node, { xs: () => XS, ys: () => YS, value: () => model.get("points")[k], change: (x, y) => movePoint(k, x, y) });
  });
  const height = (k) => clamp(now.line[0] * ENDS[k] + now.line[1], ...YS);
  const moveEnd = (k, y) => {
    const heights = [0, 1].map((other) => (other === k ? clamp(y, ...YS) : height(other)));
    const w = (heights[1] - heights[0]) / (ENDS[1] - ENDS[0]);
    begin([w, heights[0] - w * ENDS[0]]);
  };
  ends.forEach((node, k) => {
    drag(node, chart, (_, y) => moveEnd(k, Number(layout.Y.invert(y).toFixed(1))));
    keys(node, { step: () => 0.5, low: () => YS[0], high: () => YS[1], value: () => height(k), change: (y) => moveEnd(k, y) });
  });
  const moveTheta = (w, b) => begin(outward([clamp(w, ...layout.map.xs), clamp(b, ...layout.map.ys)], now.z));
  drag(theta, map, (x, y) => moveTheta(layout.map.X.invert(x), layout.map.Y.invert(y)));
  planeKeys(theta, { xs: () => layout.map.xs, ys: () => layout.map.ys, value: () => now.end, change: moveTheta });

  function draw(width) {
    now = compute(model);
    layout = arrange(width, model.get("standardise"));
    update(chart, layout.chart);
    update(map, layout.map.size);
    cover(inside, layout.map);
    drawData(scenery, layout, now);
    now.data.forEach(([x, y], k) => place(points[k], layout.X(x), layout.Y(y), { value: y, low: YS[0], high: YS[1], text: `${number(x, 2)} t, ${number(y, 2)} litres per 100 km` }));
    ends.forEach((node, k) => place(node, layout.X(ENDS[k]), layout.Y(height(k)), { value: Number(height(k).toFixed(3)), low: YS[0], high: YS[1], text: `${number(height(k), 2)} litres per 100 km at ${ENDS[k]} t` }));
    drawMap(ground, walk, layout.map, now, clipId);
    const [w, b] = now.end;
    const { X, Y, xs, ys } = layout.map;
    place(theta, X(clamp(w, ...xs)), Y(clamp(b, ...ys)), { value: Number(clamp(w, ...xs).toFixed(4)), low: xs[0], high: xs[1], text: `w ${number(w, 3)}, b ${number(b, 3)}` });

    rate.set(Math.round(40 * Math.log10(model.get("learning_rate"))), number(model.get("learning_rate"), 4));
    steps.set(model.get("steps"), String(model.get("steps")));
    one.disabled = model.get("steps") >= MOST;
    standard.setAttribute("aria-pressed", String(model.get("standardise")));
    tell(read, now, model);
    const { losses, least, steps: walked } = now;
    ui.goal(0, walked === 0 && losses[0] <= 1.1 * least);
    ui.goal(1, losses[0] > 20 && losses.slice(1, 21).some((value) => value <= 1.01 * least));
    ui.code({
      x: `[${now.data.map(([x]) => x).join(", ")}]`, y: `[${now.data.map(([, y]) => y).join(", ")}]`,
      w: model.get("w"), b: model.get("b"), standardise: model.get("standardise") ? "True" : "False",
      learning_rate: model.get("learning_rate"), steps: model.get("steps"),
    });
  }
  return live({ model, el }, ["points", "w", "b", "learning_rate", "steps", "standardise"], draw);
}

// The walk from the settings, in the coordinates it is trained in, and the line it ends on, in those of the data.
function compute(model) {
  const data = model.get("points");
  const z = feature(data, model.get("standardise"));
  const ys = data.map(([, y]) => y);
  const path = train(z.values, ys, inward([model.get("w"), model.get("b")], z), model.get("learning_rate"), model.get("steps"));
  const end = path.at(-1);
  const shape = bowl(z.values, ys);
  return {
    data, z, ys, path, end, shape, slope: gradient(z.values, ys, end), losses: path.map((each) => loss(z.values, ys, each)),
    least: loss(z.values, ys, shape.best), line: outward(end, z), steps: path.length - 1, asked: model.get("steps"),
  };
}

function tell(read, { end, slope, losses, least, shape, steps, asked, z }, model) {
  const standardise = model.get("standardise");
  const eta = model.get("learning_rate");
  read.show("loss", number(losses.at(-1), 6), `the least is ${number(least, 6)}`);
  read.show("w", number(end[0], 6), UNITS[standardise ? 1 : 0]);
  read.show("b", number(end[1], 6), standardise ? "l/100 km at the mean" : "l/100 km at 0 t");
  read.show("dw", number(slope[0], 6));
  read.show("db", number(slope[1], 6));
  const bound = 2 / shape.largest;
  read.show("bound", number(bound, 4), shape.smallest > 0 ? `κ = ${number(shape.largest / shape.smallest, 1)}` : "κ is infinite");
  if (z.scale === 0) read.show("verdict", "no variance", "x is constant: nothing to divide by");
  else if (steps < asked) read.show("verdict", "diverged", `step ${steps + 1} is beyond float64`);
  else if (losses.at(-1) > losses[0]) read.show("verdict", "diverged", "worse than where it started");
  else if (asked > 0 && losses.at(-1) <= 1.01 * least) read.show("verdict", "arrived", `after ${asked} steps`);
  else if (eta > bound * (1 + 1e-12)) read.show("verdict", "will diverge", "η is beyond 2/L");
  else read.show("verdict", asked ? "on its way" : "by hand", asked ? `after ${asked} steps` : "press Step");
}

// --- where things stand, and drawing ---------------------------------------------------------------------------------

function arrange(width, standardise) {
  const wide = width >= 520;
  const each = wide ? Math.floor((width - 8) / 2) : width;
  const tall = wide ? 290 : 260;
  const [left, right, top, bottom] = [32, each - 10, 24, tall - 38];
  // One pixel is worth as much along w as along b, so that the gradient stands upright on the contours.
  const unit = 30 / (bottom - top);
  const [w, b] = standardise ? [3, 10] : [6, 4];
  const reach = ((right - left) * unit) / 2;
  const [xs, ys] = [[w - reach, w + reach], [b - 15, b + 15]];
  return {
    chart: { width: each, height: tall }, X: scale(XS, [left, right]), Y: scale(YS, [bottom, top]), left, right, top, bottom,
    map: { size: { width: each, height: tall }, xs, ys, X: scale(xs, [left, right]), Y: scale(ys, [bottom, top]), names: standardise ? ["w, per std", "b"] : ["w", "b"] },
  };
}

function drawData(scenery, { X, Y, left, right, top, bottom }, { data, line }) {
  const at = (x) => line[0] * x + line[1];
  const parts = [];
  for (const tick of ticks(YS, 6)) {
    parts.push(svg("line", { class: "xp-grid", x1: left, x2: right, y1: Y(tick), y2: Y(tick) }), svg("text", { x: left - 5, y: Y(tick) + 4, "text-anchor": "end" }, tick));
  }
  for (const tick of ticks(XS, 5)) parts.push(svg("text", { x: X(tick), y: bottom + 15, "text-anchor": "middle" }, tick));
  parts.push(svg("text", { class: "xp-strong", x: left, y: top - 8 }, "litres per 100 km"), svg("text", { class: "xp-strong", x: right, y: bottom + 31, "text-anchor": "end" }, "weight (t)"));
  const inFrame = (y) => clamp(Y(Number.isFinite(y) ? clamp(y, -1e6, 1e6) : 0), top, bottom);
  for (const [x, y] of data) {
    parts.push(svg("line", { x1: X(x), x2: X(x), y1: Y(y), y2: inFrame(at(x)), stroke: COLOUR.gradient, "stroke-width": 2, "stroke-dasharray": "3 3" }));
  }
  // The line, cut where it leaves the frame.
  const cut = [];
  for (let k = 0; k <= 60; k += 1) {
    const x = XS[0] + ((XS[1] - XS[0]) * k) / 60;
    if (at(x) >= YS[0] - 0.5 && at(x) <= YS[1] + 0.5) cut.push([X(x), Y(at(x))]);
  }
  if (cut.length > 1) {
    const ends = { x1: cut[0][0], y1: cut[0][1], x2: cut.at(-1)[0], y2: cut.at(-1)[1] };
    parts.push(svg("line", { ...ends, stroke: "var(--xp-text)", "stroke-width": 5 }), svg("line", { ...ends, stroke: COLOUR.model, "stroke-width": 3 }));
  }
  scenery.replaceChildren(...parts);
}

function drawMap(ground, walk, layout, { z, ys, path, end, shape, slope, least }, clip) {
  const { X, Y } = layout;
  const f = (w, b) => loss(z.values, ys, [w, b]);
  const levels = [3, 30, 100, 300, 700].map((above) => least + above);
  const key = `${layout.size.width} ${layout.size.height} ${z.values} ${ys}`;
  if (ground.dataset.drawn !== key) {
    ground.dataset.drawn = key;
    ground.replaceChildren(
      ...landscape(f, layout, { levels, clip, shade: (value) => ((value - least) / 1500) ** 0.3 }),
      ...axes(layout, layout.names), svg("text", { x: X(layout.xs[1]), y: Y(layout.ys[1]) - 6, "text-anchor": "end" }, "MSE over (w, b)"));
  }
  const parts = [svg("path", { d: `M${X(shape.best[0]) - 5} ${Y(shape.best[1])}h10m-5 -5v10`, stroke: "#fff", "stroke-width": 2 })];
  parts.push(...trail(path, layout, { colour: COLOUR.parameter }));
  const size = Math.hypot(...slope);
  if (Number.isFinite(size) && size > 1e-9 && X(end[0]) > -1e4 && X(end[0]) < 1e4) {
    parts.push(...arrow([X(end[0]), Y(end[1])], [-slope[0] / size, slope[1] / size]));
  }
  walk.replaceChildren(...parts);
}

// Downhill: against the gradient, always of the same length; how steep it is stands in the read-out.
function arrow([x, y], [across, down]) {
  const tip = [x + 52 * across, y + 52 * down];
  const wing = (turn) => `${tip[0] - 11 * across + turn * 7 * down} ${tip[1] - 11 * down - turn * 7 * across}`;
  const d = `M${x} ${y}L${tip[0]} ${tip[1]}M${wing(1)}L${tip[0]} ${tip[1]}L${wing(-1)}`;
  return [[6, "#fff"], [3, COLOUR.gradient]].map(([width, stroke]) => svg("path", { d, fill: "none", stroke, "stroke-width": width, "stroke-linecap": "round" }))
    .concat(svg("text", { class: "xp-digits", x: tip[0] + 20 * across, y: tip[1] + 18 * down + 4, "text-anchor": "middle" }, "−∇"));
}

export default { render };
