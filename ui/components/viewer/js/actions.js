// Everything a key or a button can do, once: the toolbar, the hotkeys and the help all read this.

import { clamp, element } from "./dom.js";
import { exportView } from "./export.js";
import { toScreen } from "./space.js";

const ZOOM_STEP = 1.25;
const KEY_DRAG_PX = 16;
const ARROWS = { ArrowUp: [0, -1], ArrowDown: [0, 1], ArrowLeft: [-1, 0], ArrowRight: [1, 0] };

export function makeActions(reader) {
  const tool = (name) => () => reader.choose({ tool: name });
  const zoom = (factor) => (viewport) => {
    const { pointer } = reader;
    const at = pointer ? toScreen(viewport.matrix(), pointer.x, pointer.y) : [];
    reader.zoomBy(factor, viewport, ...at);
  };
  return {
    window: tool("window"),
    zoom: tool("zoom"),
    pan: tool("pan"),
    magnify: tool("magnify"),
    zoomIn: zoom(ZOOM_STEP),
    zoomOut: zoom(1 / ZOOM_STEP),
    fit: () => reader.fit(),
    oneToOne: (viewport) => reader.oneToOne(viewport),
    reset: () => reader.reset(),
    turnRight: () => reader.turn(1),
    turnLeft: () => reader.turn(-1),
    flipH: () => reader.flip("flipH"),
    flipV: () => reader.flip("flipV"),
    invert: () => reader.invert(),
    toggleHeat: () => reader.choose({ isShown: !reader.state.isShown }),
    toggleSwipe: () => reader.choose({ swipe: reader.state.swipe === null ? 0.5 : null }),
    previous: () => reader.go(-1),
    next: () => reader.go(1),
    export: () => exportView(reader),
    help: () => reader.part("help").showModal(),
  };
}

// Key, action, words. Letters as in OHIF; its space resets the view, here 0 does and space hides
// the map, which is pressed far more often.
export const KEYS = [
  [["w"], "window", "Window and level: drag right is wider, down is darker"],
  [["z"], "zoom", "Zoom: drag up is larger"],
  [["p"], "pan", "Pan"],
  [["m"], "magnify", "Magnifier: the film alone, 2.5 times as large"],
  [["+"], "zoomIn", "Larger, at the pointer"],
  [["-"], "zoomOut", "Smaller"],
  [["="], "fit", "Fit"],
  [["o"], "oneToOne", "One stored pixel on one pixel of the screen"],
  [["0"], "reset", "Reset window and place"],
  [["r"], "turnRight", "Turn right"],
  [["l"], "turnLeft", "Turn left"],
  [["h"], "flipH", "Flip left and right"],
  [["v"], "flipV", "Flip top and bottom"],
  [["i"], "invert", "Invert greys"],
  [[" "], "toggleHeat", "Hide or show the heatmap"],
  [["d"], "toggleSwipe", "Divider: film left, heatmap right"],
  [["ArrowLeft", "ArrowUp"], "previous", "Film before"],
  [["ArrowRight", "ArrowDown"], "next", "Next film"],
  [["e"], "export", "Save what is seen as PNG"],
  [["?"], "help", "This list"],
];

const STEPS = ["previous", "next"];
const OF_MAPS = ["toggleHeat", "toggleSwipe"];
const KEY_WORDS = { " ": "space", ArrowLeft: "←", ArrowUp: "↑", ArrowRight: "→", ArrowDown: "↓" };

const DIGITS = "1 to 9";
const CELLS = "Shift + arrows";
const OTHER_WORDS = [
  [DIGITS, "Window presets in the order of the list"],
  [CELLS, "Read the cells of the map one by one; Esc ends"],
  ["Alt + arrows", "Drag with the chosen tool"],
  ["Left drag", "The chosen tool; window and level at first, as in OHIF"],
  ["Middle drag", "Pan"],
  ["Right drag", "Zoom"],
  ["Wheel", "Zoom to the pointer, once the film was clicked, or with Ctrl"],
  ["Double click", "Fit"],
  ["Two fingers", "Zoom and pan"],
];

