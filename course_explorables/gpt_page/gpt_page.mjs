// A GPT in the page: a prompt, its continuation, the next token's probabilities and the attention behind them.
import { COLOUR, clamp, html, identifier, number, update } from "../base/base.mjs";
import { bytePairs } from "./byte_pair.mjs";
import { button, frame, live, put, readout, slider } from "../base/frame.mjs";
import { chance, drawToken, follow, network, probabilities, reader, surprise, windowStart } from "./gpt_network.mjs";
import { attentionMap, chips, nextTokens } from "./gpt_views.mjs";
import { secondEngine } from "../base/onnx_engine.mjs";
import { parseSafetensors } from "../base/safetensors.mjs";
import { parts } from "../base/shipped_model.mjs";

const LONGEST = 10000; // characters
const NEW_TOKENS = 120;
const BARS = 10;
const FRAME = 8; // milliseconds of every animation frame given to the model
const MOST = [1, 2, 3, 5, 10, 20, 40, 100, 200, 500, 0]; // top-k; 0 is all

function render({ model, el }) {
  const waiting = html("p", { class: "xp-waiting", role: "status" }, "Fetching the model's weights …");
  el.replaceChildren(html("p", { class: "xp-title" }, model.get("title")), waiting);
  let [gone, undo] = [false, null];
  parts(model).then(({ settings, merges, weights }) => {
    if (!gone) undo = stand({ model, el }, network(settings, parseSafetensors(weights)), bytePairs(merges));
  }).catch((error) => {
    waiting.textContent = `The model's weights were not found beside this page (gpt/${model.get("name")}.js: ${error.message}). They come with the book's own pages; in JupyterLab the kernel sends them.`;
  });
  return () => { gone = true; undo?.(); };
}

