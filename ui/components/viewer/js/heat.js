// A map: small raw numbers to colours, contours and words. Nothing here knows about the page.

import { number } from "./dom.js";

const SMOOTH_FACTOR = 16;

export function range(grid) {
  const values = grid.flat();
  return { min: Math.min(...values), max: Math.max(...values) };
}

// The value at full colour: the largest, or the largest of either sign.
export function peak(grids, isSigned) {
  return Math.max(
    0,
    ...grids.map((grid) => {
      const { min, max } = range(grid);
      return isSigned ? Math.max(max, -min) : max;
    }),
  );
}

// Bilinear between the centres of the cells; beyond the outer centres the edge value stays.
export function smoothed(grid, factor = SMOOTH_FACTOR) {
  const [rows, cols] = [grid.length, grid[0].length];
  const at = (i, n) => {
    const place = Math.min(Math.max((i + 0.5) / factor - 0.5, 0), n - 1);
    const low = Math.min(Math.floor(place), Math.max(n - 2, 0));
    return [low, Math.min(low + 1, n - 1), place - low];
  };
  const places = Array.from({ length: cols * factor }, (_, x) => at(x, cols));
  return Array.from({ length: rows * factor }, (_, y) => {
    const [top, bottom, v] = at(y, rows);
    return Float64Array.from(places, ([left, right, u]) => {
      const upper = grid[top][left] * (1 - u) + grid[top][right] * u;
      const lower = grid[bottom][left] * (1 - u) + grid[bottom][right] * u;
      return upper * (1 - v) + lower * v;
    });
  });
}

// One pixel per value. Where nothing is drawn the film is untouched; elsewhere the cover grows with
// the square root of the share, so that weak cells do not darken the film and strong ones stand out.
export function heatCanvas(values, { max, table, opacity, isSigned }) {
  const canvas = document.createElement("canvas");
  canvas.width = values[0].length;
  canvas.height = values.length;
  const context = canvas.getContext("2d");
  const pixels = context.createImageData(canvas.width, canvas.height);
  let i = 0;
  values.forEach((row) =>
    row.forEach((value) => {
      const share = Math.min(Math.max(value / max, isSigned ? -1 : 0), 1);
      const entry = Math.round((isSigned ? (share + 1) / 2 : share) * 255) * 3;
      pixels.data[i] = table[entry];
      pixels.data[i + 1] = table[entry + 1];
      pixels.data[i + 2] = table[entry + 2];
      pixels.data[i + 3] = 255 * opacity * Math.sqrt(Math.abs(share));
      i += 4;
    }),
  );
  context.putImageData(pixels, 0, 0);
  return canvas;
}

export function rampCanvas(canvas, table) {
  const context = canvas.getContext("2d");
  const pixels = context.createImageData(256, 1);
  for (let i = 0; i < 256; i += 1) {
    pixels.data.set([...table.subarray(3 * i, 3 * i + 3), 255], 4 * i);
  }
  context.putImageData(pixels, 0, 0);
}

// The outline of all cells at or above a level, in cells: along the edges of the cells.
export function cellContour(grid, level) {
  const inside = (y, x) => grid[y]?.[x] !== undefined && grid[y][x] >= level;
  const lines = [];
  for (let y = 0; y <= grid.length; y += 1) {
    for (let x = 0; x <= grid[0].length; x += 1) {
      if (inside(y, x) !== inside(y - 1, x)) lines.push([x, y, x + 1, y]);
      if (inside(y, x) !== inside(y, x - 1)) lines.push([x, y, x, y + 1]);
    }
  }
  return lines;
}

// The same through an interpolated map, in cells of the raw grid: marching squares, straight
// between the points where the level is crossed; a saddle is cut by its first two crossings.
export function smoothContour(grid, values, level) {
  const factor = values.length / grid.length;
  const lines = [];
  const crossing = (ax, ay, bx, by) => {
    const [a, b] = [values[ay][ax], values[by][bx]];
    if (a >= level === b >= level) return null;
    const t = (level - a) / (b - a);
    return [(ax + 0.5 + t * (bx - ax)) / factor, (ay + 0.5 + t * (by - ay)) / factor];
  };
  for (let y = 0; y + 1 < values.length; y += 1) {
    for (let x = 0; x + 1 < values[0].length; x += 1) {
      const found = [
        crossing(x, y, x + 1, y),
        crossing(x + 1, y, x + 1, y + 1),
        crossing(x, y + 1, x + 1, y + 1),
        crossing(x, y, x, y + 1),
      ].filter(Boolean);
      for (let i = 0; i + 1 < found.length; i += 2) lines.push([...found[i], ...found[i + 1]]);
    }
  }
  return lines;
}

export function strongest(grid, n) {
  return grid
    .flatMap((row, y) => row.map((value, x) => ({ value, row: y + 1, column: x + 1 })))
    .filter((cell) => cell.value > 0)
    .sort((a, b) => b.value - a.value)
    .slice(0, n);
}

export function cellWords(grid, cell, isSigned) {
  const value = grid[cell.row][cell.column];
  const { max } = range(grid);
  const place = `map ${number(value)}`;
  const where = `cell row ${cell.row + 1}, column ${cell.column + 1}`;
  if (isSigned) return `${place} (${where})`;
  if (value > 0) return `${place}, ${Math.round((100 * value) / max)}% of its maximum (${where})`;
  return `${place}, not above zero (${where})`;
}

export function pictureWords(label, map, isShown, title) {
  const film = `Chest film ${label}.`;
  if (!isShown) return `${film} Heatmap hidden.`;
  if (!map || map.missing) return `${film} No heatmap.`;
  const cells = strongest(map.grid, 3).map(
    (cell) => `row ${cell.row} column ${cell.column} (${number(cell.value)})`,
  );
  const top = cells.length ? `Strongest cells: ${cells.join(", ")}.` : "No cell is above zero.";
  return `${film} Heatmap of ${title}, ${map.grid.length} by ${map.grid[0].length} cells. ${top}`;
}

// What the reader should know about a map: why it is missing, its notes, how it adds up.
export function mapNotes(map, about) {
  if (!map) return ["This map was not computed."];
  if (map.missing) return [map.missing];
  const notes = (map.notes ?? []).filter((note) => note !== about);
  if (map.bias !== undefined) {
    const sum = number(map.score - map.bias);
    notes.push(
      `Cells add up to ${sum}; with ${number(map.bias)} from biases: score ${number(map.score)}.`,
    );
  }
  return notes;
}
