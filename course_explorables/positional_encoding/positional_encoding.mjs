// Positional encoding: the picture of an encoding, a query and a key to drag along it, and their score by distance.
import { COLOUR, clamp, drag, handle, html, keys, number, path, place, scale, svg, ticks, update } from "../base/base.mjs";
import { button, frame, live, put, readout, slider } from "../base/frame.mjs";
import { colour, paintTable } from "../base/heat.mjs";

const POSITIONS = 64;
const WIDTHS = [16, 32, 64, 128];
const GRID = 32; // the words' entries are multiples of 1/32

// ωᵢ for each of width / 2 pairs, in radians a position.
function speeds(width, base) {
  return Array.from({ length: width / 2 }, (_, i) => base ** ((-2 * i) / width));
}

// P_p: a sine and a cosine for each pair.
function sinusoid(position, omegas) {
  return omegas.flatMap((omega) => [Math.sin(position * omega), Math.cos(position * omega)]);
}

// R_p x: each pair (2i, 2i + 1) turned by p·ωᵢ.
function rotated(x, position, omegas) {
  return omegas.flatMap((omega, i) => {
    const [cos, sin] = [Math.cos(position * omega), Math.sin(position * omega)];
    return [x[2 * i] * cos - x[2 * i + 1] * sin, x[2 * i] * sin + x[2 * i + 1] * cos];
  });
}

function dot(a, b) {
  return a.reduce((sum, each, k) => sum + each * b[k], 0);
}

// Scores of a query at m with a key at n: by position alone, and of word and position together.
function scores({ kind, query, key, omegas }, m, n) {
  if (kind === "RoPE") {
    const turned = dot(rotated(query, m, omegas), rotated(key, n, omegas));
    return [turned, turned];
  }
  const [P, Q] = [sinusoid(m, omegas), sinusoid(n, omegas)];
  return [dot(P, Q), dot(P.map((p, k) => p + query[k]), Q.map((p, k) => p + key[k]))];
}

