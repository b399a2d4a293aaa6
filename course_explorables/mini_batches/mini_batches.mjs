// Mini-batches: a line's w and b to drag over its loss, and from there the gradient of each batch of an epoch as an arrow.
import { COLOUR, clamp, drag, handle, html, identifier, number, place, scale, svg, update } from "../base/base.mjs";
import { button, frame, live, put, readout, slider } from "../base/frame.mjs";
import { axes, cover, landscape, planeKeys } from "../base/plane.mjs";

const WS = [-6, 14];
const BS = [3, 17];
const RATE = 0.25; // an arrow is this share of the gradient, downhill
const CONE = 45; // degrees

// The gradient of the mean squared error of some cars [z, y].
function gradient(cars, [w, b]) {
  const residuals = cars.map(([z, y]) => w * z + b - y);
  const mean = (values) => (2 * values.reduce((sum, value) => sum + value, 0)) / cars.length;
  return [mean(residuals.map((r, k) => r * cars[k][0])), mean(residuals)];
}

function cut(order, size) {
  return Array.from({ length: Math.ceil(order.length / size) }, (_, k) => order.slice(k * size, (k + 1) * size));
}

// The gradients of all cars and of each batch, how far these scatter, and how far they would on average if they were drawn at random.
function compare(cars, batches, theta) {
  const full = gradient(cars, theta);
  const off = (g) => (g[0] - full[0]) ** 2 + (g[1] - full[1]) ** 2;
  const mean = (values) => values.reduce((sum, value) => sum + value, 0) / values.length;
  const each = batches.map((batch) => gradient(batch.map((k) => cars[k]), theta));
  const variance = mean(cars.map((car) => off(gradient([car], theta))));
  const expected = mean(batches.map(({ length }) => (variance / length) * ((cars.length - length) / (cars.length - 1))));
  const angles = each.map((g) => Math.abs(Math.atan2(g[0] * full[1] - g[1] * full[0], g[0] * full[0] + g[1] * full[1])) * (180 / Math.PI));
  return { full, each, scatter: Math.sqrt(mean(each.map(off))), expected: Math.sqrt(expected), angle: Math.max(...angles) };
}

function render({ model, el }) {
  const [cars, orders] = [model.get("cars"), model.get("orders")];
  const point = handle("w and b of the line");
  const clipId = identifier("clip");
  const inside = svg("rect", {});
  const ground = svg("g", {});
  const arrows = svg("g", { "clip-path": `url(#${clipId})` });
  const map = svg("svg", {}, svg("clipPath", { id: clipId }, inside), ground, arrows, point);
  const strip = svg("svg", {});
  const size = slider({ label: "Batch size", low: 1, high: cars.length, step: 1, change: (value) => put(model, { batch_size: value }) });
  const epoch = slider({ label: "Epoch", low: 1, high: orders.length, step: 1, change: (value) => put(model, { epoch: value }) });
  const shuffle = button("shuffle=True", () => put(model, { shuffle: !model.get("shuffle") }), { "aria-pressed": "false" });
  const read = readout([
    { key: "updates", name: "updates per epoch" },
    { key: "full", name: "full gradient", swatch: { shape: "line", colour: "var(--xp-text)" } },
    { key: "scatter", name: "batches scatter", swatch: { shape: "line", colour: COLOUR.gradient } },
    { key: "angle", name: "widest angle" },
  ]);
  const ui = frame({ model, el }, {
    stage: [strip, map], controls: [size.node, epoch.node, html("div", { class: "xp-choices" }, shuffle)], reading: read,
    goals: [`three updates per epoch or more, all within ${CONE}° of the full gradient`],
  });

  let layout = null;
  let drawn = 0;
  const set = (w, b) => put(model, { theta: [Number(clamp(w, ...WS).toFixed(3)), Number(clamp(b, ...BS).toFixed(3))] });
  drag(point, map, (x, y) => set(Number(layout.X.invert(x).toFixed(1)), Number(layout.Y.invert(y).toFixed(1))));
  planeKeys(point, { xs: () => WS, ys: () => BS, value: () => model.get("theta"), change: set });

  function draw(width) {
    const [theta, count, mixed, number_] = ["theta", "batch_size", "shuffle", "epoch"].map((name) => model.get(name));
    const batches = cut(mixed ? orders[number_ - 1] : cars.map((_, k) => k), count);
    const now = compare(cars, batches, theta);
    layout = arrange(width);
    update(map, layout.map);
    update(strip, layout.strip);
    cover(inside, layout);
    if (drawn !== width) {
      drawn = width;
      const loss = (w, b) => cars.reduce((sum, [z, y]) => sum + (w * z + b - y) ** 2, 0) / cars.length;
      ground.replaceChildren(
        ...landscape(loss, layout, { levels: [6, 15, 35, 70, 120], clip: clipId, shade: (value) => (value / 300) ** 0.4 }),
        ...axes(layout, ["w, litres per std", "b, litres"]));
    }
    const from = [layout.X(theta[0]), layout.Y(theta[1])];
    const tip = (g) => [layout.X(theta[0] - RATE * g[0]), layout.Y(theta[1] - RATE * g[1])];
    arrows.replaceChildren(...now.each.flatMap((g) => arrow(from, tip(g), [COLOUR.gradient, "#fff"], 2)), ...arrow(from, tip(now.full), ["var(--xp-text)", "var(--xp-ground)"], 4));
    place(point, ...from, { value: theta[0], low: WS[0], high: WS[1], text: `w ${number(theta[0], 2)}, b ${number(theta[1], 2)}` });
    drawStrip(strip, layout, cars, batches);

    size.set(count, String(count));
    epoch.set(number_, String(number_));
    shuffle.setAttribute("aria-pressed", String(mixed));
    read.show("updates", String(batches.length), `the last of ${batches.at(-1).length} cars`);
    read.show("full", number(Math.hypot(...now.full), 4), `(${now.full.map((value) => number(value, 3)).join(", ")})`);
    read.show("scatter", number(now.scatter, 4), `drawn at random: ${number(now.expected, 4)}`);
    read.show("angle", `${number(now.angle, 1)}°`, "from the full gradient");
    ui.goal(0, batches.length >= 3 && now.angle <= CONE);
    ui.code({
      z: `[${cars.map(([z]) => z).join(", ")}]`, y: `[${cars.map(([, y]) => y).join(", ")}]`, theta: `[${theta.join(", ")}]`,
      batch_size: count, shuffle: mixed ? "True" : "False", epoch: number_,
    });
  }
  return live({ model, el }, ["theta", "batch_size", "shuffle", "epoch"], draw);
}

