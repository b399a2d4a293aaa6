// Policy gradient: rewards to drag, the policy that gradient steps make of them, and how far it is from the best one.
import { COLOUR, clamp, drag, handle, keys, number, place, scale, svg, ticks, update } from "../base/base.mjs";
import { frame, live, put, readout, slider } from "../base/frame.mjs";
import { lossChart } from "../base/plane.mjs";

const NAMES = ["A", "B", "C"];
const REACH = 2; // rewards, to either side of 0
const MOST = 200; // steps
const NEAR = 1e-3; // nats

function logSoftmax(z) {
  const top = Math.max(...z);
  const logSum = top + Math.log(z.reduce((sum, each) => sum + Math.exp(each - top), 0));
  return z.map((each) => each - logSum);
}

const mean = (p, values) => p.reduce((sum, share, k) => sum + (share === 0 ? 0 : share * values[k]), 0);

// ln π* with π* ∝ π₀ e^(r/β); without a price only the answers with the highest reward are left.
function bestLogs(rewards, reference, beta) {
  if (beta > 0) return logSoftmax(rewards.map((r, k) => Math.log(reference[k]) + r / beta));
  const top = Math.max(...rewards);
  return logSoftmax(rewards.map((r, k) => (r === top ? Math.log(reference[k]) : -Infinity)));
}

// z ← z + η π(g − E[g]) with g = r − β ln π/π₀: ln π after 0, 1, …, `steps` steps.
function climb(rewards, reference, beta, rate, steps) {
  let z = reference.map(Math.log);
  const policies = [logSoftmax(z)];
  for (let step = 0; step < steps; step += 1) {
    const logs = policies.at(-1);
    const p = logs.map(Math.exp);
    const gains = rewards.map((r, k) => r - beta * (logs[k] - Math.log(reference[k])));
    const average = mean(p, gains);
    z = z.map((each, k) => each + rate * p[k] * (gains[k] - average));
    policies.push(logSoftmax(z));
  }
  return policies;
}

// KL(π ‖ other), in nats; infinite where the other leaves out an answer that π gives.
function divergence(logs, other) {
  return mean(logs.map(Math.exp), logs.map((each, k) => each - other[k]));
}

// What the policy still lacks: J* − J, which is β KL(π ‖ π*), or without a price the missing reward.
function gap(logs, best, rewards, beta) {
  return Math.max(0, beta > 0 ? beta * divergence(logs, best) : Math.max(...rewards) - mean(logs.map(Math.exp), rewards));
}

function render({ model, el }) {
  const [reference, rate] = ["reference", "learning_rate"].map((name) => model.get(name));
  const before = reference.map(Math.log);
  const scenery = svg("g", {});
  const handles = NAMES.map((name) => handle(`reward of ${name}`));
  const payment = svg("svg", {}, scenery, ...handles);
  const [shares, gaps] = [svg("svg", {}), svg("svg", {})];
  const beta = slider({ label: "Price β", low: 0, high: 2, step: 0.05, change: (value) => put(model, { beta: Number(value.toFixed(2)) }) });
  const steps = slider({ label: "Steps", low: 0, high: MOST, step: 1, change: (value) => put(model, { steps: value }) });
  const read = readout([
    { key: "reward", name: "mean reward" },
    { key: "moved", name: "KL(π ‖ π₀)", swatch: { shape: "box", colour: COLOUR.model } },
    { key: "worth", name: "J" },
    { key: "best", name: "J of π*", swatch: { shape: "line", colour: COLOUR.parameter } },
    { key: "left", name: "KL(π ‖ π*)", swatch: { shape: "line", colour: COLOUR.loss } },
  ]);
  const ui = frame({ model, el }, {
    stage: [payment, shares, gaps], controls: [beta.node, steps.node], reading: read,
    goals: ["C, rarest before, is the likeliest answer now", `KL(π ‖ π*) below ${NEAR} nats`],
  });

  let layout = null;
  const set = (index, value) => {
    const rounded = Number(clamp(value, -REACH, REACH).toFixed(2));
    put(model, { rewards: model.get("rewards").map((r, k) => (k === index ? rounded : r)) });
  };
  handles.forEach((node, index) => {
    drag(node, payment, (_, y) => set(index, Number(layout.R.invert(y).toFixed(1))));
    keys(node, { step: () => 0.1, low: () => -REACH, high: () => REACH, value: () => model.get("rewards")[index], change: (value) => set(index, value) });
  });

  function draw(width) {
    const [rewards, price, count] = ["rewards", "beta", "steps"].map((name) => model.get(name));
    const best = bestLogs(rewards, reference, price);
    const policies = climb(rewards, reference, price, rate, count);
    const logs = policies.at(-1);
    const p = logs.map(Math.exp);
    layout = arrange(width);
    for (const [node, size] of [[payment, layout.left], [shares, layout.left], [gaps, layout.side]]) update(node, size);
    drawRewards(scenery, layout, rewards);
    rewards.forEach((r, k) => place(handles[k], layout.column(k), layout.R(r), { value: r, low: -REACH, high: REACH, text: `${number(r, 2)}, probability ${number(p[k], 3)}` }));
    drawShares(shares, layout, { p, reference, best: best.map(Math.exp) });
    const missing = policies.map((each) => gap(each, best, rewards, price));
    gaps.replaceChildren(...lossChart([{ losses: missing, colour: COLOUR.loss }], layout.loss, { steps: Math.max(count, 1), low: -8, high: 1, title: "J* − J by step" }));

    beta.set(price, number(price, 2));
    steps.set(count, String(count));
    const moved = divergence(logs, before);
    const worth = mean(p, rewards) - price * moved;
    const left = divergence(logs, best);
    read.show("reward", number(mean(p, rewards), 6), `${number(mean(reference, rewards), 3)} before the first step`);
    read.show("moved", number(moved, 6), "nats");
    read.show("worth", number(worth, 6), "mean reward − β KL(π ‖ π₀)");
    read.show("best", number(worth + missing.at(-1), 6), price > 0 ? "β ln Z" : "the highest reward");
    read.show("left", number(left, 6, "∞"), price > 0 ? "nats" : "π* leaves answers out");
    ui.goal(0, p[2] > Math.max(p[0], p[1]));
    ui.goal(1, count > 0 && left < NEAR);
    ui.code({ rewards: `[${rewards.map(written).join(", ")}]`, reference: `[${reference.join(", ")}]`, beta: written(price), learning_rate: written(rate), steps: count });
  }
  return live({ model, el }, ["rewards", "beta", "steps"], draw);
}

