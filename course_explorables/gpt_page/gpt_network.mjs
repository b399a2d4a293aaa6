// GPT-2's forward pass, one token at a time: each layer's keys and values of the tokens read before are kept.
// Sums run in double precision and are stored in single, so that PyTorch's float32 is matched to its own rounding.

const EPSILON = 1e-5; // of every layer norm

// y = W x + b for W of `out.length` rows: four rows at a time, so that each x is fetched once for four products.
function linear(out, weight, bias, x) {
  const width = x.length;
  let o = 0;
  for (; o + 4 <= out.length; o += 4) {
    let [a, b, c, d] = [0, 0, 0, 0];
    const [A, B, C, D] = [o * width, (o + 1) * width, (o + 2) * width, (o + 3) * width];
    for (let i = 0; i < width; i += 1) {
      const each = x[i];
      a += weight[A + i] * each;
      b += weight[B + i] * each;
      c += weight[C + i] * each;
      d += weight[D + i] * each;
    }
    out[o] = a;
    out[o + 1] = b;
    out[o + 2] = c;
    out[o + 3] = d;
  }
  for (; o < out.length; o += 1) {
    let sum = 0;
    for (let i = 0; i < width; i += 1) sum += weight[o * width + i] * x[i];
    out[o] = sum;
  }
  if (bias) add(out, bias);
  return out;
}

function norm(out, x, weight, bias) {
  let [mean, variance] = [0, 0];
  for (let i = 0; i < x.length; i += 1) mean += x[i];
  mean /= x.length;
  for (let i = 0; i < x.length; i += 1) variance += (x[i] - mean) ** 2;
  const factor = 1 / Math.sqrt(variance / x.length + EPSILON);
  for (let i = 0; i < x.length; i += 1) out[i] = (x[i] - mean) * factor * weight[i] + bias[i];
  return out;
}

function gelu(x) {
  for (let i = 0; i < x.length; i += 1) x[i] = 0.5 * x[i] * (1 + Math.tanh(Math.sqrt(2 / Math.PI) * (x[i] + 0.044715 * x[i] ** 3)));
  return x;
}

function add(x, change) {
  for (let i = 0; i < x.length; i += 1) x[i] += change[i];
}

// `settings` as course_lib.models.gpt.GPT takes them, `tensors` by the names of its state_dict.
export function network({ vocab_size: vocabulary, context, d_model: width, heads, layers }, tensors) {
  const blocks = Array.from({ length: layers }, (_, l) => {
    const part = (name) => [tensors[`blocks.${l}.${name}.weight`], tensors[`blocks.${l}.${name}.bias`]];
    return {
      norm1: part("attention_norm"), qkv: part("attention.qkv_proj"), project: part("attention.output_proj"),
      norm2: part("feed_forward_norm"), expand: part("expand"), contract: part("contract"),
    };
  });
  return {
    vocabulary, context, width, heads, layers, blocks,
    tokens: tensors["token_embedding.weight"], positions: tensors["position_embedding.weight"],
    last: [tensors["final_norm.weight"], tensors["final_norm.bias"]],
  };
}

// What was read: ids, and for every position keys and values, attention weights and logits.
export function reader({ vocabulary, context, width, heads, layers }) {
  const room = (count, size) => Array.from({ length: count }, () => new Float32Array(size));
  return {
    ids: [], keys: room(layers, context * width), values: room(layers, context * width),
    weights: room(layers * heads, context * context), logits: new Float32Array(context * vocabulary),
  };
}

function attend(net, kept, layer, position, qkv, mixed) {
  const { width, heads, context } = net;
  const size = width / heads;
  const [keys, values] = [kept.keys[layer], kept.values[layer]];
  keys.set(qkv.subarray(width, 2 * width), position * width);
  values.set(qkv.subarray(2 * width), position * width);
  mixed.fill(0);
  for (let head = 0; head < heads; head += 1) {
    const from = head * size;
    const row = kept.weights[layer * heads + head].subarray(position * context, position * context + position + 1);
    let top = -Infinity;
    for (let t = 0; t <= position; t += 1) {
      let score = 0;
      for (let i = from, k = t * width + from; i < from + size; i += 1, k += 1) score += qkv[i] * keys[k];
      row[t] = score / Math.sqrt(size);
      if (row[t] > top) top = row[t];
    }
    let sum = 0;
    for (let t = 0; t <= position; t += 1) sum += row[t] = Math.exp(row[t] - top);
    for (let t = 0; t <= position; t += 1) {
      row[t] /= sum;
      for (let i = from, v = t * width + from; i < from + size; i += 1, v += 1) mixed[i] += row[t] * values[v];
    }
  }
  return mixed;
}

