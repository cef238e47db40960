// The scores: a table whose cells choose the map.

import { element, named } from "./dom.js";

function scoreButton(reader, score, about, system) {
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
    [
      element("span", { text: p.toFixed(3), className: about.name === score.label ? "highest" : "" }),
      element("span", { className: "track" }, [fill]),
    ],
  );
  button.onclick = () => reader.choose({ system: system.name, className: about.name });
  return button;
}

function scoreRow(reader, score, isFirstEnsemble) {
  const system = named(reader.data.systems, score.system);
  const top = named(reader.data.classes, score.label);
  const cells = reader.data.classes.map((about) =>
    element("td", {}, [scoreButton(reader, score, about, system)]),
  );
  return element("tr", { className: isFirstEnsemble ? "first-ensemble" : "" }, [
    element("th", { text: system.title, scope: "row" }),
    ...cells,
    element("td", { text: top.title, className: "top" }),
  ]);
}

export function drawScores(reader) {
  const { data } = reader;
  const table = reader.part("scores");
  reader.part("panel").hidden = !data.scores.length;
  if (!data.scores.length) return;
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
    .replaceChildren(
      ...data.scores.map((score, i) => scoreRow(reader, score, i > 0 && i === first)),
    );
  reader
    .part("meanings")
    .replaceChildren(
      ...data.classes.flatMap((about) => [
        element("dt", { text: about.title }),
        element("dd", { text: about.note }),
      ]),
    );
  table.onkeydown = (event) => moveInScores(reader, event);
}

export function markScore({ root, state }) {
  root.querySelectorAll(".score").forEach((button) => {
    const isChosen =
      button.dataset.system === state.system && button.dataset.class === state.className;
    button.setAttribute("aria-pressed", String(isChosen));
    button.tabIndex = isChosen ? 0 : -1;
  });
}

// One tab stop for the whole table; the arrow keys go from cell to cell.
function moveInScores(reader, event) {
  const step = { ArrowUp: [-1, 0], ArrowDown: [1, 0], ArrowLeft: [0, -1], ArrowRight: [0, 1] };
  const [down, right] = step[event.key] ?? [0, 0];
  if ((!down && !right) || event.altKey || event.ctrlKey || event.metaKey) return;
  event.preventDefault();
  event.stopPropagation();
  const systems = reader.data.scores.map((score) => score.system);
  const classes = reader.data.classes.map((about) => about.name);
  const next = (items, now, by) =>
    items[Math.min(Math.max(items.indexOf(now) + by, 0), items.length - 1)];
  reader.choose({
    system: next(systems, reader.state.system, down),
    className: next(classes, reader.state.className, right),
  });
  reader.root.querySelector('.score[aria-pressed="true"]').focus();
}
