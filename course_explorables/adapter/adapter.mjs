// Adapter: two inputs, where they should go, and how a layer gets there, trained in full or through a detour of rank 1.
import { COLOUR, clamp, drag, handle, html, identifier, number, place, scale, svg, update } from "../base/base.mjs";
import { button, frame, live, put, readout, slider } from "../base/frame.mjs";
import { axes, cover, lossChart, planeKeys, trail } from "../base/plane.mjs";

const SPAN = [-1, 2];
const MOST = 200; // steps
const DETOUR = 2; // α/r
const START = { LoRA: [0.6, 0.3], "both zero": [0, 0] }; // A
const SOLVED = 1e-3;
const WAY = 0.5; // how far the goal wants each target from its input

const IDENTITY = [[1, 0], [0, 1]];
const minus = (left, right) => left.map((row, i) => row.map((value, j) => value - right[i][j]));
const squares = (matrix) => matrix.flat().reduce((sum, value) => sum + value * value, 0);

// The layer's matrix W + (α/r)BA after 0, 1, …, `steps` steps of gradient descent, and the gradients' norms at the last.
// The inputs are the columns of the identity, so the gradient that reaches the matrix is (matrix − target).
function fineTune(method, target, rate, steps) {
  let [a, b, w] = [START[method] ?? [0, 0], [0, 0], IDENTITY];
  const whole = () => w.map((row, i) => row.map((value, j) => value + DETOUR * b[i] * a[j]));
  const slopes = () => {
    const g = minus(whole(), target);
    return { g, toB: g.map((row) => DETOUR * (row[0] * a[0] + row[1] * a[1])), toA: [0, 1].map((j) => DETOUR * (b[0] * g[0][j] + b[1] * g[1][j])) };
  };
  const matrices = [whole()];
  for (let step = 0; step < steps; step += 1) {
    const { g, toA, toB } = slopes();
    if (method === "full") w = w.map((row, i) => row.map((value, j) => value - rate * g[i][j]));
    else [a, b] = [a.map((value, j) => value - rate * toA[j]), b.map((value, i) => value - rate * toB[i])];
    matrices.push(whole());
  }
  const { toA, toB } = slopes();
  return { matrices, toA: Math.hypot(...toA), toB: Math.hypot(...toB) };
}

// Half the square of a 2 × 2 matrix's smaller singular value, from its determinant and the sum of its squares.
function leastAtRankOne(change) {
  const [sum, product] = [squares(change), change[0][0] * change[1][1] - change[0][1] * change[1][0]];
  const largest = (sum + Math.sqrt(Math.max(0, sum * sum - 4 * product * product))) / 2;
  return largest === 0 ? 0 : (product * product) / largest / 2;
}

