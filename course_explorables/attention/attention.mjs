// Attention: one head over a short text. Every weight as a colour; the chosen query's row as bars and as a mixture.
import { COLOUR, clamp, drag, handle, html, identifier, number, place, svg, update } from "../base/base.mjs";
import { button, frame, live, put, readout } from "../base/frame.mjs";
import { colour, inkOn, tint } from "../base/heat.mjs";

const DIM = 64;
const GRID = 32; // table entries are multiples of 1/32
const LONGEST = 12;

// A head's queries and keys for a text: for each letter its row of the letter table plus the position's row.
function queriesAndKeys(tables, [queryLetter, queryPosition, keyLetter, keyPosition], text) {
  const look = (letter, position) => Array.from(text, (each, m) => Float64Array.from({ length: DIM }, (_, k) => (
    (letter < 0 ? 0 : tables.getInt8(letter + (each.charCodeAt(0) - 97) * DIM + k))
    + (position < 0 ? 0 : tables.getInt8(position + m * DIM + k))) / GRID));
  return [look(queryLetter, queryPosition), look(keyLetter, keyPosition)];
}

// Products q·k, and softmax over the keys of product × scale; a masked weight is zero.
function attend([queries, keys], { scaled, masked }) {
  const factor = scaled ? DIM ** -0.5 : 1;
  const products = queries.map((q) => keys.map((k) => q.reduce((sum, each, c) => sum + each * k[c], 0)));
  const weights = products.map((row, m) => {
    const seen = row.map((_, n) => !masked || n <= m);
    const top = Math.max(...row.filter((_, n) => seen[n])) * factor;
    const powers = row.map((product, n) => (seen[n] ? Math.exp(product * factor - top) : 0));
    const sum = powers.reduce((total, power) => total + power, 0);
    return powers.map((power) => power / sum);
  });
  return { products, weights, factor };
}

function entropy(weights) {
  return -weights.reduce((sum, w) => sum + (w > 0 ? w * Math.log(w) : 0), 0);
}

// The output for one-hot values: each letter's share, largest first.
function mixture(text, weights) {
  const shares = {};
  weights.forEach((w, n) => { shares[text[n]] = (shares[text[n]] ?? 0) + w; });
  return Object.entries(shares).filter(([, share]) => share > 0).sort((a, b) => b[1] - a[1] || (a[0] < b[0] ? -1 : 1));
}

