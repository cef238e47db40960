// The question to a reader: a choice, how sure, and the time that the film was to be seen. Keys
// work wherever the focus is; nothing goes to the server but the answer.

const KEPT = "cxr-study-time:";
const LOOK_MS = 50;
const KEEP_MS = 1000;
const PATIENCE_MS = 12_000;

function element(tag, attributes = {}, children = []) {
  const node = document.createElement(tag);
  Object.entries(attributes).forEach(([name, value]) => node.setAttribute(name, value));
  node.append(...children);
  return node;
}

// The viewer that has painted the film of this question; it stands in another shadow tree.
function shownViewer(key) {
  for (const host of document.querySelectorAll("*")) {
    const viewer = host.shadowRoot?.querySelector(".viewer");
    if (viewer?.dataset.shown === key) return viewer;
  }
  return null;
}

// Time from the film's first paint: seen while the browser calls the page visible, hidden else.
// Kept in the tab's own storage, so that a reload goes on; nothing of it outlives the tab.
class Clock {
  constructor(token, viewerKey) {
    this.token = token;
    this.viewerKey = viewerKey;
    this.arrived = performance.now();
    this.since = null;
    this.wasVisible = true;
    Object.assign(this, { seen: 0, hidden: 0, loads: 0 }, this.kept());
    this.timer = setInterval(() => this.look(), LOOK_MS);
    this.keep = () => this.take();
    document.addEventListener("visibilitychange", this.keep);
    window.addEventListener("pagehide", this.keep);
  }

  kept() {
    try {
      return JSON.parse(sessionStorage.getItem(KEPT + this.token)) ?? {};
    } catch {
      return {};
    }
  }

  look() {
    if (this.since === null) {
      const viewer = shownViewer(this.viewerKey);
      if (!viewer) return;
      this.since = Math.max(this.arrived, Number(viewer.dataset.shownAt));
      this.wasVisible = !document.hidden;
      this.loads += 1;
      this.onStart?.();
      clearInterval(this.timer);
      this.timer = setInterval(() => this.take(), KEEP_MS);
    }
    this.take();
  }

  // Add what passed since the last look to what the page was then.
  take() {
    if (this.since === null) return;
    const now = performance.now();
    this[this.wasVisible ? "seen" : "hidden"] += Math.max(0, now - this.since);
    this.since = now;
    this.wasVisible = !document.hidden;
    const { seen, hidden, loads } = this;
    try {
      sessionStorage.setItem(KEPT + this.token, JSON.stringify({ seen, hidden, loads }));
    } catch {
      // no storage: a reload begins at zero, and the answer says how often the film came up
    }
  }

  stop({ isAnswered }) {
    this.take();
    clearInterval(this.timer);
    document.removeEventListener("visibilitychange", this.keep);
    window.removeEventListener("pagehide", this.keep);
    if (!isAnswered) return;
    try {
      sessionStorage.removeItem(KEPT + this.token);
    } catch {
      // nothing was kept
    }
  }
}

class Panel {
  constructor(parent) {
    this.form = parent.querySelector(".answer");
    this.form.onsubmit = (event) => {
      event.preventDefault();
      this.send();
    };
    this.form.onchange = () => this.draw();
    this.onKey = (event) => this.press(event);
    document.addEventListener("keydown", this.onKey, true);
  }

  part(name) {
    return this.form.querySelector(name);
  }

  update(data, answer) {
    this.answer = answer;
    const isNew = this.data?.token !== data.token;
    const isRefused = !isNew && this.data.attempt !== data.attempt;
    this.data = data;
    if (isNew) this.ask();
    else if (isRefused) this.wait(false);
    this.draw();
  }

  ask() {
    this.clock?.stop({ isAnswered: this.isSent });
    this.clock = new Clock(this.data.token, this.data.viewer_key);
    this.clock.onStart = () => this.draw();
    this.wait(false);
    this.part(".said").textContent = this.data.said;
    this.part(".said").hidden = !this.data.said;
    this.fill(".choices", this.data.question, this.data.choices, "choice");
    this.fill(".confidences", this.data.confidence_question, this.data.confidences, "confidence");
    this.part(".save .words").textContent = this.data.save;
  }

