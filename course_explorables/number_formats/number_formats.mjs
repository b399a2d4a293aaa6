// Number formats: the ranges of six formats, the neighbours of a number in one of them, and its bits to switch.
import { COLOUR, clamp, drag, exponent, handle, html, identifier, keys, place, scale, svg, update } from "../base/base.mjs";
import { button, frame, live, put, readout } from "../base/frame.mjs";
import { bitsOf, decodeBits, encodeBits, formats, neighbours, roundTo, stepExponent } from "./rounding.mjs";

const [LOW, HIGH] = [-152, 130]; // powers of 2 on the ruler
const AROUND = 3; // steps drawn on either side

function render({ model, el }) {
  const forms = formats(model.get("formats"));
  const chosen = () => forms.find(({ name }) => name === model.get("form"));
  const setValue = (value) => {
    const size = Math.abs(value);
    if (Number.isFinite(value)) put(model, { value: size < 2 ** LOW ? 0 : Math.sign(value) * Math.min(size, 2 ** HIGH) });
  };

  const ranges = svg("g", {});
  const sizeHandle = handle("size of x, as a power of 2");
  const ruler = svg("svg", {}, ranges, sizeHandle);
  const line = svg("g", {});
  const fineHandle = handle("x among its neighbours");
  const zoom = svg("svg", {}, line, fineHandle);
  const strip = html("div", { class: "xp-bits", role: "group", "aria-label": "Bits" });
  const typed = numberInput(setValue);
  const table = comparison(forms, (name) => put(model, { form: name }));
  const read = readout([
    { key: "rounded", name: "becomes", swatch: { shape: "dot", colour: COLOUR.model } },
    { key: "error", name: "relative error", swatch: { shape: "box", colour: COLOUR.gradient } },
    { key: "gap", name: "gap to the next" },
  ]);
  const ui = frame({ model, el }, {
    stage: [ruler, zoom, strip], controls: [typed.node, table.node], reading: read,
    goals: ["infinite in fp16, a number in bf16", "half-way between two numbers of bf16"],
  });

  let layout = null;
  let held = null; // the window stays while the number is dragged
  const sign = () => (model.get("value") < 0 ? -1 : 1);
  const setSize = (power) => setValue(sign() * Number((2 ** clamp(power, LOW, HIGH)).toPrecision(4)));
  drag(sizeHandle, ruler, (x) => setSize(layout.P.invert(x)));
  keys(sizeHandle, { step: () => 1, low: () => LOW, high: () => HIGH, value: () => powerOf(model.get("value")), change: setSize });
  const sixteenth = () => 2 ** (stepExponent(model.get("value"), chosen()) - 4);
  drag(fineHandle, zoom, (x) => {
    const unit = held.unit / 16;
    setValue(Math.round(clamp(held.X.invert(x), held.low, held.high) / unit) * unit);
  }, { start: () => { held = { ...layout.window }; }, end: () => { held = null; again(); } });
  keys(fineHandle, {
    step: () => 2 * sixteenth(), low: () => layout.window.low, high: () => layout.window.high,
    value: () => model.get("value"), change: (value) => setValue(Math.round(value / sixteenth()) * sixteenth()),
  });

  let width = 0;
  const again = () => draw(width);
  function draw(now) {
    width = now;
    const [value, form] = [model.get("value"), chosen()];
    const code = encodeBits(value, form);
    const rounded = decodeBits(code, form);
    layout = { width, P: scale([LOW, HIGH], [78, width - 14]), window: held ?? windowAround(value, form, width) };
    drawRanges(ruler, ranges, layout, forms, form, powerOf(value));
    place(sizeHandle, layout.P(powerOf(value)), 16, { value: Number(powerOf(value).toFixed(2)), low: LOW, high: HIGH, text: `size ${words(Math.abs(value))}` });
    drawNeighbours(zoom, line, layout, form, rounded);
    const { X, low, high, unit } = layout.window;
    const gaps = (x) => Number(((x - low) / unit).toFixed(3)); // a slider's numbers may not have an exponent
    place(fineHandle, clamp(X(value), 4, width - 4), 44, { value: gaps(value), low: 0, high: gaps(high), text: words(value) });
    drawBits(strip, code, form, (flipped) => setValue(decodeBits(flipped, form)));
    typed.show(value);
    table.show(value, form.name);
    const off = relative(value, rounded);
    read.show("rounded", words(rounded), rounded === value ? "exactly" : "");
    read.show("error", off.text, off.note);
    read.show("gap", gapOf(value, rounded, form), `${2 ** form.fractionBits} a doubling`);
    const bf16 = forms.find(({ name }) => name === "bf16");
    const fp16 = forms.find(({ name }) => name === "fp16");
    ui.goal(0, !Number.isFinite(roundTo(value, fp16)) && Number.isFinite(roundTo(value, bf16)));
    ui.goal(1, isTie(value, bf16));
    ui.code({ value: written(value), form: form.name, bits: grouped(code, form) });
  }
  return live({ model, el }, ["value", "form"], draw);
}