// --- where things stand, and drawing ---------------------------------------------------------------------------------

function arrange(width) {
  const [left, right, top] = [30, width - 8, 22];
  const tall = Math.min(280, ((right - left) * (BS[1] - BS[0])) / (WS[1] - WS[0]));
  // One unit of w is as long as one of b, so that angles are true: a wide plane reaches further than w may.
  const reach = ((right - left) * (BS[1] - BS[0])) / tall / 2;
  const xs = [(WS[0] + WS[1]) / 2 - reach, (WS[0] + WS[1]) / 2 + reach];
  return {
    map: { width, height: Math.round(top + tall + 36) }, strip: { width, height: 92 },
    xs, ys: BS, X: scale(xs, [left, right]), Y: scale(BS, [top + tall, top]),
  };
}

// From `from` to `tip`, outlined; a head only where there is room for one.
function arrow(from, tip, [colour, outline], width) {
  const [x, y] = [tip[0] - from[0], tip[1] - from[1]];
  const length = Math.hypot(x, y);
  const [u, v] = length > 0 ? [x / length, y / length] : [0, 0];
  const wing = (turn) => `${tip[0] - 9 * u + turn * 5 * v} ${tip[1] - 9 * v - turn * 5 * u}`;
  const d = `M${from[0]} ${from[1]}L${tip[0]} ${tip[1]}${length > 14 ? `M${wing(1)}L${tip[0]} ${tip[1]}L${wing(-1)}` : ""}`;
  return [[outline, width + 2], [colour, width]].map(([stroke, thick]) => svg("path", { d, fill: "none", stroke, "stroke-width": thick, "stroke-linecap": "round" }));
}

// The epoch from left to right: a bar for each car, as high as it is heavy, and a line under each batch.
function drawStrip(chart, { strip }, cars, batches) {
  const [left, right, bottom] = [4, strip.width - 4, strip.height - 20];
  const pitch = (right - left) / (cars.length + 0.5 * (batches.length - 1));
  const H = scale([-3, 3], [0, bottom - 22]);
  const parts = [svg("text", { class: "xp-strong", x: left, y: 13 }, "one epoch: cars by weight, cut into batches")];
  let x = left;
  batches.forEach((batch, number_) => {
    const start = x;
    for (const k of batch) {
      parts.push(svg("rect", { x: x + pitch * 0.12, width: pitch * 0.76, y: bottom - H(cars[k][0]), height: H(cars[k][0]), fill: COLOUR.data }));
      x += pitch;
    }
    parts.push(svg("line", { x1: start + 1, x2: x - 1, y1: bottom + 3, y2: bottom + 3, stroke: "var(--xp-text)", "stroke-width": 2 }));
    if (x - start > 18) parts.push(svg("text", { x: (start + x) / 2, y: bottom + 17, "text-anchor": "middle" }, number_ + 1));
    x += pitch * 0.5;
  });
  chart.replaceChildren(...parts);
}

export default { render };