function render({ model, el }) {
  const words = model.get("words").map((word) => word.map((each) => each / GRID));
  const palette = model.get("palette");
  const picture = svg("image", { class: "xp-pixels", preserveAspectRatio: "none" });
  const scenery = svg("g", {});
  const marks = { query: handle("query's position"), key: handle("key's position", COLOUR.data) };
  const map = svg("svg", {}, picture, scenery, marks.query, marks.key);
  const chart = svg("svg", {});

  const choice = (name, values, label) => {
    const buttons = values.map((value) => button(String(value), () => put(model, { [name]: value }), { "aria-pressed": "false" }));
    return {
      node: html("div", { class: "xp-choices", role: "group", "aria-label": label }, html("span", {}, label), ...buttons),
      draw: () => buttons.forEach((each) => each.setAttribute("aria-pressed", String(each.textContent === String(model.get(name))))),
    };
  };
  const kinds = choice("kind", ["sinusoid", "RoPE"], "Encoding");
  const widths = choice("width", WIDTHS, "Width d");
  const base = slider({ label: "Base", low: 0, high: 60, step: 1, change: (index) => put(model, { base: Number((10 ** (2 + index / 20)).toPrecision(3)) }) });
  const shift = slider({
    label: "Shift both", low: 0, high: POSITIONS - 1, step: 1,
    change: (value) => put(model, { key: value + model.get("key") - model.get("query"), query: value }),
  });
  const read = readout([
    { key: "distance", name: "distance n − m" },
    { key: "score", name: "score", swatch: { shape: "dot", colour: COLOUR.model } },
    { key: "words", name: "with words added" },
    { key: "wave", name: "slowest wave" },
  ]);
  const ui = frame({ model, el }, {
    stage: [map, chart], controls: [kinds.node, widths.node, base.node, shift.node], reading: read,
    goals: ["query and key 20 positions on, the score unchanged", "no key 10 or more away has half the score of distance 0"],
  });

  let layout = null;
  for (const [name, node] of Object.entries(marks)) {
    const move = (value) => put(model, { [name]: clamp(Math.round(value), 0, POSITIONS - 1) });
    drag(node, map, (x) => move(layout.X.invert(x)));
    keys(node, { step: () => 1, low: () => 0, high: () => POSITIONS - 1, value: () => model.get(name), change: (value) => move(value) });
  }
  // A press on the chart puts the key at that distance.
  chart.addEventListener("click", (event) => {
    const distance = Math.round(layout.D.invert(event.clientX - chart.getBoundingClientRect().left));
    put(model, { key: clamp(model.get("query") + distance, 0, POSITIONS - 1) });
  });

  function draw(width) {
    const [kind, m, n, d, baseNow] = ["kind", "query", "key", "width", "base"].map((name) => model.get(name));
    const omegas = speeds(d, baseNow);
    const setting = { kind, omegas, query: words[0].slice(0, d), key: words[1].slice(0, d) };
    layout = arrange(width);
    update(map, { width, height: layout.height });
    update(chart, { width, height: layout.tall });
    drawPicture(picture, scenery, layout, setting, palette, { m, n });
    for (const [name, p, y] of [["query", m, layout.top - 1], ["key", n, layout.bottom + 1]]) {
      place(marks[name], layout.X(p), y, { value: p, low: 0, high: POSITIONS - 1, text: `position ${p}` });
    }
    const curve = Array.from({ length: 2 * POSITIONS - 1 }, (_, k) => scores(setting, 0, k - POSITIONS + 1)[0]);
    const [score, withWords] = scores(setting, m, n);
    drawChart(chart, layout, { curve, m, distance: n - m, score, kind });

    kinds.draw();
    widths.draw();
    base.set(Math.round(20 * (Math.log10(baseNow) - 2)), number(baseNow, 0));
    shift.input.min = Math.max(0, m - n);
    shift.input.max = Math.min(POSITIONS - 1, POSITIONS - 1 - (n - m));
    shift.set(m, `m = ${m}`);
    read.show("distance", number(n - m, 0), `query at ${m}, key at ${n}`);
    read.show("score", number(score, 6), kind === "RoPE" ? "= Rₘq · Rₙk" : "= Pₘ · Pₙ");
    read.show("words", number(withWords, 6), kind === "RoPE" ? "nothing is added: words are turned" : "= (q + Pₘ) · (k + Pₙ)");
    read.show("wave", number((2 * Math.PI) / omegas.at(-1), 1), "positions a turn");
    const begun = model.get("initial");
    ui.goal(0, m - begun.query >= 20 && n - m === begun.key - begun.query);
    const middle = curve[POSITIONS - 1];
    ui.goal(1, curve.every((each, k) => Math.abs(k - POSITIONS + 1) < 10 || each < middle / 2));
    ui.code({ width: d, base: baseNow, query: m, key: n, positions: POSITIONS });
  }
  return live({ model, el }, ["kind", "query", "key", "width", "base"], draw);
}

function arrange(width) {
  const [left, right] = [44, width - 12];
  const [top, bottom] = [42, 42 + (width >= 520 ? 176 : 150)];
  const each = (right - left) / POSITIONS;
  const tall = width >= 520 ? 190 : 176;
  return {
    left, right, top, bottom, height: bottom + 46, tall,
    X: scale([0, POSITIONS - 1], [left + each / 2, right - each / 2]),
    D: scale([1 - POSITIONS, POSITIONS - 1], [left, right]),
    low: tall - 36, high: 26,
  };
}

