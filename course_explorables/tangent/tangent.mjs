// Tangent: a point dragged along a curve, its slope three ways, and the finite difference's error against its step.
import { COLOUR, clamp, drag, exponent, handle, identifier, keys, number, path, place, scale, svg, ticks, update } from "../base/base.mjs";
import { frame, live, put, readout, slider } from "../base/frame.mjs";
import { backward, forward } from "../base/tape.mjs";

const NOWHERE = "not finite";

// The three slopes at x with step h, replayed from the recorded steps: the arithmetic is float64, as torch's was.
function replay(programs, x, h, steps) {
  const f = (at) => forward(programs.f, { x: at }).values.at(-1);
  const tape = forward(programs.f, { x });
  const gradients = backward(programs.f, tape);
  const autograd = gradients[programs.f.findIndex(([operation]) => operation === "input")] ?? 0;
  const difference = (step) => (f(x + step) - f(x - step)) / (2 * step);
  return {
    x, h, y: tape.values.at(-1), autograd, difference: difference(h),
    formula: programs.formula ? forward(programs.formula, { x }).values.at(-1) : undefined,
    errors: steps.map((step) => Math.abs(difference(step) - autograd)),
  };
}

// A function the page cannot replay is read from the table torch filled: y and slope between two samples.
function look(model, x, h) {
  const [low, high] = model.get("domain");
  const at = (table) => {
    const position = ((x - low) / (high - low)) * (table.length - 1);
    const left = Math.min(Math.floor(position), table.length - 2);
    const [from, to] = [table[left], table[left + 1]];
    return from === null || to === null ? NaN : from + (to - from) * (position - left);
  };
  return { x, h, y: at(model.get("curve")), autograd: at(model.get("slopes")), difference: null, errors: [] };
}

function current(model) {
  const [x, h] = [model.get("x"), model.get("h")];
  const fromKernel = model.get("reading");
  if (fromKernel) return fromKernel;
  const programs = model.get("programs");
  return programs.f ? replay(programs, x, h, model.get("steps")) : look(model, x, h);
}

