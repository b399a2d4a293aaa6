// Two losses: cars to drag, the line with the least squares and the line with the least absolute errors, and each car's pull.
import { COLOUR, clamp, drag, handle, identifier, number, place, scale, svg, ticks, update } from "../base/base.mjs";
import { frame, live, put, readout } from "../base/frame.mjs";
import { axes, cover, planeKeys } from "../base/plane.mjs";

const XS = [0.6, 2.4]; // t
const YS = [0, 24]; // litres per 100 km
const ON = 1e-9; // a car nearer to the line than this is on it

const mean = (values) => values.reduce((sum, value) => sum + value, 0) / values.length;
const residuals = (points, [w, b]) => points.map(([x, y]) => w * x + b - y);
const absolute = (points, line) => mean(residuals(points, line).map(Math.abs));

// The normal equations, about the means; of equal x there is only a level.
function leastSquares(points) {
  const [x, y] = [mean(points.map((each) => each[0])), mean(points.map((each) => each[1]))];
  if (points.every((each) => each[0] === points[0][0])) return [0, y];
  const w = mean(points.map((each) => (each[0] - x) * (each[1] - y))) / mean(points.map((each) => (each[0] - x) ** 2));
  return [w, y - w * x];
}

// Among the lines with the smallest sum of absolute errors one passes through two of the points: the best of all pairs.
function leastAbsolute(points) {
  const lines = points.flatMap(([x, y], k) => points.slice(k + 1).filter((other) => other[0] !== x).map((other) => {
    const w = (other[1] - y) / (other[0] - x);
    return [w, y - w * x];
  }));
  if (!lines.length) lines.push(...points.map(([, y]) => [0, y]));
  return lines.reduce((best, line) => (absolute(points, line) < absolute(points, best) - ON ? line : best));
}

// ∂/∂b of every car's own r², and of its |r|.
function pulls(points, squares, other) {
  return [residuals(points, squares).map((r) => 2 * r), residuals(points, other).map((r) => (Math.abs(r) < ON ? 0 : Math.sign(r)))];
}

function render({ model, el }) {
  const points = model.get("points").map((_, k) => handle(`car ${k + 1}`, COLOUR.data));
  points.forEach((node) => update(node.querySelector(".xp-mark"), { r: 6 }));
  const clipId = identifier("clip");
  const inside = svg("rect", {});
  const ground = svg("g", {});
  const lines = svg("g", { "clip-path": `url(#${clipId})` });
  const chart = svg("svg", {}, svg("clipPath", { id: clipId }, inside), ground, lines, ...points);
  const bars = svg("svg", {});
  const read = readout([
    { key: "w2", name: "squares: w", swatch: { shape: "line", colour: COLOUR.model } },
    { key: "w1", name: "absolute: w", swatch: { shape: "dash", colour: COLOUR.model } },
    { key: "pull2", name: "largest pull, r²", swatch: { shape: "box", colour: COLOUR.gradient } },
    { key: "pull1", name: "largest pull, |r|" },
  ]);
  const ui = frame({ model, el }, {
    stage: [chart, bars], reading: read, goals: ["squares: half the slope it had; absolute errors: the same line as before"],
  });

  let layout = null;
  const move = (k, x, y) => {
    const moved = [Number(clamp(x, ...XS).toFixed(2)), Number(clamp(y, ...YS).toFixed(2))];
    put(model, { points: model.get("points").map((old, other) => (other === k ? moved : old)) });
  };
  points.forEach((node, k) => {
    drag(node, chart, (x, y) => move(k, layout.X.invert(x), Number(layout.Y.invert(y).toFixed(1))));
    planeKeys(node, { xs: () => XS, ys: () => YS, value: () => model.get("points")[k], change: (x, y) => move(k, x, y) });
  });

  function draw(width) {
    const data = model.get("points");
    const [squares, other] = [leastSquares(data), leastAbsolute(data)];
    const [slopes, signs] = pulls(data, squares, other);
    layout = arrange(width, data.length);
    update(chart, layout.chart);
    update(bars, layout.bars);
    cover(inside, layout);
    ground.replaceChildren(...axes(layout, ["weight (t)", "litres per 100 km"]));
    drawLines(lines, layout, data, squares, other);
    data.forEach(([x, y], k) => place(points[k], layout.X(x), layout.Y(y), { value: y, low: YS[0], high: YS[1], text: `${number(x, 2)} t, ${number(y, 2)} litres per 100 km` }));
    drawPulls(bars, layout, slopes, signs);

    const largest = (values) => values.reduce((most, value) => (Math.abs(value) > Math.abs(most) ? value : most));
    read.show("w2", number(squares[0], 4), `b ${number(squares[1], 4)}, mean r² ${number(mean(residuals(data, squares).map((r) => r * r)), 4)}`);
    read.show("w1", number(other[0], 4), `b ${number(other[1], 4)}, mean |r| ${number(absolute(data, other), 4)}`);
    read.show("pull2", number(largest(slopes), 4), `2r; all together ${number(slopes.reduce((a, b) => a + b), 4)}`);
    read.show("pull1", number(largest(signs), 0), `sign of r; ${signs.filter((sign) => sign === 0).length} cars on the line`);
    const first = model.get("initial").points;
    const [before, rest] = [leastSquares(first), leastAbsolute(first)];
    ui.goal(0, squares[0] <= before[0] / 2 && rest.every((value, k) => Math.abs(value - other[k]) < 1e-6));
    ui.code({ x: `[${data.map(([x]) => x).join(", ")}]`, y: `[${data.map(([, y]) => y).join(", ")}]` });
  }
  return live({ model, el }, ["points"], draw);
}

