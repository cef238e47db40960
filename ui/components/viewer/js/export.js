// Save what is seen as one PNG: every viewport with its title, colour bar and window, and below them
// what made the maps; no file name.

import { number } from "./dom.js";

const HEAD_PX = 28;
const FOOT_PX = 76;
const RESEARCH_USE = "Research use only. Not a medical device.";
const GAP_PX = 8;
const LINE_PX = 20;
const SEPARATOR = " \u00b7 ";
const FONT = '13px system-ui, -apple-system, "Segoe UI", Roboto, "DejaVu Sans", sans-serif';

function fileName(reader) {
  const [viewport] = reader.viewports;
  const { system, className } = viewport.panel;
  const name = reader.isLinked ? `${reader.viewports.length}-panels` : `${system}-${className || "all"}`;
  return `cxr-view-${name}.png`.replace(/[^\w.-]+/g, "_");
}

function fitted(context, text, width) {
  let shown = text;
  while (shown.length > 1 && context.measureText(shown).width > width) shown = `${shown.slice(0, -2)}…`;
  return shown;
}

// The parts of a line, as many in each row as there is room for; none is cut where one fits alone.
function rows(context, text, width) {
  const found = [];
  for (const part of text ? text.split(SEPARATOR) : []) {
    const longer = found.length ? `${found.at(-1)}${SEPARATOR}${part}` : part;
    if (found.length && context.measureText(longer).width <= width) found[found.length - 1] = longer;
    else found.push(part);
  }
  return found;
}

function drawOne(context, viewport, left, top) {
  const { reader, size } = viewport;
  const density = viewport.picture.width / size.w;
  const picture = document.createElement("canvas");
  [picture.width, picture.height] = [viewport.picture.width, viewport.picture.height];
  viewport.paint(picture.getContext("2d"), viewport.matrix(), density);
  const title = reader.state.isShown && !reader.data.is_bare ? viewport.panel.title : "Film without heatmap";
  context.fillStyle = "#d9dee3";
  context.fillText(fitted(context, title, size.w), left, top + 18);
  context.drawImage(picture, left, top + HEAD_PX, size.w, size.h);
  const below = top + HEAD_PX + size.h;
  const corner = (name) => viewport.corners[name].textContent;
  const words = [corner("bottom-left"), corner("top-left"), corner("top-right")].filter(Boolean);
  if (viewport.grid()) {
    const { width: lowWidth } = context.measureText(viewport.low.textContent);
    const { width: highWidth } = context.measureText(viewport.high.textContent);
    context.fillText(viewport.low.textContent, left, below + 19);
    context.fillText(viewport.high.textContent, left + size.w - highWidth, below + 19);
    context.imageSmoothingEnabled = false;
    context.drawImage(
      viewport.ramp,
      left + lowWidth + GAP_PX,
      below + 9,
      Math.max(size.w - lowWidth - highWidth - 2 * GAP_PX, 1),
      11,
    );
    if (reader.state.contour) words.push(`contour ${number(100 * reader.state.contour)}%`);
  }
  context.fillText(fitted(context, words.join(" · "), size.w), left, below + 40);
  context.fillText(fitted(context, RESEARCH_USE, size.w), left, below + 60);
}

// The canvas that is saved; apart from saving it, so that it can be looked at in tests.
export function viewCanvas(reader) {
  const shown = reader.viewports.filter(({ size }) => size.w > 0 && size.h > 0);
  const boxes = shown.map(({ root }) => [root.offsetLeft, root.offsetTop]);
  const lefts = [...new Set(boxes.map(([x]) => x))].sort((a, b) => a - b);
  const tops = [...new Set(boxes.map(([, y]) => y))].sort((a, b) => a - b);
  const width = Math.max(...shown.map(({ size }) => size.w)) + GAP_PX;
  const height = Math.max(...shown.map(({ size }) => size.h)) + HEAD_PX + FOOT_PX;
  const density = Math.min(window.devicePixelRatio || 1, 2);
  const canvas = document.createElement("canvas");
  const context = canvas.getContext("2d");
  context.font = FONT;
  const made = rows(context, reader.data.provenance, width * lefts.length - GAP_PX);
  canvas.width = Math.round((width * lefts.length + GAP_PX) * density);
  canvas.height = Math.round((height * tops.length + LINE_PX * made.length) * density);
  context.scale(density, density);
  context.fillStyle = "#14171b";
  context.fillRect(0, 0, canvas.width, canvas.height);
  context.font = FONT;
  shown.forEach((viewport, i) => {
    const [x, y] = boxes[i];
    drawOne(context, viewport, GAP_PX + lefts.indexOf(x) * width, tops.indexOf(y) * height);
  });
  context.fillStyle = "#d9dee3";
  made.forEach((line, i) => {
    const below = height * tops.length + LINE_PX * i + 8;
    context.fillText(fitted(context, line, width * lefts.length - GAP_PX), GAP_PX, below);
  });
  return canvas;
}

export function exportView(reader) {
  if (!reader.values || !reader.viewports.some(({ size }) => size.w > 0 && size.h > 0)) return;
  viewCanvas(reader).toBlob((blob) => {
    const link = document.createElement("a");
    link.href = URL.createObjectURL(blob);
    link.download = fileName(reader);
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
  }, "image/png");
}