function render({ model, el }) {
  const [low, high] = model.get("domain");
  const steps = model.get("steps");
  const decimals = Math.max(0, Math.ceil(3.3 - Math.log10(high - low)));
  const hasFormula = model.get("has_formula");
  const needsKernel = !model.get("reading") && !model.get("programs").f;

  const point = handle("x, the point on the curve");
  const scenery = svg("g", {});
  const window = svg("rect", {});
  const clipId = identifier("clip");
  const lines = svg("g", { "clip-path": `url(#${clipId})` });
  const chart = svg("svg", { class: "xp-chart" }, svg("clipPath", { id: clipId }, window), scenery, lines, point);
  const errorScenery = svg("g", {});
  const marker = svg("circle", { r: 7, fill: COLOUR.parameter, class: "xp-outlined xp-step" });
  const surface = svg("rect", { class: "xp-target", "data-part": "errors" });
  const errorChart = svg("svg", { class: "xp-chart" }, errorScenery, marker, surface);
  const stepSlider = slider({
    label: "Step h", low: 0, high: steps.length - 1, step: 1,
    change: (index) => put(model, { h: steps[index] }),
  });
  if (needsKernel) stepSlider.node.hidden = true;
  const read = readout([
    { key: "y", name: "f(x)", swatch: { shape: "line", colour: "var(--xp-text)" } },
    ...(hasFormula && !needsKernel ? [{ key: "formula", name: "f′, formula" }] : []),
    { key: "autograd", name: "f′, autograd", swatch: { shape: "line", colour: COLOUR.gradient } },
    { key: "difference", name: "f′, difference", swatch: { shape: "dash", colour: COLOUR.gradient } },
  ]);
  const tolerance = model.get("tolerance");
  const zeroReachable = /zero/i.test(model.get("title"));
  const goals = [
    ...(zeroReachable ? [`slope within ${tolerance} of zero`] : []),
    ...(needsKernel ? [] : ["a step h with error below 1e-9"]),
  ];
  const ui = frame({ model, el }, { stage: [chart, errorChart], controls: [stepSlider.node], reading: read, goals });

  const toX = (value) => Number(clamp(value, low, high).toFixed(decimals + 1));
  const setX = (value) => put(model, { x: clamp(toX(value), low, high) });
  let layout = null;
  drag(point, chart, (x) => setX(Number(layout.X.invert(x).toFixed(decimals))));
  drag(surface, errorChart, (x) => {
    const index = Math.round(clamp(layout.H.invert(x), 0, steps.length - 1));
    put(model, { h: steps[index] });
  }, { focus: stepSlider.input });
  keys(point, { step: () => (high - low) / 100, low: () => low, high: () => high, value: () => model.get("x"), change: setX });

  function draw(width) {
    const wide = width >= 520 && !needsKernel;
    layout = arrange(model, width, wide);
    const now = current(model);
    drawCurve(model, scenery, layout);
    drawLines(lines, layout, now);
    const [left, bottom] = [layout.X(low), layout.Y(model.get("heights")[0])];
    update(window, { x: left, y: 8, width: layout.X(high) - left, height: bottom - 8 });
    const y = Number.isFinite(now.y) && now.x === model.get("x") ? now.y : look(model, model.get("x"), 0).y;
    const slope = number(now.autograd, needsKernel ? 4 : 6, NOWHERE);
    place(point, layout.X(model.get("x")), layout.Y(clamp(Number.isFinite(y) ? y : 0, ...model.get("heights"))), {
      value: model.get("x"), low, high, text: `x ${number(model.get("x"), decimals)}, slope ${slope}`,
    });
    update(chart, { width: layout.chart.width, height: layout.chart.height });

    update(errorChart, { width: layout.errors.width, height: needsKernel ? 0 : layout.errors.height });
    errorChart.style.display = needsKernel ? "none" : "";
    if (!needsKernel) drawErrors(errorScenery, layout, now, steps);
    const index = nearest(steps, model.get("h"));
    update(marker, { cx: layout.H(index), cy: layout.E(logError(now.errors[index])) });
    update(surface, { x: layout.H(0) - 8, y: 0, width: layout.H(steps.length - 1) - layout.H(0) + 16, height: layout.errors.height });
    stepSlider.set(index, exponent(model.get("h"), index % 4 ? 2 : 0));

    read.show("y", number(now.y, needsKernel ? 4 : 6, NOWHERE), `x = ${number(now.x, decimals)}`);
    if (hasFormula && !needsKernel) {
      read.show("formula", number(now.formula, 6, NOWHERE), agreement(now.formula, now.autograd));
    }
    read.show("autograd", slope, needsKernel ? "from torch's table" : "");
    if (needsKernel) read.show("difference", "needs a kernel", "open in JupyterLab");
    else read.show("difference", number(now.difference, 6, NOWHERE), errorNote(now));
    if (zeroReachable) ui.goal(0, Number.isFinite(now.autograd) && Math.abs(now.autograd) <= tolerance);
    if (!needsKernel) ui.goal(goals.length - 1, Number.isFinite(now.difference) && Number.isFinite(now.autograd) && Math.abs(now.difference - now.autograd) < 1e-9);
    ui.code({ x: model.get("x"), h: model.get("h") });
  }
  return live({ model, el }, ["x", "h", "reading"], draw);
}

function agreement(formula, autograd) {
  if (!Number.isFinite(formula) || !Number.isFinite(autograd)) return "";
  return Math.abs(formula - autograd) <= 1e-9 * Math.max(1, Math.abs(formula)) ? "= autograd" : "≠ autograd";
}

function errorNote({ difference, autograd }) {
  return Number.isFinite(difference) && Number.isFinite(autograd) ? `error ${exponent(Math.abs(difference - autograd))}` : "";
}

function nearest(steps, h) {
  return steps.reduce((best, step, index) => (Math.abs(Math.log(step / h)) < Math.abs(Math.log(steps[best] / h)) ? index : best), 0);
}

function logError(error) {
  return clamp(error > 0 ? Math.log10(error) : error === 0 ? -15 : 2, -15, 2);
}

function arrange(model, width, wide) {
  const chart = { width: wide ? Math.round(width * 0.6) : width, height: wide ? 286 : Math.round(clamp(width * 0.66, 190, 260)) };
  const errors = { width: wide ? width - chart.width - 8 : width, height: wide ? 286 : 170 };
  return {
    chart, errors,
    X: scale(model.get("domain"), [34, chart.width - 10]),
    Y: scale(model.get("heights"), [chart.height - 24, 8]),
    H: scale([0, model.get("steps").length - 1], [46, errors.width - 16]),
    E: scale([-15, 2], [errors.height - 40, 24]),
  };
}

