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

// One opaque grey as a pixel of ImageData for each packed value; linear between the two ends.
export function greyTable(film, { low, high, isInverted }) {
  const table = new Uint32Array(1 << film.bits);
  const flip = film.is_inverted !== isInverted;
  for (let code = 0; code < table.length; code += 1) {
    const share = (code * film.slope + film.intercept - low) / (high - low);
    const grey = Math.round(255 * Math.min(Math.max(flip ? 1 - share : share, 0), 1));
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
