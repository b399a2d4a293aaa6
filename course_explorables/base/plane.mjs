// A plane with a landscape on it: heights as colours and contour lines, axes, trails of points, keys that move a point.
// And beside it the loss of every step on a log axis.
import { clamp, path, svg, ticks, update } from "./base.mjs";

const CIVIDIS = [
  [0, 34, 78], [8, 51, 112], [53, 69, 108], [79, 87, 108], [102, 105, 112], [125, 124, 120],
  [148, 142, 119], [174, 163, 113], [200, 184, 102], [229, 207, 82], [254, 232, 56],
];

function cividis(share) {
  const place = clamp(share, 0, 1) * (CIVIDIS.length - 1);
  const k = Math.min(Math.floor(place), CIVIDIS.length - 2);
  return CIVIDIS[k].map((low, channel) => Math.round(low + (CIVIDIS[k + 1][channel] - low) * (place - k)));
}

// --- heights -----------------------------------------------------------------------------------------------------------

// f on a grid over xs × ys, row 0 at the top.
function sampled(f, [left, right], [bottom, top], columns = 60, rows = 42) {
  return Array.from({ length: rows + 1 }, (_, row) => Array.from({ length: columns + 1 }, (_, column) =>
    f(left + ((right - left) * column) / columns, top - ((top - bottom) * row) / rows)));
}

// A picture of the grid, `shade` turning a height into a share of the colour map.
function picture(grid, shade) {
  const canvas = document.createElement("canvas");
  [canvas.width, canvas.height] = [grid[0].length, grid.length];
  const context = canvas.getContext("2d");
  const pixels = context.createImageData(canvas.width, canvas.height);
  grid.flat().forEach((height, k) => pixels.data.set([...cividis(shade(height)), 255], 4 * k));
  context.putImageData(pixels, 0, 0);
  return canvas.toDataURL();
}

// Where the landscape passes through `level`: in each square of the grid, the edges it crosses, joined two by two.
function contour(grid, level, X, Y) {
  const parts = [];
  for (let row = 0; row + 1 < grid.length; row += 1) {
    for (let column = 0; column + 1 < grid[0].length; column += 1) {
      const corners = [[0, 0], [1, 0], [1, 1], [0, 1]].map(([across, down]) => [column + across, row + down, grid[row + down][column + across] - level]);
      const crossings = corners.flatMap(([x1, y1, from], k) => {
        const [x2, y2, to] = corners[(k + 1) % 4];
        if ((from > 0) === (to > 0)) return [];
        const share = from / (from - to);
        return [[X(x1 + (x2 - x1) * share), Y(y1 + (y2 - y1) * share)]];
      });
      for (let k = 0; k + 1 < crossings.length; k += 2) parts.push(path([crossings[k], crossings[k + 1]]));
    }
  }
  return parts.join("");
}

// The landscape f inside the frame that X and Y span and the clip path `clip` keeps: colours, contour lines at `levels`.
export function landscape(f, { X, Y, xs, ys }, { levels, shade, clip, opacity = 1 }) {
  const grid = sampled(f, xs, ys);
  const [columns, rows] = [grid[0].length - 1, grid.length - 1];
  const [left, right, top, bottom] = [X(xs[0]), X(xs[1]), Y(ys[1]), Y(ys[0])];
  const [cellX, cellY] = [(right - left) / columns, (bottom - top) / rows];
  const across = (column) => left + column * cellX;
  const down = (row) => top + row * cellY;
  return [
    // The picture's pixels are centred on the grid's points.
    svg("image", {
      href: picture(grid, shade), x: left - cellX / 2, y: top - cellY / 2, width: right - left + cellX, height: bottom - top + cellY,
      preserveAspectRatio: "none", opacity, "clip-path": `url(#${clip})`,
    }),
    ...levels.map((level) => svg("path", { d: contour(grid, level, across, down), fill: "none", stroke: opacity < 1 ? "var(--xp-muted)" : "#fff", "stroke-opacity": 0.55, "stroke-width": 1 })),
  ];
}

// Ticks and numbers along the left and lower edge, and the axes' names.
export function axes({ X, Y, xs, ys }, [across, up]) {
  const text = (tick) => String(tick).replace("-", "−");
  const parts = [];
  for (const tick of ticks(ys, 4)) parts.push(svg("text", { x: X(xs[0]) - 5, y: Y(tick) + 4, "text-anchor": "end" }, text(tick)));
  for (const tick of ticks(xs, 6)) parts.push(svg("text", { x: X(tick), y: Y(ys[0]) + 15, "text-anchor": "middle" }, text(tick)));
  parts.push(
    svg("rect", { x: X(xs[0]), y: Y(ys[1]), width: X(xs[1]) - X(xs[0]), height: Y(ys[0]) - Y(ys[1]), fill: "none", stroke: "var(--xp-line)" }),
    svg("text", { class: "xp-strong", x: X(xs[0]), y: Y(ys[1]) - 6 }, up),
    svg("text", { class: "xp-strong", x: X(xs[1]), y: Y(ys[0]) + 30, "text-anchor": "end" }, across),
  );
  return parts;
}

