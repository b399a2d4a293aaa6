// Ring all-reduce: who holds which piece, step by step; beside it how long the ring takes, and how long sending all to one.
import { COLOUR, clamp, drag, exponent, handle, keys, number, path, place, scale, svg, update } from "../base/base.mjs";
import { frame, live, put, readout, slider } from "../base/frame.mjs";
import { cell } from "../base/lattice.mjs";

const POWERS = [2, 9]; // numbers to sum, as powers of ten
const BYTES = 4; // float32
const LATENCY = 1e-5; // seconds until a message arrives
const BANDWIDTH = 1e10; // bytes per second of a link, in each direction
const LOOKS = { ring: [COLOUR.parameter, null], star: [COLOUR.data, "7 4"] };

function vectors(n) {
  return Array.from({ length: n }, (_, rank) => Array.from({ length: n }, (_, piece) => 1 + ((3 * rank + 5 * piece + rank * piece) % 9)));
}

// The piece that a rank passes on in a step, counted from 0.
function passed(rank, step, n) {
  return (((rank - step) % n) + n) % n;
}

// What every process holds after so many steps: of each piece the sum so far, and how many processes are in it.
function ringAfter(start, steps) {
  const n = start.length;
  const held = start.map((row) => row.map((value) => ({ value, summands: 1 })));
  for (let step = 0; step < steps; step += 1) {
    for (let rank = 0; rank < n; rank += 1) {
      const piece = passed(rank, step, n);
      const [from, to] = [held[rank][piece], held[(rank + 1) % n]];
      to[piece] = step < n - 1 ? { value: to[piece].value + from.value, summands: to[piece].summands + from.summands } : { ...from };
    }
  }
  return held;
}

// Seconds round the ring, and with everything sent to rank 0 and back over its one link.
function seconds(n, numbers) {
  return {
    ring: 2 * (n - 1) * (LATENCY + (BYTES * Math.ceil(numbers / n)) / BANDWIDTH),
    star: 2 * (LATENCY + ((n - 1) * BYTES * numbers) / BANDWIDTH),
  };
}

function duration(time) {
  const [size, unit] = time < 1e-3 ? [time * 1e6, "µs"] : time < 1 ? [time * 1e3, "ms"] : [time, "s"];
  return `${size >= 1e5 ? size.toExponential(2).replace("e+", "e") : size.toFixed(clamp(2 - Math.floor(Math.log10(Math.max(size, 1))), 0, 2))} ${unit}`;
}

function render({ model, el }) {
  const table = svg("svg", { role: "img" });
  const scenery = svg("g", {});
  const grip = handle("how many numbers are summed");
  const chart = svg("svg", {}, scenery, grip);
  const steps = slider({ label: "Step", low: 0, high: 14, step: 1, change: (step) => put(model, { step }) });
  const size = slider({ label: "Processes n", low: 2, high: 8, step: 1, change: (n) => put(model, { step: Math.min(model.get("step"), 2 * (n - 1)), processes: n }) });
  const read = readout([
    { key: "step", name: "step" },
    { key: "finished", name: "pieces finished", swatch: { shape: "box", colour: COLOUR.gradient } },
    { key: "numbers", name: "numbers P", swatch: { shape: "dot", colour: COLOUR.parameter } },
    { key: "sent", name: "a process sends" },
    { key: "ring", name: "ring", swatch: { shape: "line", colour: LOOKS.ring[0] } },
    { key: "star", name: "all to one", swatch: { shape: "dash", colour: LOOKS.star[0] } },
  ]);
  const ui = frame({ model, el }, {
    stage: [table, chart], controls: [steps.node, size.node], reading: read,
    goals: ["every process holds the whole sum", "the ring at least three times as fast"],
  });

  let layout = null;
  const setPower = (power) => put(model, { numbers: Number((10 ** clamp(power, ...POWERS)).toPrecision(2)) });
  drag(grip, chart, (x) => setPower(layout.X.invert(x)));
  keys(grip, { step: () => 0.25, low: () => POWERS[0], high: () => POWERS[1], value: () => Math.log10(model.get("numbers")), change: setPower });

  function draw(width) {
    const [n, step, numbers] = ["processes", "step", "numbers"].map((name) => model.get(name));
    const held = ringAfter(vectors(n), step);
    const times = seconds(n, numbers);
    const finished = held.flat().filter(({ summands }) => summands === n).length;
    layout = arrange(width, n, (power) => seconds(n, 10 ** power));
    update(table, { ...layout.table, "aria-label": `pieces held by ${n} processes after step ${step}: ${held.map((row) => row.map(({ value }) => value).join(" ")).join("; ")}` });
    table.replaceChildren(...drawTable(layout, held, step));
    update(chart, layout.chart);
    scenery.replaceChildren(...drawTimes(layout));
    place(grip, layout.X(Math.log10(numbers)), layout.Y(times.ring), {
      value: numbers, low: 10 ** POWERS[0], high: 10 ** POWERS[1], text: `${numbers} numbers: ring ${duration(times.ring)}, all to one ${duration(times.star)}`,
    });

    update(steps.input, { max: 2 * (n - 1) });
    steps.set(step, `${step} of ${2 * (n - 1)}`);
    size.set(n, String(n));
    read.show("step", `${step} of ${2 * (n - 1)}`, step === 0 ? "nothing sent yet" : step < n ? "reduce-scatter: the receiver adds" : "all-gather: the receiver keeps");
    read.show("finished", `${finished} of ${n * n}`);
    const share = (2 * (n - 1)) / n;
    read.show("sent", `${number(share, 3)} P`, `rank 0, all to one: ${n - 1} P`);
    read.show("numbers", numbers < 1e6 ? number(numbers, 0) : exponent(numbers), "float32, one vector per process");
    read.show("ring", duration(times.ring), `${2 * (n - 1)} messages, one after the other`);
    read.show("star", duration(times.star), `${number(times.star / times.ring, 2)} times the ring's time`);
    ui.goal(0, finished === n * n);
    ui.goal(1, times.star >= 3 * times.ring);
    ui.code({ vectors: `[${vectors(n).map((row) => `[${row.join(", ")}]`).join(", ")}]`, step, numbers });
  }
  return live({ model, el }, ["processes", "step", "numbers"], draw);
}

