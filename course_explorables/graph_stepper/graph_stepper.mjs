// Graph stepper: a recorded expression drawn as a graph; values appear one by one, then gradients flow back edge by edge.
import { COLOUR, html, identifier, number, svg, update } from "../base/base.mjs";
import { button, frame, live, put, slider } from "../base/frame.mjs";
import { backward, forward, parents } from "../base/tape.mjs";

const BOX = { width: 74, height: 56 };
const WORDS = { "×": "×", "+": "+", "−": "−", "÷": "÷", neg: "−" };

// Every step of the story: each computed node in order, the seed, then each edge back from a node to a parent that
// an input feeds. Edges into constants carry nothing anyone asks for, and autograd leaves them out too.
function script(program) {
  const fed = [];
  program.forEach((step, node) => { fed[node] = step[0] === "input" || parents(step).some((parent) => fed[parent]); });
  const forwards = program.flatMap((step, node) => (parents(step).length ? [{ kind: "value", node }] : []));
  const back = [];
  for (let node = program.length - 1; node >= 0; node -= 1) {
    parents(program[node]).forEach((parent, edge) => { if (fed[parent]) back.push({ kind: "edge", node, parent, edge }); });
  }
  return [...forwards, { kind: "seed", node: program.length - 1 }, ...back];
}

// Columns by distance from the inputs, inputs moved next to their first user; rows by the mean of the neighbours.
function layers(program) {
  const depth = program.map(() => 0);
  program.forEach((step, node) => { for (const parent of parents(step)) depth[node] = Math.max(depth[node], depth[parent] + 1); });
  const users = program.map((_, node) => program.flatMap((step, user) => (parents(step).includes(node) ? [user] : [])));
  program.forEach((step, node) => {
    if (!parents(step).length && users[node].length) depth[node] = Math.min(...users[node].map((user) => depth[user])) - 1;
  });
  const columns = [];
  depth.forEach((column, node) => (columns[column] ??= []).push(node));
  const row = [];
  const settle = (nodes) => nodes.forEach((node, k) => { row[node] = k - (nodes.length - 1) / 2; });
  columns.forEach(settle);
  for (let sweep = 0; sweep < 6; sweep += 1) {
    for (const nodes of sweep % 2 ? columns : columns.toReversed()) {
      const near = (node) => (sweep % 2 ? parents(program[node]) : users[node]);
      const mean = (node) => (near(node).length ? near(node).reduce((sum, other) => sum + row[other], 0) / near(node).length : row[node]);
      nodes.sort((a, b) => mean(a) - mean(b) || a - b);
      settle(nodes);
    }
  }
  return { columns, row, depth };
}

// Places for the boxes: columns left to right where they fit, top to bottom where they do not.
function arrange({ columns, row, depth }, width) {
  const across = width / columns.length >= BOX.width + 20;
  const most = Math.max(...columns.map((nodes) => nodes.length));
  const gap = across ? 78 : Math.max(BOX.width + 4, Math.min(116, width / most));
  const pitch = across ? width / columns.length : BOX.height + 34;
  const size = across ? { width, height: most * gap + 8 } : { width: Math.max(width, most * gap), height: columns.length * pitch };
  const middle = (across ? size.height : size.width) / 2;
  const places = depth.map((column, node) => {
    const along = (column + 0.5) * pitch;
    return across ? [along, middle + row[node] * gap] : [middle + row[node] * gap, along];
  });
  return { across, size, places };
}