  fill(place, legend, options, name) {
    this.part(`${place} legend`).textContent = legend;
    this.part(`${place} .rows`).replaceChildren(
      ...options.map(({ value, title, key }) => {
        const words = element("span");
        words.textContent = title;
        const cap = element("kbd", { "aria-hidden": "true" });
        cap.textContent = key.toUpperCase();
        const input = element("input", { type: "radio", name, value, "aria-keyshortcuts": key });
        return element("label", { class: "option" }, [input, words, cap]);
      }),
    );
  }

  chosen(name) {
    return this.part(`input[name=${name}]:checked`)?.value ?? null;
  }

  get needsConfidence() {
    return this.chosen("choice") !== this.data.without_confidence;
  }

  get isWhole() {
    const choice = this.chosen("choice");
    return Boolean(choice && (!this.needsConfidence || this.chosen("confidence")));
  }

  // Nothing can be chosen before the film is seen, nor while the answer is on its way.
  get isOpen() {
    return this.clock.since !== null && !this.isSent;
  }

  draw() {
    const { isOpen } = this;
    this.form.dataset.open = String(isOpen);
    this.part(".choices").disabled = !isOpen;
    this.part(".confidences").disabled = !isOpen || !this.needsConfidence;
    this.part(".save").disabled = !isOpen || !this.isWhole;
    this.part(".status").textContent = this.words();
  }

  words() {
    if (this.clock.since === null) return this.data.waiting;
    if (this.isSent) return this.data.saving;
    if (this.isLate) return this.data.late;
    return this.data.problem;
  }

  // Between the answer and the next question nothing can be pressed, but not for ever.
  wait(isSent) {
    clearTimeout(this.patience);
    this.isSent = isSent;
    this.isLate = false;
    if (!isSent) return;
    this.patience = setTimeout(() => {
      this.isSent = false;
      this.isLate = true;
      this.draw();
    }, PATIENCE_MS);
  }

  send() {
    if (!this.isOpen || !this.isWhole) return;
    this.clock.take();
    const { seen, hidden, loads } = this.clock;
    const level = this.needsConfidence ? Number(this.chosen("confidence")) : null;
    this.wait(true);
    this.draw();
    this.answer({
      token: this.data.token,
      choice: this.chosen("choice"),
      confidence: level,
      seen_ms: seen,
      hidden_ms: hidden,
      n_loads: loads,
    });
  }

  press(event) {
    const [target] = event.composedPath();
    if (event.ctrlKey || event.metaKey || event.altKey || event.repeat) return;
    if (document.querySelector("[role=dialog]") || target.closest?.("dialog")) return;
    if (target.matches?.("textarea, select, [contenteditable=true]")) return;
    if (target.matches?.("input:not([type=radio])") && target.type !== "checkbox") return;
    if (this.use(event.key, target)) {
      event.preventDefault();
      event.stopImmediatePropagation();
    }
  }

  use(key, target) {
    if (key === "Enter") {
      if (target.matches?.("button, a, summary") && target !== this.part(".save")) return false;
      this.send();
      return true;
    }
    const { choices, confidences } = this.data;
    const find = (options) => options.find((option) => option.key === key.toLowerCase());
    const [name, option] = find(choices)
      ? ["choice", find(choices)]
      : ["confidence", find(confidences)];
    if (!option) return false;
    const input = this.part(`input[name=${name}][value="${option.value}"]`);
    if (!input.closest("fieldset").disabled) input.checked = true;
    this.draw();
    return true;
  }

  close() {
    document.removeEventListener("keydown", this.onKey, true);
    clearTimeout(this.patience);
    this.clock?.stop({ isAnswered: this.isSent });
  }
}

const PANELS = new WeakMap();

export default function render({ data: [data], parentElement, setTriggerValue }) {
  if (!PANELS.has(parentElement)) PANELS.set(parentElement, new Panel(parentElement));
  const panel = PANELS.get(parentElement);
  panel.update(data, (value) => setTriggerValue("answer", value));
  return () => {
    panel.close();
    PANELS.delete(parentElement);
  };
}
