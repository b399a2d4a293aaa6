// The singular value decomposition by one-sided Jacobi: pairs of columns are turned until all stand at right angles.

const RIGHT_ANGLE = 1e-11; // the cosine two columns may keep
const SWEEPS = 40; // about ten suffice

function dot(a, b) {
  let sum = 0;
  for (let k = 0; k < a.length; k += 1) sum += a[k] * b[k];
  return sum;
}

// (a, b) ← (cos·a − sin·b, sin·a + cos·b)
function turn(a, b, cos, sin) {
  for (let k = 0; k < a.length; k += 1) {
    const kept = a[k];
    a[k] = cos * kept - sin * b[k];
    b[k] = sin * kept + cos * b[k];
  }
}

// A (rows × columns, row by row) = Σₖ left[k] · right[k]ᵀ, σ falling; one of the two has length σₖ, the other 1.
export function decompose(values, rows, columns) {
  const tall = rows >= columns;
  const [length, count] = tall ? [rows, columns] : [columns, rows];
  const entry = (i, k) => values[tall ? i * columns + k : k * columns + i];
  const stretched = Array.from({ length: count }, (_, k) => Float64Array.from({ length }, (__, i) => entry(i, k)));
  const turned = Array.from({ length: count }, (_, k) => Float64Array.from({ length: count }, (__, i) => (i === k ? 1 : 0)));
  // Below this a column is what rounding left of one that depends on the others.
  const nothing = 1e-30 * stretched.reduce((sum, column) => sum + dot(column, column), 0);

  for (let sweep = 0, moved = true; moved && sweep < SWEEPS; sweep += 1) {
    moved = false;
    for (let p = 0; p < count - 1; p += 1) {
      for (let q = p + 1; q < count; q += 1) {
        const [a, b] = [stretched[p], stretched[q]];
        const [pp, qq, pq] = [dot(a, a), dot(b, b), dot(a, b)];
        if (pp <= nothing || qq <= nothing || Math.abs(pq) <= RIGHT_ANGLE * Math.sqrt(pp * qq)) continue;
        moved = true;
        const zeta = (qq - pp) / (2 * pq);
        const tangent = (zeta < 0 ? -1 : 1) / (Math.abs(zeta) + Math.sqrt(1 + zeta * zeta));
        const cos = 1 / Math.sqrt(1 + tangent * tangent);
        turn(a, b, cos, cos * tangent);
        turn(turned[p], turned[q], cos, cos * tangent);
      }
    }
  }
  const sigma = stretched.map((column) => Math.sqrt(dot(column, column)));
  const order = sigma.map((_, k) => k).sort((j, k) => sigma[k] - sigma[j]);
  const [U, V] = [stretched, turned].map((columnsOf) => order.map((k) => columnsOf[k]));
  return { rows, columns, sigma: order.map((k) => sigma[k]), left: tall ? U : V, right: tall ? V : U };
}

// The sum's first `rank` terms: of all matrices of that rank the nearest to A (Eckart and Young).
export function nearest({ rows, columns, left, right }, rank) {
  const sum = new Float64Array(rows * columns);
  for (let k = 0; k < rank; k += 1) {
    const [u, v] = [left[k], right[k]];
    for (let i = 0; i < rows; i += 1) {
      const factor = u[i];
      for (let j = 0; j < columns; j += 1) sum[i * columns + j] += factor * v[j];
    }
  }
  return sum;
}

// ‖A − Aᵣ‖ / ‖A‖ for every rank r from 0 to all; 0 where A is.
export function errors(sigma) {
  const left = new Float64Array(sigma.length + 1);
  for (let r = sigma.length - 1; r >= 0; r -= 1) left[r] = left[r + 1] + sigma[r] ** 2;
  return Array.from(left, (rest) => (left[0] > 0 ? Math.sqrt(rest / left[0]) : 0));
}

// Singular values of independent normal numbers in that shape with that norm: Marchenko and Pastur's law for large
// shapes, cut into as many equal shares. With x = σ² / (longer · variance) = 1 + β + 2√β cos θ it is 2 sin²θ / (π x) dθ.
export function noise(rows, columns, norm) {
  const [short, long] = [Math.min(rows, columns), Math.max(rows, columns)];
  const beta = short / long;
  const steps = 4096;
  const found = [];
  for (let step = 0, below = 0; step < steps && found.length < short; step += 1) {
    const theta = (Math.PI * (step + 0.5)) / steps;
    const x = 1 + beta + 2 * Math.sqrt(beta) * Math.cos(theta);
    below += (2 * Math.sin(theta) ** 2) / (x * steps);
    while (found.length < short && below >= (found.length + 0.5) / short) found.push(Math.sqrt(x));
  }
  while (found.length < short) found.push(Math.abs(1 - Math.sqrt(beta)));
  const total = Math.sqrt(found.reduce((sum, each) => sum + each * each, 0));
  return found.map((each) => (total > 0 ? (each * norm) / total : norm));
}
