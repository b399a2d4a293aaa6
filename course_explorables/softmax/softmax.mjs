// Softmax: logits to drag on the left; probabilities and the loss's gradient on the right.
import { COLOUR, clamp, drag, handle, html, keys, number, place, scale, svg, ticks, update } from "../base/base.mjs";
import { button, frame, live, put, readout, slider } from "../base/frame.mjs";

const BOUND = 10; // the logit axis reaches this far to either side of the shift

// log p_i = z_i/T − logΣe^{z_j/T}, with the largest z/T taken out first so that nothing overflows.
function distribution(logits, temperature) {
  const scaled = logits.map((z) => z / temperature);
  const top = Math.max(...scaled);
  const logSum = top + Math.log(scaled.reduce((sum, z) => sum + Math.exp(z - top), 0));
  const logs = scaled.map((z) => z - logSum);
  return { logs, logSum, probabilities: logs.map(Math.exp) };
}

// The formula as it stands, every step rounded to float32: what overflows there is said in words.
function naive(logits, temperature, target) {
  const powers = logits.map((z) => Math.fround(Math.exp(Math.fround(z / temperature))));
  const sum = powers.reduce((total, power) => Math.fround(total + power), 0);
  const top = powers[target];
  if (sum === Infinity) return { text: top === Infinity ? "∞ / ∞" : `${number(top, 4, "∞")} / ∞`, note: "overflow" };
  if (sum === 0) return { text: "0 / 0", note: "underflow" };
  return { text: number(Math.fround(top / sum), 6), note: "" };
}

function render({ model, el }) {
  const labels = model.get("labels");
  const scenery = svg("g", {});
  const handles = labels.map((name) => handle(`logit of ${name}`));
  const logitChart = svg("svg", {}, scenery, ...handles);
  const results = svg("svg", {});

  const temperature = slider({
    label: "Temperature T", low: -20, high: 20, step: 1,
    change: (index) => put(model, { temperature: Number((10 ** (index / 20)).toPrecision(3)) }),
  });
  const shift = slider({ label: "Add c to all", low: -100, high: 100, step: 1, change: (value) => put(model, { shift: value }) });
  const choices = labels.map((name, index) => button(name, () => put(model, { target: index }), { "aria-pressed": "false" }));
  const target = html("div", { class: "xp-choices", role: "group", "aria-label": "Target class" }, html("span", {}, "Target"), ...choices);
  const read = readout([
    { key: "loss", name: "loss", swatch: { shape: "box", colour: COLOUR.loss } },
    { key: "logsum", name: "log Σ exp(z/T)" },
    { key: "naive", name: "naive, float32" },
  ]);
  const ui = frame({ model, el }, {
    stage: [logitChart, results], controls: [temperature.node, shift.node, target], reading: read,
    goals: ["loss below 0.05 nats at temperature 1"],
  });

  const bound = () => Math.max(BOUND, ...model.get("initial").logits.map((z) => Math.abs(z) * 1.3));
  const set = (index, value) => {
    const rounded = Number(clamp(value, -bound(), bound()).toFixed(2));
    put(model, { logits: model.get("logits").map((z, k) => (k === index ? rounded : z)) });
  };
  let layout = null;
  handles.forEach((node, index) => {
    drag(node, logitChart, (_, y) => set(index, Number(layout.Z.invert(y).toFixed(1))));
    keys(node, {
      step: () => bound() / 20, low: () => -bound(), high: bound,
      value: () => model.get("logits")[index], change: (value) => set(index, value),
    });
  });

  function draw(width) {
    const [raw, c, T, chosen] = ["logits", "shift", "temperature", "target"].map((name) => model.get(name));
    const logits = raw.map((z) => z + c);
    const { logs, logSum, probabilities } = distribution(logits, T);
    const gradient = probabilities.map((p, k) => (p - (k === chosen ? 1 : 0)) / T);
    layout = arrange(width, labels.length, bound());
    update(logitChart, layout.left);
    update(results, layout.right);
    drawLogits(scenery, layout, { raw, c, labels, chosen });
    raw.forEach((z, k) => place(handles[k], layout.column(k), layout.Z(z), {
      value: z, low: -bound(), high: bound(), text: `${number(logits[k], 2)}, probability ${number(probabilities[k], 3)}`,
    }));
    drawResults(results, layout, { probabilities, gradient, labels, chosen, T });

    temperature.set(Math.round(20 * Math.log10(T)), number(T, 2));
    shift.set(c, `${c > 0 ? "+" : ""}${number(c, 0)}`);
    choices.forEach((choice, k) => choice.setAttribute("aria-pressed", String(k === chosen)));
    const loss = -logs[chosen];
    const direct = naive(logits, T, chosen);
    read.show("loss", `${number(loss, 6)}`, `nats = −log p(${labels[chosen]})`);
    read.show("logsum", number(logSum, 6));
    read.show("naive", direct.text, direct.note || `= p(${labels[chosen]})`);
    ui.goal(0, loss < 0.05 && T === 1);
    ui.code({ logits: `[${raw.join(", ")}]`, shift: c, temperature: T, target: chosen });
  }
  return live({ model, el }, ["logits", "target", "temperature", "shift"], draw);
}