// --- numbers in words ------------------------------------------------------------------------------------------------------

function words(value) {
  if (!Number.isFinite(value)) return value < 0 ? "−infinite" : "infinite";
  const short = Number(value.toPrecision(9));
  const size = Math.abs(short);
  const text = size !== 0 && (size < 1e-4 || size >= 1e9) ? exponent(short, 8).replace(/\.?0+e/, "e") : String(short);
  return (Object.is(value, -0) ? "-0" : text).replace(/-/g, "−");
}

// As Python reads it back to the last bit.
function written(value) {
  if (value === 0) return Object.is(value, -0) ? "-0.0" : "0.0";
  const size = Math.abs(value);
  const [digits, power] = value.toExponential().split("e");
  if (size >= 1e16 || size < 1e-4) return `${digits}e${power[0]}${power.slice(1).padStart(2, "0")}`;
  if (size >= 1e21 || !Number.isInteger(value)) return String(value);
  return `${value.toFixed(0)}.0`;
}

function powerOf(value) {
  return value === 0 ? LOW : clamp(Math.log2(Math.abs(value)), LOW, HIGH);
}

function relative(value, rounded) {
  if (!Number.isFinite(rounded)) return { text: "too large", note: "" };
  if (value === rounded) return { text: "none", note: "" };
  const error = Math.abs(rounded - value) / Math.abs(value);
  return { text: exponent(error, 2).replace("-", "−"), note: rounded === 0 ? "all of it is lost" : "" };
}

function gapOf(value, rounded, form) {
  return Number.isFinite(rounded) ? words(2 ** stepExponent(rounded, form)) : "none";
}

function isTie(value, form) {
  const steps = Math.abs(value) * 2 ** -stepExponent(value, form);
  return steps % 1 === 0.5 && Number.isFinite(roundTo(value, form));
}

function grouped(code, form) {
  const bits = bitsOf(code, form);
  return `${bits[0]} ${bits.slice(1, 1 + form.exponentBits)} ${bits.slice(1 + form.exponentBits)}`;
}

// --- the ruler: what sizes each format holds -----------------------------------------------------------------------------

function drawRanges(ruler, ranges, { width, P }, forms, form, here) {
  const [top, row] = [36, 17];
  update(ruler, { width, height: top + row * forms.length + 20 });
  const bottom = top + row * forms.length;
  const parts = [];
  for (const power of [-149, -100, -50, 0, 50, 100]) {
    parts.push(svg("line", { class: power === 0 ? "xp-zero" : "xp-grid", x1: P(power), x2: P(power), y1: top - 4, y2: bottom }),
      svg("text", { x: P(power), y: bottom + 14, "text-anchor": "middle" }, power === 0 ? "1" : `2${raised(power)}`));
  }
  forms.forEach((each, k) => {
    const y = top + row * k + row / 2;
    const [small, normal, large] = [1 - each.bias - each.fractionBits, 1 - each.bias, Math.log2(decodeBits(each.beyond - 1, each))];
    parts.push(
      svg("text", { class: each === form ? "xp-strong" : null, x: 70, y: y + 4, "text-anchor": "end" }, each.name),
      svg("line", { x1: P(normal), x2: P(large), y1: y, y2: y, stroke: COLOUR.model, "stroke-width": each === form ? 9 : 6 }),
      svg("line", { x1: P(small), x2: P(normal), y1: y, y2: y, stroke: COLOUR.model, "stroke-width": each === form ? 9 : 6, "stroke-dasharray": "2 2" }));
  });
  parts.push(svg("line", { x1: P(here), x2: P(here), y1: 16, y2: bottom, stroke: COLOUR.parameter, "stroke-width": 2, "stroke-dasharray": "3 3" }));
  ranges.replaceChildren(...parts);
}

function raised(power) {
  return String(power).replace("-", "⁻").replace(/\d/g, (digit) => "⁰¹²³⁴⁵⁶⁷⁸⁹"[digit]);
}

// --- the neighbours --------------------------------------------------------------------------------------------------------

function windowAround(value, form, width) {
  const unit = 2 ** stepExponent(value, form);
  const middle = Math.floor(value / unit) * unit;
  const [low, high] = [middle - AROUND * unit, middle + (AROUND + 1) * unit];
  return { low, high, unit, middle, X: scale([low, high], [16, width - 16]) };
}

