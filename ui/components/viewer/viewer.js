// The film viewer: a grey film, a small raw map coloured in the browser, the scores of every system.
// Nothing here talks to the server. Text from data goes through textContent and setAttribute only.

// ---- Colours and maps: pure functions ------------------------------------------------------------

const SMOOTH_FACTOR = 32;

function decodeTable(base64) {
  return Uint8Array.from(atob(base64), (letter) => letter.charCodeAt(0));
}

function range(grid) {
  const values = grid.flat();
  return { min: Math.min(...values), max: Math.max(...values) };
}

// Bilinear between the centres of the cells; beyond the outer centres the edge value stays.
function smoothed(grid, factor) {
  const [rows, cols] = [grid.length, grid[0].length];
  const at = (i, n) => {
    const place = Math.min(Math.max((i + 0.5) / factor - 0.5, 0), n - 1);
    const low = Math.min(Math.floor(place), Math.max(n - 2, 0));
    return [low, Math.min(low + 1, n - 1), place - low];
  };
  return Array.from({ length: rows * factor }, (_, y) => {
    const [top, bottom, v] = at(y, rows);
    return Array.from({ length: cols * factor }, (_, x) => {
      const [left, right, u] = at(x, cols);
      const upper = grid[top][left] * (1 - u) + grid[top][right] * u;
      const lower = grid[bottom][left] * (1 - u) + grid[bottom][right] * u;
      return upper * (1 - v) + lower * v;
    });
  });
}

// One pixel per value. Zero and below leave the film untouched; above, the cover grows with the
// square root of the value, so that weak cells do not darken the film and strong ones stand out.
function heatCanvas(values, max, table, opacity) {
  const canvas = document.createElement("canvas");
  canvas.width = values[0].length;
  canvas.height = values.length;
  const context = canvas.getContext("2d");
  const pixels = context.createImageData(canvas.width, canvas.height);
  values.flat().forEach((value, i) => {
    const share = Math.min(Math.max(value / max, 0), 1);
    const entry = Math.round(share * 255) * 3;
    pixels.data.set(table.subarray(entry, entry + 3), i * 4);
    pixels.data[i * 4 + 3] = 255 * opacity * Math.sqrt(share);
  });
  context.putImageData(pixels, 0, 0);
  return canvas;
}

function strongest(grid, n) {
  return grid
    .flatMap((row, y) => row.map((value, x) => ({ value, row: y + 1, column: x + 1 })))
    .filter((cell) => cell.value > 0)
    .sort((a, b) => b.value - a.value)
    .slice(0, n);
}

// ---- Words ---------------------------------------------------------------------------------------

function number(value) {
  return value.toLocaleString("en", { maximumSignificantDigits: 3 }).replace("-", "−");
}

function cellWords(grid, cell) {
  const value = grid[cell.row][cell.column];
  const { max } = range(grid);
  const place = `Row ${cell.row + 1}, column ${cell.column + 1}`;
  if (value > 0) return `${place}: ${number(value)}, ${Math.round((100 * value) / max)}% of the maximum`;
  return `${place}: ${number(value)}, not above zero and not drawn`;
}

function pictureWords(data, state, map, title) {
  const film = `Chest film ${data.label}.`;
  if (!state.isShown) return `${film} Heatmap hidden.`;
  if (!map || map.missing) return `${film} No heatmap.`;
  const cells = strongest(map.grid, 3).map(
    (cell) => `row ${cell.row} column ${cell.column} (${number(cell.value)})`,
  );
  const top = cells.length ? `Strongest cells: ${cells.join(", ")}.` : "No cell is above zero.";
  return `${film} Heatmap of ${title}, ${map.grid.length} by ${map.grid[0].length} cells. ${top}`;
}

// ---- Small DOM helpers ---------------------------------------------------------------------------

function element(tag, { text, className, ...attributes } = {}, children = []) {
  const node = document.createElement(tag);
  if (text !== undefined) node.textContent = text;
  if (className) node.className = className;
  Object.entries(attributes).forEach(([name, value]) => node.setAttribute(name, value));
  node.append(...children);
  return node;
}

function fillSelect(select, items, chosen) {
  select.replaceChildren(
    ...items.map(({ name, title }) => element("option", { text: title, value: name })),
  );
  select.value = chosen;
}

// As wide as the column allows, never taller than a screen; small films are enlarged.
const MAX_HEIGHT_REM = 38;
const DRAWN_SIDE_PX = 1024;