function arrange(width, count, bound) {
  const wide = width >= 520;
  const each = wide ? Math.floor((width - 8) / 2) : width;
  const height = wide ? 300 : 240;
  const [from, to] = [40, each - 4];
  const pitch = (to - from) / count;
  return {
    left: { width: each, height }, right: { width: each, height }, from, to,
    bar: Math.min(44, pitch * 0.62),
    column: (k) => from + pitch * (k + 0.5),
    Z: scale([-bound, bound], [height - 50, 46]), bound, // room for a number beyond either end
    P: scale([0, 1], [height * 0.52, 40]),
    G: scale([-1, 1], [height - 20, height * 0.52 + 52]),
  };
}

function drawLogits(scenery, { column, bar, Z, from, to, bound, left }, { raw, c, labels, chosen }) {
  const parts = [svg("text", { class: "xp-strong", x: 6, y: 16 }, c === 0 ? "logits z" : `logits z, all shifted by ${number(c, 0)}`)];
  for (const tick of ticks([-bound, bound], 4)) {
    parts.push(svg("line", { class: tick === 0 ? "xp-zero" : "xp-grid", x1: from, x2: to, y1: Z(tick), y2: Z(tick) }),
      svg("text", { x: from - 5, y: Z(tick) + 4, "text-anchor": "end" }, number(tick + c, 0)));
  }
  raw.forEach((z, k) => {
    const [top, base] = [Math.min(Z(z), Z(0)), Math.max(Z(z), Z(0))];
    parts.push(
      svg("rect", { x: column(k) - bar / 2, y: top, width: bar, height: base - top, fill: COLOUR.parameter, "fill-opacity": 0.45, stroke: COLOUR.parameter, "stroke-width": 2 }),
      svg("text", { class: "xp-digits", x: column(k), y: z >= 0 ? top - 16 : base + 26, "text-anchor": "middle", "data-reading": `z${k}` }, number(z + c, 2)),
      svg("text", { class: k === chosen ? "xp-strong" : "", x: column(k), y: left.height - 6, "text-anchor": "middle" }, k === chosen ? `${labels[k]} ◂` : labels[k]),
    );
  });
  scenery.replaceChildren(...parts);
}

function drawResults(chart, { column, bar, P, G, from, to }, { probabilities, gradient, chosen, T }) {
  const parts = [
    svg("text", { class: "xp-strong", x: 6, y: 16 }, "probabilities p"),
    svg("text", { class: "xp-strong", x: 6, y: G(1) - 22 }, T === 1 ? "gradient p − y" : "gradient (p − y) / T"),
  ];
  for (const tick of [0, 0.5, 1]) {
    parts.push(svg("line", { class: tick === 0 ? "xp-zero" : "xp-grid", x1: from, x2: to, y1: P(tick), y2: P(tick) }),
      svg("text", { x: from - 5, y: P(tick) + 4, "text-anchor": "end" }, tick));
  }
  const reach = Math.max(1, 1 / T);
  for (const tick of [-1, 0, 1]) {
    parts.push(svg("line", { class: tick === 0 ? "xp-zero" : "xp-grid", x1: from, x2: to, y1: G(tick), y2: G(tick) }),
      svg("text", { x: from - 5, y: G(tick) + 4, "text-anchor": "end" }, number(tick * reach, reach === 1 ? 0 : 1)));
  }
  probabilities.forEach((p, k) => {
    const g = gradient[k] / reach;
    if (k === chosen) {
      parts.push(svg("rect", { x: column(k) - bar / 2 - 5, y: P(1), width: bar + 10, height: P(0) - P(1), fill: "none", stroke: COLOUR.data, "stroke-width": 2, "stroke-dasharray": "4 4" }));
    }
    parts.push(
      svg("rect", { class: "xp-outlined", x: column(k) - bar / 2, y: P(p), width: bar, height: P(0) - P(p), fill: COLOUR.model }),
      svg("rect", { class: "xp-outlined", x: column(k) - bar / 2, y: Math.min(G(g), G(0)), width: bar, height: Math.abs(G(g) - G(0)), fill: COLOUR.gradient }),
      svg("text", { class: "xp-digits", x: column(k), y: P(p) - 5, "text-anchor": "middle", "data-reading": `p${k}` }, number(p, 4)),
      svg("text", { class: "xp-digits", x: column(k), y: g >= 0 ? G(g) - 5 : G(g) + 13, "text-anchor": "middle", "data-reading": `g${k}` }, number(gradient[k], 4)),
    );
  });
  chart.replaceChildren(...parts);
}

export default { render };
