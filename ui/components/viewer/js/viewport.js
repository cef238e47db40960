// One viewport: the film, one map on it, its colour bar and its read-out. It draws what the reader
// (reader.js) decided and keeps no choices of its own.

import { clamp, element, number, stored } from "./dom.js";
import {
  cellContour,
  cellWords,
  heatCanvas,
  peak,
  pictureWords,
  rampCanvas,
  range,
  smoothContour,
} from "./heat.js";
import { matrix, placeWords, toFilm, toScreen } from "./space.js";

const LENS_RADIUS_PX = 90;
const LENS_FACTOR = 2.5;
const PIXELATED_FROM = 6; // screen pixels for one pixel of the film; below, greys are interpolated
const MAX_RATIO = 2;

// The probabilities of a panel: words and bars, the highest in bold.
function probs(classes) {
  return element(
    "ul",
    { className: "probs" },
    classes.map(({ title, colour, p, isTop }) => {
      const fill = element("span", { className: "fill" });
      fill.style.width = `${100 * p}%`;
      fill.style.background = colour;
      return element("li", { className: isTop ? "top" : "" }, [
        element("span", { text: title }),
        element("span", { text: p.toFixed(3), className: "p" }),
        element("span", { className: "track" }, [fill]),
      ]);
    }),
  );
}

export class Viewport {
  constructor(reader, index) {
    this.reader = reader;
    this.index = index;
    this.size = { w: 0, h: 0 };
    this.cell = null; // chosen by keyboard
    this.build();
    this.observer = new ResizeObserver(() => this.resize());
    this.observer.observe(this.stage);
  }

  build() {
    this.picture = element("canvas", { className: "picture", role: "img", width: 1, height: 1 });
    this.marks = element("canvas", { className: "marks", "aria-hidden": "true", width: 1, height: 1 });
    this.corners = Object.fromEntries(
      ["top-left", "top-right", "bottom-left", "bottom-right"].map((name) => [
        name,
        element("span", { className: `corner ${name}`, "aria-hidden": "true" }),
      ]),
    );
    this.stage = element(
      "div",
      { className: "stage", tabindex: "0", role: "group" },
      [this.picture, this.marks, ...Object.values(this.corners)],
    );
    this.head = element("div", { className: "head" });
    this.ramp = element("canvas", { className: "ramp", width: 256, height: 1, "aria-hidden": "true" });
    this.low = element("span", { className: "low" });
    this.high = element("span", { className: "high" });
    this.scaleNote = element("span", { className: "scale" });
    this.legend = element("div", { className: "legend" }, [
      this.low,
      this.ramp,
      this.high,
      this.scaleNote,
    ]);
    this.value = element("output", { className: "value", "aria-live": "off" });
    this.root = element("div", { className: "viewport" }, [
      this.head,
      this.stage,
      this.legend,
      this.value,
    ]);
  }

  close() {
    this.observer.disconnect();
  }

  get panel() {
    return this.reader.panel(this.index);
  }

  get film() {
    const { film } = this.reader.data;
    return { width: film.stored_width, height: film.stored_height };
  }

  matrix() {
    return matrix(this.reader.place, this.size, this.film);
  }

  isSigned() {
    return this.reader.state.isSigned || Boolean(this.panel.isSigned);
  }

  grid() {
    const { map } = this.panel;
    return this.reader.state.isShown && map && !map.missing ? map.grid : null;
  }

  max() {
    const grids = this.reader.state.isFixed
      ? this.reader.comparable(this.panel)
      : [this.panel.map.grid];
    return peak(grids, this.isSigned());
  }

  table() {
    return this.isSigned() ? this.reader.diverging : this.reader.tables[this.reader.state.colourMap];
  }

