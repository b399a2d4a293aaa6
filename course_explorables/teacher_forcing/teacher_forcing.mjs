// Teacher forcing: a decoder that counts, a mistake to drag, and what it writes with the right token fed and with its own.
import { COLOUR, clamp, drag, handle, html, keys, number, path, place, scale, svg, update } from "../base/base.mjs";
import { button, frame, live, put, readout, slider } from "../base/frame.mjs";
import { cell } from "../base/lattice.mjs";

const DIGITS = 10;
const PLACES = 12;
const SLIP = 3; // how far the mistake goes
const TARGET = Array.from({ length: PLACES }, (_, k) => (k + 1) % DIGITS);
const LOOKS = { right: [COLOUR.data, "7 4"], own: [COLOUR.model, null] };

// What is fed and what is written, place by place, if the decoder slips at `mistake` and nowhere else.
function writing(teacher, mistake) {
  const [fed, written] = [[0], []];
  for (let k = 0; k < PLACES; k += 1) {
    written.push((fed[k] + 1 + (k + 1 === mistake ? SLIP : 0)) % DIGITS);
    fed.push(teacher ? TARGET[k] : written[k]);
  }
  return { fed: fed.slice(0, PLACES), written };
}

// The probability of the right token at each place: off[d] is that of being d digits off.
function chances(teacher, mistake, slipRate) {
  const none = Array.from({ length: DIGITS }, (_, d) => (d === 0 ? 1 : 0));
  const right = [];
  let off = none;
  for (let k = 0; k < PLACES; k += 1) {
    const before = teacher ? none : off;
    off = before.map((share, d) => (k + 1 === mistake
      ? before[(d - SLIP + DIGITS) % DIGITS]
      : share * (1 - slipRate) + ((1 - share) * slipRate) / (DIGITS - 1)));
    right.push(off[0]);
  }
  return right;
}

const average = (values) => values.reduce((sum, value) => sum + value, 0) / values.length;

function render({ model, el }) {
  const scenery = svg("g", {});
  const grip = handle("place of the mistake");
  const sheet = svg("svg", {}, scenery, grip);
  const chart = svg("svg", {});
  const feeds = [["the right token", true], ["its own token", false]].map(([text, teacher]) => ({ teacher, node: button(text, () => put(model, { teacher }), { "aria-pressed": "false" }) }));
  const feed = html("div", { class: "xp-choices", role: "group", "aria-label": "Feed" }, html("span", {}, "Feed"), ...feeds.map(({ node }) => node));
  const rate = slider({ label: "Slip rate ε", low: 0, high: 0.2, step: 0.005, change: (value) => put(model, { slip_rate: Number(value.toFixed(3)) }) });
  const read = readout([
    { key: "wrong", name: "wrong tokens here", swatch: { shape: "box", colour: COLOUR.gradient } },
    { key: "right", name: "teacher-forced", swatch: { shape: "dash", colour: LOOKS.right[0] } },
    { key: "own", name: "free-running", swatch: { shape: "line", colour: LOOKS.own[0] } },
    { key: "whole", name: "all twelve right" },
  ]);
  const ui = frame({ model, el }, {
    stage: [sheet, chart], controls: [feed, rate.node], reading: read,
    goals: ["one mistake, ten wrong tokens", "9 in 10 tokens right, teacher-forced, but under half of the texts"],
  });

  let layout = null;
  const set = (mistake) => put(model, { mistake: clamp(Math.round(mistake), 0, PLACES) });
  drag(grip, sheet, (x) => set(layout.X.invert(x)));
  keys(grip, { step: () => 1, low: () => 0, high: () => PLACES, value: () => model.get("mistake"), change: (value) => set(value) });

  function draw(width) {
    const [teacher, mistake, slipRate] = ["teacher", "mistake", "slip_rate"].map((name) => model.get(name));
    const { fed, written } = writing(teacher, mistake);
    const wrong = written.filter((token, k) => token !== TARGET[k]).length;
    const right = { right: chances(true, mistake, slipRate), own: chances(false, mistake, slipRate) };
    layout = arrange(width);
    update(sheet, layout.sheet);
    update(chart, layout.chart);
    drawSheet(scenery, layout, { teacher, mistake, fed, written });
    drawChances(chart, layout, right, teacher);
    place(grip, layout.X(mistake), layout.gripY, { value: mistake, low: 0, high: PLACES, text: mistake === 0 ? "no mistake" : `place ${mistake}, then ${wrong} wrong` });

    feeds.forEach(({ node, teacher: each }) => node.setAttribute("aria-pressed", String(each === teacher)));
    rate.set(slipRate, number(slipRate, 3));
    const whole = mistake === 0 ? (1 - slipRate) ** PLACES : 0;
    read.show("wrong", `${wrong} of ${PLACES}`, mistake === 0 ? "no mistake placed" : teacher ? "the one mistake" : "from the mistake on");
    read.show("right", number(average(right.right), 4), "of tokens right, in training");
    read.show("own", number(average(right.own), 4), "of tokens right, in use");
    read.show("whole", number(whole, 4), mistake === 0 ? `(1 − ε)^${PLACES}, either way` : "a mistake is placed");
    ui.goal(0, wrong >= 10);
    ui.goal(1, average(right.right) >= 0.9 && mistake === 0 && whole < 0.5);
    ui.code({ teacher: teacher ? "True" : "False", mistake, slip_rate: Number.isInteger(slipRate) ? `${slipRate}.0` : slipRate });
  }
  return live({ model, el }, ["teacher", "mistake", "slip_rate"], draw);
}

