// What a reader chose, kept while the tab is open: another page and back shows the same view. No
// pixels and no names, and nothing that outlives the tab.

const KEPT = new Map();

// The end of the packed film holds its checksum.
const mark = ({ packed }) => `${packed.length}:${packed.slice(-32)}`;

export function remember({ data, state, place, window, values }) {
  if (values) KEPT.set(data.key, { state, place, window, film: mark(data.film) });
}

export function recall(data) {
  const kept = KEPT.get(data.key);
  return { state: kept?.state, view: kept?.film === mark(data.film) ? kept : null };
}