function fitPicture(picture, film) {
  const [w, h] = [film.naturalWidth, film.naturalHeight];
  const enlarge = Math.max(1, DRAWN_SIDE_PX / Math.max(w, h));
  [picture.width, picture.height] = [Math.round(w * enlarge), Math.round(h * enlarge)];
  picture.style.width = `min(100%, ${(MAX_HEIGHT_REM * w) / h}rem)`;
}

const named = (items, name) => items.find((item) => item.name === name);

// ---- The scores: a table whose cells choose the map ----------------------------------------------

function scoreButton(view, score, about, system) {
  const p = score.probs[about.name];
  const fill = element("span", { className: "fill" });
  fill.style.width = `${100 * p}%`;
  fill.style.background = about.colour;
  const button = element(
    "button",
    {
      className: "score",
      type: "button",
      "aria-label": `${system.title}, ${about.title}: ${p.toFixed(3)}. Show its heatmap.`,
      "data-system": system.name,
      "data-class": about.name,
    },
    [element("span", { text: p.toFixed(3) }), element("span", { className: "track" }, [fill])],
  );
  button.onclick = () => view.choose({ system: system.name, className: about.name });
  return button;
}

function scoreRow(view, score, isFirstEnsemble) {
  const system = named(view.data.systems, score.system);
  const top = named(view.data.classes, score.label);
  const cells = view.data.classes.map((about) =>
    element("td", {}, [scoreButton(view, score, about, system)]),
  );
  return element("tr", { className: isFirstEnsemble ? "first-ensemble" : "" }, [
    element("th", { text: system.title, scope: "row" }),
    ...cells,
    element("td", { text: top.title, className: "top" }),
  ]);
}

function drawScores(view) {
  const { data, root } = view;
  const table = root.querySelector(".scores");
  table.hidden = !data.scores.length;
  table.querySelector("caption").textContent =
    "Probability of each class, all bars from 0 to 1. Choose a cell to see its heatmap.";
  const heads = data.classes.map((about) => {
    const head = element("th", { text: about.title, scope: "col", title: about.note });
    head.style.setProperty("--class-colour", about.colour);
    return head;
  });
  table.querySelector("thead").replaceChildren(
    element("tr", {}, [
      element("th", { text: "System", scope: "col", className: "system" }),
      ...heads,
      element("th", { text: "Top class", scope: "col", className: "top" }),
    ]),
  );
  const first = data.scores.findIndex((score) => named(data.systems, score.system).is_ensemble);
  table
    .querySelector("tbody")
    .replaceChildren(...data.scores.map((score, i) => scoreRow(view, score, i > 0 && i === first)));
  root.querySelector(".meanings").replaceChildren(
    ...data.classes.flatMap((about) => [
      element("dt", { text: about.title }),
      element("dd", { text: about.note }),
    ]),
  );
}

// One tab stop for the whole table; the arrow keys go from cell to cell.
function moveInScores(view, event) {
  const step = { ArrowUp: [-1, 0], ArrowDown: [1, 0], ArrowLeft: [0, -1], ArrowRight: [0, 1] };
  const [down, right] = step[event.key] ?? [0, 0];
  if (!down && !right) return;
  event.preventDefault();
  const systems = view.data.scores.map((score) => score.system);
  const classes = view.data.classes.map((about) => about.name);
  const next = (items, now, by) =>
    items[Math.min(Math.max(items.indexOf(now) + by, 0), items.length - 1)];
  view.choose({
    system: next(systems, view.state.system, down),
    className: next(classes, view.state.className, right),
  });
  view.root.querySelector('.score[aria-pressed="true"]').focus();
}

// ---- The viewer ----------------------------------------------------------------------------------

class Viewer {
  constructor(parent) {
    this.root = parent.querySelector(".viewer");
    this.state = null;
    this.cell = null;
    this.film = new Image();
    this.film.onload = () => this.drawPicture();
    this.bind();
  }

  part(name) {
    return this.root.querySelector(`.${name}`);
  }

