// A model's weights as they lie in a safetensors file: eight bytes of length, a JSON header, then the numbers.

// Every half-precision number by its bits: 1 of sign, 5 of exponent, 10 of fraction.
function halfTable() {
  const table = new Float32Array(65536);
  for (let exponent = 0; exponent < 32; exponent += 1) {
    const power = 2 ** (Math.max(exponent, 1) - 15);
    for (let fraction = 0; fraction < 1024; fraction += 1) {
      const value = exponent === 31 ? (fraction ? NaN : Infinity) : ((exponent ? 1 : 0) + fraction / 1024) * power;
      table[exponent * 1024 + fraction] = value;
      table[32768 + exponent * 1024 + fraction] = -value;
    }
  }
  return table;
}

function widened(halves, table) {
  const numbers = new Float32Array(halves.length);
  for (let k = 0; k < halves.length; k += 1) numbers[k] = table[halves[k]];
  return numbers;
}

// Tensors by name as flat Float32Arrays. `view` is a DataView of the whole file, float16 or float32 inside.
export function parseSafetensors(view) {
  const length = Number(view.getBigUint64(0, true));
  const header = JSON.parse(new TextDecoder().decode(new Uint8Array(view.buffer, view.byteOffset + 8, length)));
  const start = view.byteOffset + 8 + length;
  const table = halfTable();
  const tensors = {};
  for (const [name, entry] of Object.entries(header)) {
    if (name === "__metadata__") continue;
    const bytes = view.buffer.slice(...entry.data_offsets.map((offset) => start + offset));
    if (entry.dtype === "F32") tensors[name] = new Float32Array(bytes);
    else if (entry.dtype === "F16") tensors[name] = widened(new Uint16Array(bytes), table);
    else throw new Error(`${name} is ${entry.dtype}; expected F16 or F32`);
  }
  return tensors;
}

export function fromBase64(text) {
  if (Uint8Array.fromBase64) return new DataView(Uint8Array.fromBase64(text).buffer);
  const characters = atob(text);
  const bytes = new Uint8Array(characters.length);
  for (let k = 0; k < bytes.length; k += 1) bytes[k] = characters.charCodeAt(k);
  return new DataView(bytes.buffer);
}