function render({ model, el }) {
  const program = model.get("program");
  const names = model.get("names");
  const inputNames = model.get("input_names");
  const [low, high] = model.get("limits");
  const steps = script(program);
  const graph = layers(program);
  const arrow = identifier("arrow");
  const scenery = svg("g", {});
  const chart = svg("svg", { role: "img", "aria-label": "The graph of the computation" },
    svg("marker", { id: arrow, viewBox: "0 0 10 10", refX: 8, refY: 5, markerWidth: 11, markerHeight: 11, markerUnits: "userSpaceOnUse", orient: "auto" },
      svg("path", { d: "M0 0L10 5L0 10Z", fill: COLOUR.gradient })), scenery);

  const go = (step) => put(model, { step: Math.max(0, Math.min(steps.length, step)) });
  const back = button("◀ Back", () => go(model.get("step") - 1));
  const next = button("Step ▶", () => go(model.get("step") + 1));
  const finish = button("To the end", () => go(steps.length));
  const progress = slider({ label: "Step", low: 0, high: steps.length, step: 1, change: go });
  const sliders = inputNames.map((name, k) => slider({
    label: name, low, high, step: 0.1,
    change: (value) => put(model, { inputs: model.get("inputs").map((old, other) => (other === k ? value : old)) }),
  }));
  const sentence = html("div", { class: "xp-sentence", "data-reading": "sentence", "aria-live": "polite" });
  const reading = { node: html("div", { class: "xp-readout", role: "group", "aria-label": "Read-out" }, sentence) };
  const ui = frame({ model, el }, {
    stage: [chart],
    controls: [html("div", { class: "xp-choices" }, back, next, finish), progress.node,
      html("div", { class: "xp-inputs", role: "group", "aria-label": "Inputs" }, ...sliders.map((each) => each.node))],
    reading,
    goals: ["a gradient at every input", `then ${inputNames[0]}.grad within 0.01 of zero`],
  });

  function draw(width) {
    const step = Math.min(model.get("step"), steps.length);
    const inputs = Object.fromEntries(inputNames.map((name, k) => [name, model.get("inputs")[k]]));
    const tape = forward(program, inputs);
    const story = tell(program, tape, steps.slice(0, step));
    const layout = arrange(graph, width);
    update(chart, layout.size);
    const scene = { program, names, tape, story, now: steps[step - 1], arrow };
    scenery.replaceChildren(
      ...program.flatMap((each, node) => parents(each).map((parent, edge) => drawEdge(layout, scene, node, parent, edge))).flat(),
      ...program.map((_, node) => drawNode(layout, scene, node)),
    );
    sentence.textContent = say(scene, step, steps.length);
    progress.set(step, `${step} / ${steps.length}`);
    sliders.forEach((each, k) => each.set(model.get("inputs")[k], number(model.get("inputs")[k], 1)));
    back.disabled = step === 0;
    next.disabled = finish.disabled = step === steps.length;
    const done = step === steps.length;
    const first = backward(program, tape)[names.indexOf(inputNames[0])];
    ui.goal(0, done);
    ui.goal(1, done && Math.abs(first) < 0.01);
    ui.code(inputs);
  }
  return live({ model, el }, ["inputs", "step"], draw);
}

// What is known after the steps so far: which values, and each node's gradient as far as it has been summed.
function tell(program, { locals }, steps) {
  const known = program.map((step) => parents(step).length === 0);
  const gradients = program.map(() => null);
  const crossed = new Set();
  let last = null;
  for (const { kind, node, parent, edge } of steps) {
    if (kind === "value") known[node] = true;
    else if (kind === "seed") gradients[node] = 1;
    else {
      const share = gradients[node] === 0 ? 0 : gradients[node] * locals[node][edge];
      last = { before: gradients[parent] ?? 0, local: locals[node][edge], share };
      gradients[parent] = last.before + share;
      crossed.add(`${node}.${edge}`);
    }
  }
  return { known, gradients, crossed, last };
}

function spelled(program, names, node) {
  const [operation, ...operands] = program[node];
  const name = (k) => (program[k][0] === "constant" ? String(program[k][1]) : names[k]);
  if (operation === "^") return `${name(operands[0])}^${operands[1]}`;
  if (operands.length === 2) return `${name(operands[0])} ${operation} ${name(operands[1])}`;
  return operation === "neg" ? `−${name(operands[0])}` : `${operation}(${name(operands[0])})`;
}

