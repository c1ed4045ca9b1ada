'use strict';
// The data stands in the page as JSON; every text reaches the document as text.
const data = JSON.parse(document.getElementById('data').textContent);
const svg = document.querySelector('#stage svg');
const search = document.getElementById('search'), found = document.getElementById('found');
const list = document.getElementById('list'), detail = document.getElementById('detail');
const nodes = [...svg.querySelectorAll('[data-node]')], edges = [...svg.querySelectorAll('[data-edge]')];
const name = end => 'node' in end ? data.nodes[end.node].label : data.containers[end.container].name;
const is = (end, node) => end.node === node
  || ('container' in end && within(data.nodes[node].container, end.container));
function within(container, outer) {
  for (let at = container; at !== null && at !== undefined; at = data.containers[at].parent) if (at === outer) return true;
  return false;
}
let chosen = null;

/** An editor around the page listens for this; a browser does not. */
function reveal(place) { document.dispatchEvent(new CustomEvent('open-source', { detail: place })); }

function shown(access) { return document.querySelector(`input[data-access="${access}"]`).checked; }

function refresh() {
  const text = search.value.trim().toLowerCase();
  const zone = document.getElementById('zone').value;
  const matches = [];
  nodes.forEach((element, index) => {
    const node = data.nodes[index];
    const haystack = `${node.label} ${node.class} ${node.kind} ${node.address} ${node.enforces}`.toLowerCase();
    const match = text !== '' && haystack.includes(text);
    if (match) matches.push(index);
    element.classList.toggle('match', match);
    const outside = zone !== '' && !within(node.container, Number(zone));
    const near = chosen === null || chosen === index
      || data.edges.some(edge => (is(edge.from, chosen) && is(edge.to, index)) || (is(edge.to, chosen) && is(edge.from, index)));
    element.classList.toggle('faded', outside || !near);
    element.classList.toggle('chosen', chosen === index);
  });
  let visible = 0;
  edges.forEach((element, index) => {
    const edge = data.edges[index];
    const touches = chosen !== null && (is(edge.from, chosen) || is(edge.to, chosen));
    const inZone = zone === '' || [edge.from, edge.to].some(end =>
      within('node' in end ? data.nodes[end.node].container : end.container, Number(zone)));
    const hidden = !edge.flows.some(flow => shown(flow.access)) || !inZone;
    element.classList.toggle('hidden', hidden);
    element.classList.toggle('lit', touches);
    element.classList.toggle('faded', chosen !== null && !touches);
    if (!hidden) visible += 1;
  });
  found.textContent = text === '' ? `${visible} of ${edges.length} connections shown`
    : `${matches.length} found`;
  list.replaceChildren(...matches.slice(0, 50).map(index => {
    const item = document.createElement('li'), button = document.createElement('button');
    button.textContent = data.nodes[index].label + (data.nodes[index].count > 1 ? ` ×${data.nodes[index].count}` : '');
    button.addEventListener('click', () => choose(index));
    item.append(button);
    return item;
  }));
}

function line(tag, text, parent) {
  const element = document.createElement(tag);
  element.textContent = text;
  parent.append(element);
  return element;
}

function source(place, parent) {
  line('code', place, parent).addEventListener('click', () => reveal(place));
}

function choose(index) {
  chosen = index;
  detail.replaceChildren();
  if (index !== null) {
    const node = data.nodes[index];
    line('h2', node.label + (node.count > 1 ? ` ×${node.count}` : ''), detail);
    line('p', [node.kind, node.class, node.enforces && `enforces ${node.enforces}`].filter(Boolean).join(', '), detail);
    if (node.address) line('p', node.address, detail);
    if (node.source) source(node.source, line('p', '', detail));
    for (const [title, mine, other] of [['may connect to', 'from', 'to'], ['may be reached by', 'to', 'from']]) {
      const touching = data.edges.filter(edge => is(edge[mine], index));
      if (touching.length === 0) continue;
      line('h2', title, detail);
      const entries = line('ul', '', detail);
      for (const edge of touching) for (const flow of edge.flows) {
        const entry = line('li', `${name(edge[other])} : ${flow.service} `, entries);
        if (flow.terms) line('span', `{ ${flow.terms} } `, entry);
        source(flow.rule, entry);
      }
    }
    const place = node, view = box();
    const inside = place.x >= view.x && place.y >= view.y && place.x + place.width <= view.x + view.width && place.y + place.height <= view.y + view.height;
    if (!inside) setBox({ ...view, x: place.x + place.width / 2 - view.width / 2, y: place.y + place.height / 2 - view.height / 2 });
  }
  refresh();
}

function box() { const v = svg.viewBox.baseVal; return { x: v.x, y: v.y, width: v.width, height: v.height }; }
function setBox(b) { svg.setAttribute('viewBox', `${b.x} ${b.y} ${b.width} ${b.height}`); }
const whole = box();
function zoom(factor, cx = .5, cy = .5) {
  const b = box(), width = Math.min(whole.width * 2, Math.max(120, b.width * factor)), scale = width / b.width;
  setBox({ x: b.x + b.width * (1 - scale) * cx, y: b.y + b.height * (1 - scale) * cy, width, height: b.height * scale });
}
svg.addEventListener('wheel', event => {
  event.preventDefault();
  const r = svg.getBoundingClientRect();
  zoom(event.deltaY > 0 ? 1.15 : 1 / 1.15, (event.clientX - r.left) / r.width, (event.clientY - r.top) / r.height);
}, { passive: false });
let drag = null;
svg.addEventListener('pointerdown', event => { if (!event.target.closest('[data-node]')) drag = { x: event.clientX, y: event.clientY, box: box() }; });
window.addEventListener('pointermove', event => {
  if (drag === null) return;
  const scale = Math.max(drag.box.width / svg.clientWidth, drag.box.height / svg.clientHeight);
  setBox({ ...drag.box, x: drag.box.x - (event.clientX - drag.x) * scale, y: drag.box.y - (event.clientY - drag.y) * scale });
});
window.addEventListener('pointerup', () => { drag = null; });
document.getElementById('in').addEventListener('click', () => zoom(1 / 1.3));
document.getElementById('out').addEventListener('click', () => zoom(1.3));
document.getElementById('all').addEventListener('click', () => { setBox(whole); choose(null); });

nodes.forEach((element, index) => {
  element.setAttribute('tabindex', '0');
  element.setAttribute('role', 'button');
  element.setAttribute('aria-label', data.nodes[index].label);
  element.addEventListener('click', () => {
    choose(chosen === index ? null : index);
    if (chosen !== null) reveal(data.nodes[chosen].source);
  });
  element.addEventListener('keydown', event => {
    if (event.key === 'Enter' || event.key === ' ') { event.preventDefault(); choose(chosen === index ? null : index); }
  });
});
document.addEventListener('keydown', event => {
  if (event.key === 'Escape') { search.value = ''; choose(null); }
  else if (event.target instanceof HTMLInputElement || event.target instanceof HTMLSelectElement) return;
  else if (event.key === '/') { event.preventDefault(); search.focus(); }
  else if (event.key === '+') zoom(1 / 1.3);
  else if (event.key === '-') zoom(1.3);
  else {
    const step = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] }[event.key];
    if (step) { event.preventDefault(); const b = box(); setBox({ ...b, x: b.x + step[0] * b.width * .1, y: b.y + step[1] * b.height * .1 }); }
  }
});
search.addEventListener('input', refresh);
document.querySelectorAll('#side input[type=checkbox], #zone').forEach(input => input.addEventListener('change', refresh));
refresh();