  bind() {
    const on = (name, event, change) => {
      this.part(name)[event] = ({ target }) => this.choose(change(target));
    };
    on("shown", "onchange", (target) => ({ isShown: target.checked }));
    on("smooth", "onchange", (target) => ({ isSmooth: target.checked }));
    on("controls .system", "onchange", (target) => ({ system: target.value }));
    on("controls .class", "onchange", (target) => ({ className: target.value }));
    on("method", "onchange", (target) => ({ method: target.value }));
    on("colours", "onchange", (target) => ({ colourMap: target.value }));
    on("opacity", "oninput", (target) => ({ opacity: target.value / 100 }));
    this.part("scores").onkeydown = (event) => moveInScores(this, event);
    const stage = this.part("stage");
    stage.setAttribute("aria-label", "Values of the map; the arrow keys go from cell to cell");
    stage.onkeydown = (event) => this.moveCell(event);
    stage.onblur = () => this.pointAt(null);
    this.part("picture").onpointermove = (event) => this.pointAt(this.cellUnder(event));
    this.part("picture").onpointerleave = () => this.pointAt(null);
  }

  // Called on every run of the page; what the reader chose stays.
  update(data) {
    this.data = data;
    this.tables = Object.fromEntries(
      Object.entries(data.colour_tables).map(([name, table]) => [name, decodeTable(table)]),
    );
    this.state ??= {
      system: data.systems[0].name,
      className: data.scores[0]?.label ?? data.classes[0].name,
      method: data.default_method,
      colourMap: Object.keys(data.colour_tables)[0],
      opacity: 0.6,
      isSmooth: false,
      isShown: true,
    };
    const { state } = this;
    fillSelect(this.part("controls .system"), data.systems, state.system);
    fillSelect(this.part("class"), data.classes, state.className);
    fillSelect(this.part("method"), data.methods, state.method);
    const colours = Object.keys(this.tables).map((name) => ({ name, title: name }));
    fillSelect(this.part("colours"), colours, state.colourMap);
    drawScores(this);
    if (this.film.src !== data.image) this.film.src = data.image;
    this.draw();
  }

  choose(change) {
    Object.assign(this.state, change);
    this.draw();
  }

  // The chosen map; a method that knows no class has one map for all of them.
  map() {
    const { system, method, className } = this.state;
    const maps = this.data.maps[system]?.[method] ?? {};
    return maps[className] ?? maps[""];
  }

  grid() {
    const map = this.state.isShown ? this.map() : null;
    return map && !map.missing ? map.grid : null;
  }

  title() {
    const { data, state } = this;
    const method = named(data.methods, state.method);
    const system = named(data.systems, state.system).title;
    if (!method.is_class_specific) return `${method.title} of ${system}, no class`;
    return `${method.title} for ${named(data.classes, state.className).title} in ${system}`;
  }

  draw() {
    this.drawControls();
    this.drawLegend();
    this.drawPicture();
    this.drawValue();
  }

  drawControls() {
    const { state } = this;
    const method = named(this.data.methods, state.method);
    this.part("controls .system").value = state.system;
    this.part("class").value = state.className;
    this.part("class").disabled = !method.is_class_specific;
    this.part("opacity").value = Math.round(state.opacity * 100);
    this.part("opacity").setAttribute("aria-valuetext", `${Math.round(state.opacity * 100)}%`);
    this.part("about").textContent = method.note;
    this.part("notes").replaceChildren(
      ...this.mapNotes().map((note) => element("li", { text: note })),
    );
    this.root.querySelectorAll(".score").forEach((button) => {
      const isChosen =
        button.dataset.system === state.system && button.dataset.class === state.className;
      button.setAttribute("aria-pressed", String(isChosen));
      button.tabIndex = isChosen ? 0 : -1;
    });
  }

  mapNotes() {
    const map = this.map();
    if (!map) return ["This map was not computed."];
    if (map.missing) return [map.missing];
    const about = named(this.data.methods, this.state.method).note;
    const notes = (map.notes ?? []).filter((note) => note !== about);
    if (map.bias !== undefined) {
      const sum = number(map.score - map.bias);
      notes.push(`Cells add up to ${sum}; with ${number(map.bias)} from biases: score ${number(map.score)}.`);
    }
    return notes;
  }

  drawLegend() {
    const grid = this.grid();
    this.part("legend").classList.toggle("off", !grid);
    if (!grid) return;
    const table = this.tables[this.state.colourMap];
    const context = this.part("ramp").getContext("2d");
    const pixels = context.createImageData(256, 1);
    for (let i = 0; i < 256; i += 1) {
      pixels.data.set([...table.subarray(3 * i, 3 * i + 3), 255], 4 * i);
    }
    context.putImageData(pixels, 0, 0);
    this.part("low").textContent = "0";
    this.part("high").textContent = number(Math.max(range(grid).max, 0));
  }