// Keys without a meaning here: no other film to go to, no map, or digits that the page takes.
function isUsed(data, action) {
  if (STEPS.includes(action)) return data.can_step;
  return !(data.is_bare && OF_MAPS.includes(action));
}

export function fillHelp(reader) {
  const { data } = reader;
  const isSaid = ([keys]) =>
    (data.has_digit_keys || keys !== DIGITS) && !(data.is_bare && keys === CELLS);
  const rows = [
    ...KEYS.filter(([, action]) => isUsed(data, action)).map(([keys, , words]) => [
      keys.map((key) => KEY_WORDS[key] ?? key),
      words,
    ]),
    ...OTHER_WORDS.filter(isSaid).map(([keys, words]) => [[keys], words]),
  ];
  reader.part("keys").replaceChildren(
    ...rows.map(([keys, words]) =>
      element("div", {}, [
        element("dt", {}, keys.map((key) => element("kbd", { text: key }))),
        element("dd", { text: words }),
      ]),
    ),
  );
  reader.part("help .close").onclick = () => reader.part("help").close();
}

// Keys reach the viewer only while the focus is in it.
export function bindKeys(reader, actions) {
  reader.root.onkeydown = (event) => {
    if (reader.part("help").open || event.ctrlKey || event.metaKey) {
      event.stopPropagation();
      return;
    }
    // Streamlit has keys of its own for the whole page: r runs it again, c clears its caches.
    if (event.key.length === 1) event.stopPropagation();
    if (takesKeys(event)) return;
    const viewport = reader.active ?? reader.viewports[0];
    if (use(event, viewport)) event.preventDefault();
  };

  function use(event, viewport) {
    const { key } = event;
    if (key === "Escape" && reader.pointer) {
      reader.pointAt(null);
      return true;
    }
    if (ARROWS[key] && event.shiftKey) return moveCell(reader, viewport, ...ARROWS[key]);
    if (ARROWS[key] && event.altKey) {
      const [dx, dy] = ARROWS[key];
      drag(reader, viewport, reader.state.tool, dx * KEY_DRAG_PX, dy * KEY_DRAG_PX);
      return true;
    }
    if (event.altKey) return false;
    if (/^[1-9]$/.test(key)) {
      if (!reader.data.has_digit_keys) return false;
      reader.preset(Number(key) - 1);
      return true;
    }
    const found = KEYS.find(([keys]) => keys.includes(key.length === 1 ? key.toLowerCase() : key));
    if (!found) return false;
    const isOwn = isUsed(reader.data, found[1]);
    // Steps are told to the page in any case: it may have a use for them.
    if (isOwn || STEPS.includes(found[1])) actions[found[1]](viewport);
    return isOwn;
  }
}

// Typing, sliding and choosing in a control stay with the control.
function takesKeys({ key, target }) {
  if (target.matches("select")) return key !== "?";
  if (target.matches("input[type=range]")) return Boolean(ARROWS[key]);
  return target.matches("button, input") && (key === " " || key === "Enter");
}

export function drag(reader, viewport, tool, dx, dy, from = []) {
  if (tool === "window") reader.dragWindow(dx, dy);
  if (tool === "pan") reader.panBy(viewport, dx, dy);
  if (tool === "zoom") reader.zoomBy(Math.exp(-dy / 120), viewport, ...from);
}

function moveCell(reader, viewport, right, down) {
  const grid = viewport.grid();
  if (!grid) return false;
  const { width, height } = viewport.film;
  const cell = viewport.cellAt(reader.pointer);
  reader.hovered = viewport;
  const row = clamp((cell?.row ?? 0) + (cell ? down : 0), 0, grid.length - 1);
  const column = clamp((cell?.column ?? 0) + (cell ? right : 0), 0, grid[0].length - 1);
  const x = ((column + 0.5) / grid[0].length) * width;
  const y = ((row + 0.5) / grid.length) * height;
  reader.pointAt({ x, y }, { isSpoken: true });
  return true;
}
