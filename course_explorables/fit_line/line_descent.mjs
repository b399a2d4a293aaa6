// A line through points: its mean squared error, the gradient, and the way gradient descent takes; all in float64, as torch.

// The feature the line is trained on: x itself, or z = (x − mean)/scale. A scale of 0 leaves nothing to divide by.
export function feature(points, standardise) {
  const xs = points.map(([x]) => x);
  if (!standardise) return { mean: 0, scale: 1, values: xs };
  const mean = xs.reduce((sum, x) => sum + x, 0) / xs.length;
  const constant = xs.every((x) => x === xs[0]);
  const scale = constant ? 0 : Math.sqrt(xs.reduce((sum, x) => sum + (x - mean) ** 2, 0) / xs.length);
  return { mean, scale, values: constant ? xs.map(() => 0) : xs.map((x) => (x - mean) / scale) };
}

// The same line in the other coordinates: wx + b = (w·scale)z + (b + w·mean).
export function inward([w, b], { mean, scale }) {
  return [w * scale, b + w * mean];
}

export function outward([w, b], { mean, scale }) {
  const slope = scale === 0 ? 0 : w / scale;
  return [slope, b - slope * mean];
}

export function loss(xs, ys, [w, b]) {
  return xs.reduce((sum, x, k) => sum + (w * x + b - ys[k]) ** 2, 0) / xs.length;
}

export function gradient(xs, ys, [w, b]) {
  const residuals = xs.map((x, k) => w * x + b - ys[k]);
  const mean = (values) => (2 * values.reduce((sum, value) => sum + value, 0)) / xs.length;
  return [mean(residuals.map((r, k) => r * xs[k])), mean(residuals)];
}

// θ ← θ − η∇MSE; the walk ends before a step that is not a number.
export function train(xs, ys, start, rate, steps) {
  const path = [start];
  for (let step = 0; step < steps; step += 1) {
    const slope = gradient(xs, ys, path.at(-1));
    const next = path.at(-1).map((value, k) => value - rate * slope[k]);
    if (!Number.isFinite(loss(xs, ys, next))) break;
    path.push(next);
  }
  return path;
}

// The bowl as a whole: its Hessian's two curvatures and the line at the bottom (of all such lines, b alone where x has no variance).
export function bowl(xs, ys) {
  const mean = (values) => values.reduce((sum, value) => sum + value, 0) / xs.length;
  const [x, y] = [mean(xs), mean(ys)];
  const variance = mean(xs.map((value) => (value - x) ** 2));
  const flat = xs.every((value) => value === xs[0]);
  const w = flat ? 0 : mean(xs.map((value, k) => (value - x) * (ys[k] - y))) / variance;
  const [a, c] = [2 * mean(xs.map((value) => value * value)), 2];
  const spread = Math.hypot(a - c, 4 * x);
  const largest = (a + c + spread) / 2;
  const smallest = flat ? 0 : (4 * variance) / largest; // the determinant is 4·variance
  return { best: [w, y - w * x], largest, smallest };
}
