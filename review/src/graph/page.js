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

const named = node => node.label + (node.count > 1 ? ` ×${node.count}` : '');
/** What a search can find: nodes, and each of those that are drawn as one. */
const entries = data.nodes.flatMap((node, index) => {
  const own = node.members ? '' : node.address;
  const found = [{ index, member: null, name: node.label, address: own, text: `${node.label} ${node.class} ${node.kind} ${own} ${node.enforces}`.toLowerCase() }];
  for (const member of node.members ?? []) found.push({ index, member, name: member.name, address: member.address, text: `${member.name} ${member.address}`.toLowerCase() });
  return found;
});
const number = text => /^\d+(\.\d+){3}$/.test(text) ? text.split('.').reduce((sum, part) => sum * 256 + Number(part), 0) : null;
function holds(addresses, at) {
  return at !== null && addresses.includes('..') && addresses.split(', ').some(range => {
    const [first, last] = range.split('..').map(number);
    return first !== null && last !== undefined && last !== null && first <= at && at <= last;
  });
}
/** The best first: what has just this name or address, then what begins with it. */
function matching(text) {
  if (text === '') return [];
  const ranks = [[], [], []], at = number(text);
  let node = null;
  for (const entry of entries) {
    if (entry.member === null) node = null;
    else if (node === entry.index) continue; // all of them are found already
    if (!entry.text.includes(text) && !holds(entry.address, at)) continue;
    if (entry.member === null) node = entry.index;
    const name = entry.name.toLowerCase();
    const exact = name === text || entry.address.toLowerCase().split(', ').includes(text);
    ranks[exact ? 0 : name.startsWith(text) ? 1 : 2].push(entry);
  }
  return ranks.flat();
}

/** An editor around the page listens for this; a browser does not. */
function reveal(place) { document.dispatchEvent(new CustomEvent('open-source', { detail: place })); }

function shown(access) { return document.querySelector(`input[data-access="${access}"]`).checked; }

const LISTED = 50;
function refresh() {
  const text = search.value.trim().toLowerCase();
  const zone = document.getElementById('zone').value;
  const matches = matching(text), found_in = new Set(matches.map(entry => entry.index));
  nodes.forEach((element, index) => {
    const node = data.nodes[index];
    element.classList.toggle('match', found_in.has(index));
    const outside = zone !== '' && !within(node.container, Number(zone));
    const near = chosen === null || chosen === index
      || data.edges.some(edge => (is(edge.from, chosen) && is(edge.to, index)) || (is(edge.to, chosen) && is(edge.from, index)));
    element.classList.toggle('faded', outside || !near);
    element.classList.toggle('chosen', chosen === index);
  });
  svg.classList.toggle('choice', chosen !== null);
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
    : `${matches.length} found${matches.length > LISTED ? `, the first ${LISTED} are listed` : ''}`;
  list.replaceChildren(...matches.slice(0, LISTED).map(({ index, member }) => {
    const item = document.createElement('li'), button = document.createElement('button');
    const node = data.nodes[index];
    button.textContent = member === null ? named(node) : `${member.name} (of ${named(node)})`;
    button.addEventListener('click', () => { choose(index, member); show(node); });
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

const MEMBERS = 500;
function choose(index, member = null) {
  chosen = index;
  detail.replaceChildren();
  if (index !== null) {
    const node = data.nodes[index];
    line('h2', member === null ? named(node) : member.name, detail);
    if (member !== null) line('p', `drawn with ${named(node)}`, detail);
    line('p', [node.kind, node.class, node.enforces && `enforces ${node.enforces}`].filter(Boolean).join(', '), detail);
    const address = member === null ? node.address : member.address;
    if (address) line('p', address, detail);
    const place = (member !== null && member.source) || node.source;
    if (place) source(place, line('p', '', detail));
    if (node.members && member === null) {
      const all = line('details', '', detail);
      line('summary', `${node.count} members`, all);
      const names = line('ul', '', all);
      for (const one of node.members.slice(0, MEMBERS)) line('li', `${one.name} ${one.address}`, names);
      if (node.count > MEMBERS) line('li', `and ${node.count - MEMBERS} more: search for one`, names);
    }
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
  }
  refresh();
titles();
}

function box() { const v = svg.viewBox.baseVal; return { x: v.x, y: v.y, width: v.width, height: v.height }; }
function setBox(b) { svg.setAttribute('viewBox', `${b.x} ${b.y} ${b.width} ${b.height}`); titles(); }
/** Pixels of the window for one of the drawing. */
function scale() { const b = box(); return Math.min(svg.clientWidth / b.width, svg.clientHeight / b.height); }
const whole = box();
/** Brings a place into view, in letters that can be read. */
function show(place) {
  const view = box(), now = scale();
  const inside = place.x >= view.x && place.y >= view.y && place.x + place.width <= view.x + view.width && place.y + place.height <= view.y + view.height;
  if (inside && now >= .75) return;
  const to = Math.max(now, 1.1), width = svg.clientWidth / to, height = svg.clientHeight / to;
  setBox({ x: place.x + place.width / 2 - width / 2, y: place.y + place.height / 2 - height / 2, width, height });
}
// seen from afar, zones have their names in large letters, and what is in them has none
const names = data.containers.map(container => {
  const text = document.createElementNS(svg.namespaceURI, 'text');
  text.setAttribute('class', 'far-name');
  text.setAttribute('x', container.x + container.width / 2);
  text.setAttribute('y', container.y + container.height / 2);
  text.textContent = container.name + (container.count > 1 ? ` ×${container.count}` : '');
  if (container.kind === 'zone' && container.parent === null) svg.append(text);
  return text;
});
function titles() {
  const now = scale(), far = now < .5;
  svg.classList.toggle('far', far);
  if (!far) return;
  names.forEach((text, index) => {
    const container = data.containers[index];
    const fits = Math.min(container.width / text.textContent.length / .66, container.height * .8);
    text.style.fontSize = `${Math.min(12 / now, fits)}px`;
  });
}
function zoom(factor, cx = .5, cy = .5) {
  const b = box(), width = Math.min(whole.width * 2, Math.max(120, b.width * factor)), ratio = width / b.width;
  setBox({ x: b.x + b.width * (1 - ratio) * cx, y: b.y + b.height * (1 - ratio) * cy, width, height: b.height * ratio });
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
search.addEventListener('keydown', event => {
  if (event.key === 'Enter') { event.preventDefault(); list.querySelector('button')?.click(); }
});
window.addEventListener('resize', titles);
document.querySelectorAll('#side input[type=checkbox], #zone').forEach(input => input.addEventListener('change', refresh));
refresh();
titles();
