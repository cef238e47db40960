// What the reader sees and chose: one film, one window, one place, one to many viewports. Every
// choice is made here and drawn by the viewports; nothing goes to the server but a step to another
// film.

import { drawControls, fillControls } from "./controls.js";
import { named, number, stored } from "./dom.js";
import { peak, smoothed } from "./heat.js";
import { recall } from "./memory.js";
import { fromBase64, paintFilm, readFilm } from "./pixels.js";
import { drawScores, markScore } from "./scores.js";
import { HOME, fitScale, panned, turned, zoomedAt } from "./space.js";
import { Viewport } from "./viewport.js";

const CANNOT_UNPACK =
  "This browser cannot unpack the film: it needs DecompressionStream, which browsers have since 2023.";
const MIN_VIEWPORT_PX = 260;
const WINDOW_STEPS = 512; // pixels of a drag from the narrowest window to the full range
const MIN_WINDOW_SHARE = 1 / 1024;

export class Reader {
  constructor(parent) {
    this.root = parent.querySelector(".viewer");
    this.viewports = [];
    this.state = null;
    this.place = { ...HOME };
    this.pointer = null;
    this.greys = document.createElement("canvas");
    this.smoothMaps = new WeakMap();
    this.onNewViewport = () => {};
    this.observer = new ResizeObserver(() => this.arrange());
    this.observer.observe(this.part("viewports"));
  }

  part(name) {
    return this.root.querySelector(`.${name}`);
  }

  // Called on every run of the page; what the reader chose stays.
  update(data, step) {
    this.data = data;
    this.step = step;
    this.isLinked = Boolean(data.panels);
    this.tables = Object.fromEntries(
      data.colour_tables.map(({ name, table }) => [name, fromBase64(table)]),
    );
    this.diverging = fromBase64(data.diverging);
    this.state ??= recall(data).state ?? {
      system: data.systems[0]?.name,
      className: data.scores[0]?.label ?? data.classes[0].name,
      method: data.default_method,
      colourMap: data.colour_tables[0].name,
      opacity: 0.6,
      contour: 0,
      swipe: null,
      tool: "window",
      isSmooth: false,
      isShown: true,
      isSigned: false,
      isFixed: false,
      isOutlined: data.outline.length > 0,
    };
    this.keepToWhatIsThere();
    this.root.classList.toggle("many", this.isLinked);
    this.root.classList.toggle("bare", data.is_bare);
    this.root.classList.toggle("beside-question", !data.has_digit_keys);
    this.fillViewports();
    fillControls(this);
    drawScores(this);
    this.takeFilm(data.film);
    this.draw();
  }

  // Another variant may lack the system that was chosen.
  keepToWhatIsThere() {
    const { data, state } = this;
    if (!named(data.systems, state.system)) state.system = data.systems[0]?.name;
    if (!this.tables[state.colourMap]) state.colourMap = data.colour_tables[0].name;
  }

  fillViewports() {
    const n = this.isLinked ? this.data.panels.length : 1;
    while (this.viewports.length > n) this.viewports.pop().close();
    while (this.viewports.length < n) {
      const viewport = new Viewport(this, this.viewports.length);
      this.viewports.push(viewport);
      this.onNewViewport(viewport);
    }
    const nodes = this.viewports.map((viewport) => viewport.root);
    const grid = this.part("viewports");
    if (nodes.some((node, i) => grid.children[i] !== node) || grid.children.length !== n) {
      grid.replaceChildren(...nodes);
    }
    this.arrange();
  }

  // As many columns as are wide enough, then as even rows as that allows: five are three and two.
  arrange() {
    const n = this.viewports.length;
    const fitting = Math.floor(this.part("viewports").clientWidth / MIN_VIEWPORT_PX);
    const rows = Math.ceil(n / Math.max(fitting, 1));
    this.part("viewports").style.setProperty("--columns", String(Math.ceil(n / rows)));
  }

