// Optimiser race: the same surface, the same start, a learning rate each; every racer's steps are computed here.
import { COLOUR, clamp, drag, exponent, handle, html, identifier, number, place, scale, svg, update } from "../base/base.mjs";
import { button, frame, live, put, slider } from "../base/frame.mjs";
import { axes, cover, landscape, lossChart, planeKeys, trail } from "../base/plane.mjs";
import { RULES, SURFACES, run } from "./update_rules.mjs";

const GOAL = 1e-3;
const SOON = 40; // steps
const MOST = 200; // steps
const RATES = [0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5];
// A hue, a dash and a letter each.
const LOOKS = {
  SGD: ["S", "#0072B2", null], momentum: ["M", "#E69F00", "9 3"], Nesterov: ["N", "#56B4E9", "3 3"],
  Adagrad: ["G", "#D55E00", "9 3 2 3"], RMSprop: ["R", "#CC79A7", "5 2"], Adam: ["A", "#009E73", null],
};

function render({ model, el }) {
  const surfaces = model.get("surfaces");
  const recipes = model.get("recipes");
  const names = Object.keys(RULES);
  const point = handle("start of all racers", "#ffffff");
  const clipId = identifier("clip");
  const inside = svg("rect", {});
  const ground = svg("g", {});
  const walk = svg("g", { "clip-path": `url(#${clipId})` });
  const field = svg("rect", { class: "xp-target" });
  const chart = svg("svg", {}, svg("clipPath", { id: clipId }, inside), ground, walk, field, point);
  const losses = svg("svg", {});

  const choices = Object.keys(SURFACES).map((name) => button(name, () => put(model, { start: surfaces[name].start, surface: name }), { "aria-pressed": "false" }));
  const steps = slider({ label: "Steps", low: 0, high: MOST, step: 1, change: (value) => put(model, { steps: value }) });
  const table = standings(model, names);
  const ui = frame({ model, el }, {
    stage: [chart, losses],
    controls: [
      html("div", { class: "xp-choices", role: "group", "aria-label": "Surface" }, html("span", {}, "Surface"), ...choices),
      steps.node, table.node,
    ],
    goals: [`three racers below ${GOAL} within ${SOON} steps`, "momentum ahead of Adam, both below it"],
  });

  let layout = null;
  const frameOf = () => surfaces[model.get("surface")];
  const setStart = (x, y) => put(model, { start: [Number(clamp(x, ...frameOf().xs).toFixed(3)), Number(clamp(y, ...frameOf().ys).toFixed(3))] });
  const toPlane = (x, y) => setStart(Number(layout.X.invert(x).toFixed(2)), Number(layout.Y.invert(y).toFixed(2)));
  drag(point, chart, toPlane);
  drag(field, chart, toPlane, { focus: point });
  planeKeys(point, { xs: () => frameOf().xs, ys: () => frameOf().ys, value: () => model.get("start"), change: setStart });

  function draw(width) {
    const [surface, start, count, rates, shown] = ["surface", "start", "steps", "rates", "shown"].map((name) => model.get(name));
    const [height] = SURFACES[surface];
    layout = arrange(width, surfaces[surface]);
    update(chart, layout.map);
    update(losses, layout.side);
    cover(inside, layout);
    cover(field, layout);
    if (ground.dataset.drawn !== `${width} ${surface}`) {
      ground.dataset.drawn = `${width} ${surface}`;
      const top = Math.max(...layout.xs.flatMap((x) => layout.ys.map((y) => height(x, y))));
      const levels = [0.002, 0.015, 0.06, 0.16, 0.36].map((share) => share * top);
      ground.replaceChildren(
        ...landscape(height, layout, { levels, clip: clipId, shade: (value) => (Math.max(value, 0) / top) ** 0.3, opacity: 0.5 }),
        ...axes(layout, ["x", "y"]));
    }
    const racers = names.filter((name) => shown.includes(name)).map((name) => {
      const points = run(surface, name, start, rates[name], count);
      return { name, points, losses: points.map((theta) => height(...theta)) };
    });
    walk.replaceChildren(...racers.flatMap(({ name, points }) => drawRacer(layout, name, points)));
    place(point, layout.X(start[0]), layout.Y(start[1]), {
      value: start[0], low: layout.xs[0], high: layout.xs[1], text: `x ${number(start[0], 2)}, y ${number(start[1], 2)}, J there ${number(height(...start), 3)}`,
    });
    const series = racers.map((racer) => ({ losses: racer.losses, colour: LOOKS[racer.name][1], dash: LOOKS[racer.name][2] }));
    losses.replaceChildren(...lossChart(series, layout.loss, { steps: Math.max(count, 1), low: -8, high: 3, goal: GOAL, title: "J by step" }));

    choices.forEach((each) => each.setAttribute("aria-pressed", String(each.textContent === surface)));
    steps.set(count, String(count));
    table.draw(racers, rates, count);
    const arrivals = Object.fromEntries(racers.map((racer) => [racer.name, arrival(racer.losses)]));
    ui.goal(0, height(...start) > 1 && Object.values(arrivals).filter((step) => step > 0 && step <= SOON).length >= 3);
    ui.goal(1, arrivals.momentum > 0 && arrivals.Adam > arrivals.momentum);
    ui.code({
      expression: surfaces[surface].expression, start: `[${start.join(", ")}]`, steps: count,
      racers: racers.map(({ name }) => `    "${name}": (${recipes[name].replace("RATE", rates[name])}),`).join("\n"),
    });
  }
  return live({ model, el }, ["surface", "start", "steps", "rates", "shown"], draw);
}