// One column a position, one row a feature; the two columns chosen are framed.
function drawPicture(picture, scenery, { left, right, top, bottom, X }, { kind, omegas, query }, palette, { m, n }) {
  const d = 2 * omegas.length;
  const columns = Array.from({ length: POSITIONS }, (_, p) => (kind === "RoPE" ? rotated(query, p, omegas) : sinusoid(p, omegas)));
  const reach = Math.max(...columns.flat().map(Math.abs));
  const canvas = document.createElement("canvas");
  paintTable(canvas, d, POSITIONS, palette, (feature, p) => 0.5 + columns[p][feature] / (2 * reach));
  update(picture, { href: canvas.toDataURL(), x: left, y: top, width: right - left, height: bottom - top });
  const each = (right - left) / POSITIONS;
  const column = (p, dash) => svg("rect", { x: X(p) - each / 2 - 1, y: top, width: each + 2, height: bottom - top, fill: "none", stroke: "#000", "stroke-width": 1.75, "stroke-dasharray": dash });
  const parts = [
    svg("text", { class: "xp-strong", x: 2, y: 14 }, kind === "RoPE" ? "the query turned to every position" : "the encoding P of every position"),
    svg("text", { x: left - 6, y: top + 10, "text-anchor": "end" }, "0"),
    svg("text", { x: left - 6, y: bottom - 2, "text-anchor": "end" }, d - 1),
    svg("text", { x: 12, y: (top + bottom) / 2, transform: `rotate(-90 12 ${(top + bottom) / 2})`, "text-anchor": "middle" }, "feature"),
    column(m, null), column(n, "4 3"),
    svg("text", { class: "xp-digits", x: clamp(X(m) + 13, left, right - 52), y: top - 5 }, `m = ${m}`),
    svg("text", { class: "xp-digits", x: clamp(X(n) + 13, left, right - 52), y: bottom + 14 }, `n = ${n}`),
    svg("text", { x: right, y: bottom + 34, "text-anchor": "end" }, "position"),
  ];
  for (const tick of [0, 16, 32, 48]) parts.push(svg("text", { x: X(tick), y: bottom + 34, "text-anchor": "middle" }, tick));
  scenery.replaceChildren(...parts, ...signs(right, palette, reach));
}

// The colour scale: what the darkest blue and orange stand for; none on a phone.
function signs(right, palette, reach) {
  const room = 60;
  const start = right - room - 32;
  if (start < 300) return [];
  return [
    svg("text", { x: start - 5, y: 14, "text-anchor": "end" }, number(-reach, 1)),
    ...palette.map((_, k) => svg("rect", { x: start + (k * room) / palette.length, y: 5, width: room / palette.length + 0.5, height: 10, fill: colour(palette, k / (palette.length - 1)) })),
    svg("text", { x: start + room + 5, y: 14 }, number(reach, 1)),
  ];
}

// The score against the distance. Distances that leave the 64 positions are dashed; the curve does not feel m.
function drawChart(chart, { left, right, low, high, tall, D }, { curve, m, distance, score, kind }) {
  const bottom = Math.min(0, ...curve);
  const top = Math.max(...curve);
  const S = scale([bottom, top], [low, high]);
  const at = (k) => [D(k - POSITIONS + 1), S(curve[k])];
  const all = curve.map((_, k) => at(k));
  const inside = all.slice(POSITIONS - 1 - m, 2 * POSITIONS - 1 - m);
  const parts = [
    svg("text", { class: "xp-strong", x: 2, y: 14 }, kind === "RoPE" ? "Rₘq · Rₙk by distance" : "Pₘ · Pₙ by distance"),
    svg("rect", { class: "xp-target", x: left, y: high, width: right - left, height: low - high }),
  ];
  for (const tick of ticks([bottom, top], 4)) {
    parts.push(svg("line", { class: tick === 0 ? "xp-zero" : "xp-grid", x1: left, x2: right, y1: S(tick), y2: S(tick) }),
      svg("text", { x: left - 6, y: S(tick) + 4, "text-anchor": "end" }, String(tick).replace("-", "−")));
  }
  for (const tick of [-60, -40, -20, 0, 20, 40, 60]) parts.push(svg("text", { x: D(tick), y: low + 16, "text-anchor": "middle" }, number(tick, 0)));
  parts.push(
    svg("text", { x: right, y: tall - 4, "text-anchor": "end" }, "distance n − m"),
    svg("path", { class: "xp-curve", d: path(all), "stroke-dasharray": "2 4", style: "stroke:var(--xp-muted);stroke-width:1.5" }),
    svg("path", { class: "xp-curve", d: path(inside), style: `stroke:${COLOUR.model}` }),
    svg("line", { x1: D(distance), x2: D(distance), y1: low, y2: S(score), stroke: "var(--xp-muted)", "stroke-dasharray": "2 3" }),
    svg("circle", { class: "xp-outlined", cx: D(distance), cy: S(score), r: 6, fill: COLOUR.model }),
    svg("text", { class: "xp-digits", x: clamp(D(distance) + 10, left, right - 66), y: Math.max(S(score) - 8, high + 4), "data-reading": "point" }, number(score, 3)),
  );
  chart.replaceChildren(...parts);
}

export default { render };