function stand({ model, el }, net, tokenizer) {
  const kept = reader(net);
  let now = null; // what the page stands at, and what was computed of it
  let running = null; // a continuation under way
  let speed = null;
  let hovered = null;

  const textId = identifier("prompt");
  const noticeId = identifier("notice");
  const area = html("textarea", { id: textId, class: "xp-prompt", rows: 4, maxlength: LONGEST, spellcheck: "false", autocomplete: "off", "aria-describedby": noticeId, oninput: () => edit(area.value), onfocus: () => stop() });
  const notice = html("div", { class: "xp-notice", id: noticeId, role: "status" });
  const go = button("Continue", () => (running ? stop() : start()));
  const again = button("Another continuation", () => {
    stop();
    put(model, { written: [], seed: (model.get("seed") + 1) % 2 ** 31 });
    start();
  });
  const row = chips((k) => put(model, { query: k === now.window.length - 1 ? -1 : k }));
  const nexts = nextTokens(BARS, (k) => { stop(); write([now.next.order[k]]); });
  const map = attentionMap(model.get("palette"), {
    choose: (k) => put(model, { query: k === now.window.length - 1 ? -1 : k }),
    hover: (cell) => { hovered = cell; tell(); },
  });

  const group = (label, entries, name) => {
    const buttons = entries.map(([text, value]) => button(text, () => put(model, { [name]: value }), { "aria-pressed": "false" }));
    return {
      node: html("div", { class: "xp-choices", role: "group", "aria-label": label }, html("span", {}, label), ...buttons),
      draw: () => buttons.forEach((each, k) => each.setAttribute("aria-pressed", String(entries[k][1] === model.get(name)))),
    };
  };
  const counted = (count) => Array.from({ length: count }, (_, k) => [String(k + 1), k]);
  const groups = [
    group("Take", [["the likeliest", true], ["one by chance", false]], "greedy"),
    group("Attention of layer", counted(net.layers), "layer"), group("head", counted(net.heads), "head"),
  ];
  const temperature = slider({ label: "Temperature", low: 0.1, high: 3, step: 0.1, change: (value) => put(model, { temperature: value }) });
  const most = slider({ label: "Top-k", low: 0, high: MOST.length - 1, step: 1, change: (index) => put(model, { top_k: MOST[index] }) });
  const read = readout([
    { key: "tokens", name: "tokens" },
    { key: "nats", name: "your text", swatch: { shape: "box", colour: COLOUR.data } },
    { key: "entropy", name: "next token", swatch: { shape: "box", colour: COLOUR.model } },
    { key: "speed", name: "speed" },
  ]);
  const second = secondEngine(model.get("name"), asked);
  const ui = frame({ model, el }, {
    stage: [
      html("label", { class: "xp-caption", for: textId }, "Your text, and how the model goes on"), area,
      html("div", { class: "xp-actions" }, go, again, notice), row.node, nexts.node, map.node,
    ],
    controls: [groups[0].node, temperature.node, most.node, html("div", { class: "xp-choices xp-whose" }, groups[1].node, groups[2].node), second.node],
    reading: read,
    goals: ["ten typed tokens below 3 nats each on average", "ten typed tokens above 8"],
  });

  // --- writing ---------------------------------------------------------------------------------------------------

  function edit(value) {
    stop();
    speed = null;
    const text = value.slice(0, LONGEST).replace(/[\ud800-\udbff](?![\udc00-\udfff])|(?<![\ud800-\udbff])[\udc00-\udfff]/g, "\ufffd");
    if (model.get("written").length) model.set("written", []);
    put(model, { query: -1, prompt: text });
    if (value.length > LONGEST) notice.textContent = `only the first ${LONGEST} characters are read`;
  }

  function write(ids) {
    put(model, { query: -1, written: [...model.get("written"), ...ids] });
  }

  function start() {
    if (!now.ids.length) return;
    running = { left: NEW_TOKENS, made: 0, computing: 0, since: performance.now(), written: model.get("written") };
    go.textContent = "Stop";
    requestAnimationFrame(step);
  }

  function stop() {
    running = null;
    go.textContent = "Continue";
    second.refresh();
  }

  // Tokens for one animation frame.
  function step() {
    if (!running) return;
    const begin = performance.now();
    const ids = [...now.ids];
    do {
      ids.push(chosen(ids.length));
      advance(ids);
      running.left -= 1;
      running.made += 1;
    } while (running.left > 0 && performance.now() - begin < FRAME);
    running.computing += performance.now() - begin;
    running.written = ids.slice(now.typed);
    put(model, { query: -1, written: running.written });
    speed = { each: (performance.now() - running.since) / running.made, model: running.computing / running.made };
    showSpeed();
    if (running?.left > 0) requestAnimationFrame(step);
    else stop();
  }

  function chosen(place) {
    const logits = lastLogits();
    if (model.get("greedy")) return logits.indexOf(logits.reduce((top, each) => Math.max(top, each)));
    return drawToken(probabilities(logits, model.get("temperature"), model.get("top_k")).shares, chance(model.get("seed"), place));
  }

  // --- reading ---------------------------------------------------------------------------------------------------

  const logitsAt = (k) => kept.logits.subarray(k * net.vocabulary, (k + 1) * net.vocabulary);
  const lastLogits = () => logitsAt(kept.ids.length - 1);

  function advance(ids) {
    const first = windowStart(ids.length, net.context);
    follow(net, kept, ids.slice(first));
    return first;
  }

  let encoded = { prompt: null, ids: [] };
  function look() {
    const [prompt, written] = [model.get("prompt"), model.get("written")];
    if (encoded.prompt !== prompt) encoded = { prompt, ids: tokenizer.encode(prompt) };
    const ids = [...encoded.ids, ...written];
    const first = advance(ids);
    return { prompt, written, ids, first, typed: encoded.ids.length, window: kept.ids };
  }

  // Mean −log p of the typed tokens that are read with a token before them.
  function typedSurprise() {
    const until = clamp(now.typed - now.first, 0, now.window.length);
    let sum = 0;
    for (let k = 1; k < until; k += 1) sum += surprise(logitsAt(k - 1), now.window[k]);
    return { count: Math.max(0, until - 1), mean: sum / Math.max(1, until - 1) };
  }

  // --- drawing ---------------------------------------------------------------------------------------------------

  function draw(width) {
    if (running && running.written !== model.get("written")) stop(); // an edit or a reset in between
    now = look();
    const [T, k, greedy, layer, head] = ["temperature", "top_k", "greedy", "layer", "head"].map((name) => model.get(name));
    const count = now.window.length;
    const chosenQuery = model.get("query");
    now.query = chosenQuery < 0 ? Math.max(0, count - 1) : Math.min(chosenQuery, count - 1);
    const table = kept.weights[layer * net.heads + head];
    now.weight = (m, n) => table[m * net.context + n];
    now.next = count ? probabilities(lastLogits(), greedy ? 1 : T, greedy ? 0 : k) : { shares: [], order: [] };
    hovered = null;

    const text = now.prompt + (now.written.length ? tokenizer.decode(now.written) : "");
    if (area.value !== text) {
      area.value = text;
      area.scrollTop = area.scrollHeight;
    }
    notice.textContent = !count ? "type something: the model needs a token to go on from"
      : now.first ? `the context holds ${net.context} tokens: the oldest ${now.first} are forgotten` : "";
    go.disabled = again.disabled = !count;
    if (!now.written.length && !running) speed = null;
    row.draw({
      texts: now.window.map((id) => tokenizer.shown(id)), typed: now.typed - now.first, query: now.query,
      weights: count ? Array.from({ length: now.query + 1 }, (_, n) => now.weight(now.query, n)) : [],
    });
    nexts.draw(greedy ? "next token: softmax(logits)" : `next token: softmax(logits / ${number(T, 1)})${k ? `, top ${k}` : ""}`,
      now.next.order.slice(0, BARS).map((id) => ({ text: tokenizer.shown(id), p: now.next.shares[id] })));
    const wide = width >= 520;
    map.draw("whom each token looks at", wide ? 282 : Math.min(width, 300), count, now.query, now.weight);
    update(nexts.node, { style: `width:${wide ? width - 282 - 14 : width}px` });
    update(map.node, { style: `width:${wide ? 282 : width}px` });
    tell();
    if (!running) second.refresh();

    groups.forEach((each) => each.draw());
    temperature.set(T, number(T, 1));
    most.set(MOST.findIndex((each) => each === k || (each === 0 && !MOST.includes(k))), k ? String(k) : "all");
    const { count: judged, mean } = typedSurprise();
    read.show("tokens", String(now.ids.length), `of ${net.context}, ${now.typed} typed`);
    read.show("nats", judged ? number(mean, 4) : "·", judged ? "nats per token" : "two tokens at least");
    const entropy = now.next.shares.reduce((sum, p) => sum - (p > 0 ? p * Math.log(p) : 0), 0);
    read.show("entropy", count ? number(entropy, 4) : "·", "nats of entropy");
    showSpeed();
    ui.goal(0, judged >= 9 && mean < 3);
    ui.goal(1, judged >= 9 && mean > 8);
    const shown = String(Number(T.toPrecision(6)));
    ui.code({
      name: model.get("name"), text: JSON.stringify(now.prompt), layer, head, new_tokens: NEW_TOKENS,
      ids: `tokenizer.encode(text)${now.written.length ? ` + [${now.written.join(", ")}]` : ""}`,
      window: now.first ? `[${now.first}:]  # older tokens are forgotten` : "",
      shown: greedy ? "1.0" : shown, top_k: greedy || !k ? "None" : k,
      settings: greedy ? "temperature=None" : `temperature=${shown}, top_k=${k || "None"}, generator=torch.Generator().manual_seed(0)`,
    });
  }

  // What a second engine is asked: the whole window, once the page has stopped writing.
  function asked() {
    if (running || !now.window.length) return null;
    const ids = BigInt64Array.from(now.window, BigInt);
    return { inputs: { ids: ["int64", ids, [1, ids.length]] }, logits: kept.logits.slice(0, ids.length * net.vocabulary) };
  }

  // The caption below the map: the cell under the mouse, or where the chosen token looks most.
  function tell() {
    const { window, query, weight } = now;
    if (!window.length) { map.tell("no token yet"); return; }
    const [m, n] = hovered ?? [query, Array.from({ length: query + 1 }, (_, k) => k).reduce((best, k) => (weight(query, k) > weight(query, best) ? k : best), 0)];
    map.tell(`${number(weight(m, n), 4)}: “${tokenizer.shown(window[m])}” looks ${hovered ? "" : "most "}at “${tokenizer.shown(window[n])}”`);
  }

  function showSpeed() {
    read.show("speed", speed ? number(1000 / speed.each, 0) : "·", speed ? `tokens/s; model ${number(speed.model, 2)} ms each` : "tokens/s, once it writes");
  }

  const settled = live({ model, el }, ["prompt", "written", "greedy", "temperature", "top_k", "layer", "head", "query", "seed"], draw);
  return () => { stop(); settled(); };
}

export default { render };
