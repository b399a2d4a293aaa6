// Numbers as colours: a share of a palette, and a table of numbers painted as a picture.
import { clamp } from "./base.mjs";

// Red, green and blue of a share from 0 to 1 of a palette of "#rrggbb".
export function tint(palette, share) {
  const place = clamp(share, 0, 1) * (palette.length - 1);
  const k = Math.min(Math.floor(place), palette.length - 2);
  const channel = (colour, c) => parseInt(colour.slice(1 + 2 * c, 3 + 2 * c), 16);
  return [0, 1, 2].map((c) => Math.round(channel(palette[k], c) * (k + 1 - place) + channel(palette[k + 1], c) * (place - k)));
}

export function colour(palette, share) {
  return `rgb(${tint(palette, share).join(" ")})`;
}

// Black or white, whichever reads better on that colour.
export function inkOn([red, green, blue]) {
  return 0.299 * red + 0.587 * green + 0.114 * blue > 140 ? "#000" : "#fff";
}

// Paints `share(row, column)` as one pixel each; null leaves the pixel clear.
export function paintTable(canvas, rows, columns, palette, share) {
  [canvas.width, canvas.height] = [columns, rows];
  const context = canvas.getContext("2d");
  const pixels = context.createImageData(columns, rows);
  for (let row = 0; row < rows; row += 1) {
    for (let column = 0; column < columns; column += 1) {
      const value = share(row, column);
      if (value !== null) pixels.data.set([...tint(palette, value), 255], 4 * (row * columns + column));
    }
  }
  context.putImageData(pixels, 0, 0);
}
