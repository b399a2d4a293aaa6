// Six update rules and four surfaces to race them on, each step as torch.optim takes it in float64.

const EPS = 1e-8;
const each = (theta, rule) => theta.map((_, k) => rule(k));

// Each rule gives a function from (θ, gradient, number of the step from 1) to the next θ; its memory starts at zero.
export const RULES = {
  SGD: (rate) => (theta, g) => each(theta, (k) => theta[k] - rate * g[k]),
  momentum: (rate) => {
    let v = [0, 0];
    return (theta, g) => {
      v = each(v, (k) => 0.9 * v[k] + g[k]);
      return each(theta, (k) => theta[k] - rate * v[k]);
    };
  },
  Nesterov: (rate) => {
    let v = [0, 0];
    return (theta, g) => {
      v = each(v, (k) => 0.9 * v[k] + g[k]);
      return each(theta, (k) => theta[k] - rate * (g[k] + 0.9 * v[k]));
    };
  },
  Adagrad: (rate) => {
    let s = [0, 0];
    return (theta, g) => {
      s = each(s, (k) => s[k] + g[k] * g[k]);
      return each(theta, (k) => theta[k] - (rate * g[k]) / (Math.sqrt(s[k]) + 1e-10));
    };
  },
  RMSprop: (rate) => {
    let s = [0, 0];
    return (theta, g) => {
      s = each(s, (k) => 0.99 * s[k] + (1 - 0.99) * g[k] * g[k]);
      return each(theta, (k) => theta[k] - (rate * g[k]) / (Math.sqrt(s[k]) + EPS));
    };
  },
  Adam: (rate) => {
    let m = [0, 0];
    let v = [0, 0];
    return (theta, g, t) => {
      m = each(m, (k) => 0.9 * m[k] + (1 - 0.9) * g[k]);
      v = each(v, (k) => 0.999 * v[k] + (1 - 0.999) * g[k] * g[k]);
      return each(theta, (k) => theta[k] - (rate * (m[k] / (1 - 0.9 ** t))) / (Math.sqrt(v[k] / (1 - 0.999 ** t)) + EPS));
    };
  },
};

// Heights and gradients; the names and the frames come from Python, which has the same formulas.
export const SURFACES = {
  ravine: [(x, y) => 0.5 * (x ** 2 + 25 * y ** 2), (x, y) => [x, 25 * y]],
  "turned ravine": [
    (x, y) => 0.25 * ((x + y) ** 2 + 25 * (x - y) ** 2),
    (x, y) => [0.5 * (x + y) + 12.5 * (x - y), 0.5 * (x + y) - 12.5 * (x - y)],
  ],
  banana: [
    (x, y) => 0.5 * (1 - x) ** 2 + 2.5 * (y - x ** 2) ** 2,
    (x, y) => [x - 1 - 10 * x * (y - x ** 2), 5 * (y - x ** 2)],
  ],
  saddle: [(x, y) => 0.5 * x ** 2 - 0.5 * y ** 2 + 0.25 * y ** 4 + 0.25, (x, y) => [x, y ** 3 - y]],
};

// The way one rule takes; it ends before a step that is not a number.
export function run(surface, rule, start, rate, steps) {
  const [height, gradient] = SURFACES[surface];
  const step = RULES[rule](rate);
  const points = [start];
  for (let t = 1; t <= steps; t += 1) {
    const next = step(points.at(-1), gradient(...points.at(-1)), t);
    if (!Number.isFinite(height(...next))) break;
    points.push(next);
  }
  return points;
}