function arrange(width) {
  const first = width >= 520 ? 92 : 64;
  const pitch = (width - first - 2) / PLACES;
  const size = Math.min(pitch - 3, 32);
  const middle = (k) => first + pitch * (k - 0.5); // of place k, from 1
  const rows = { target: 26, fed: 26 + size + 24, written: 26 + 2 * (size + 24) };
  const gripY = rows.written + size + 24;
  return {
    size, rows, gripY, middle, first, X: scale([0, PLACES], [middle(0), middle(PLACES)]),
    sheet: { width, height: gripY + 22 }, chart: { width, height: 150 }, P: scale([0, 1], [126, 26]),
  };
}

function drawSheet(scenery, { size, rows, gripY, middle }, { teacher, mistake, fed, written }) {
  const parts = [];
  const row = (key, text, tokens, look) => {
    parts.push(svg("text", { class: "xp-strong", x: 2, y: rows[key] + size / 2 + 4 }, text));
    tokens.forEach((token, k) => parts.push(cell({ x: middle(k + 1) - size / 2, y: rows[key], size, text: token, ...look(token, k) })));
  };
  row("target", "target", TARGET, () => ({ fill: COLOUR.data }));
  row("fed", "fed", fed, (token, k) => ({ fill: teacher || k === 0 ? COLOUR.data : token === TARGET[k - 1] ? COLOUR.model : COLOUR.gradient, dashed: true }));
  row("written", "written", written, (token, k) => ({ fill: token === TARGET[k] ? COLOUR.model : COLOUR.gradient, opacity: token === TARGET[k] ? 0.28 : 0.6, strong: token !== TARGET[k] }));
  for (let k = 1; k <= PLACES; k += 1) {
    const [low, high] = [rows.fed + size, rows.written];
    parts.push(svg("path", { d: `M${middle(k)} ${low}V${high - 1}`, stroke: "var(--xp-muted)", "stroke-width": 1 }));
    if (k === PLACES) continue;
    const [from, to] = teacher ? [rows.target + size, rows.fed] : [rows.written, rows.fed + size];
    parts.push(svg("path", { d: `M${middle(k)} ${from}L${middle(k + 1)} ${to}`, stroke: teacher ? COLOUR.data : COLOUR.model, "stroke-width": 2, fill: "none" }));
  }
  parts.push(svg("text", { class: "xp-strong", x: 2, y: 14 }, teacher ? "after each token the right one is fed" : "after each token the decoder's own is fed"),
    svg("path", { d: `M${middle(0)} ${gripY}H${middle(PLACES)}`, stroke: "var(--xp-line)", "stroke-width": 2 }));
  if (mistake > 0) parts.push(svg("path", { d: `M${middle(mistake)} ${gripY}V${rows.written + size + 1}m-4 6l4 -6l4 6`, fill: "none", stroke: "var(--xp-text)", "stroke-width": 2 }));
  else parts.push(svg("text", { x: middle(0) + 16, y: gripY - 6 }, "no mistake"));
  scenery.replaceChildren(...parts);
}

function drawChances(chart, { middle, first, P }, right, teacher) {
  const parts = [svg("text", { class: "xp-strong", x: 2, y: 14 }, "probability that the token is right, by place")];
  for (const tick of [0, 0.5, 1]) {
    parts.push(svg("line", { class: tick === 0 ? "xp-zero" : "xp-grid", x1: first, x2: middle(PLACES + 0.5), y1: P(tick), y2: P(tick) }), svg("text", { x: first - 6, y: P(tick) + 4, "text-anchor": "end" }, tick));
  }
  for (const [key, [colour, dash]] of Object.entries(LOOKS)) {
    const points = right[key].map((share, k) => [middle(k + 1), P(share)]);
    const active = teacher === (key === "right");
    parts.push(svg("path", { d: path(points), fill: "none", stroke: colour, "stroke-width": active ? 3 : 2, "stroke-dasharray": dash }),
      ...points.map(([cx, cy]) => svg("circle", { class: "xp-outlined", cx, cy, r: active ? 4 : 2.5, fill: colour })));
  }
  [1, 3, 6, 9, 12].forEach((k) => parts.push(svg("text", { x: middle(k), y: 144, "text-anchor": "middle" }, k)));
  chart.replaceChildren(...parts);
}

export default { render };