// Reads one token more.
export function read(net, kept, id) {
  const { vocabulary, width, blocks } = net;
  const position = kept.ids.length;
  const x = Float32Array.from({ length: width }, (_, i) => net.tokens[id * width + i] + net.positions[position * width + i]);
  const [normed, mixed, change] = [0, 0, 0].map(() => new Float32Array(width));
  const [qkv, hidden] = [new Float32Array(3 * width), new Float32Array(4 * width)];
  blocks.forEach((block, layer) => {
    linear(qkv, ...block.qkv, norm(normed, x, ...block.norm1));
    add(x, linear(change, ...block.project, attend(net, kept, layer, position, qkv, mixed)));
    linear(hidden, ...block.expand, norm(normed, x, ...block.norm2));
    add(x, linear(change, ...block.contract, gelu(hidden)));
  });
  linear(kept.logits.subarray(position * vocabulary, (position + 1) * vocabulary), net.tokens, null, norm(normed, x, ...net.last));
  kept.ids.push(id);
}

// Makes `ids`, at most a context of them, what was read; what is read already stays. Returns how many were new.
export function follow(net, kept, ids) {
  let same = 0;
  while (same < ids.length && kept.ids[same] === ids[same]) same += 1;
  kept.ids.length = same;
  for (let k = same; k < ids.length; k += 1) read(net, kept, ids[k]);
  return ids.length - same;
}

// Where the window of a text of `length` tokens begins: each time it would outgrow the context, only its younger half
// stays, as in course_lib.text.generation.
export function windowStart(length, context) {
  if (length <= context) return 0;
  const half = Math.floor(context / 2);
  const times = Math.ceil((length - context) / (half + 1));
  return context + 1 + (times - 1) * (half + 1) - (context - half);
}

// Probabilities after a temperature, of the `most` largest logits only (0: of all); of equal ones the smaller id goes first.
export function probabilities(logits, temperature, most) {
  const order = Array.from(logits.keys()).sort((a, b) => logits[b] - logits[a] || a - b);
  const kept = most ? order.slice(0, most) : order;
  const powers = new Float64Array(logits.length);
  let sum = 0;
  for (const id of kept) sum += powers[id] = Math.exp((logits[id] - logits[order[0]]) / temperature);
  return { shares: powers.map((power) => power / sum), order: kept };
}

// −log p of one token under logits, in nats.
export function surprise(logits, id) {
  let top = -Infinity;
  for (const logit of logits) if (logit > top) top = logit;
  let sum = 0;
  for (const logit of logits) sum += Math.exp(logit - top);
  return top + Math.log(sum) - logits[id];
}

// The token at which the shares, added up in the order of ids, pass `chance`.
export function drawToken(shares, chance) {
  let [sum, last] = [0, 0];
  for (let id = 0; id < shares.length; id += 1) {
    if (shares[id] === 0) continue;
    sum += shares[id];
    last = id;
    if (sum > chance) return id;
  }
  return last;
}

// A number from 0 to below 1, the same for the same seed and place: an integer hash (murmur3's finaliser), twice.
export function chance(seed, place) {
  let bits = (Math.imul(seed, 0x9e3779b1) ^ Math.imul(place + 1, 0x85ebca6b)) >>> 0;
  for (let round = 0; round < 2; round += 1) {
    bits = Math.imul(bits ^ (bits >>> 16), 0x85ebca6b);
    bits = Math.imul(bits ^ (bits >>> 13), 0xc2b2ae35);
    bits = (bits ^ (bits >>> 16)) >>> 0;
  }
  return bits / 2 ** 32;
}