  close() {
    this.observer.disconnect();
    this.viewports.forEach((viewport) => viewport.close());
  }

  // Another film starts at its own window and fitted; the choices about the map stay.
  async takeFilm(film) {
    if (this.packed === film.packed) {
      this.film = film;
      return;
    }
    const start = performance.now();
    const { view } = this.packed ? {} : recall(this.data);
    this.packed = film.packed;
    this.film = film;
    this.values = null;
    const values = await readFilm(film).catch(() => null);
    if (values === null) {
      this.viewports.forEach(({ value }) => {
        value.textContent = CANNOT_UNPACK;
      });
      return;
    }
    if (this.packed !== film.packed) return; // a newer film came meanwhile
    this.values = values;
    this.greys.width = film.width;
    this.greys.height = film.height;
    this.reset();
    if (view) {
      this.place = view.place;
      this.showWindow(view.window);
    }
    performance.measure("cxr-film", { start }); // unpacked and painted; read by benchmarks.viewer
    this.root.dataset.ready = "true";
    this.root.dataset.shown = this.data.key; // a page that takes the time of a film begins here
    this.root.dataset.shownAt = String(performance.now());
  }

  // ---- Choices ----------------------------------------------------------------------------------

  choose(change) {
    Object.assign(this.state, change);
    this.draw();
  }

  draw() {
    this.viewports.forEach((viewport) => viewport.describe());
    drawControls(this);
    markScore(this);
    this.redraw();
  }

  // At most once a frame, however many choices came before it.
  redraw() {
    this.frame ??= requestAnimationFrame(() => {
      this.frame = null;
      this.viewports.forEach((viewport) => viewport.draw());
    });
  }

  moveTo(place) {
    this.place = place;
    this.redraw();
  }

  zoomBy(factor, viewport, x = viewport.size.w / 2, y = viewport.size.h / 2) {
    this.moveTo(zoomedAt(this.place, viewport.size, viewport.film, factor, x, y));
  }

  panBy(viewport, dx, dy) {
    this.moveTo(panned(this.place, viewport.size, viewport.film, dx, dy));
  }

  turn(quarter) {
    this.moveTo(turned(this.place, quarter));
  }

  flip(axis) {
    this.moveTo({ ...this.place, [axis]: !this.place[axis] });
  }

  fit() {
    this.moveTo({ ...this.place, zoom: 1, cx: 0.5, cy: 0.5 });
  }

  // One stored pixel on one pixel of the screen.
  oneToOne(viewport) {
    const fitted = fitScale(this.place, viewport.size, viewport.film);
    this.moveTo({ ...this.place, zoom: 1 / ((window.devicePixelRatio || 1) * fitted) });
  }

  reset() {
    this.place = { ...HOME };
    this.showWindow({ ...this.film.windows[0], isInverted: false });
  }

  showWindow(change) {
    this.window = { ...this.window, ...change };
    if (this.values) paintFilm(this.greys, this.film, this.values, this.window);
    drawControls(this);
    this.redraw();
  }

  // OHIF's way: to the right is wider, down is a higher level, which is darker.
  dragWindow(dx, dy) {
    const full = named(this.film.windows, "Full range") ?? this.film.windows[0];
    const span = full.high - full.low;
    const { low, high } = this.window;
    const width = Math.max(high - low + (dx * span) / WINDOW_STEPS, span * MIN_WINDOW_SHARE);
    const level = (low + high) / 2 + (dy * span) / WINDOW_STEPS;
    this.showWindow({ name: "", low: level - width / 2, high: level + width / 2 });
  }

  invert() {
    this.showWindow({ isInverted: !this.window.isInverted });
  }

  preset(index) {
    if (this.film.windows[index]) this.showWindow(this.film.windows[index]);
  }

  pointAt(pointer, { isSpoken = false } = {}) {
    this.pointer = pointer;
    this.viewports.forEach((viewport) => {
      viewport.value.setAttribute("aria-live", isSpoken ? "polite" : "off");
      viewport.drawMarks();
    });
  }