function render({ model, el }) {
  const palette = model.get("palette");
  const scenery = svg("g", {});
  const field = svg("rect", { class: "xp-target" });
  const point = handle("chosen query and key");
  update(point.querySelector(".xp-mark"), { r: 5 });
  update(point.querySelector(".xp-ring"), { r: 10 });
  const map = svg("svg", { class: "xp-map" }, scenery, field, point);
  const row = svg("svg", {});

  const entry = textField(model);
  const heads = model.get("heads").map(([name]) => button(name, () => put(model, { head: name }), { "aria-pressed": "false" }));
  const toggle = (name, text) => button(text, () => put(model, { [name]: !model.get(name) }), { "aria-pressed": "false" });
  const scaled = toggle("scaled", `scale 1/√${DIM}`);
  const masked = toggle("masked", "causal mask");
  const read = readout([
    { key: "product", name: "q·k" }, { key: "score", name: "score" },
    { key: "weight", name: "weight", swatch: { shape: "box", colour: COLOUR.model } },
    { key: "entropy", name: "the row's entropy" },
  ]);
  const ui = frame({ model, el }, {
    stage: [map, row],
    controls: [
      entry.node,
      html("div", { class: "xp-choices", role: "group", "aria-label": "Head" }, html("span", {}, "Head"), ...heads),
      html("div", { class: "xp-choices", role: "group", "aria-label": "Scores" }, html("span", {}, "Scores"), scaled, masked),
    ],
    reading: read,
    goals: ["a query with four keys in sight gives one of them 0.999", "a query looks at four keys or more, all alike"],
  });

  let layout = null;
  let now = null;
  let hovered = null;
  const choose = (m, n) => put(model, { cell: [clamp(m, 0, now.seq - 1), clamp(n, 0, now.seq - 1)] });
  const at = (x, y) => [Math.floor((y - layout.top) / layout.size), Math.floor((x - layout.left) / layout.size)];
  drag(field, map, (x, y) => choose(...at(x, y)), { focus: point });
  drag(point, map, (x, y) => choose(...at(x - layout.size / 2 + 2, y - layout.size / 2 + 2)));
  point.addEventListener("keydown", (event) => {
    const [m, n] = now.cell;
    const moves = { ArrowUp: [m - 1, n], ArrowDown: [m + 1, n], ArrowLeft: [m, n - 1], ArrowRight: [m, n + 1], Home: [m, 0], End: [m, now.seq - 1], PageUp: [0, n], PageDown: [now.seq - 1, n] };
    if (!(event.key in moves)) return;
    event.preventDefault();
    choose(...moves[event.key]);
  });
  map.addEventListener("pointermove", (event) => {
    if (event.buttons || event.pointerType === "touch") return;
    const box = map.getBoundingClientRect();
    const [m, n] = at(event.clientX - box.left, event.clientY - box.top);
    hovered = m >= 0 && n >= 0 && m < now.seq && n < now.seq ? [m, n] : null;
    show();
  });
  map.addEventListener("pointerleave", () => { hovered = null; show(); });

  function draw(width) {
    const [text, head, isScaled, isMasked] = ["text", "head", "scaled", "masked"].map((name) => model.get(name));
    hovered = null;
    const seq = text.length;
    now = {
      text, seq, masked: isMasked, cell: model.get("cell").map((each) => Math.min(each, seq - 1)),
      ...attend(queriesAndKeys(model.get("tables"), model.get("heads").find(([name]) => name === head)[1], text), { scaled: isScaled, masked: isMasked }),
    };
    layout = arrange(width, seq);
    update(map, { width: layout.map, height: layout.height });
    update(row, { width: layout.side, height: layout.tall });
    update(field, { x: layout.left, y: layout.top, width: seq * layout.size, height: seq * layout.size });
    entry.draw();
    heads.forEach((each) => each.setAttribute("aria-pressed", String(each.textContent === head)));
    scaled.setAttribute("aria-pressed", String(isScaled));
    masked.setAttribute("aria-pressed", String(isMasked));
    const [m, n] = now.cell;
    place(point, layout.left + (n + 1) * layout.size - 2, layout.top + (m + 1) * layout.size - 2, {
      value: m * seq + n, low: 0, high: seq * seq - 1,
      text: `query ${m + 1}, ${text[m]}; key ${n + 1}, ${text[n]}; weight ${number(now.weights[m][n], 4)}`,
    });
    const many = now.weights.map((weights, k) => weights.slice(0, isMasked ? k + 1 : seq)).filter((weights) => weights.length >= 4);
    ui.goal(0, many.some((weights) => Math.max(...weights) >= 0.999));
    ui.goal(1, many.some((weights) => Math.max(...weights) - Math.min(...weights) < 1e-9));
    ui.code({
      text, head, mask: isMasked ? "causal_mask(len(text))" : "None", scale: isScaled ? `${DIM}**-0.5` : "1.0", row: m, column: n,
    });
    show();
  }

  // What depends on the cell shown: the chosen one, or the one under the mouse.
  function show() {
    const [m, n] = hovered ?? now.cell;
    const hidden = now.masked && n > m;
    const weights = now.weights[m];
    drawMap(scenery, layout, now, palette, [m, n]);
    drawRow(row, layout, now, [m, n]);
    read.show("product", number(now.products[m][n], 4), `query ${m + 1} (${now.text[m]}) · key ${n + 1} (${now.text[n]})`);
    read.show("score", hidden ? "masked" : number(now.products[m][n] * now.factor, 4),
      hidden ? "a later letter: out of sight" : now.factor === 1 ? "= q·k, not scaled" : `= q·k / ${Math.sqrt(DIM)}`);
    read.show("weight", number(weights[n], 6));
    const keys = now.masked ? m + 1 : now.seq;
    read.show("entropy", number(entropy(weights), 6), `nats; all alike: ${number(Math.log(keys), 4)}`);
  }
  return live({ model, el }, ["text", "head", "scaled", "masked", "cell"], draw);
}

// The text's field: letters are taken as they come, anything else is said and left out.
function textField(model) {
  const id = identifier("text");
  const problemId = identifier("problem");
  const problem = html("span", { class: "xp-problem", id: problemId, role: "status" });
  const input = html("input", {
    type: "text", id, class: "xp-text", spellcheck: "false", autocomplete: "off", autocapitalize: "none", "aria-describedby": problemId,
    oninput: () => {
      const letters = input.value.toLowerCase().replace(/[^a-z]/g, "");
      const wrong = !letters ? "type a letter, a to z" : letters.length !== input.value.length ? "letters a to z only" : letters.length > LONGEST ? `the first ${LONGEST} letters only` : "";
      problem.textContent = wrong;
      input.setAttribute("aria-invalid", String(wrong !== ""));
      if (letters) put(model, { text: letters.slice(0, LONGEST) });
    },
    onblur: () => {
      problem.textContent = "";
      input.setAttribute("aria-invalid", "false");
      input.value = model.get("text");
    },
  });
  return {
    node: html("div", { class: "xp-choices xp-typed" }, html("label", { for: id }, "Text"), input, problem),
    draw: () => { if (input.getRootNode().activeElement !== input) input.value = model.get("text"); },
  };
}

function arrange(width, seq) {
  const wide = width >= 520;
  const [left, top] = [34, 40];
  const size = Math.min(wide ? 26 : 34, Math.floor(((wide ? 350 : width) - left - 4) / seq));
  const map = wide ? 352 : width;
  const height = Math.max(top + seq * size + 8, wide ? 240 : 0);
  const side = wide ? width - map - 8 : width;
  const pitch = wide ? clamp((height - top - 66) / seq, 18, 22) : 20;
  return { left, top, size, map, height, side, pitch, tall: top + seq * pitch + 66 };
}

