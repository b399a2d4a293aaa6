// Low rank: a matrix, its nearest of rank r, and the singular values with a cut to drag along them.
import { COLOUR, clamp, drag, exponent, handle, keys, number, path, place, scale, svg, ticks, update } from "../base/base.mjs";
import { frame, live, put, readout, slider } from "../base/frame.mjs";
import { colour, paintTable } from "../base/heat.mjs";
import { parseSafetensors } from "../base/safetensors.mjs";
import { decompose, errors, nearest, noise } from "./singular.mjs";

function digits(value, decimals) {
  return value !== 0 && Math.abs(value) < 0.001 ? exponent(value, decimals).replace(/-/g, "−") : number(value, decimals);
}

// What the page computes once.
function analysed(values, rows, columns) {
  const parts = decompose(values, rows, columns);
  const lost = errors(parts.sigma);
  const random = noise(rows, columns, Math.hypot(...parts.sigma));
  const lostOfNoise = errors(random);
  const stored = (rank) => rank * (rows + columns);
  const kept = (rank) => 1 - lost[rank] ** 2;
  const reach = values.reduce((most, each) => Math.max(most, Math.abs(each)), 0);
  const goals = [
    { text: "nine tenths of the squared norm in half of the numbers", met: (rank) => reach > 0 && kept(rank) >= 0.9 && 2 * stored(rank) <= rows * columns },
    { text: "a rank at which the factors save nothing", met: (rank) => stored(rank) >= rows * columns },
  ].filter(({ met }) => lost.some((_, rank) => met(rank)));
  return { values, rows, columns, parts, sigma: parts.sigma, lost, random, lostOfNoise, stored, kept, reach, goals };
}

function render({ model, el }) {
  const [rows, columns] = model.get("shape");
  const palette = model.get("palette");
  const matrix = analysed(parseSafetensors(model.get("change")).change, rows, columns);
  const full = matrix.sigma.length;
  const turnTo = (value) => put(model, { rank: clamp(Math.round(value), 0, full) });

  const pictures = [0, 1].map(() => svg("image", { class: "xp-pixels", preserveAspectRatio: "none" }));
  const captions = svg("g", {});
  const maps = svg("svg", { role: "img" }, ...pictures, captions);
  const scenery = svg("g", {});
  const surface = svg("rect", { class: "xp-target xp-along" });
  const cut = handle("rank");
  const chart = svg("svg", {}, scenery, surface, cut);
  const rankSlider = slider({ label: "Rank r", low: 0, high: full, step: 1, change: turnTo });
  const read = readout([
    { key: "error", name: "relative error" },
    { key: "kept", name: "squared norm kept", swatch: { shape: "box", colour: COLOUR.model } },
    { key: "left", name: "largest σ left out" },
    { key: "stored", name: "numbers stored" },
  ]);
  const ui = frame({ model, el }, {
    stage: [maps, chart], controls: [rankSlider.node], reading: read, goals: matrix.goals.map(({ text }) => text),
  });
  update(pictures[0], { href: picture(matrix, matrix.values, palette) });

  let layout = null;
  for (const node of [surface, cut]) drag(node, chart, (x) => turnTo(layout.X.invert(x)), { focus: cut });
  keys(cut, { step: () => 1, low: () => 0, high: () => full, value: () => model.get("rank"), change: turnTo });

  let painted = null;
  function draw(width) {
    const rank = clamp(model.get("rank"), 0, full);
    layout = arrange(width, matrix);
    if (rank !== painted) update(pictures[1], { href: picture(matrix, nearest(matrix.parts, rank), palette) });
    painted = rank;
    drawMaps({ maps, pictures, captions }, layout, matrix, palette, rank);
    drawSpectrum({ chart, scenery, surface }, layout, matrix, rank);
    place(cut, layout.X(rank), layout.S(matrix.sigma[Math.max(rank, 1) - 1]), { value: rank, low: 0, high: full, text: `rank ${rank} of ${full}` });

    const [lost, whole] = [matrix.lost[rank], rows * columns];
    rankSlider.set(rank, String(rank));
    read.show("error", number(lost, 6), matrix.reach > 0 ? "‖ΔW − ΔWᵣ‖ / ‖ΔW‖" : "ΔW is 0");
    read.show("kept", number(matrix.kept(rank), 6), `noise would keep ${number(1 - matrix.lostOfNoise[rank] ** 2, 2)}`);
    read.show("left", rank < full ? digits(matrix.sigma[rank], 6) : "none", rank < full ? `σ${subscript(rank + 1)}` : "");
    read.show("stored", number(matrix.stored(rank), 0), `of ${whole}: ${number((100 * matrix.stored(rank)) / whole, 1)} %`);
    matrix.goals.forEach(({ met }, index) => ui.goal(index, met(rank)));
    ui.code({ rank, rows, columns });
  }
  return live({ model, el }, ["rank"], draw);
}