// --- where things stand, and drawing ---------------------------------------------------------------------------------

function arrange(width, cars) {
  const wide = width >= 520;
  const each = wide ? Math.floor(width * 0.58) : width;
  const beside = wide ? width - each - 8 : width;
  const [tall, low] = [wide ? 300 : 260, wide ? 300 : 190];
  const [left, right] = [34, beside - 8];
  return {
    chart: { width: each, height: tall }, xs: XS, ys: YS, X: scale(XS, [30, each - 10]), Y: scale(YS, [tall - 38, 24]),
    bars: { width: beside, height: low }, left, right, top: 24, bottom: low - 38, pitch: (right - left) / cars,
  };
}

function drawLines(lines, { X, Y }, data, squares, other) {
  const far = (value) => clamp(value, -1e4, 1e4);
  const ends = ([w, b]) => ({ x1: X(XS[0]), y1: far(Y(w * XS[0] + b)), x2: X(XS[1]), y2: far(Y(w * XS[1] + b)) });
  lines.replaceChildren(
    ...data.map(([x, y]) => svg("line", { x1: X(x), x2: X(x), y1: Y(y), y2: far(Y(squares[0] * x + squares[1])), stroke: COLOUR.gradient, "stroke-width": 2, "stroke-dasharray": "3 3" })),
    ...[[squares, null], [other, "9 5"]].flatMap(([line, dash]) => [
      svg("line", { ...ends(line), stroke: "var(--xp-text)", "stroke-width": 5, "stroke-dasharray": dash }),
      svg("line", { ...ends(line), stroke: COLOUR.model, "stroke-width": 3, "stroke-dasharray": dash }),
    ]));
}

// Filled: the pull 2r of a car on the squares' line. Outlined: that of its absolute error, −1, 0 or 1.
function drawPulls(chart, { left, right, top, bottom, pitch }, slopes, signs) {
  const reach = Math.max(5, ...slopes.map(Math.abs)) * 1.08;
  const P = scale([-reach, reach], [bottom, top]);
  const parts = [svg("text", { class: "xp-strong", x: left, y: top - 8 }, "each car's pull on b")];
  for (const tick of ticks([-reach, reach], 4)) {
    parts.push(svg("line", { class: tick === 0 ? "xp-zero" : "xp-grid", x1: left, x2: right, y1: P(tick), y2: P(tick) }),
      svg("text", { x: left - 5, y: P(tick) + 4, "text-anchor": "end" }, String(tick).replace("-", "−")));
  }
  const bar = (value, x, look) => svg("rect", { x, width: pitch * 0.36, y: Math.min(P(value), P(0)), height: Math.abs(P(value) - P(0)), ...look });
  slopes.forEach((slope, k) => {
    const x = left + pitch * k;
    parts.push(bar(slope, x + pitch * 0.1, { class: "xp-outlined", fill: COLOUR.gradient }),
      bar(signs[k], x + pitch * 0.54, { fill: "none", stroke: COLOUR.gradient, "stroke-width": 2 }),
      svg("text", { x: x + pitch / 2, y: bottom + 15, "text-anchor": "middle" }, k + 1));
  });
  parts.push(svg("text", { class: "xp-strong", x: right, y: bottom + 31, "text-anchor": "end" }, "car"),
    svg("text", { x: left, y: bottom + 31 }, "filled 2r, outlined sign r"));
  chart.replaceChildren(...parts);
}

export default { render };
