// The film: packed bytes to stored values, and stored values through a window to greys.
// `pack` in ui/film_pixels.py is the other half of `unpack`.

export function fromBase64(text) {
  const letters = atob(text);
  const bytes = new Uint8Array(letters.length);
  for (let i = 0; i < letters.length; i += 1) bytes[i] = letters.charCodeAt(i);
  return bytes;
}

async function inflate(packed) {
  const stream = new Blob([packed]).stream().pipeThrough(new DecompressionStream("deflate"));
  return new Uint8Array(await new Response(stream).arrayBuffer());
}

export function unpack(raw, width, bits) {
  if (bits === 8) {
    for (let i = width; i < raw.length; i += 1) raw[i] += raw[i - width];
    return raw;
  }
  const n = raw.length / 2;
  const values = new Uint16Array(n);
  for (let i = 0; i < n; i += 1) {
    const zigzag = (raw[i] << 8) | raw[n + i];
    values[i] = (zigzag >> 1) ^ -(zigzag & 1);
  }
  for (let i = width; i < n; i += 1) values[i] += values[i - width];
  return values;
}

export async function readFilm(film) {
  return unpack(await inflate(fromBase64(film.packed)), film.width, film.bits);
}

const clipped = (share) => Math.min(Math.max(share, 0), 1);

// What a window makes of a share of its width, 0 at `low` and 1 at `high`: Window.brightness in
// cxr_core/grey_window.py. A window that was dragged keeps its curve, stretched to the new ends.
function curveOf({ function: kind, table }) {
  if (kind === "SIGMOID") return (share) => 1 / (1 + Math.exp(-4 * (share - 0.5)));
  if (kind !== "TABLE") return clipped;
  const greys = fromBase64(table);
  const last = greys.length - 1;
  return (share) => {
    const place = clipped(share) * last;
    const below = Math.floor(place);
    const above = Math.min(below + 1, last);
    return (greys[below] + (place - below) * (greys[above] - greys[below])) / 255;
  };
}

// One opaque grey as a pixel of ImageData for each packed value.
export function greyTable(film, window) {
  const { low, high, isInverted } = window;
  const table = new Uint32Array(1 << film.bits);
  const flip = film.is_inverted !== isInverted;
  const curve = curveOf(window);
  for (let code = 0; code < table.length; code += 1) {
    const bright = curve((code * film.slope + film.intercept - low) / (high - low));
    const grey = Math.round(255 * clipped(flip ? 1 - bright : bright));
    table[code] = (255 << 24) | (grey << 16) | (grey << 8) | grey;
  }
  return table;
}

export function paintFilm(canvas, film, values, window) {
  const table = greyTable(film, window);
  const context = canvas.getContext("2d");
  const image = context.createImageData(film.width, film.height);
  const pixels = new Uint32Array(image.data.buffer);
  for (let i = 0; i < pixels.length; i += 1) pixels[i] = table[values[i]];
  context.putImageData(image, 0, 0);
}
