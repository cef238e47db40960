// Pointers on a viewport. Buttons as in OHIF: left is the chosen tool, middle pans, right zooms.

import { drag } from "./actions.js";
import { clamp } from "./dom.js";

const DIVIDER_REACH_PX = 12;
const BUTTON_TOOLS = { 1: "pan", 2: "zoom" };

export function bindGestures(reader, viewport) {
  const { stage } = viewport;
  const fingers = new Map();
  let doing = null;
  const at = (event) => {
    const box = stage.getBoundingClientRect();
    return [event.clientX - box.left, event.clientY - box.top];
  };
  const isOnDivider = (x) =>
    reader.state.swipe !== null &&
    Math.abs(x - reader.state.swipe * viewport.size.w) < DIVIDER_REACH_PX;

  stage.onpointerdown = (event) => {
    reader.active = viewport;
    stage.focus({ preventScroll: true });
    if (event.pointerType !== "touch") event.preventDefault();
    stage.setPointerCapture(event.pointerId);
    fingers.set(event.pointerId, at(event));
    const tool = BUTTON_TOOLS[event.button] ?? reader.state.tool;
    doing = { tool: isOnDivider(at(event)[0]) ? "divider" : tool, from: at(event) };
    point(event);
  };

  stage.onpointermove = (event) => {
    const before = fingers.get(event.pointerId);
    const now = at(event);
    stage.classList.toggle("on-divider", isOnDivider(now[0]));
    if (before && fingers.size === 2) {
      pinch(event.pointerId, now);
    } else if (before && doing) {
      const [dx, dy] = [now[0] - before[0], now[1] - before[1]];
      if (doing.tool === "divider") {
        reader.choose({ swipe: clamp(now[0] / viewport.size.w, 0, 1) });
      } else if (dx || dy) {
        drag(reader, viewport, doing.tool, dx, dy, doing.from);
      }
    }
    if (before) fingers.set(event.pointerId, now);
    point(event);
  };

  const end = (event) => {
    fingers.delete(event.pointerId);
    doing = null;
    if (event.pointerType === "touch") reader.pointAt(null);
  };
  stage.onpointerup = end;
  stage.onpointercancel = end;
  stage.onpointerleave = (event) => {
    if (!fingers.has(event.pointerId)) reader.pointAt(null);
  };
  stage.onfocus = () => {
    reader.active = viewport;
  };
  stage.onblur = () => reader.pointAt(null);
  stage.ondblclick = () => reader.fit();
  stage.oncontextmenu = (event) => event.preventDefault();
  // The wheel scrolls the page until the film is chosen: a page of films must not trap it.
  stage.addEventListener(
    "wheel",
    (event) => {
      if (!event.ctrlKey && stage.getRootNode().activeElement !== stage) return;
      event.preventDefault();
      const pixels = event.deltaMode === 1 ? 16 * event.deltaY : event.deltaY;
      reader.zoomBy(Math.exp(-pixels / 500), viewport, ...at(event));
      point(event);
    },
    { passive: false },
  );

  function point(event) {
    reader.hovered = viewport;
    reader.pointAt(viewport.filmPoint(event));
  }

  // Two fingers: the middle between them moves the film, their distance zooms it there.
  function pinch(id, now) {
    const [other] = [...fingers].filter(([key]) => key !== id).map(([, place]) => place);
    const before = fingers.get(id);
    const middle = (a) => [(a[0] + other[0]) / 2, (a[1] + other[1]) / 2];
    const apart = (a) => Math.max(Math.hypot(a[0] - other[0], a[1] - other[1]), 1);
    const [from, to] = [middle(before), middle(now)];
    reader.panBy(viewport, to[0] - from[0], to[1] - from[1]);
    reader.zoomBy(apart(now) / apart(before), viewport, ...to);
  }
}
