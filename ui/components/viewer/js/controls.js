// The toolbar and the heatmap's controls: native elements that call the reader, and the words and
// states that follow from its choices.

import { element, fillSelect, named } from "./dom.js";
import { mapNotes } from "./heat.js";

const CUSTOM = "custom";
const SWITCHES = {
  shown: (state) => state.isShown,
  smooth: (state) => state.isSmooth,
  signed: (state) => state.isSigned,
  fixed: (state) => state.isFixed,
  outlined: (state) => state.isOutlined,
  swiped: (state) => state.swipe !== null,
};

function percent(input, value, text = `${Math.round(100 * value)}%`) {
  input.value = Math.round(100 * value);
  input.setAttribute("aria-valuetext", text);
}

export function bindControls(reader, actions) {
  const on = (name, event, change) => {
    reader.part(name)[event] = ({ target }) => reader.choose(change(target));
  };
  on("shown", "onchange", (target) => ({ isShown: target.checked }));
  on("smooth", "onchange", (target) => ({ isSmooth: target.checked }));
  on("signed", "onchange", (target) => ({ isSigned: target.checked }));
  on("fixed", "onchange", (target) => ({ isFixed: target.checked }));
  on("outlined", "onchange", (target) => ({ isOutlined: target.checked }));
  on("swiped", "onchange", (target) => ({ swipe: target.checked ? 0.5 : null }));
  on("controls .system", "onchange", (target) => ({ system: target.value }));
  on("controls .class", "onchange", (target) => ({ className: target.value }));
  on("method", "onchange", (target) => ({ method: target.value }));
  on("colours", "onchange", (target) => ({ colourMap: target.value }));
  on("opacity", "oninput", (target) => ({ opacity: target.value / 100 }));
  on("contour", "oninput", (target) => ({ contour: target.value / 100 }));
  on("swipe", "oninput", (target) => ({ swipe: target.value / 100 }));
  reader.part("presets").onchange = ({ target }) => reader.preset(Number(target.value));
  reader.root.querySelectorAll("[data-action]").forEach((button) => {
    button.onclick = () => actions[button.dataset.action](reader.active ?? reader.viewports[0]);
  });
}

export function fillControls(reader) {
  const { data, state } = reader;
  reader.root.querySelectorAll(".choice").forEach((node) => {
    node.hidden = reader.isLinked;
  });
  fillSelect(reader.part("controls .system"), data.systems, state.system);
  fillSelect(reader.part("controls .class"), data.classes, state.className);
  fillSelect(reader.part("method"), data.methods, state.method);
  fillSelect(reader.part("colours"), data.colour_tables, state.colourMap);
  const presets = data.film.windows.map(({ name }, i) => ({ name: String(i), title: name }));
  fillSelect(reader.part("presets"), [...presets, { name: CUSTOM, title: "Own window" }], "0");
  reader.part("presets").lastChild.hidden = true;
  reader.part("presets").title = data.film.window_note;
  reader.part("window-note").textContent = data.film.window_note;
  reader.part("outlined").parentElement.hidden = !data.outline.length;
  reader
    .part("film-notes")
    .replaceChildren(...data.film.notes.map((note) => element("li", { text: note })));
}

export function drawControls(reader) {
  const { data, state } = reader;
  const method = named(data.methods, state.method);
  reader.part("controls .system").value = state.system;
  reader.part("controls .class").value = state.className;
  reader.part("controls .class").disabled = !method.is_class_specific;
  reader.part("colours").disabled = state.isSigned;
  percent(reader.part("opacity"), state.opacity);
  const level = state.contour ? `${Math.round(100 * state.contour)}%` : "off";
  percent(reader.part("contour"), state.contour, level);
  reader.part("contour-words").textContent = state.contour
    ? `Contour at ${level} of the colour bar${reader.isLinked ? "" : `, ${reader.contourLevel()}`}`
    : "Contour off";
  percent(reader.part("swipe"), state.swipe ?? 0.5);
  reader.part("swipe").hidden = state.swipe === null;
  Object.entries(SWITCHES).forEach(([name, isOn]) => {
    reader.part(name).checked = isOn(state);
  });
  reader.part("colours").value = state.colourMap;
  reader.part("method").value = state.method;
  reader.part("about").textContent = reader.isLinked ? "" : method.note;
  const notes = reader.isLinked ? [] : mapNotes(reader.panel(0).map, method.note);
  reader.part("notes").replaceChildren(...notes.map((note) => element("li", { text: note })));
  drawToolbar(reader);
}

function drawToolbar(reader) {
  const { root, state } = reader;
  root.dataset.tool = state.tool;
  root.querySelectorAll("[data-tool]").forEach((button) => {
    button.setAttribute("aria-pressed", String(button.dataset.tool === state.tool));
  });
  if (!reader.window) return;
  root
    .querySelector('[data-action="invert"]')
    .setAttribute("aria-pressed", String(reader.window.isInverted));
  const index = reader.film.windows.findIndex(({ name }) => name === reader.window.name);
  reader.part("presets").value = index < 0 ? CUSTOM : String(index);
}
