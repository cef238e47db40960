// Streamlit's entry point: runs on every run of the page and on every change of the theme.

import { bindKeys, fillHelp, makeActions } from "./actions.js";
import { bindControls } from "./controls.js";
import { bindGestures } from "./gestures.js";
import { remember } from "./memory.js";
import { Reader } from "./reader.js";

const READERS = new WeakMap();

// Native controls follow the page's theme, which the browser cannot know by itself.
function followTheme(root) {
  const probe = getComputedStyle(root).getPropertyValue("color");
  const [r, g, b] = (probe.match(/[\d.]+/g) ?? [0, 0, 0]).map(Number);
  root.style.colorScheme = r + g + b > 382 ? "dark" : "light";
}

function start(parent) {
  const reader = new Reader(parent);
  const actions = makeActions(reader);
  reader.onNewViewport = (viewport) => bindGestures(reader, viewport);
  bindControls(reader, actions);
  bindKeys(reader, actions);
  return reader;
}

export default function render({ data: [data], parentElement, setTriggerValue }) {
  if (!READERS.has(parentElement)) READERS.set(parentElement, start(parentElement));
  const reader = READERS.get(parentElement);
  followTheme(reader.root);
  reader.update(data, (by) => setTriggerValue("step", by));
  fillHelp(reader);
  return () => {
    remember(reader);
    reader.close();
    READERS.delete(parentElement);
  };
}