  drawPicture() {
    const { film, state } = this;
    const picture = this.part("picture");
    const grid = this.grid();
    picture.setAttribute("aria-label", pictureWords(this.data, state, this.map(), this.title()));
    if (!film.complete || !film.naturalWidth) return;
    fitPicture(picture, film);
    const context = picture.getContext("2d");
    context.imageSmoothingQuality = "high";
    context.drawImage(film, 0, 0, picture.width, picture.height);
    if (!grid) return;
    const { max } = range(grid);
    if (max > 0) {
      const values = state.isSmooth ? smoothed(grid, SMOOTH_FACTOR) : grid;
      const heat = heatCanvas(values, max, this.tables[state.colourMap], state.opacity);
      context.imageSmoothingEnabled = state.isSmooth;
      context.drawImage(heat, 0, 0, picture.width, picture.height);
    }
    if (this.cell) this.drawCell(context, grid);
  }

  drawCell(context, grid) {
    const [w, h] = [context.canvas.width / grid[0].length, context.canvas.height / grid.length];
    const box = [this.cell.column * w + 1, this.cell.row * h + 1, w - 2, h - 2];
    [["#000", 4], ["#fff", 2]].forEach(([colour, width]) => {
      context.strokeStyle = colour;
      context.lineWidth = width;
      context.strokeRect(...box);
    });
  }

  drawValue() {
    const grid = this.grid();
    const value = this.part("value");
    if (!grid) {
      value.textContent = this.state.isShown ? "" : "Heatmap hidden.";
      return;
    }
    const { min, max } = range(grid);
    if (this.cell) {
      value.textContent = cellWords(grid, this.cell);
    } else if (!(max > 0)) {
      const about = named(this.data.classes, this.state.className).title;
      value.textContent = named(this.data.methods, this.state.method).is_class_specific
        ? `Nothing in the map speaks for ${about}: its values run from ${number(min)} to ${number(max)}.`
        : "Nothing in the map is above zero.";
    } else {
      const below = min < 0 ? " Values below zero are not drawn." : "";
      value.textContent = `${this.title()}: ${number(min)} to ${number(max)}.${below}`;
    }
  }

  cellUnder(event) {
    const grid = this.grid();
    if (!grid) return null;
    const box = event.currentTarget.getBoundingClientRect();
    const index = (share, n) => Math.min(Math.max(Math.floor(share * n), 0), n - 1);
    return {
      row: index((event.clientY - box.top) / box.height, grid.length),
      column: index((event.clientX - box.left) / box.width, grid[0].length),
    };
  }

  moveCell(event) {
    const grid = this.grid();
    const step = { ArrowUp: [-1, 0], ArrowDown: [1, 0], ArrowLeft: [0, -1], ArrowRight: [0, 1] };
    if (event.key === "Escape") this.pointAt(null);
    if (!grid || !step[event.key]) return;
    event.preventDefault();
    const [down, right] = this.cell ? step[event.key] : [0, 0];
    const from = this.cell ?? { row: 0, column: 0 };
    this.pointAt({
      row: Math.min(Math.max(from.row + down, 0), grid.length - 1),
      column: Math.min(Math.max(from.column + right, 0), grid[0].length - 1),
    });
  }

  pointAt(cell) {
    if (cell?.row === this.cell?.row && cell?.column === this.cell?.column) return;
    this.cell = cell;
    this.drawPicture();
    this.drawValue();
  }
}

// ---- Streamlit's entry point ---------------------------------------------------------------------

const VIEWERS = new WeakMap();

// Native controls follow the page's theme, which the browser cannot know by itself.
function followTheme(root) {
  const probe = getComputedStyle(root).getPropertyValue("color");
  const [r, g, b] = (probe.match(/[\d.]+/g) ?? [0, 0, 0]).map(Number);
  root.style.colorScheme = r + g + b > 382 ? "dark" : "light";
}

export default function render({ data, parentElement }) {
  if (!VIEWERS.has(parentElement)) VIEWERS.set(parentElement, new Viewer(parentElement));
  const viewer = VIEWERS.get(parentElement);
  followTheme(viewer.root);
  viewer.update(data);
  return () => VIEWERS.delete(parentElement);
}