function drawMap(scenery, { left, top, size }, { text, seq, weights, masked }, palette, [row, column]) {
  const letter = (k, x, y, strong) => svg("text", { class: `xp-letter ${strong ? "xp-strong" : ""}`, x, y, "text-anchor": "middle" }, text[k]);
  const parts = [
    svg("text", { x: left, y: 14 }, "keys →"),
    ...legend(left + seq * size, palette),
    svg("text", { x: 12, y: top, transform: `rotate(-90 12 ${top})`, "text-anchor": "end" }, "← queries"),
  ];
  for (let k = 0; k < seq; k += 1) {
    const middle = (k + 0.5) * size;
    parts.push(letter(k, left + middle, top - 7, k === column), letter(k, left - 9, top + middle + 4, k === row));
  }
  for (let m = 0; m < seq; m += 1) {
    for (let n = 0; n < seq; n += 1) {
      const hidden = masked && n > m;
      parts.push(svg("rect", {
        x: left + n * size + 0.5, y: top + m * size + 0.5, width: size - 1, height: size - 1, "data-cell": `${m} ${n}`,
        fill: hidden ? "var(--xp-quiet)" : colour(palette, weights[m][n]), stroke: hidden ? "var(--xp-grid)" : null, "stroke-dasharray": hidden ? "2 3" : null,
      }));
    }
  }
  parts.push(
    svg("rect", { x: left - 1, y: top + row * size - 1, width: seq * size + 2, height: size + 2, rx: 3, fill: "none", stroke: "var(--xp-text)", "stroke-width": 1.5 }),
    svg("rect", { x: left + column * size, y: top + row * size, width: size, height: size, rx: 2, fill: "none", stroke: inkOn(tint(palette, weights[row][column])), "stroke-width": 2.5 }),
  );
  scenery.replaceChildren(...parts);
}

// The colour scale, its right end at `right`; none where there is no room.
function legend(right, palette) {
  if (right < 190) return [];
  return [
    svg("text", { x: right - 88, y: 14, "text-anchor": "end" }, "weight 0"),
    ...palette.map((fill, k) => svg("rect", { x: right - 83 + (k * 70) / palette.length, y: 5, width: 70 / palette.length + 0.5, height: 10, fill })),
    svg("text", { x: right, y: 14, "text-anchor": "end" }, "1"),
  ];
}

function drawRow(chart, { top, side, pitch, tall }, { text, weights, masked }, [row, column]) {
  const [from, to] = [26, side - 58];
  const parts = [svg("text", { class: "xp-strong", x: 2, y: 14 }, `query ${row + 1} (${text[row]}): its weights`)];
  weights[row].forEach((w, n) => {
    const y = top - 14 + n * pitch;
    const hidden = masked && n > row;
    parts.push(
      svg("text", { class: `xp-letter ${n === column ? "xp-strong" : ""}`, x: 14, y: y + pitch / 2 + 4, "text-anchor": "middle" }, text[n]),
      svg("rect", { x: from, y: y + 3, width: to - from, height: pitch - 6, fill: hidden ? "none" : "var(--xp-quiet)", stroke: hidden ? "var(--xp-grid)" : null, "stroke-dasharray": hidden ? "2 3" : null }),
      hidden ? null : svg("rect", { class: "xp-outlined", x: from, y: y + 3, width: Math.max((to - from) * w, 0.5), height: pitch - 6, fill: COLOUR.model }),
      svg("text", { class: "xp-digits", x: side, y: y + pitch / 2 + 4, "text-anchor": "end", "data-reading": `w${n}` }, hidden ? "masked" : number(w, 4)),
    );
  });
  // The output as one bar, cut into its letters.
  const shares = mixture(text, weights[row]);
  const y = tall - 46;
  parts.push(svg("text", { class: "xp-strong", x: 2, y: y - 7 }, "the output, a mixture"));
  let x = 2;
  shares.forEach(([letter, share], k) => {
    const width = (side - 4) * share;
    parts.push(svg("rect", { class: "xp-outlined", x, y, width, height: 22, fill: COLOUR.model, "fill-opacity": k % 2 ? 0.35 : 0.8 }));
    if (width > 12) parts.push(svg("text", { class: "xp-letter xp-strong", x: x + width / 2, y: y + 15, "text-anchor": "middle" }, letter));
    x += width;
  });
  const most = shares.slice(0, 3).map(([letter, share]) => `${number(share, 3)} ${letter}`).join(" + ");
  parts.push(svg("text", { class: "xp-digits", x: 2, y: tall - 6, "data-reading": "output" }, `${most}${shares.length > 3 ? " + …" : ""}`));
  chart.replaceChildren(...parts.filter(Boolean));
}

export default { render };
