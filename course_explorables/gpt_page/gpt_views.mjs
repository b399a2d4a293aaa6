// What is seen of a GPT: the tokens as chips, the likeliest next ones as bars, one head's attention as a map.
import { html, number, svg, update } from "../base/base.mjs";
import { tint } from "../base/heat.mjs";

// The tokens read, each a button; beneath each a bar, how much the chosen token looks at it beside the one it looks at most.
export function chips(choose) {
  const row = html("div", { class: "xp-chips", role: "group", "aria-label": "Tokens; arrow keys choose whose attention is shown" });
  const nodes = [];
  let current = 0;
  row.addEventListener("keydown", (event) => {
    const to = { ArrowRight: current + 1, ArrowDown: current + 1, ArrowLeft: current - 1, ArrowUp: current - 1, Home: 0, End: nodes.length - 1 }[event.key];
    if (to === undefined || to < 0 || to >= nodes.length) return;
    event.preventDefault();
    choose(to);
    nodes[to].focus();
  });
  return {
    node: row,
    draw({ texts, typed, query, weights }) {
      current = query;
      const top = Math.max(...weights);
      while (nodes.length < texts.length) {
        const k = nodes.length;
        nodes.push(html("button", { type: "button", class: "xp-chip", onclick: () => choose(k) }));
        row.append(nodes[k]);
      }
      while (nodes.length > texts.length) nodes.pop().remove();
      nodes.forEach((node, k) => {
        if (node.textContent !== texts[k]) node.textContent = texts[k];
        node.classList.toggle("written", k >= typed);
        node.setAttribute("aria-pressed", String(k === query));
        node.tabIndex = k === query ? 0 : -1;
        node.style.setProperty("--weight", k <= query ? (weights[k] / top).toFixed(3) : "0");
      });
      if (query === texts.length - 1) row.scrollTop = row.scrollHeight;
    },
  };
}

// The likeliest next tokens, likeliest first; a press takes one.
export function nextTokens(count, take) {
  const rows = Array.from({ length: count }, (_, k) => {
    const parts = ["xp-token", "xp-bar", "xp-share"].map((name) => html("span", { class: name, "data-reading": name === "xp-share" ? `p${k}` : null }));
    const node = html("button", { type: "button", class: "xp-next", onclick: () => take(k) }, ...parts);
    return { node, parts };
  });
  const title = html("div", { class: "xp-caption" });
  return {
    node: html("div", { class: "xp-nexts", role: "group", "aria-label": "Likeliest next tokens; press one to take it" }, title, ...rows.map(({ node }) => node)),
    draw(caption, found) {
      title.textContent = caption;
      rows.forEach(({ node, parts: [token, bar, share] }, k) => {
        const { text = "·", p = 0 } = found[k] ?? {};
        node.disabled = p === 0;
        token.textContent = text;
        bar.style.setProperty("--share", p.toFixed(4));
        share.textContent = p === 0 ? "·" : number(p, 4);
      });
    },
  };
}

// Paints the lower triangle of a table of weights, each row as shares of its largest.
function paint(canvas, count, colours, weight) {
  canvas.width = canvas.height = Math.max(count, 1);
  const context = canvas.getContext("2d");
  const pixels = context.createImageData(canvas.width, canvas.height);
  const words = new Uint32Array(pixels.data.buffer);
  for (let row = 0; row < count; row += 1) {
    let top = 0;
    for (let column = 0; column <= row; column += 1) top = Math.max(top, weight(row, column));
    for (let column = 0; column <= row; column += 1) words[row * count + column] = colours[Math.round((255 * weight(row, column)) / top)];
  }
  context.putImageData(pixels, 0, 0);
}

// One head's weights, query by query downwards; the chosen query's row is framed.
export function attentionMap(palette, { choose, hover }) {
  const colours = Uint32Array.from({ length: 256 }, (_, k) => {
    const [red, green, blue] = tint(palette, k / 255);
    return ((255 << 24) | (blue << 16) | (green << 8) | red) >>> 0;
  });
  const canvas = html("canvas", { role: "img", "aria-label": "Attention weights: queries downwards, keys across" });
  const frame = svg("rect", { fill: "none", stroke: "var(--xp-text)", "stroke-width": 2 });
  const over = svg("svg", {}, frame);
  const title = html("div", { class: "xp-caption" });
  const told = html("div", { class: "xp-told", "data-reading": "told" });
  const node = html("div", { class: "xp-attention" }, title, html("div", { class: "xp-map" }, canvas, over), told);
  let [cells, size] = [0, 0];
  const at = (event) => {
    const box = over.getBoundingClientRect();
    const [row, column] = [event.clientY - box.top, event.clientX - box.left].map((pixel) => Math.floor((pixel / size) * cells));
    return row >= 0 && column >= 0 && row < cells && column <= row ? [row, column] : null;
  };
  over.addEventListener("pointermove", (event) => { if (event.pointerType !== "touch") hover(at(event)); });
  over.addEventListener("pointerleave", () => hover(null));
  over.addEventListener("click", (event) => { const cell = at(event); if (cell) choose(cell[0]); });
  return {
    node,
    tell: (text) => { told.textContent = text; },
    draw(caption, width, count, query, weight) {
      [cells, size] = [count, width];
      title.textContent = caption;
      update(over, { width, height: width });
      canvas.style.width = canvas.style.height = `${width}px`;
      paint(canvas, count, colours, weight);
      const pitch = width / Math.max(count, 1);
      update(frame, { x: -1, y: query * pitch - 1, width: (query + 1) * pitch + 2, height: pitch + 2, visibility: count ? "visible" : "hidden" });
    },
  };
}
