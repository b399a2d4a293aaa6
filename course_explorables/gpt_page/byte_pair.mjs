// Byte-pair encoding: a text to token ids and back, as course_lib.text.tokenizers does it.

const PIECES = / ?[A-Za-z]+| ?[0-9]+| ?[^ \n\r\tA-Za-z0-9]+|[ \n\r\t]+/g;
const BYTES = 256;

// Ids 0 … 255 are the bytes, 256 + k is the k-th of `merges`, pairs of ids.
export function bytePairs(merges) {
  const joined = new Map(merges.map(([left, right], k) => [left * 65536 + right, BYTES + k]));
  const bytes = Array.from({ length: BYTES }, (_, value) => [value]);
  for (const [left, right] of merges) bytes.push([...bytes[left], ...bytes[right]]);

  // The earliest merge that applies joins all its pairs, until none applies.
  const encodePiece = (piece) => {
    let tokens = Array.from(new TextEncoder().encode(piece));
    for (;;) {
      let first = Infinity;
      for (let k = 0; k + 1 < tokens.length; k += 1) first = Math.min(first, joined.get(tokens[k] * 65536 + tokens[k + 1]) ?? Infinity);
      if (first === Infinity) return tokens;
      const [left, right] = merges[first - BYTES];
      const shorter = [];
      for (let k = 0; k < tokens.length; k += 1) {
        const pair = tokens[k] === left && tokens[k + 1] === right;
        shorter.push(pair ? first : tokens[k]);
        if (pair) k += 1;
      }
      tokens = shorter;
    }
  };
  const known = new Map();
  return {
    size: bytes.length,
    bytes: (id) => bytes[id],
    encode(text) {
      return (text.match(PIECES) ?? []).flatMap((piece) => {
        if (!known.has(piece)) {
          if (known.size > 5000) known.clear();
          known.set(piece, encodePiece(piece));
        }
        return known.get(piece);
      });
    },
    decode: (ids) => new TextDecoder("utf-8", { ignoreBOM: true }).decode(Uint8Array.from(ids.flatMap((id) => bytes[id]))),
    // A token on screen: spaces and line ends as signs, a byte that is no character by its number.
    shown(id) {
      try {
        return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(Uint8Array.from(bytes[id]))
          .replaceAll(" ", "·").replaceAll("\n", "⏎").replaceAll("\t", "⇥")
          .replace(/[\p{C}\p{Z}]/gu, (sign) => `\\x${sign.codePointAt(0).toString(16).padStart(2, "0")}`);
      } catch {
        return bytes[id].map((value) => (value > 32 && value < 127 ? String.fromCharCode(value) : `\\x${value.toString(16).padStart(2, "0")}`)).join("");
      }
    },
  };
}
