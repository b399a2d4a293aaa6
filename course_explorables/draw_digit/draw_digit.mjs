// Draw a digit: strokes prepared as MNIST's digits were, read by the book's network in the page.
import { COLOUR, clamp, drag, html, number, svg, update } from "../base/base.mjs";
import { button, frame, live, put, readout } from "../base/frame.mjs";
import { logitsOf, softmax, unpack } from "./network.mjs";
import { secondEngine } from "../base/onnx_engine.mjs";

const SIDE = 28;
const BOX = 20; // MNIST scales a digit into 20×20 …
const MIDDLE = 13.5; // … and moves its centre of mass to the middle of 28×28, here in pixel centres
const RADIUS = 1.15; // half the pen's width in those pixels
const SOFT = 1.2; // and the width of its soft edge

// Strokes are lists [x, y, x, y, …] in the unit square. Their lines are scaled, not their ink, so that a small
// drawing keeps the pen width the network was trained on. Twice: the second time about the centre of mass.
function prepare(strokes) {
  const xs = strokes.flatMap((stroke) => stroke.filter((_, k) => k % 2 === 0));
  const ys = strokes.flatMap((stroke) => stroke.filter((_, k) => k % 2 === 1));
  if (!xs.length) return new Uint8Array(SIDE * SIDE);
  const [left, right, top, bottom] = [Math.min(...xs), Math.max(...xs), Math.min(...ys), Math.max(...ys)];
  const scale = (BOX - 2 * RADIUS) / Math.max(right - left, bottom - top, 0.08);
  let [dx, dy] = [MIDDLE - (scale * (left + right)) / 2, MIDDLE - (scale * (top + bottom)) / 2];
  const ink = () => rasterise(strokes.map((stroke) => stroke.map((v, k) => v * scale + (k % 2 ? dy : dx))));
  let [mass, mx, my] = [0, 0, 0];
  ink().forEach((v, k) => {
    mass += v;
    mx += v * (k % SIDE);
    my += v * Math.floor(k / SIDE);
  });
  // Kept inside the frame: a pixel's margin on every side.
  dx += clamp(MIDDLE - mx / mass, 1 + RADIUS - (left * scale + dx), SIDE - 2 - RADIUS - (right * scale + dx));
  dy += clamp(MIDDLE - my / mass, 1 + RADIUS - (top * scale + dy), SIDE - 2 - RADIUS - (bottom * scale + dy));
  return ink();
}

// Each pixel's ink is decided by its distance to the nearest piece of a stroke.
function rasterise(strokes) {
  const nearest = new Float64Array(SIDE * SIDE).fill(Infinity);
  for (const stroke of strokes) {
    for (let k = 0; k < Math.max(stroke.length - 2, 2); k += 2) {
      const [ax, ay] = [stroke[k], stroke[k + 1]];
      const [bx, by] = stroke.length > 2 ? [stroke[k + 2], stroke[k + 3]] : [ax, ay];
      const reach = RADIUS + SOFT;
      const [fromX, toX] = [Math.max(0, Math.ceil(Math.min(ax, bx) - reach)), Math.min(SIDE - 1, Math.floor(Math.max(ax, bx) + reach))];
      const [fromY, toY] = [Math.max(0, Math.ceil(Math.min(ay, by) - reach)), Math.min(SIDE - 1, Math.floor(Math.max(ay, by) + reach))];
      const [ux, uy] = [bx - ax, by - ay];
      const length = ux * ux + uy * uy;
      for (let y = fromY; y <= toY; y += 1) {
        for (let x = fromX; x <= toX; x += 1) {
          const t = length ? clamp(((x - ax) * ux + (y - ay) * uy) / length, 0, 1) : 0;
          const distance = Math.hypot(x - ax - t * ux, y - ay - t * uy);
          nearest[y * SIDE + x] = Math.min(nearest[y * SIDE + x], distance);
        }
      }
    }
  }
  return Uint8Array.from(nearest, (d) => Math.round(255 * clamp((RADIUS + SOFT / 2 - d) / SOFT, 0, 1)));
}