function render({ model, el }) {
  const rate = model.get("learning_rate");
  const handles = ["target of (1, 0)", "target of (0, 1)"].map((name) => handle(name));
  const clipId = identifier("clip");
  const inside = svg("rect", {});
  const [ground, walk] = [svg("g", {}), svg("g", { "clip-path": `url(#${clipId})` })];
  const chart = svg("svg", {}, svg("clipPath", { id: clipId }, inside), ground, walk, ...handles);
  const losses = svg("svg", {});
  const methods = Object.entries({ LoRA: "LoRA, B = 0", "both zero": "LoRA, A = B = 0", full: "full" }).map(([method, text]) => ({ method, node: button(text, () => put(model, { method }), { "aria-pressed": "false" }) }));
  const choice = html("div", { class: "xp-choices", role: "group", "aria-label": "Train" }, html("span", {}, "Train"), ...methods.map(({ node }) => node));
  const steps = slider({ label: "Steps", low: 0, high: MOST, step: 1, change: (value) => put(model, { steps: value }) });
  const read = readout([
    { key: "loss", name: "loss", swatch: { shape: "line", colour: COLOUR.loss } },
    { key: "least", name: "least at rank 1" },
    { key: "toB", name: "|∂L/∂B|", swatch: { shape: "box", colour: COLOUR.gradient } },
    { key: "toA", name: "|∂L/∂A|", swatch: { shape: "box", colour: COLOUR.gradient } },
  ]);
  const ui = frame({ model, el }, { stage: [chart, losses], controls: [choice, steps.node], reading: read, goals: [`LoRA below ${SOLVED}, each target ${WAY} or more from its input`] });

  let layout = null;
  const set = (index, x, y) => {
    const target = [x, y].map((each) => Number(clamp(each, ...SPAN).toFixed(3)));
    put(model, { targets: model.get("targets").map((each, k) => (k === index ? target : each)) });
  };
  handles.forEach((node, index) => {
    drag(node, chart, (x, y) => set(index, Number(layout.X.invert(x).toFixed(2)), Number(layout.Y.invert(y).toFixed(2))));
    planeKeys(node, { xs: () => SPAN, ys: () => SPAN, value: () => model.get("targets")[index], change: (x, y) => set(index, x, y) });
  });

  function draw(width) {
    const [targets, method, count] = ["targets", "method", "steps"].map((name) => model.get(name));
    const target = [0, 1].map((i) => targets.map((each) => each[i])); // a column for each input
    const { matrices, toA, toB } = fineTune(method, target, rate, count);
    const found = matrices.map((matrix) => squares(minus(matrix, target)) / 2);
    layout = arrange(width);
    update(chart, layout.map);
    update(losses, layout.side);
    cover(inside, layout);
    const named = (text, [x, y], below = -9) => svg("text", { class: "xp-digits", x: layout.X(x) + 9, y: layout.Y(y) + below }, text);
    ground.replaceChildren(...axes(layout, ["first feature", "second feature"]), named("x₁", [1, 0], 16), named("x₂", [0, 1], 16), named("t₁", targets[0]), named("t₂", targets[1]));
    walk.replaceChildren(...drawMoves(layout, matrices.at(-1)), ...[0, 1].flatMap((j) => trail(matrices.map((matrix) => [matrix[0][j], matrix[1][j]]), layout, { colour: COLOUR.model })));
    targets.forEach(([x, y], k) => place(handles[k], layout.X(x), layout.Y(y), { value: x, low: SPAN[0], high: SPAN[1], text: `${number(x, 2)}, ${number(y, 2)}` }));
    losses.replaceChildren(...lossChart([{ losses: found, colour: COLOUR.loss }], layout.loss, { steps: Math.max(count, 1), low: -6, high: 1, goal: SOLVED }));

    methods.forEach((each) => each.node.setAttribute("aria-pressed", String(each.method === method)));
    steps.set(count, String(count));
    const least = leastAtRankOne(minus(target, IDENTITY));
    const idle = method === "full";
    read.show("loss", number(found.at(-1), 6), `from ${number(found[0], 3)}`);
    read.show("least", number(least, 6), "half of σ₂², by Eckart and Young");
    read.show("toB", idle ? "none" : number(toB, 6), idle ? "W itself is trained" : "");
    read.show("toA", idle ? "none" : number(toA, 6), !idle && count === 0 ? "B is zero" : "");
    const far = targets.every(([x, y], k) => Math.hypot(x - IDENTITY[0][k], y - IDENTITY[1][k]) >= WAY);
    ui.goal(0, method === "LoRA" && far && found.at(-1) < SOLVED);
    ui.code({
      targets: `[${targets.map((each) => `[${each.map(written).join(", ")}]`).join(", ")}]`, method: `'${method}'`, learning_rate: rate, steps: count,
      a: method === "both zero" ? "[0.0, 0.0]" : "[0.6, 0.3]",
    });
  }
  return live({ model, el }, ["targets", "method", "steps"], draw);
}

// A float as Python writes it.
function written(value) {
  return Number.isInteger(value) ? `${value}.0` : String(value);
}

function arrange(width) {
  const wide = width >= 520;
  const map = { width: wide ? Math.round(width * 0.6) : width };
  const [left, right] = [30, map.width - 8];
  const tall = right - left;
  map.height = tall + 56;
  const side = { width: wide ? width - map.width - 8 : width, height: wide ? map.height : 170 };
  return {
    map, side, xs: SPAN, ys: SPAN, X: scale(SPAN, [left, right]), Y: scale(SPAN, [22 + tall, 22]),
    loss: { left: 40, right: side.width - 8, top: 22, bottom: side.height - 34 },
  };
}

// Where the layer sends a grid of inputs, each an arrow from where it was before training.
function drawMoves({ X, Y }, matrix) {
  const parts = [];
  for (let x = -1; x <= 2; x += 0.5) {
    for (let y = -1; y <= 2; y += 0.5) {
      const [u, v] = matrix.map((row) => row[0] * x + row[1] * y);
      const [across, down] = [X(u) - X(x), Y(v) - Y(y)];
      const far = Math.hypot(across, down) > 8;
      const turn = (Math.atan2(down, across) * 180) / Math.PI;
      parts.push(svg("line", { x1: X(x), y1: Y(y), x2: X(u), y2: Y(v), stroke: "var(--xp-muted)", "stroke-width": 1.2, "stroke-opacity": 0.7 }),
        svg("path", { d: far ? "M-5 -3L0 0L-5 3" : "", transform: `translate(${X(u)} ${Y(v)}) rotate(${turn})`, fill: "none", stroke: "var(--xp-muted)", "stroke-width": 1.2 }),
        svg("circle", { cx: X(x), cy: Y(y), r: 1.5, fill: "var(--xp-muted)" }));
    }
  }
  return parts;
}

export default { render };
