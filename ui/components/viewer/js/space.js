// Where the film lies on the screen. Film coordinates are stored pixels, screen coordinates CSS
// pixels. `zoom` 1 fits the film; the centre is a share of the film, so that viewports of any size
// can share one place.

import { clamp } from "./dom.js";

const MAX_SCREEN_PX = 64; // on screen for one stored pixel
const MIN_ZOOM = 0.25;
const MIN_THICKNESS_PX = 2; // a film of one row stays visible

export const HOME = { zoom: 1, cx: 0.5, cy: 0.5, turns: 0, flipH: false, flipV: false };

export function fitScale(place, size, film) {
  const isTurned = place.turns % 2 !== 0;
  const [w, h] = isTurned ? [film.height, film.width] : [film.width, film.height];
  return Math.max(Math.min(size.w / w, size.h / h), MIN_THICKNESS_PX / Math.min(w, h));
}

// a b c d e f of x' = a x + c y + e, y' = b x + d y + f: turned first, then flipped as seen.
export function matrix(place, size, film) {
  const scale = fitScale(place, size, film) * place.zoom;
  const turns = ((place.turns % 4) + 4) % 4;
  const [cos, sin] = [[1, 0], [0, 1], [-1, 0], [0, -1]][turns];
  const [x, y] = [place.flipH ? -scale : scale, place.flipV ? -scale : scale];
  const [a, b, c, d] = [x * cos, y * sin, -x * sin, y * cos];
  const [px, py] = [place.cx * film.width, place.cy * film.height];
  return [a, b, c, d, size.w / 2 - a * px - c * py, size.h / 2 - b * px - d * py];
}

export function toScreen([a, b, c, d, e, f], x, y) {
  return [a * x + c * y + e, b * x + d * y + f];
}

export function toFilm([a, b, c, d, e, f], x, y) {
  const det = a * d - b * c;
  return [(d * (x - e) - c * (y - f)) / det, (a * (y - f) - b * (x - e)) / det];
}

export function panned(place, size, film, dx, dy) {
  const m = matrix(place, size, film);
  const [x, y] = toFilm(m, size.w / 2 - dx, size.h / 2 - dy);
  return { ...place, cx: clamp(x / film.width, 0, 1), cy: clamp(y / film.height, 0, 1) };
}

// The point of the film under (x, y) stays there.
export function zoomedAt(place, size, film, factor, x, y) {
  const max = Math.max(MAX_SCREEN_PX / fitScale(place, size, film), 1);
  const zoom = clamp(place.zoom * factor, MIN_ZOOM, max);
  const [fx, fy] = toFilm(matrix(place, size, film), x, y);
  const moved = { ...place, zoom };
  const [nx, ny] = toScreen(matrix(moved, size, film), fx, fy);
  return panned(moved, size, film, x - nx, y - ny);
}

export function turned(place, quarter) {
  const mirrored = place.flipH !== place.flipV;
  return { ...place, turns: (place.turns + (mirrored ? -quarter : quarter) + 4) % 4 };
}

export function placeWords(place) {
  const words = [];
  if (place.turns) words.push(`turned ${90 * place.turns}°`);
  if (place.flipH !== place.flipV) words.push("MIRRORED");
  else if (place.flipH) words.push("flipped both ways");
  return words.join(", ");
}