function subscript(count) {
  return String(count).replace(/\d/g, (digit) => "₀₁₂₃₄₅₆₇₈₉"[digit]);
}

function arrange(width, { rows, columns, sigma, random }) {
  const gap = 16;
  const room = Math.floor((width - gap) / 2);
  const each = Math.min(room / columns, room / rows);
  const tall = width >= 520 ? 190 : 176;
  const [low, high] = [tall - 36, 26];
  return {
    width, tall, low, high, left: 44, right: width - 12, top: 22,
    across: Math.max(columns * each, 4), down: Math.max(rows * each, 4), starts: [0, room + gap],
    X: scale([0, sigma.length], [44, width - 12]),
    S: scale([0, Math.max(sigma[0], random[0]) || 1], [low, high]),
  };
}

// One pixel an entry; both pictures share the scale ±reach.
function picture({ rows, columns, reach }, values, palette) {
  const canvas = document.createElement("canvas");
  paintTable(canvas, rows, columns, palette, (row, column) => (reach > 0 ? 0.5 + values[row * columns + column] / (2 * reach) : 0.5));
  return canvas.toDataURL();
}

function drawMaps({ maps, pictures, captions }, { width, top, across, down, starts }, { rows, columns, reach }, palette, rank) {
  update(maps, { width, height: top + down + 24, "aria-label": `ΔW, ${rows} by ${columns}, and its nearest matrix of rank ${rank}` });
  pictures.forEach((node, k) => update(node, { x: starts[k], y: top, width: across, height: down }));
  const [room, line] = [72, top + down + 17];
  const edge = Math.min(width, starts[1] + Math.max(across, 200));
  const start = edge - room - 62;
  captions.replaceChildren(
    svg("text", { class: "xp-strong", x: 0, y: 14 }, `ΔW, ${rows} × ${columns}`),
    svg("text", { class: "xp-strong", x: starts[1], y: 14 }, `its nearest of rank ${rank}`),
    svg("text", { x: start - 5, y: line, "text-anchor": "end" }, digits(-reach, 4)),
    ...palette.map((_, k) => svg("rect", { x: start + (k * room) / palette.length, y: line - 10, width: room / palette.length + 0.5, height: 11, fill: colour(palette, k / (palette.length - 1)) })),
    svg("text", { x: start + room + 5, y: line }, digits(reach, 4)),
  );
}

// A bar a singular value; dashed, noise of the same norm.
function drawSpectrum({ chart, scenery, surface }, { width, tall, left, right, low, high, X, S }, { sigma, random }, rank) {
  update(chart, { width, height: tall });
  update(surface, { x: left, y: high, width: right - left, height: low - high });
  const each = X(1) - X(0);
  const bars = (from, to) => sigma.slice(from, to).map((value, k) => {
    return `M${(X(from + k) + 0.08 * each).toFixed(2)} ${low}V${S(value).toFixed(1)}h${(0.84 * each).toFixed(2)}V${low}z`;
  }).join("");
  const parts = [svg("text", { class: "xp-strong", x: 2, y: 14 }, "singular values σₖ of ΔW: filled = kept")];
  for (const tick of ticks([0, S.invert(high)], 4)) {
    parts.push(svg("line", { class: tick === 0 ? "xp-zero" : "xp-grid", x1: left, x2: right, y1: S(tick), y2: S(tick) }),
      svg("text", { x: left - 6, y: S(tick) + 4, "text-anchor": "end" }, tick < 1e-4 ? exponent(tick) : tick));
  }
  for (const tick of ticks([0, sigma.length], width >= 520 ? 8 : 4)) {
    if (Number.isInteger(tick)) parts.push(svg("text", { x: X(tick), y: low + 16, "text-anchor": "middle" }, tick));
  }
  parts.push(
    svg("text", { x: right, y: tall - 4, "text-anchor": "end" }, "k"),
    svg("path", { class: "xp-left-out", d: bars(rank, sigma.length) }),
    svg("path", { "data-kept": rank, d: bars(0, rank), fill: COLOUR.model }),
    svg("path", { class: "xp-curve", d: path(random.map((value, k) => [X(k + 0.5), S(value)])), "stroke-dasharray": "5 4", style: "stroke:var(--xp-muted);stroke-width:1.75" }),
    svg("text", { x: right, y: Math.max(S(random[Math.floor(0.4 * random.length)]) - 8, 38), "text-anchor": "end" }, "noise of the same norm"),
    svg("line", { x1: X(rank), x2: X(rank), y1: low, y2: high, stroke: COLOUR.parameter, "stroke-width": 2, "stroke-dasharray": "3 3" }),
  );
  scenery.replaceChildren(...parts);
}

export default { render };