  go(by) {
    this.root.dispatchEvent(
      new CustomEvent("cxr-step", { detail: by, bubbles: true, composed: true }),
    );
    if (this.data.can_step) this.step(by);
  }

  // ---- Facts ------------------------------------------------------------------------------------

  panel(index) {
    if (this.isLinked) return this.linkedPanel(this.data.panels[index]);
    const { system, method, className } = this.state;
    const maps = this.data.maps[system]?.[method] ?? {};
    const about = named(this.data.methods, method);
    return {
      system,
      className: about.is_class_specific ? className : "",
      classTitle: about.is_class_specific ? named(this.data.classes, className).title : "",
      method,
      title: this.mapTitle(system, method, className) ?? "no system",
      map: maps[className] ?? maps[""],
      isSigned: false,
    };
  }

  linkedPanel(panel) {
    const classes = this.data.classes
      .filter(({ name }) => panel.probs[name] !== undefined)
      .map((about) => ({ ...about, p: panel.probs[about.name] }));
    const top = Math.max(...classes.map(({ p }) => p));
    return {
      system: panel.system,
      className: panel.class_name,
      classTitle: named(this.data.classes, panel.class_name)?.title ?? "",
      method: panel.method,
      head: panel.title,
      title: this.mapTitle(panel.system, panel.method, panel.class_name) ?? panel.title,
      map: panel.map,
      isSigned: panel.is_signed,
      classes: classes.map((about) => ({ ...about, isTop: about.p === top })),
    };
  }

  mapTitle(system, method, className) {
    const about = named(this.data.methods, method);
    const title = named(this.data.systems, system)?.title;
    const isKnown = about && title && (named(this.data.classes, className) || !about.is_class_specific);
    if (!isKnown) return null;
    if (!about.is_class_specific) return `${about.title} of ${title}, no class`;
    return `${about.title} for ${named(this.data.classes, className).title} in ${title}`;
  }

  // All maps that a fixed scale spans: the same method, every system and class of the film.
  comparable({ method }) {
    const maps = this.isLinked
      ? this.data.panels.filter((panel) => panel.method === method).map((panel) => panel.map)
      : Object.values(this.data.maps).flatMap((methods) => Object.values(methods[method] ?? {}));
    return maps.filter((map) => map && !map.missing).map((map) => map.grid);
  }

  smooth(grid) {
    if (!this.smoothMaps.has(grid)) this.smoothMaps.set(grid, smoothed(grid));
    return this.smoothMaps.get(grid);
  }

  // The viewport that says where the pointer is; the others only say what their map has there.
  speaker() {
    return this.viewports.includes(this.hovered) ? this.hovered : this.viewports[0];
  }

  pointerWords() {
    const { film, pointer, values } = this;
    if (!pointer || !values) return "";
    const [x, y] = [Math.floor(pointer.x), Math.floor(pointer.y)];
    if (x < 0 || y < 0 || x >= film.stored_width || y >= film.stored_height) return "";
    const [stepX, stepY] = [film.stored_width / film.width, film.stored_height / film.height];
    const code = values[Math.floor(y / stepY) * film.width + Math.floor(x / stepX)];
    const value = stored(code * film.slope + film.intercept);
    const isReduced = stepX !== 1 || stepY !== 1;
    const mean = isReduced ? ` (mean of about ${number(stepX)} × ${number(stepY)} pixels)` : "";
    return `x ${x}, y ${y} · ${film.value_name} ${value}${mean}`;
  }

  contourLevel() {
    const [viewport] = this.viewports;
    const { map } = viewport.panel;
    if (!map || map.missing) return "";
    const grids = this.state.isFixed ? this.comparable(viewport.panel) : [map.grid];
    return number(this.state.contour * peak(grids, viewport.isSigned()));
  }
}