function render({ model, el }) {
  const network = unpack(model.get("layers"), model.get("weights"));
  const stored = model.get("examples");
  const example = (digit) => new Uint8Array(stored.buffer, stored.byteOffset + digit * SIDE * SIDE, SIDE * SIDE);

  const picture = svg("image", { class: "xp-pixels", "aria-hidden": "true" });
  const ink = svg("g", { fill: "none", stroke: COLOUR.data, "stroke-linecap": "round", "stroke-linejoin": "round" });
  const hint = svg("text", { "text-anchor": "middle" }, "draw here");
  const pen = svg("circle", { class: "xp-pen", r: 7, fill: "none", stroke: COLOUR.parameter, "stroke-width": 3 });
  const paper = svg("rect", { class: "xp-paper", rx: 6 });
  const surface = svg("svg", {
    class: "xp-surface", tabindex: 0, role: "application",
    "aria-label": "Drawing square. Arrow keys move the pen, Space puts it down and lifts it, keys 0 to 9 load an example, Delete clears.",
  }, paper, picture, ink, hint, pen);
  const seen = html("canvas", { width: SIDE, height: SIDE, role: "img", "aria-label": "The 28 by 28 image the network sees" });
  const caption = html("div", { class: "xp-seen" }, html("div", { class: "xp-caption" }, "the network sees"), seen);
  const bars = svg("svg", { class: "xp-bars" });

  const clear = button("Clear", () => put(model, { strokes: [], example: -1 }));
  const load = (digit) => put(model, { strokes: [], example: digit });
  const examples = Array.from({ length: 10 }, (_, digit) => button(String(digit), () => load(digit), { "aria-label": `Example ${digit}`, "aria-pressed": "false" }));
  const read = readout([
    { key: "prediction", name: "prediction", swatch: { shape: "box", colour: COLOUR.model } },
    { key: "second", name: "runner-up" },
  ]);
  const second = secondEngine("digit", () => now);
  const ui = frame({ model, el }, {
    stage: [surface, caption, bars],
    controls: [clear, html("div", { class: "xp-choices xp-examples", role: "group", "aria-label": "Example digits" }, html("span", {}, "Examples"), ...examples), second.node],
    reading: read,
    goals: ["a drawing read as one digit with p ≥ 0.99", "a drawing with no p above 0.6"],
  });

  let size = 200;
  let now = null; // what the network was asked, and its answer
  const place = (pixel) => Number(clamp(pixel / size, 0, 1).toFixed(4));
  const strokes = () => (model.get("example") >= 0 ? [] : model.get("strokes"));
  const extend = (x, y, begin) => {
    const all = strokes();
    const next = begin || !all.length ? [...all, [x, y]] : [...all.slice(0, -1), [...all.at(-1), x, y]];
    put(model, { example: -1, strokes: next });
  };
  let fresh = false;
  let pressed = false; // a stroke in the making is no drawing yet: goals wait for its end
  let settle = () => {};
  drag(surface, surface, (x, y) => {
    cursor.x = place(x);
    cursor.y = place(y);
    extend(cursor.x, cursor.y, fresh);
    fresh = false;
  }, {
    start: () => { fresh = true; pressed = true; cursor.down = false; },
    end: () => { pressed = false; requestAnimationFrame(() => settle()); }, // behind a drawing that is due
  });

  const cursor = { x: 0.5, y: 0.25, down: false };
  const moves = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
  surface.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.key in moves) {
      const [dx, dy] = moves[event.key];
      cursor.x = clamp(cursor.x + dx / SIDE, 0, 1);
      cursor.y = clamp(cursor.y + dy / SIDE, 0, 1);
      if (cursor.down) extend(cursor.x, cursor.y, false);
    } else if (event.key === " ") {
      cursor.down = !cursor.down;
      if (cursor.down) extend(cursor.x, cursor.y, true);
      else requestAnimationFrame(() => settle());
    } else if (event.key === "Delete" || event.key === "Backspace") put(model, { strokes: [], example: -1 });
    else if (/^[0-9]$/.test(event.key)) load(Number(event.key));
    else return;
    event.preventDefault();
    showPen();
  });
  function showPen() {
    update(pen, { cx: cursor.x * size, cy: cursor.y * size, "stroke-dasharray": cursor.down ? "none" : "3 3" });
  }

  function draw(width) {
    const wide = width >= 520;
    size = wide ? 232 : Math.min(230, width - 112);
    const chosen = model.get("example");
    const lines = strokes();
    const pixels = chosen >= 0 ? example(chosen) : prepare(lines);
    update(surface, { width: size, height: size });
    update(paper, { width: size, height: size });
    update(hint, { x: size / 2, y: size / 2 });
    hint.style.display = chosen < 0 && !lines.length ? "" : "none";
    drawInk({ ink, picture, size }, lines, chosen >= 0 ? pixels : null);
    showPen();
    drawSeen(seen, pixels);
    // The kernel may ask for what the network sees: DrawDigit.image().
    if (model.get("pixels")) sendPixels(model, pixels);

    const empty = pixels.every((v) => v === 0);
    const logits = logitsOf(network, pixels);
    const probabilities = empty ? null : softmax(logits);
    now = empty ? null : { inputs: { images: ["float32", Float32Array.from(pixels, (v) => v / 255), [1, 1, SIDE, SIDE]] }, logits };
    second.refresh();
    drawBars(bars, wide ? width - size - 112 - 16 : width, size, probabilities, wide);
    tell(read, probabilities);
    const best = probabilities ? Math.max(...probabilities) : 0;
    settle = () => {
      ui.goal(0, lines.length > 0 && best >= 0.99);
      ui.goal(1, lines.length > 0 && best > 0 && best <= 0.6);
    };
    if (!pressed && !cursor.down) settle();
    examples.forEach((each, digit) => each.setAttribute("aria-pressed", String(digit === chosen)));
    const rows = Array.from({ length: SIDE }, (_, row) => hexadecimal(pixels.subarray(row * SIDE, (row + 1) * SIDE)));
    ui.code({ rows: rows.join("\n") });
  }
  return live({ model, el }, ["strokes", "example"], draw);
}