  shapeStage() {
    const ratio = clamp(this.film.width / this.film.height, 1 / MAX_RATIO, MAX_RATIO);
    this.stage.style.aspectRatio = String(ratio);
    this.stage.setAttribute(
      "aria-label",
      `Film, ${this.panel.title}. Keys: question mark for help, Shift and arrows read the cells`,
    );
  }

  resize() {
    const { clientWidth: w, clientHeight: h } = this.stage;
    if (w === this.size.w && h === this.size.h) return;
    this.size = { w, h };
    this.reader.redraw();
  }

  isReady() {
    return Boolean(this.reader.values) && this.size.w >= 1 && this.size.h >= 1;
  }

  draw() {
    if (!this.isReady()) return;
    const density = Math.min(window.devicePixelRatio || 1, 2);
    [this.picture, this.marks].forEach((canvas) => {
      const [w, h] = [Math.round(this.size.w * density), Math.round(this.size.h * density)];
      if (canvas.width !== w || canvas.height !== h) [canvas.width, canvas.height] = [w, h];
    });
    const context = this.picture.getContext("2d");
    this.paint(context, this.matrix(), density);
    this.drawCorners();
    this.drawLegend();
    this.drawMarks();
  }

  // Words for a screen reader and for the head; at once, not with the next frame.
  describe() {
    const { map, title, classes } = this.panel;
    const words = pictureWords(this.reader.data.label, map, this.reader.state.isShown, title);
    this.picture.setAttribute("aria-label", words);
    this.head.replaceChildren(
      ...(this.reader.isLinked ? [element("h3", { text: this.panel.head }), probs(classes)] : []),
    );
    this.shapeStage();
  }

  // Film, map, contour and outline; also used by the export.
  paint(context, m, density) {
    this.paintFilm(context, m, density);
    const grid = this.grid();
    if (grid) this.paintMap(context, grid, m, density);
    if (this.reader.state.isOutlined) this.paintOutline(context, m, density);
    context.setTransform(1, 0, 0, 1, 0, 0);
  }

  paintFilm(context, m, density) {
    const { film } = this.reader;
    const { width, height } = this.film;
    context.setTransform(1, 0, 0, 1, 0, 0);
    context.fillStyle = "#000";
    context.fillRect(0, 0, this.size.w * density, this.size.h * density);
    context.setTransform(...m.map((part) => part * density));
    const perPixel = (Math.hypot(m[0], m[1]) * width) / film.width;
    context.imageSmoothingEnabled = perPixel * density < PIXELATED_FROM;
    context.imageSmoothingQuality = "high";
    context.drawImage(this.reader.greys, 0, 0, width, height);
  }

  paintMap(context, grid, m, density) {
    const { state } = this.reader;
    const max = this.max();
    if (!(max > 0)) return;
    context.save();
    if (state.swipe !== null) {
      context.setTransform(1, 0, 0, 1, 0, 0);
      const left = state.swipe * this.size.w * density;
      context.beginPath();
      context.rect(left, 0, this.size.w * density - left, this.size.h * density);
      context.clip();
      context.setTransform(...m.map((part) => part * density));
    }
    const heat = this.heat(grid, max);
    context.imageSmoothingEnabled = state.isSmooth;
    context.drawImage(heat, 0, 0, this.film.width, this.film.height);
    if (state.contour > 0) this.paintContour(context, grid, max, m, density);
    context.restore();
  }

  // Coloured once for every choice, not for every move of the film.
  heat(grid, max) {
    const { state } = this.reader;
    const options = {
      max,
      table: this.table(),
      opacity: state.opacity,
      isSigned: this.isSigned(),
    };
    const values = state.isSmooth ? this.reader.smooth(grid) : grid;
    const key = [max, state.opacity, state.colourMap, this.isSigned(), state.isSmooth].join();
    if (this.heatOf !== grid || this.heatKey !== key) {
      this.heatOf = grid;
      this.heatKey = key;
      this.heatDrawn = heatCanvas(values, options);
    }
    return this.heatDrawn;
  }