function drawCurve(model, scenery, { X, Y, chart }) {
  const [low, high] = model.get("domain");
  const [bottom, top] = model.get("heights");
  const curve = model.get("curve");
  const parts = [];
  for (const tick of ticks([bottom, top], 5)) {
    parts.push(svg("line", { class: tick === 0 ? "xp-zero" : "xp-grid", x1: X(low), x2: X(high), y1: Y(tick), y2: Y(tick) }),
      svg("text", { x: X(low) - 6, y: Y(tick) + 4, "text-anchor": "end" }, label(tick)));
  }
  for (const tick of ticks([low, high], chart.width / 60)) {
    parts.push(svg("line", { class: tick === 0 ? "xp-zero" : "xp-grid", x1: X(tick), x2: X(tick), y1: Y(bottom), y2: Y(top) }),
      svg("text", { x: X(tick), y: chart.height - 8, "text-anchor": "middle" }, label(tick)));
  }
  const inside = (y) => y !== null && y >= bottom - (top - bottom) && y <= top + (top - bottom);
  const points = curve.map((y, k) => (inside(y) ? [X(low + ((high - low) * k) / (curve.length - 1)), Y(clamp(y, bottom, top))] : null));
  parts.push(svg("path", { class: "xp-curve", d: path(points) }));
  parts.push(svg("text", { class: "xp-strong", x: X(low) + 6, y: 20 }, "f(x)"));
  scenery.replaceChildren(...parts);
}

// A straight line through the point, `reach` pixels to either side whatever its slope.
function segment({ x, y }, slope, X, Y, reach) {
  const [dx, dy] = [X(1) - X(0), (Y(1) - Y(0)) * slope];
  const length = Math.hypot(dx, dy);
  const [ux, uy] = [(dx / length) * reach, (dy / length) * reach];
  return { x1: X(x) - ux, y1: Y(y) - uy, x2: X(x) + ux, y2: Y(y) + uy };
}

// The tangent, solid; where h is wide enough to see, the line of the finite difference, dashed, and x ± h below.
function drawLines(lines, { X, Y, chart }, now) {
  const parts = [];
  if (Number.isFinite(now.y) && Number.isFinite(now.difference) && now.h >= 1e-3) {
    parts.push(svg("line", { ...segment(now, now.difference, X, Y, 130), stroke: COLOUR.gradient, "stroke-width": 2, "stroke-dasharray": "5 5" }));
    for (const side of [-1, 1]) {
      const x = X(now.x + side * now.h);
      if (now.h > 0.02) parts.push(svg("line", { class: "xp-zero", x1: x, x2: x, y1: chart.height - 34, y2: chart.height - 24 }));
    }
  }
  if (Number.isFinite(now.y) && Number.isFinite(now.autograd)) {
    parts.push(svg("line", { ...segment(now, now.autograd, X, Y, 96), stroke: COLOUR.gradient, "stroke-width": 3.5, "stroke-linecap": "round" }));
  }
  lines.replaceChildren(...parts);
}

function drawErrors(scenery, { H, E, errors }, now, steps) {
  const parts = [svg("text", { class: "xp-strong", x: 8, y: 14 }, "Difference’s error by h")];
  for (let power = -15; power <= 0; power += 5) {
    parts.push(svg("line", { class: "xp-grid", x1: H(0), x2: H(steps.length - 1), y1: E(power), y2: E(power) }),
      svg("text", { x: H(0) - 5, y: E(power) + 4, "text-anchor": "end" }, power === 0 ? "1" : `1e${power}`.replace("-", "−")));
  }
  for (let index = 0; index < steps.length; index += 20) {
    parts.push(svg("line", { class: "xp-grid", x1: H(index), x2: H(index), y1: E(-15), y2: E(2) }),
      svg("text", { x: H(index), y: errors.height - 24, "text-anchor": "middle" }, exponent(steps[index], 0).replace("-", "−")));
  }
  parts.push(
    svg("text", { x: H(0), y: errors.height - 6 }, "← rounding"),
    svg("text", { x: H(steps.length - 1), y: errors.height - 6, "text-anchor": "end" }, "truncation →"),
    svg("path", { d: path(now.errors.map((error, k) => (error === null ? null : [H(k), E(logError(error))]))), fill: "none", stroke: COLOUR.gradient, "stroke-width": 1.5, opacity: 0.6 }),
    ...now.errors.map((error, k) => error !== null && svg("circle", { cx: H(k), cy: E(logError(error)), r: 2.2, fill: COLOUR.gradient })).filter(Boolean),
  );
  scenery.replaceChildren(...parts);
}

function label(tick) {
  return String(tick).replace("-", "−");
}

export default { render };