function drawNeighbours(zoom, line, { width, window }, form, rounded) {
  const { low, high, unit, middle, X } = window;
  update(zoom, { width, height: 96 });
  const parts = [
    svg("text", { class: "xp-strong", x: 2, y: 14 }, `the numbers of ${form.name} next to x`),
    svg("line", { class: "xp-zero", x1: X(low), x2: X(high), y1: 44, y2: 44 }),
  ];
  for (const each of neighbours(middle, form, 4 * AROUND)) {
    if (each < low || each > high) continue;
    parts.push(svg("line", { class: "xp-outlined", x1: X(each), x2: X(each), y1: 34, y2: 54 }));
    if (Math.abs(each - middle) < unit / 4 || Math.abs(each - middle - unit) < unit / 4) {
      parts.push(svg("text", { x: X(each), y: 90, "text-anchor": each <= middle + unit / 4 ? "end" : "start" }, words(each)));
    }
  }
  if (rounded >= low && rounded <= high) {
    parts.push(svg("path", { class: "xp-outlined", d: `M${X(rounded).toFixed(1)} 58l7 13h-14z`, fill: COLOUR.model, "data-rounded": rounded }));
  } else if (!Number.isFinite(rounded)) {
    parts.push(svg("text", { x: width - 4, y: 72, "text-anchor": "end" }, `beyond the largest number of ${form.name}`));
  }
  line.replaceChildren(...parts);
}

// --- bits, number to type, table ---------------------------------------------------------------------------------------------

function drawBits(strip, code, form, flip) {
  const bits = bitsOf(code, form);
  const parts = [["sign", 0, 1], ["exponent", 1, 1 + form.exponentBits], ["fraction", 1 + form.exponentBits, form.bits]];
  const shape = `${form.name}`;
  if (strip.dataset.shape !== shape) {
    strip.dataset.shape = shape;
    strip.replaceChildren(...parts.map(([name, from, to]) => html("div", { class: `xp-field ${name}` },
      html("span", { class: "xp-caption" }, name),
      html("div", {}, ...bits.slice(from, to).split("").map((_, k) => button("", null, { class: "xp-button xp-bit" }))))));
  }
  [...strip.querySelectorAll(".xp-bit")].forEach((node, k) => {
    const [name, from] = parts.find(([, low, high]) => k >= low && k < high);
    const flipped = code + (bits[k] === "1" ? -1 : 1) * 2 ** (form.bits - 1 - k);
    const refused = !Number.isFinite(decodeBits(flipped, form));
    node.textContent = bits[k];
    node.onclick = () => flip(flipped);
    node.disabled = refused;
    update(node, { "aria-pressed": String(bits[k] === "1"), "aria-label": `${name} bit ${k - from + 1}: ${bits[k]}` });
    node.title = refused ? "would be infinite or no number" : "";
  });
}

function numberInput(setValue) {
  const id = identifier("number");
  const problem = html("span", { class: "xp-problem", "aria-live": "polite" });
  const read = () => {
    const value = Number(input.value.trim().replace("−", "-"));
    const size = Math.abs(value);
    const fits = input.value.trim() !== "" && Number.isFinite(value) && (size === 0 || (size >= 2 ** LOW && size <= 2 ** HIGH));
    problem.textContent = fits ? "" : "a number from 1.8e−46 to 1.3e39, please";
    input.setAttribute("aria-invalid", String(!fits));
    if (fits) setValue(value);
  };
  const input = html("input", { type: "text", id, class: "xp-typed-number", spellcheck: "false", autocomplete: "off", oninput: read });
  return {
    node: html("div", { class: "xp-choices" }, html("label", { for: id }, "x ="), input, problem),
    show(value) {
      const shown = Number(input.value.trim().replace("−", "-"));
      if (document.activeElement === input && (shown === value || input.getAttribute("aria-invalid") === "true")) return;
      problem.textContent = "";
      input.setAttribute("aria-invalid", "false");
      if (shown !== value || input.value.trim() === "") input.value = String(value);
    },
  };
}

function comparison(forms, choose) {
  const rows = forms.map((form) => {
    const pick = button(form.name, () => choose(form.name), { "aria-pressed": "false" });
    const [becomes, error] = ["becomes", "error"].map((key) => html("td", { "data-reading": `${key}-${form.name}` }));
    return { form, pick, becomes, error, node: html("tr", {}, html("td", {}, pick), becomes, error) };
  });
  const head = ["format", "x becomes", "relative error"].map((text) => html("th", { scope: "col" }, text));
  return {
    node: html("table", { class: "xp-formats" }, html("thead", {}, html("tr", {}, ...head)), html("tbody", {}, ...rows.map(({ node }) => node))),
    show(value, name) {
      for (const { form, pick, becomes, error } of rows) {
        const rounded = roundTo(value, form);
        pick.setAttribute("aria-pressed", String(form.name === name));
        becomes.textContent = words(rounded);
        error.textContent = relative(value, rounded).text;
      }
    },
  };
}

export default { render };
