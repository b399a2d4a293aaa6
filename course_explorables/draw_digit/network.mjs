// A small convolutional network's forward pass, written out: sums in double precision, so that PyTorch's float32 is
// matched to within its own rounding.

// IEEE half precision to a number: 1 sign bit, 5 of exponent, 10 of fraction.
function half(bits) {
  const sign = bits & 0x8000 ? -1 : 1;
  const exponent = (bits >> 10) & 0x1f;
  const fraction = bits & 0x3ff;
  return sign * (exponent === 0 ? fraction * 2 ** -24 : (1 + fraction / 1024) * 2 ** (exponent - 15));
}

// Layers as [word, ...shape of the weight]; `bytes` holds each named layer's weight, then its bias, as half floats.
export function unpack(layers, bytes) {
  let offset = 0;
  const take = (count) => Float64Array.from({ length: count }, () => half(bytes.getUint16((offset += 2) - 2, true)));
  return layers.map(([word, ...shape]) => {
    if (!shape.length) return { word };
    return { word, shape, weight: take(shape.reduce((product, size) => product * size, 1)), bias: take(shape[0]) };
  });
}

// Correlation without padding: out[o][y][x] = bias[o] + Σ weight[o][c][i][j] · in[c][y + i][x + j].
function convolve({ data, channels, side }, { shape: [outputs, , kernel], weight, bias }) {
  const size = side - kernel + 1;
  const out = new Float64Array(outputs * size * size);
  let w = 0;
  for (let o = 0; o < outputs; o += 1) {
    const base = o * size * size;
    out.fill(bias[o], base, base + size * size);
    for (let c = 0; c < channels; c += 1) {
      for (let i = 0; i < kernel; i += 1) {
        for (let j = 0; j < kernel; j += 1) {
          const factor = weight[w];
          w += 1;
          for (let y = 0; y < size; y += 1) {
            const from = (c * side + y + i) * side + j;
            const to = base + y * size;
            for (let x = 0; x < size; x += 1) out[to + x] += factor * data[from + x];
          }
        }
      }
    }
  }
  return { data: out, channels: outputs, side: size };
}

// The largest of every 2×2 block.
function pool({ data, channels, side }) {
  const size = side >> 1;
  const out = new Float64Array(channels * size * size);
  for (let c = 0, to = 0; c < channels; c += 1) {
    for (let y = 0; y < size; y += 1) {
      for (let x = 0; x < size; x += 1, to += 1) {
        const from = (c * side + 2 * y) * side + 2 * x;
        out[to] = Math.max(data[from], data[from + 1], data[from + side], data[from + side + 1]);
      }
    }
  }
  return { data: out, channels, side: size };
}

function linear({ data }, { shape: [outputs, inputs], weight, bias }) {
  const out = Float64Array.from({ length: outputs }, (_, o) => {
    let sum = bias[o];
    for (let i = 0; i < inputs; i += 1) sum += weight[o * inputs + i] * data[i];
    return sum;
  });
  return { data: out, channels: outputs, side: 1 };
}

const LAYERS = { conv: convolve, pool, linear, relu: (maps) => ({ ...maps, data: maps.data.map((v) => Math.max(v, 0)) }) };

// Ten logits for 784 pixels from 0 to 255; float32 division, as the data set was divided.
export function logitsOf(network, pixels) {
  const input = { data: Float64Array.from(pixels, (v) => Math.fround(v / 255)), channels: 1, side: 28 };
  return Array.from(network.reduce((maps, layer) => LAYERS[layer.word](maps, layer), input).data);
}

export function softmax(logits) {
  const top = Math.max(...logits);
  const powers = logits.map((z) => Math.exp(z - top));
  const sum = powers.reduce((total, power) => total + power, 0);
  return powers.map((power) => power / sum);
}