// --- points on it --------------------------------------------------------------------------------------------------------

const FAR = 1e4; // pixels; a trail that leaves the page stops there

// The way of a point, step by step. Dots mark the steps as long as they are few.
export function trail(points, { X, Y }, { colour, dash = null, width = 2.5, dots = true }) {
  const pixels = [];
  for (const [x, y] of points) {
    const place = [X(x), Y(y)];
    if (!place.every((each) => Number.isFinite(each))) break;
    pixels.push(place.map((each) => clamp(each, -FAR, FAR)));
    if (place.some((each) => Math.abs(each) > FAR)) break;
  }
  const line = { d: path(pixels), fill: "none", "stroke-linejoin": "round" };
  const marks = dots && pixels.length <= 61 ? pixels.slice(1) : pixels.slice(-1);
  return [
    svg("path", { ...line, stroke: "#fff", "stroke-opacity": 0.85, "stroke-width": width + 2 }),
    svg("path", { ...line, stroke: colour, "stroke-width": width, "stroke-dasharray": dash }),
    ...marks.map(([cx, cy]) => svg("circle", { cx, cy, r: 3, fill: colour, stroke: "#fff", "stroke-width": 1 })),
  ];
}

// Arrow keys move in the plane by a fiftieth, Shift makes it a tenth of that; Page keys ten up or down; Home and End to the sides.
export function planeKeys(node, { xs, ys, value, change }) {
  const step = ([low, high]) => (high - low) / 50;
  node.addEventListener("keydown", (event) => {
    const fine = event.shiftKey ? 0.1 : 1;
    const moves = {
      ArrowRight: [fine, 0], ArrowLeft: [-fine, 0], ArrowUp: [0, fine], ArrowDown: [0, -fine], PageUp: [0, 10], PageDown: [0, -10],
      Home: [-1e3, 0], End: [1e3, 0],
    };
    if (!(event.key in moves)) return;
    event.preventDefault();
    const [across, up] = moves[event.key];
    const [x, y] = value();
    change(clamp(x + across * step(xs()), ...xs()), clamp(y + up * step(ys()), ...ys()));
  });
}

// Lays a rectangle over the frame: to clip what is drawn there, or to catch what is pressed there.
export function cover(node, { X, Y, xs, ys }) {
  return update(node, { x: X(xs[0]), y: Y(ys[1]), width: X(xs[1]) - X(xs[0]), height: Y(ys[0]) - Y(ys[1]) });
}

// --- losses --------------------------------------------------------------------------------------------------------------

// Losses over steps, the loss on a log axis from 10^low to 10^high; a dashed line at the goal.
export function lossChart(series, { left, right, top, bottom }, { steps, low, high, goal = null, title = "loss by step" }) {
  const S = (step) => left + ((right - left) * step) / Math.max(steps, 1);
  const L = (loss) => bottom - ((bottom - top) * (clamp(Number.isFinite(loss) ? Math.log10(Math.max(loss, 1e-300)) : 400, low, high) - low)) / (high - low);
  const parts = [svg("text", { class: "xp-strong", x: left, y: top - 6 }, title)];
  const every = Math.ceil((high - low) / 5);
  for (let power = Math.ceil(low / every) * every; power <= high; power += every) {
    parts.push(svg("line", { class: "xp-grid", x1: left, x2: right, y1: L(10 ** power), y2: L(10 ** power) }),
      svg("text", { x: left - 5, y: L(10 ** power) + 4, "text-anchor": "end" }, power === 0 ? "1" : `1e${power}`.replace("-", "−")));
  }
  for (const tick of ticks([0, Math.max(steps, 1)], 4)) parts.push(svg("text", { x: S(tick), y: bottom + 15, "text-anchor": "middle" }, tick));
  parts.push(svg("text", { class: "xp-strong", x: right, y: bottom + 30, "text-anchor": "end" }, "step"));
  if (goal !== null) parts.push(svg("line", { x1: left, x2: right, y1: L(goal), y2: L(goal), stroke: "var(--xp-text)", "stroke-dasharray": "2 4" }));
  for (const { losses, colour, dash = null } of series) {
    parts.push(svg("path", { d: path(losses.map((loss, step) => [S(step), L(loss)])), fill: "none", stroke: colour, "stroke-width": 2.5, "stroke-dasharray": dash }),
      svg("circle", { cx: S(losses.length - 1), cy: L(losses.at(-1)), r: 4, fill: colour, class: "xp-outlined" }));
  }
  return parts;
}
