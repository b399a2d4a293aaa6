// Descent map: a bowl, a start to drag, and the path that gradient descent takes from there; computed here, step by step.
import { COLOUR, clamp, drag, handle, identifier, number, place, scale, svg, update } from "../base/base.mjs";
import { frame, live, put, readout, slider } from "../base/frame.mjs";
import { axes, cover, landscape, lossChart, planeKeys, trail } from "../base/plane.mjs";

const XS = [-3, 3];
const YS = [-2, 2];
const MOST = 60; // steps
const GOAL = 1e-3;

const height = (curvatures, theta) => 0.5 * theta.reduce((sum, value, k) => sum + curvatures[k] * value * value, 0);

// θ ← θ − ηv with v ← μv + ∇J, as torch.optim.SGD; the walk ends before a step that is not a number.
function descend(curvatures, start, rate, momentum, steps) {
  const points = [start];
  let velocity = start.map(() => 0);
  for (let step = 0; step < steps; step += 1) {
    const theta = points.at(-1);
    velocity = velocity.map((v, k) => momentum * v + curvatures[k] * theta[k]);
    const next = theta.map((value, k) => value - rate * velocity[k]);
    if (!Number.isFinite(height(curvatures, next))) break;
    points.push(next);
  }
  return points;
}

// The factor a step shrinks or grows by in the long run: the largest root of z² − (1 + μ − ηλ)z + μ over both curvatures.
function factor(curvatures, rate, momentum) {
  return Math.max(...curvatures.map((curvature) => {
    const sum = 1 + momentum - rate * curvature;
    const under = sum * sum - 4 * momentum;
    return under < 0 ? Math.sqrt(momentum) : (Math.abs(sum) + Math.sqrt(under)) / 2;
  }));
}

function render({ model, el }) {
  const point = handle("start of the path");
  const clipId = identifier("clip");
  const inside = svg("rect", {});
  const ground = svg("g", {});
  const walk = svg("g", { "clip-path": `url(#${clipId})` });
  const field = svg("rect", { class: "xp-target" });
  const chart = svg("svg", {}, svg("clipPath", { id: clipId }, inside), ground, walk, field, point);
  const losses = svg("svg", {});

  const logSlider = (label, name, [low, high], decade) => slider({
    label, low: low * decade, high: high * decade, step: 1,
    change: (index) => put(model, { [name]: Number((10 ** (index / decade)).toPrecision(3)) }),
  });
  const rate = logSlider("Learning rate η", "learning_rate", [-3, 0.5], 40);
  const condition = logSlider("Condition number κ", "condition_number", [0, 2], 20);
  const momentum = slider({ label: "Momentum μ", low: 0, high: 0.95, step: 0.05, change: (value) => put(model, { momentum: Number(value.toFixed(2)) }) });
  const steps = slider({ label: "Steps", low: 0, high: MOST, step: 1, change: (value) => put(model, { steps: value }) });
  const read = readout([
    { key: "loss", name: "J(θ)", swatch: { shape: "line", colour: COLOUR.loss } },
    { key: "theta1", name: "θ₁", swatch: { shape: "dot", colour: COLOUR.parameter } },
    { key: "theta2", name: "θ₂" },
    { key: "bound", name: "2/L" },
    { key: "factor", name: "factor a step" },
    { key: "verdict", name: "verdict" },
  ]);
  const ui = frame({ model, el }, {
    stage: [chart, losses], controls: [rate.node, condition.node, momentum.node, steps.node], reading: read,
    goals: [`from J above 1 to below ${GOAL} within 30 steps`, "the same with κ of 50 or more"],
  });

  let layout = null;
  let drawn = "";
  const setStart = (x, y) => put(model, { start: [Number(clamp(x, ...XS).toFixed(3)), Number(clamp(y, ...YS).toFixed(3))] });
  const toPlane = (x, y) => setStart(Number(layout.X.invert(x).toFixed(2)), Number(layout.Y.invert(y).toFixed(2)));
  drag(point, chart, toPlane);
  drag(field, chart, toPlane, { focus: point });
  planeKeys(point, { xs: () => XS, ys: () => YS, value: () => model.get("start"), change: setStart });

  function draw(width) {
    const [start, eta, kappa, mu, count] = ["start", "learning_rate", "condition_number", "momentum", "steps"].map((name) => model.get(name));
    const curvatures = [1, kappa];
    const points = descend(curvatures, start, eta, mu, count);
    const heights = points.map((theta) => height(curvatures, theta));
    layout = arrange(width);
    update(chart, layout.map);
    update(losses, layout.side);
    cover(inside, layout);
    cover(field, layout);
    if (drawn !== `${width} ${kappa}`) {
      drawn = `${width} ${kappa}`;
      const top = height(curvatures, [XS[1], YS[1]]);
      const levels = [0.02, 0.1, 0.25, 0.45, 0.7].map((share) => share * share * 4 * top).filter((level) => level < top);
      ground.replaceChildren(
        ...landscape((x, y) => height(curvatures, [x, y]), layout, { levels, clip: clipId, shade: (value) => (value / top) ** 0.35 }),
        ...axes(layout, ["θ₁", "θ₂"]));
    }
    walk.replaceChildren(...trail(points, layout, { colour: COLOUR.parameter }),
      svg("path", { d: `M${layout.X(0) - 5} ${layout.Y(0)}h10m-5 -5v10`, stroke: "#fff", "stroke-width": 2 }));
    place(point, layout.X(start[0]), layout.Y(start[1]), {
      value: start[0], low: XS[0], high: XS[1], text: `θ₁ ${number(start[0], 2)}, θ₂ ${number(start[1], 2)}, J there ${number(heights[0], 3)}`,
    });
    losses.replaceChildren(...lossChart([{ losses: heights, colour: COLOUR.loss }], layout.loss, { steps: Math.max(count, 1), low: -8, high: 4, goal: GOAL, title: "J by step" }));

    rate.set(Math.round(40 * Math.log10(eta)), number(eta, 4));
    condition.set(Math.round(20 * Math.log10(kappa)), number(kappa, 1));
    momentum.set(mu, mu === 0 ? "off" : number(mu, 2));
    steps.set(count, String(count));
    tell(read, { points, heights, count, eta, kappa, mu, rho: factor(curvatures, eta, mu) });
    const reached = heights.slice(0, 31).some((value, step) => step > 0 && value < GOAL) && heights[0] > 1;
    ui.goal(0, reached);
    ui.goal(1, reached && kappa >= 50);
    ui.code({ start: `[${start.join(", ")}]`, learning_rate: eta, condition_number: kappa, momentum: mu, steps: count });
  }
  return live({ model, el }, ["start", "learning_rate", "condition_number", "momentum", "steps"], draw);
}

