// Floating-point formats: patterns of bits to numbers and back, as course_lib.foundations.number_formats has them.

export function formats(rows) {
  return rows.map(([name, exponentBits, fractionBits, infinities, tiesToEven]) => {
    const bits = 1 + exponentBits + fractionBits;
    const everyOne = 2 ** (bits - 1) - 1;
    const beyond = infinities ? everyOne - 2 ** fractionBits + 1 : everyOne;
    return { name, exponentBits, fractionBits, infinities, tiesToEven, bits, beyond, bias: 2 ** (exponentBits - 1) - 1, half: 2 ** (bits - 1) };
  });
}

// floor(log2 |x|) of a number that is not 0, read off its own bits.
function exponentOf(x) {
  const view = new DataView(new ArrayBuffer(8));
  view.setFloat64(0, x);
  return ((view.getUint16(0) >> 4) & 2047) - 1023;
}

// The exponent of the steps that lead from one number of the format to the next, near x.
export function stepExponent(x, form) {
  const lowest = 1 - form.bias;
  const own = x === 0 ? lowest : Math.max(exponentOf(x), lowest);
  return own - form.fractionBits;
}

// The pattern of the format's nearest number.
export function encodeBits(x, form) {
  const size = Math.abs(x);
  const step = stepExponent(x, form);
  const steps = size * 2 ** -step;
  const floor = Math.floor(steps);
  const rest = steps - floor;
  const up = form.tiesToEven ? rest > 0.5 || (rest === 0.5 && floor % 2 === 1) : rest >= 0.5;
  const pattern = (step + form.fractionBits + form.bias - 1) * 2 ** form.fractionBits + floor + (up ? 1 : 0);
  const sign = x < 0 || Object.is(x, -0) ? form.half : 0;
  return sign + Math.min(pattern, form.infinities ? form.beyond : form.beyond - 1);
}

// What a pattern stands for; beyond the numbers it is ±Infinity or NaN.
export function decodeBits(code, form) {
  const sign = code >= form.half ? -1 : 1;
  const pattern = code % form.half;
  if (pattern >= form.beyond) return form.infinities && pattern === form.beyond ? sign * Infinity : NaN;
  const exponent = Math.floor(pattern / 2 ** form.fractionBits);
  const fraction = pattern % 2 ** form.fractionBits;
  return sign * ((exponent > 0 ? 1 : 0) + fraction / 2 ** form.fractionBits) * 2 ** (Math.max(exponent, 1) - form.bias);
}

export function roundTo(x, form) {
  return decodeBits(encodeBits(x, form), form);
}

// The numbers of the format around x, in order, `count` on either side where there are so many.
export function neighbours(x, form, count) {
  const code = encodeBits(x, form);
  const place = Math.min(code % form.half, form.beyond - 1) * (code >= form.half ? -1 : 1);
  const found = [];
  for (let k = place - count; k <= place + count; k += 1) {
    if (Math.abs(k) < form.beyond) found.push(k < 0 ? -decodeBits(-k, form) : decodeBits(k, form));
  }
  return found;
}

export function bitsOf(code, form) {
  return code.toString(2).padStart(form.bits, "0");
}