function arrange(width, n, timesAt) {
  const wide = width >= 520;
  const each = wide ? Math.floor((width - 8) / 2) : width;
  const height = wide ? 330 : 290;
  const pitch = Math.min(62, (height - 56) / n);
  const square = Math.min(pitch - 11, 34);
  const all = Array.from({ length: 57 }, (_, k) => POWERS[0] + (k * (POWERS[1] - POWERS[0])) / 56).map((power) => ({ power, ...timesAt(power) }));
  const logs = all.flatMap(({ ring, star }) => [Math.log10(ring), Math.log10(star)]);
  const span = [Math.floor(Math.min(...logs)), Math.ceil(Math.max(...logs))];
  const chart = { width: each, height: wide ? height : 240 };
  const onPage = scale(span, [chart.height - 40, 28]);
  return {
    table: { width: each, height }, chart, square, all, span,
    cellX: (piece) => 64 + piece * Math.min((each - 70) / n, 44), cellY: (rank) => 46 + rank * pitch,
    X: scale(POWERS, [54, each - 14]), Y: (time) => onPage(Math.log10(time)),
  };
}

function arrow(x, from, to) {
  return svg("path", { d: `M${x} ${from}V${to}m-4 -5l4 5l4 -5`, fill: "none", stroke: "var(--xp-text)", "stroke-width": 2 });
}

function drawTable({ cellX, cellY, square }, held, step) {
  const n = held.length;
  const parts = [svg("text", { class: "xp-strong", x: 2, y: 14 }, `${n} processes, ${n} pieces each`)];
  held.forEach((row, rank) => {
    parts.push(svg("text", { class: "xp-strong", x: 2, y: cellY(rank) + square / 2 + 4 }, `rank ${rank}`));
    row.forEach(({ value, summands }, piece) => parts.push(cell({
      x: cellX(piece), y: cellY(rank), size: square, text: value, fill: COLOUR.gradient, opacity: 0.08 + (0.5 * (summands - 1)) / (n - 1), strong: summands === n,
    })));
  });
  for (let rank = 0; step > 0 && rank < n; rank += 1) {
    const x = cellX(passed(rank, step - 1, n)) + square / 2;
    const below = cellY(rank) + square;
    if (rank < n - 1) parts.push(arrow(x, below - 1, cellY(rank + 1) + 1));
    else parts.push(arrow(x, below - 1, below + 12), arrow(x, cellY(0) - 13, cellY(0) + 1));
  }
  return parts;
}

function drawTimes({ chart, X, Y, all, span }) {
  const parts = [svg("text", { class: "xp-strong", x: 2, y: 14 }, "time to sum P numbers")];
  for (let power = span[0]; power <= span[1]; power += 1) {
    parts.push(svg("line", { class: "xp-grid", x1: X(POWERS[0]), x2: X(POWERS[1]), y1: Y(10 ** power), y2: Y(10 ** power) }),
      svg("text", { x: X(POWERS[0]) - 5, y: Y(10 ** power) + 4, "text-anchor": "end" }, duration(10 ** power).replace(/\.0+(?= )/, "")));
  }
  for (let power = POWERS[0] + 1; power <= POWERS[1]; power += 1) parts.push(svg("text", { x: X(power), y: chart.height - 24, "text-anchor": "middle" }, `1e${power}`));
  parts.push(svg("text", { class: "xp-strong", x: X(POWERS[1]), y: chart.height - 6, "text-anchor": "end" }, "numbers P"));
  for (const [key, [colour, dash]] of Object.entries(LOOKS)) {
    parts.push(svg("path", { d: path(all.map((row) => [X(row.power), Y(row[key])])), fill: "none", stroke: colour, "stroke-width": 2.5, "stroke-dasharray": dash }));
  }
  return parts;
}

export default { render };