// The first step below the goal; 0 where there is none, or where the race began there.
function arrival(losses) {
  return Math.max(0, losses.findIndex((loss) => loss < GOAL));
}

// --- the table of racers: on or off, a learning rate, where it stands --------------------------------------------------

function standings(model, names) {
  const rows = names.map((name) => {
    const [letter, colour, dash] = LOOKS[name];
    const toggle = button(`${letter} ${name}`, () => {
      const shown = model.get("shown");
      put(model, { shown: shown.includes(name) ? shown.filter((each) => each !== name) : [...shown, name] });
    }, { "aria-pressed": "false" });
    const change = (by) => {
      const rates = model.get("rates");
      const nearest = RATES.reduce((best, rate, k) => (Math.abs(Math.log(rate / rates[name])) < Math.abs(Math.log(RATES[best] / rates[name])) ? k : best), 0);
      put(model, { rates: { ...rates, [name]: RATES[clamp(nearest + by, 0, RATES.length - 1)] } });
    };
    const less = button("−", () => change(-1), { "aria-label": `${name}: smaller learning rate` });
    const more = button("+", () => change(1), { "aria-label": `${name}: larger learning rate` });
    const rate = html("span", { class: "xp-rate", "data-reading": `rate-${name}` });
    const [loss, note] = ["loss", "note"].map((key) => html("td", { "data-reading": `${key}-${name}` }));
    const line = svg("svg", { width: 26, height: 8, "aria-hidden": "true" }, svg("line", { x1: 1, x2: 25, y1: 4, y2: 4, stroke: colour, "stroke-width": 3, "stroke-dasharray": dash }));
    return { name, toggle, less, more, rate, loss, note, node: html("tr", {}, html("td", {}, toggle), html("td", { class: "xp-line" }, line), html("td", {}, less, rate, more), loss, note) };
  });
  const head = ["racer", "", "learning rate", "J", "first below 0.001"].map((text) => (text ? html("th", { scope: "col" }, text) : html("td", {})));
  return {
    node: html("table", { class: "xp-race" }, html("thead", {}, html("tr", {}, ...head)), html("tbody", {}, ...rows.map((row) => row.node))),
    draw(racers, rates, count) {
      for (const row of rows) {
        const racer = racers.find((each) => each.name === row.name);
        row.toggle.setAttribute("aria-pressed", String(Boolean(racer)));
        row.rate.textContent = String(rates[row.name]);
        row.less.disabled = rates[row.name] <= RATES[0];
        row.more.disabled = rates[row.name] >= RATES.at(-1);
        row.loss.textContent = racer ? exponent(racer.losses.at(-1), 2).replace("-", "−") : "";
        row.note.textContent = racer ? verdict(racer, count) : "";
      }
    },
  };
}

function verdict({ losses }, count) {
  if (losses.length <= count || losses.at(-1) > 1e3 * Math.max(1, losses[0])) return "diverged";
  if (losses.at(-1) > losses[0]) return "higher";
  return arrival(losses) ? `step ${arrival(losses)}` : "not yet";
}

// --- where things stand, and drawing -----------------------------------------------------------------------------------

function arrange(width, { xs, ys }) {
  const wide = width >= 520;
  const map = { width: wide ? Math.round(width * 0.6) : width };
  const [left, right] = [30, map.width - 8];
  const tall = ((right - left) * (ys[1] - ys[0])) / (xs[1] - xs[0]);
  map.height = Math.round(tall + 56);
  const side = { width: wide ? width - map.width - 8 : width, height: wide ? map.height : 190 };
  return {
    map, side, xs, ys, X: scale(xs, [left, right]), Y: scale(ys, [22 + tall, 22]),
    loss: { left: 40, right: side.width - 8, top: 22, bottom: side.height - 34 },
  };
}

function drawRacer(layout, name, points) {
  const [letter, colour, dash] = LOOKS[name];
  const [x, y] = [layout.X(points.at(-1)[0]), layout.Y(points.at(-1)[1])];
  const near = Math.abs(x) < 2e3 && Math.abs(y) < 2e3;
  const way = Object.keys(LOOKS).indexOf(name) * (Math.PI / 3); // letters round the end, so that they do not cover one another
  return [
    ...trail(points, layout, { colour, dash, dots: false }),
    near ? svg("text", { class: "xp-digits xp-strong", x: x + 13 * Math.cos(way), y: y + 13 * Math.sin(way) + 4, "text-anchor": "middle" }, letter) : null,
  ].filter(Boolean);
}

export default { render };