function tell(read, { points, heights, count, eta, kappa, mu, rho }) {
  const walked = points.length - 1;
  const [end, now] = [points.at(-1), heights.at(-1)];
  read.show("loss", number(now, 6), `after ${walked} steps, from ${number(heights[0], 3)}`);
  read.show("theta1", number(end[0], 6));
  read.show("theta2", number(end[1], 6));
  const limit = (2 * (1 + mu)) / kappa;
  read.show("bound", number(2 / kappa, 4), mu === 0 ? `η is ${number((eta * kappa) / 2, 3)} of it` : `with μ: 2(1 + μ)/L = ${number(limit, 4)}`);
  read.show("factor", number(rho, 4), mu === 0 ? "max |1 − ηλ|" : "in the long run");
  if (walked < count) read.show("verdict", "diverged", `step ${walked + 1} is beyond float64`);
  else if (now > heights[0]) read.show("verdict", "diverged", "higher than it started");
  else if (rho > 1 + 1e-12) read.show("verdict", "will diverge", "η is beyond the bound");
  else if (rho > 1 - 1e-12) read.show("verdict", "never arrives", "η is exactly on the bound");
  else read.show("verdict", "converges", `10 times nearer in ${number(Math.log(0.1) / Math.log(rho), 0)} steps`);
}

function arrange(width) {
  const wide = width >= 520;
  const map = { width: wide ? Math.round(width * 0.6) : width };
  const [left, right] = [30, map.width - 8];
  const tall = ((right - left) * (YS[1] - YS[0])) / (XS[1] - XS[0]);
  map.height = Math.round(tall + 56);
  const side = { width: wide ? width - map.width - 8 : width, height: wide ? map.height : 190 };
  return {
    map, side, xs: XS, ys: YS, X: scale(XS, [left, right]), Y: scale(YS, [22 + tall, 22]),
    loss: { left: 40, right: side.width - 8, top: 22, bottom: side.height - 34 },
  };
}

export default { render };
