// Small helpers for the document. Text from data goes through textContent and setAttribute only.

export function element(tag, { text, className, ...attributes } = {}, children = []) {
  const node = document.createElement(tag);
  if (text !== undefined) node.textContent = text;
  if (className) node.className = className;
  Object.entries(attributes).forEach(([name, value]) => node.setAttribute(name, value));
  node.append(...children);
  return node;
}

export function fillSelect(select, items, chosen) {
  select.replaceChildren(
    ...items.map(({ name, title }) => element("option", { text: title, value: name })),
  );
  select.value = chosen;
}

export const named = (items, name) => items.find((item) => item.name === name);

export const clamp = (value, low, high) => Math.min(Math.max(value, low), high);

export function number(value) {
  return value.toLocaleString("en", { maximumSignificantDigits: 3 }).replace("-", "−");
}

// Stored values: whole where the film's are whole, never shortened to three digits.
export function stored(value) {
  const digits = Number.isInteger(value) ? 0 : 5;
  return value.toLocaleString("en", { maximumSignificantDigits: digits || 9 }).replace("-", "−");
}