  paintContour(context, grid, max, m, density) {
    const { state } = this.reader;
    const level = state.contour * max;
    const lines = this.contour(grid, level, state.isSmooth);
    const [sx, sy] = [this.film.width / grid[0].length, this.film.height / grid.length];
    const points = lines.map(([ax, ay, bx, by]) => [
      [ax * sx, ay * sy],
      [bx * sx, by * sy],
    ]);
    this.strokeLines(context, points, m, density, "#fff");
  }

  contour(grid, level, isSmooth) {
    const key = [level, isSmooth].join();
    if (this.contourOf !== grid || this.contourKey !== key) {
      this.contourOf = grid;
      this.contourKey = key;
      this.contourLines = isSmooth
        ? smoothContour(grid, this.reader.smooth(grid), level)
        : cellContour(grid, level);
    }
    return this.contourLines;
  }

  paintOutline(context, m, density) {
    const { width, height } = this.film;
    const lines = this.reader.data.outline.map((polygon) =>
      [...polygon, polygon[0]].map(([x, y]) => [x * width, y * height]),
    );
    context.save();
    context.setLineDash([6 * density, 4 * density]);
    this.strokeLines(context, lines, m, density, "#9fe3ff");
    context.restore();
  }

  // Dark beneath light, of one width on the screen at any zoom, seen on black and on white.
  strokeLines(context, lines, m, density, colour) {
    context.setTransform(density, 0, 0, density, 0, 0);
    context.beginPath();
    lines.forEach((line) =>
      line.forEach(([x, y], i) => {
        const at = toScreen(m, x, y);
        if (i === 0) context.moveTo(...at);
        else context.lineTo(...at);
      }),
    );
    context.lineCap = "round";
    [["rgba(0, 0, 0, 0.75)", 3.5], [colour, 1.5]].forEach(([style, width]) => {
      context.strokeStyle = style;
      context.lineWidth = width;
      context.stroke();
    });
  }

  drawCorners() {
    const { film, window: shown, place } = this.reader;
    const [a, b] = this.matrix();
    const percent = Math.round(100 * Math.hypot(a, b) * (window.devicePixelRatio || 1));
    const isReduced = film.width !== film.stored_width || film.height !== film.stored_height;
    const invert = this.reader.window.isInverted ? " inverted" : "";
    const curve = { SIGMOID: " sigmoid", TABLE: " table" }[shown.function] ?? "";
    this.corners["top-left"].textContent = placeWords(place);
    this.corners["top-right"].textContent = isReduced
      ? `reduced to ${film.width} × ${film.height}`
      : "";
    this.corners["bottom-left"].textContent =
      `W ${stored(Number((shown.high - shown.low).toPrecision(5)))} ` +
      `L ${stored(Number(((shown.high + shown.low) / 2).toPrecision(5)))}${curve}${invert}`;
    this.corners["bottom-right"].textContent = `${percent}%`;
  }

  drawLegend() {
    const { map } = this.panel;
    const hasGrid = map && !map.missing;
    this.legend.classList.toggle("off", !this.grid());
    rampCanvas(this.ramp, this.table());
    const max = hasGrid ? this.max() : 0;
    const isSigned = this.isSigned();
    this.low.textContent = isSigned ? `against ${number(-max)}` : "0";
    this.high.textContent = isSigned ? `for ${number(max)}` : number(max);
    this.scaleNote.textContent = this.reader.state.isFixed ? "one scale for all systems" : "";
  }

