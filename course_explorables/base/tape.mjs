// Runs a recorded computation on numbers and walks it back: what autograd does, in the page.
// A program is a list of steps, parents first: ["input", name], ["constant", c], ["sin", i], ["×", i, j], ["^", i, power].

const SIGMOID = (v) => 1 / (1 + Math.exp(-v));

// Each operation gives its value and its derivative with respect to each operand.
const OPERATIONS = {
  "+": (a, b) => [a + b, 1, 1],
  "−": (a, b) => [a - b, 1, -1],
  "×": (a, b) => [a * b, b, a],
  "÷": (a, b) => [a / b, 1 / b, -a / (b * b)],
  neg: (a) => [-a, -1],
  abs: (a) => [Math.abs(a), Math.sign(a)],
  exp: (a) => [Math.exp(a), Math.exp(a)],
  log: (a) => [Math.log(a), 1 / a],
  sqrt: (a) => [Math.sqrt(a), 0.5 / Math.sqrt(a)],
  sin: (a) => [Math.sin(a), Math.cos(a)],
  cos: (a) => [Math.cos(a), -Math.sin(a)],
  tan: (a) => [Math.tan(a), 1 + Math.tan(a) ** 2],
  tanh: (a) => [Math.tanh(a), 1 - Math.tanh(a) ** 2],
  sigmoid: (a) => [SIGMOID(a), SIGMOID(a) * (1 - SIGMOID(a))],
  relu: (a) => [Math.max(a, 0), a > 0 ? 1 : 0],
};

function power(a, n) {
  if (n === 0) return [1, 0];
  return [a ** n, n * a ** (n - 1)];
}

// Forward pass: every step's value, and the local derivative along every edge.
export function forward(program, inputs) {
  const values = [];
  const locals = [];
  for (const [operation, ...operands] of program) {
    let result;
    if (operation === "input") result = [inputs[operands[0]]];
    else if (operation === "constant") result = [operands[0]];
    else if (operation === "^") result = power(values[operands[0]], operands[1]);
    else result = OPERATIONS[operation](...operands.map((index) => values[index]));
    values.push(result[0]);
    locals.push(result.slice(1));
  }
  return { values, locals };
}

export function parents([operation, ...operands]) {
  if (operation === "input" || operation === "constant") return [];
  return operation === "^" ? operands.slice(0, 1) : operands;
}

// Backward pass: the derivative of the last step with respect to every step.
export function backward(program, { values, locals }) {
  const gradients = values.map(() => 0);
  gradients[gradients.length - 1] = 1;
  for (let node = program.length - 1; node >= 0; node -= 1) {
    parents(program[node]).forEach((parent, edge) => {
      // An operand the result does not depend on adds nothing, even where its local slope is infinite.
      if (gradients[node] !== 0) gradients[parent] += gradients[node] * locals[node][edge];
    });
  }
  return gradients;
}