// A float as Python writes it.
function written(value) {
  return Number.isInteger(value) ? `${value}.0` : String(value);
}

function arrange(width) {
  const wide = width >= 520;
  const each = wide ? Math.floor((width - 16) / 3) : Math.floor((width - 8) / 2);
  const height = 250;
  const side = { width: wide ? each : width, height: wide ? height : 170 };
  const pitch = (each - 40) / 3;
  return {
    left: { width: each, height }, side, from: 34, to: each - 4, bar: Math.min(34, pitch * 0.62),
    column: (k) => 36 + pitch * (k + 0.5), R: scale([-REACH, REACH], [height - 38, 36]), P: scale([0, 1], [height - 44, 36]),
    loss: { left: 42, right: side.width - 8, top: 22, bottom: side.height - 34 },
  };
}

function drawRewards(scenery, { column, bar, R, from, to, left }, rewards) {
  const parts = [svg("text", { class: "xp-strong", x: 2, y: 16 }, "reward r")];
  for (const tick of ticks([-REACH, REACH], 4)) {
    parts.push(svg("line", { class: tick === 0 ? "xp-zero" : "xp-grid", x1: from, x2: to, y1: R(tick), y2: R(tick) }),
      svg("text", { x: from - 5, y: R(tick) + 4, "text-anchor": "end" }, number(tick, 0)));
  }
  rewards.forEach((r, k) => parts.push(
    svg("rect", { x: column(k) - bar / 2, y: Math.min(R(r), R(0)), width: bar, height: Math.abs(R(r) - R(0)), fill: COLOUR.parameter, "fill-opacity": 0.35, stroke: COLOUR.parameter, "stroke-width": 2 }),
    svg("text", { class: "xp-strong", x: column(k), y: left.height - 6, "text-anchor": "middle" }, NAMES[k])));
  scenery.replaceChildren(...parts);
}

function drawShares(chart, { column, bar, P, from, to, left }, { p, reference, best }) {
  const parts = [svg("text", { class: "xp-strong", x: 2, y: 16 }, "π; dashed π₀, thick π*")];
  for (const tick of [0, 0.5, 1]) {
    parts.push(svg("line", { class: tick === 0 ? "xp-zero" : "xp-grid", x1: from, x2: to, y1: P(tick), y2: P(tick) }), svg("text", { x: from - 5, y: P(tick) + 4, "text-anchor": "end" }, tick));
  }
  const mark = (k, share, attributes) => svg("line", { x1: column(k) - bar / 2 - 4, x2: column(k) + bar / 2 + 4, y1: P(share), y2: P(share), ...attributes });
  p.forEach((share, k) => parts.push(
    svg("rect", { class: "xp-outlined", x: column(k) - bar / 2, y: P(share), width: bar, height: P(0) - P(share), fill: COLOUR.model }),
    mark(k, reference[k], { stroke: "var(--xp-text)", "stroke-width": 2, "stroke-dasharray": "4 3" }),
    mark(k, best[k], { stroke: COLOUR.parameter, "stroke-width": 4 }),
    svg("text", { class: "xp-digits", x: column(k), y: left.height - 6, "text-anchor": "middle", "data-reading": `p${k}` }, number(share, left.width < 170 ? 2 : 3)),
    svg("text", { class: "xp-strong", x: column(k), y: left.height - 22, "text-anchor": "middle" }, NAMES[k])));
  chart.replaceChildren(...parts);
}

export default { render };