  // Crosshair, chosen cell, divider and magnifier lie on a canvas of their own: moving them does
  // not draw the film again.
  drawMarks() {
    if (!this.isReady()) return;
    const density = this.marks.width / this.size.w;
    const context = this.marks.getContext("2d");
    context.setTransform(1, 0, 0, 1, 0, 0);
    context.clearRect(0, 0, this.marks.width, this.marks.height);
    const m = this.matrix();
    const { state, pointer } = this.reader;
    const at = pointer ? toScreen(m, pointer.x, pointer.y) : null;
    if (state.swipe !== null) {
      const x = state.swipe * this.size.w;
      this.strokeLines(context, [[[x, 0], [x, this.size.h]]], [1, 0, 0, 1, 0, 0], density, "#fff");
    }
    const cell = this.cellAt(pointer);
    if (cell) this.drawCell(context, cell, m, density);
    if (at && state.tool === "magnify") this.drawLens(context, m, at, density);
    else if (at && this.reader.isLinked) this.drawCross(context, at, density);
    this.drawValue(cell);
  }

  drawCell(context, cell, m, density) {
    const grid = this.grid();
    const [w, h] = [this.film.width / grid[0].length, this.film.height / grid.length];
    const [x, y] = [cell.column * w, cell.row * h];
    const box = [[x, y], [x + w, y], [x + w, y + h], [x, y + h], [x, y]];
    this.strokeLines(context, [box], m, density, "#fff");
  }

  drawCross(context, [x, y], density) {
    const arms = [
      [[x - 14, y], [x - 4, y]],
      [[x + 4, y], [x + 14, y]],
      [[x, y - 14], [x, y - 4]],
      [[x, y + 4], [x, y + 14]],
    ];
    this.strokeLines(context, arms, [1, 0, 0, 1, 0, 0], density, "#fff");
  }

  // The film alone: under a map there would be little to magnify.
  drawLens(context, m, [x, y], density) {
    const larger = m.map((part) => part * LENS_FACTOR);
    larger[4] = x - (x - m[4]) * LENS_FACTOR;
    larger[5] = y - (y - m[5]) * LENS_FACTOR;
    context.save();
    context.beginPath();
    context.arc(x * density, y * density, LENS_RADIUS_PX * density, 0, 2 * Math.PI);
    context.clip();
    this.paintFilm(context, larger, density);
    context.restore();
    context.setTransform(density, 0, 0, density, 0, 0);
    context.beginPath();
    context.arc(x, y, LENS_RADIUS_PX, 0, 2 * Math.PI);
    context.strokeStyle = "#fff";
    context.lineWidth = 1.5;
    context.stroke();
  }

  cellAt(pointer) {
    const grid = this.grid();
    if (!grid || !pointer) return null;
    const [x, y] = [pointer.x / this.film.width, pointer.y / this.film.height];
    if (x < 0 || y < 0 || x >= 1 || y >= 1) return null;
    return { row: Math.floor(y * grid.length), column: Math.floor(x * grid[0].length) };
  }

  drawValue(cell) {
    const words = [this.reader.speaker() === this ? this.reader.pointerWords() : ""];
    if (cell) words.push(cellWords(this.grid(), cell, this.isSigned()));
    this.value.textContent = words.filter(Boolean).join(" · ") || this.mapWords();
  }

  mapWords() {
    const { panel } = this;
    if (this.reader.data.is_bare) return "";
    if (!this.reader.state.isShown) return "Heatmap hidden: space shows it.";
    if (!panel.map) return "This map was not computed.";
    if (panel.map.missing) return panel.map.missing;
    const { min, max } = range(panel.map.grid);
    const span = `${number(min)} to ${number(max)}`;
    if (!(max > 0) && !this.isSigned()) {
      return panel.classTitle
        ? `Nothing in the map speaks for ${panel.classTitle}: its values run from ${span}.`
        : "Nothing in the map is above zero.";
    }
    const below = min < 0 && !this.isSigned() ? " Values below zero are not drawn." : "";
    return `${panel.title}: ${span}.${below}`;
  }

  // Screen to film, for pointers.
  filmPoint(event) {
    const box = this.stage.getBoundingClientRect();
    const [x, y] = toFilm(this.matrix(), event.clientX - box.left, event.clientY - box.top);
    return { x, y };
  }
}