function sendPixels(model, pixels) {
  model.set("pixels", new DataView(pixels.slice().buffer));
  model.save_changes();
}

function hexadecimal(bytes) {
  return Array.from(bytes, (v) => v.toString(16).padStart(2, "0")).join("");
}

function paint(canvas, pixels, colour) {
  const context = canvas.getContext("2d");
  const image = context.createImageData(SIDE, SIDE);
  pixels.forEach((v, k) => image.data.set(colour(v), 4 * k));
  context.putImageData(image, 0, 0);
}

function drawSeen(canvas, pixels) {
  paint(canvas, pixels, (v) => [v, v, v, 255]);
}

function drawInk({ ink, picture, size }, strokes, pixels) {
  const width = size * ((2 * RADIUS) / SIDE) * 1.15;
  ink.replaceChildren(...strokes.map((stroke) => {
    const points = stroke.length > 2 ? stroke : [...stroke, stroke[0] + 1e-4, stroke[1]];
    return svg("polyline", { points: points.map((v) => (v * size).toFixed(1)).join(" "), "stroke-width": width });
  }));
  picture.style.display = pixels ? "" : "none";
  if (!pixels) return;
  const canvas = html("canvas", { width: SIDE, height: SIDE });
  paint(canvas, pixels, (v) => [0, 0x72, 0xb2, v]);
  update(picture, { href: canvas.toDataURL(), width: size, height: size });
}

function drawBars(chart, width, height, probabilities, wide) {
  const tall = wide ? height : 200;
  const pitch = tall / 10;
  const [from, to] = [20, width - 58];
  const best = probabilities ? probabilities.indexOf(Math.max(...probabilities)) : -1;
  update(chart, { width, height: tall });
  chart.replaceChildren(...Array.from({ length: 10 }, (_, digit) => {
    const p = probabilities ? probabilities[digit] : 0;
    const y = digit * pitch;
    return svg("g", {},
      svg("text", { class: digit === best ? "xp-strong" : "", x: 12, y: y + pitch / 2 + 4, "text-anchor": "end" }, digit),
      svg("rect", { x: from, y: y + 3, width: to - from, height: pitch - 6, fill: "var(--xp-quiet)" }),
      svg("rect", { class: "xp-outlined", x: from, y: y + 3, width: Math.max((to - from) * p, 0.5), height: pitch - 6, fill: COLOUR.model }),
      svg("text", { class: "xp-digits", x: width, y: y + pitch / 2 + 4, "text-anchor": "end", "data-reading": `p${digit}` }, probabilities ? number(p, 4) : "·"));
  }));
}

function tell(read, probabilities) {
  if (!probabilities) {
    read.show("prediction", "·", "draw a digit, or load one");
    read.show("second", "·");
    return;
  }
  const order = probabilities.map((_, digit) => digit).sort((a, b) => probabilities[b] - probabilities[a]);
  read.show("prediction", String(order[0]), `p = ${number(probabilities[order[0]], 4)}`);
  read.show("second", String(order[1]), `p = ${number(probabilities[order[1]], 4)}`);
}

export default { render };
