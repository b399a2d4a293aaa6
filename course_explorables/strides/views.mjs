// What a view is made of, shape, strides and offset, and how each operation changes them or is refused, as in torch.
import { contiguous, count } from "../base/lattice.mjs";

const APART = "view size is not compatible with input tensor's size and stride (at least one dimension spans across "
  + "two contiguous subspaces). Use .reshape(...) instead.";

// Strides that read the same elements in the same order as `sizes`, or null where no strides can.
function restrided({ shape, strides }, sizes) {
  if (shape.length === 0) return sizes.map(() => 1);
  if (count(shape) === 0) return String(shape) === String(sizes) ? [...strides] : contiguous(sizes);
  const found = sizes.map(() => 0);
  let place = sizes.length - 1;
  let base = strides.at(-1);
  let [run, made] = [1, 1]; // elements in the present run of evenly spaced cells, and of the new sizes fitted to it
  for (let k = shape.length - 1; k >= 0; k -= 1) {
    run *= shape[k];
    if (k > 0 && (shape[k - 1] === 1 || strides[k - 1] === run * base)) continue;
    for (; place >= 0 && (made < run || sizes[place] === 1); place -= 1) {
      found[place] = made * base;
      made *= sizes[place];
    }
    if (made !== run) return null;
    if (k > 0) [base, run, made] = [strides[k - 1], 1, 1];
  }
  return place < 0 ? found : null;
}

function viewed(view, sizes) {
  const elements = count(view.shape);
  const shape = sizes.map((size) => (size === -1 ? elements : size));
  if (count(shape) !== elements) return { kind: "RuntimeError", error: `shape '[${sizes.join(", ")}]' is invalid for input of size ${elements}` };
  const strides = restrided(view, shape);
  return strides ? { shape, strides, offset: view.offset } : { kind: "RuntimeError", error: APART };
}

function replaced(list, k, value) {
  return list.map((old, place) => (place === k ? value : old));
}

function without(list, k) {
  return list.filter((_, place) => place !== k);
}

// A slice from `start` on, every `step`-th, of dimension k.
function sliced({ shape, strides, offset }, k, start, step) {
  const from = Math.min(start, shape[k]);
  return {
    shape: replaced(shape, k, Math.ceil((shape[k] - from) / step)), strides: replaced(strides, k, strides[k] * step),
    offset: offset + from * strides[k],
  };
}

// Torch's error counts the entries of the index, not the dimensions: in [..., 1] the 1 is entry 1.
function picked({ shape, strides, offset }, k, entry) {
  if (shape[k] < 2) return { kind: "IndexError", error: `index 1 is out of bounds for dimension ${entry} with size ${shape[k]}` };
  return { shape: without(shape, k), strides: without(strides, k), offset: offset + strides[k] };
}

const last = ({ shape }) => shape.length - 1;

// Each operation: the dimensions it needs, and what it makes of a view.
export const OPERATIONS = {
  ".T": [[2, 2], ({ shape, strides, offset }) => ({ shape: [...shape].reverse(), strides: [...strides].reverse(), offset })],
  "[1:]": [[1, 3], (view) => sliced(view, 0, 1, 1)],
  "[::2]": [[1, 3], (view) => sliced(view, 0, 0, 2)],
  "[1]": [[1, 3], (view) => picked(view, 0, 0)],
  "[..., 1:]": [[1, 3], (view) => sliced(view, last(view), 1, 1)],
  "[..., ::2]": [[1, 3], (view) => sliced(view, last(view), 0, 2)],
  "[..., 1]": [[1, 3], (view) => picked(view, last(view), 1)],
  ".diagonal()": [[2, 3], ({ shape: [m, n, ...sizes], strides: [s, t, ...others], offset }) => ({ shape: [...sizes, Math.min(m, n)], strides: [...others, s + t], offset })],
  ".movedim(0, -1)": [[2, 3], ({ shape: [n, ...sizes], strides: [s, ...others], offset }) => ({ shape: [...sizes, n], strides: [...others, s], offset })],
  ".view(-1)": [[0, 3], (view) => viewed(view, [-1])],
  ".view(6, 4)": [[0, 3], (view) => viewed(view, [6, 4])],
  ".view(2, 3, 4)": [[0, 3], (view) => viewed(view, [2, 3, 4])],
};

export function isContiguous({ shape, strides }) {
  if (count(shape) === 0) return true;
  const expected = contiguous(shape);
  return strides.every((stride, k) => shape[k] === 1 || stride === expected[k]);
}

export function fits(operation, { shape }) {
  const [[fewest, most]] = OPERATIONS[operation];
  return shape.length >= fewest && shape.length <= most;
}

// Applies the operations in turn. Where one is refused, the view stays what it was and the error says why.
export function chain(start, operations) {
  let view = start;
  for (const operation of operations) {
    const next = OPERATIONS[operation][1](view);
    if (next.error) return { ...view, refused: operation, kind: next.kind, error: next.error };
    view = next;
  }
  return view;
}