function say({ program, names, tape, story, now }, step, total) {
  if (!now) return "The inputs are known. Press Step: the values come first.";
  const { node, parent, kind } = now;
  if (kind === "value") return `${names[node]} = ${spelled(program, names, node)} = ${number(tape.values[node], 4)}`;
  if (kind === "seed") return `${names[node]}.grad = 1, since ∂${names[node]}/∂${names[node]} = 1. Now backwards.`;
  const { before, local, share } = story.last;
  const start = before === 0 ? "=" : `= ${number(before, 4)} +`;
  const product = `∂${names[node]}/∂${names[parent]} × ${names[node]}.grad`;
  return `${names[parent]}.grad ${start} ${product} = ${before === 0 ? "" : `${number(before, 4)} + `}`
    + `${number(local, 4)} × ${number(story.gradients[node], 4)} = ${number(before + share, 4)}${step === total ? "  ■" : ""}`;
}

// Two edges between the same boxes, as in s × s, bow apart so that both can be seen.
function drawEdge({ across, places }, { program, story, now, arrow }, node, parent, edge) {
  const [from, to] = [places[parent], places[node]];
  const half = across ? [BOX.width / 2, 0] : [0, BOX.height / 2];
  const [x1, y1, x2, y2] = [from[0] + half[0], from[1] + half[1], to[0] - half[0], to[1] - half[1]];
  const twins = parents(program[node]).filter((other) => other === parent).length;
  const bow = twins > 1 ? (edge - (twins - 1) / 2) * 30 : 0;
  const [near, far] = across
    ? [`${(x1 + x2) / 2} ${y1 + bow}`, `${(x1 + x2) / 2} ${y2 + bow}`]
    : [`${x1 + bow} ${(y1 + y2) / 2}`, `${x2 + bow} ${(y1 + y2) / 2}`];
  const parts = [svg("path", { d: `M${x1} ${y1}C${near} ${far} ${x2} ${y2}`, fill: "none", stroke: story.known[node] ? "var(--xp-text)" : "var(--xp-line)", "stroke-width": 1.5 })];
  if (story.crossed.has(`${node}.${edge}`)) {
    const active = now.kind === "edge" && now.node === node && now.edge === edge;
    parts.push(svg("path", { d: `M${x2} ${y2}C${far} ${near} ${x1} ${y1}`, fill: "none", stroke: COLOUR.gradient, "stroke-width": active ? 4 : 2, "marker-end": `url(#${arrow})` }));
  }
  return parts;
}

function drawNode({ places }, { program, names, tape, story, now }, node) {
  const [x, y] = places[node];
  const [operation] = program[node];
  const constant = operation === "constant";
  const active = now && (now.kind === "edge" ? now.parent : now.node) === node;
  const title = parents(program[node]).length
    ? `${names[node]} ${operation === "^" ? `^${program[node][2]}` : (WORDS[operation] ?? operation)}`
    : (constant ? "constant" : names[node]);
  const gradient = story.gradients[node];
  return svg("g", { transform: `translate(${x - BOX.width / 2} ${y - BOX.height / 2})`, "data-node": names[node] },
    svg("rect", {
      width: BOX.width, height: BOX.height, rx: 7, fill: "var(--xp-ground)",
      stroke: active ? "var(--xp-text)" : operation === "input" ? COLOUR.parameter : "var(--xp-line)",
      "stroke-width": active ? 3 : operation === "input" ? 2.5 : 1.5,
    }),
    svg("text", { class: "xp-strong", x: BOX.width / 2, y: 16, "text-anchor": "middle" }, title),
    svg("text", { class: "xp-digits", x: BOX.width / 2, y: 32, "text-anchor": "middle", "data-reading": `value-${names[node]}` },
      story.known[node] ? number(tape.values[node], 4) : "·"),
    gradient === null ? null : svg("rect", { x: 6, y: 39, width: 4, height: 11, fill: COLOUR.gradient }),
    svg("text", { class: "xp-digits", x: BOX.width / 2 + 3, y: 49, "text-anchor": "middle", "data-reading": `grad-${names[node]}` },
      gradient === null ? "" : number(gradient, 4)));
}

export default { render };
