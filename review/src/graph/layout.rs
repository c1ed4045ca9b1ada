//! Where everything lies: rows by Purdue level, the highest on top; gateways of several zones in a band below the
//! highest row that they join. In a row, zones are ordered by what they are joined with.

use std::{
    cmp::Ordering,
    collections::{BTreeMap, BTreeSet},
};

use super::{Box, End, Graph};

const CHIP: f64 = 26.0;
const LETTER: f64 = 6.6;
const GAP: f64 = 10.0;
const PAD: f64 = 12.0;
const HEAD: f64 = 24.0;
const ROW_GAP: f64 = 46.0;
const MARGIN: f64 = 70.0;
/// Width of the drawing for its height, as of a window beside the page's list.
const PROPORTION: f64 = 1.35;
/// Widths of a box for its height that are tried: few large boxes above each other are made wide.
const BOX_PROPORTIONS: [f64; 5] = [2.4, 3.4, 4.8, 6.8, 9.6];
/// Widths of a row that are tried.
const TRIES: usize = 48;

struct Layout<'g> {
    graph: &'g mut Graph,
    inner: BTreeMap<usize, Vec<usize>>,
    nodes: BTreeMap<usize, Vec<usize>>,
    proportion: f64,
}

pub(super) fn place(graph: &mut Graph) {
    let mut inner: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
    for (index, container) in graph.containers.iter().enumerate() {
        if let Some(parent) = container.parent {
            inner.entry(parent).or_default().push(index);
        }
    }
    let mut nodes: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
    let mut between: Vec<usize> = Vec::new();
    for (index, node) in graph.nodes.iter_mut().enumerate() {
        let label = if node.count > 1 { node.label.chars().count() + 6 } else { node.label.chars().count() };
        node.place.width = (label.min(30) as f64).mul_add(LETTER, 18.0);
        node.place.height = CHIP;
        match node.container {
            Some(container) => nodes.entry(container).or_default().push(index),
            None => between.push(index),
        }
    }
    for boxes in inner.values_mut() {
        boxes.sort_by(|a, b| natural(&graph.containers[*a].name, &graph.containers[*b].name));
    }
    let mut layout = Layout { graph, inner, nodes, proportion: BOX_PROPORTIONS[0] };
    let tops: Vec<usize> = (0..layout.graph.containers.len())
        .filter(|index| layout.graph.containers[*index].parent.is_none())
        .collect();
    let mut rows: BTreeMap<i32, Vec<usize>> = BTreeMap::new();
    for top in &tops {
        rows.entry(layout.level(*top)).or_default().push(*top);
    }
    let mut best: Option<(f64, f64, f64)> = None;
    for proportion in BOX_PROPORTIONS {
        layout.size_all(&tops, proportion);
        let (off, limit) = layout.width_of_rows(&rows, &between);
        // a little nearer to a screen's proportions is not worth wider boxes
        if best.is_none_or(|(known, ..)| off < known - 0.05) {
            best = Some((off, limit, proportion));
        }
    }
    let Some((_, limit, proportion)) = best else { return };
    layout.size_all(&tops, proportion);
    layout.rows(rows, &between, limit);
}

impl Layout<'_> {
    /// Rows from the top: outside, no level, 5 to 0.
    fn level(&self, top: usize) -> i32 {
        let container = &self.graph.containers[top];
        match (container.kind, container.purdue.or_else(|| self.inner_level(top, 0))) {
            ("outside", _) => -2,
            (_, None) => -1,
            (_, Some(level)) => 5 - i32::from(level.min(5)),
        }
    }

    fn inner_level(&self, top: usize, depth: usize) -> Option<u8> {
        let inner = self.inner.get(&top).filter(|_| depth < 32)?;
        inner
            .iter()
            .filter_map(|one| {
                self.graph.containers[*one].purdue.or_else(|| self.inner_level(*one, depth + 1))
            })
            .max()
    }

    fn size_all(&mut self, tops: &[usize], proportion: f64) {
        self.proportion = proportion;
        for container in &mut self.graph.containers {
            container.place = Box::default();
        }
        for top in tops {
            self.size(*top, 0);
        }
    }

    /// The size of a container, and the places of all that is in it, from its corner.
    fn size(&mut self, index: usize, depth: usize) {
        let inner = self.inner.get(&index).cloned().unwrap_or_default();
        if depth < 32 {
            for one in &inner {
                self.size(*one, depth + 1);
            }
        }
        let nodes = self.nodes.get(&index).cloned().unwrap_or_default();
        let area: f64 =
            nodes.iter().map(|node| (self.graph.nodes[*node].place.width + GAP) * (CHIP + GAP)).sum();
        let widest_node = nodes.iter().map(|node| self.graph.nodes[*node].place.width).fold(0.0, f64::max);
        let widest_inner =
            inner.iter().map(|one| self.graph.containers[*one].place.width).fold(0.0, f64::max);
        let inner_area: f64 = inner
            .iter()
            .map(|one| {
                let place = self.graph.containers[*one].place;
                (place.width + GAP) * (place.height + GAP)
            })
            .sum();
        let title = (self.graph.containers[index].name.chars().count() as f64 + 8.0) * LETTER;
        // wider than high, as screens are
        let wanted = ((area + inner_area) * self.proportion).sqrt();
        let width = wanted.max(widest_node).max(widest_inner).max(title);
        let (mut x, mut y, mut high, mut used) = (PAD, HEAD + PAD / 2.0, 0.0_f64, 0.0_f64);
        let mut flow = |place: &mut Box| {
            if x > PAD && x + place.width > width + PAD {
                x = PAD;
                y += high + GAP;
                high = 0.0;
            }
            (place.x, place.y) = (x, y);
            x += place.width + GAP;
            high = high.max(place.height);
            used = used.max(x - GAP);
        };
        for node in &nodes {
            flow(&mut self.graph.nodes[*node].place);
        }
        let mut corners = Vec::with_capacity(inner.len());
        for one in &inner {
            let mut place = self.graph.containers[*one].place;
            flow(&mut place);
            corners.push((*one, place.x, place.y));
        }
        let place = &mut self.graph.containers[index].place;
        place.width = used.max(title + PAD) + PAD;
        place.height = y + high + PAD;
        for (one, x, y) in corners {
            self.shift(one, x, y, depth + 1);
        }
    }

    /// Moves a container and all that is in it.
    fn shift(&mut self, index: usize, dx: f64, dy: f64, depth: usize) {
        let place = &mut self.graph.containers[index].place;
        place.x += dx;
        place.y += dy;
        for node in self.nodes.get(&index).cloned().unwrap_or_default() {
            let place = &mut self.graph.nodes[node].place;
            place.x += dx;
            place.y += dy;
        }
        if depth < 32 {
            for one in self.inner.get(&index).cloned().unwrap_or_default() {
                self.shift(one, dx, dy, depth + 1);
            }
        }
    }

    fn top_of(&self, container: usize) -> usize {
        let parents = std::iter::successors(Some(container), |one| self.graph.containers[*one].parent);
        parents.take(64).last().unwrap_or(container)
    }

    /// The top containers that each one is joined with, by conduits, gateways and flows.
    fn neighbours(&self) -> BTreeMap<usize, BTreeSet<usize>> {
        let mut all: BTreeMap<usize, BTreeSet<usize>> = BTreeMap::new();
        let mut join = |a: usize, b: usize| {
            if a != b {
                all.entry(a).or_default().insert(b);
                all.entry(b).or_default().insert(a);
            }
        };
        for conduit in &self.graph.conduits {
            join(self.top_of(conduit.from), self.top_of(conduit.to));
        }
        for (a, one) in &self.graph.links {
            for (b, other) in &self.graph.links {
                if a == b {
                    join(self.top_of(*one), self.top_of(*other));
                }
            }
        }
        let end = |end: End| match end {
            End::Container(container) => Some(self.top_of(container)),
            End::Node(node) => self.graph.nodes[node].container.map(|container| self.top_of(container)),
        };
        for edge in &self.graph.edges {
            if let (Some(a), Some(b)) = (end(edge.from), end(edge.to)) {
                join(a, b);
            }
        }
        all
    }

    /// The width at which rows are broken, so that the drawing has the proportions of a screen; before it, how far it is off.
    fn width_of_rows(&self, rows: &BTreeMap<i32, Vec<usize>>, between: &[usize]) -> (f64, f64) {
        let sizes = |row: &[usize]| -> Vec<(f64, f64)> {
            let place = |one: &usize| self.graph.containers[*one].place;
            row.iter().map(|one| (place(one).width + GAP * 2.0, place(one).height)).collect()
        };
        let rows: Vec<Vec<(f64, f64)>> = rows.values().map(|row| sizes(row)).collect();
        let widest = rows.iter().flatten().map(|(width, _)| *width).fold(600.0, f64::max);
        let longest = rows.iter().map(|row| row.iter().map(|(width, _)| width).sum()).fold(widest, f64::max);
        let bands: f64 = between.iter().map(|node| self.graph.nodes[*node].place.width + GAP).sum();
        let height = |limit: f64| {
            let mut high = MARGIN + (bands / limit).floor() * (CHIP + GAP);
            for row in &rows {
                let (mut x, mut line) = (0.0_f64, 0.0_f64);
                for (width, height) in row {
                    if x > 0.0 && x + width > limit {
                        high += line + GAP * 2.0;
                        (x, line) = (0.0, 0.0);
                    }
                    x += width;
                    line = line.max(*height);
                }
                high += line + ROW_GAP + CHIP;
            }
            high
        };
        let off = |limit: f64| ((limit + MARGIN * 1.5) / height(limit) / PROPORTION).ln().abs();
        let tries = (0..=TRIES).map(|step| widest + (longest - widest) * step as f64 / TRIES as f64);
        let tries = tries.map(|limit| (off(limit), limit));
        tries.min_by(|a, b| a.0.total_cmp(&b.0)).unwrap_or((0.0, widest))
    }

    fn rows(&mut self, rows: BTreeMap<i32, Vec<usize>>, between: &[usize], limit: f64) {
        let neighbours = self.neighbours();
        let mut y = MARGIN / 2.0;
        let mut placed: BTreeMap<usize, f64> = BTreeMap::new();
        let mut left: BTreeSet<usize> = between.iter().copied().collect();
        let mut widest = 0.0_f64;
        for (level, mut row) in rows {
            // by the middle of what is placed already, then by name
            let middle = |one: &usize| {
                let known: Vec<f64> = neighbours
                    .get(one)
                    .into_iter()
                    .flatten()
                    .filter_map(|other| placed.get(other).copied())
                    .collect();
                if known.is_empty() { 0.0 } else { known.iter().sum::<f64>() / known.len() as f64 }
            };
            row.sort_by(|a, b| {
                middle(a)
                    .total_cmp(&middle(b))
                    .then_with(|| natural(&self.graph.containers[*a].name, &self.graph.containers[*b].name))
            });
            let top = y;
            // one line lies in the middle; several begin at the left, one below the other
            let length: f64 = row.iter().map(|one| self.graph.containers[*one].place.width + GAP * 2.0).sum();
            let begin = if length <= limit { MARGIN + (limit - length) / 2.0 } else { MARGIN };
            let (mut x, mut high) = (begin, 0.0_f64);
            for one in row {
                let place = self.graph.containers[one].place;
                if x > begin && x + place.width > limit + MARGIN {
                    x = begin;
                    y += high + GAP * 2.0;
                    high = 0.0;
                }
                self.shift(one, x, y, 0);
                placed.insert(one, x + place.width / 2.0);
                x += place.width + GAP * 2.0;
                high = high.max(place.height);
                widest = widest.max(x);
            }
            y += high;
            let label = match level {
                -2 => "outside".to_owned(),
                -1 => "no level".to_owned(),
                level => format!("level {}", 5 - level),
            };
            self.graph.rows.push((label, top, y));
            y += ROW_GAP / 2.0;
            // gateways that join something of this row
            let here: Vec<usize> = left
                .iter()
                .copied()
                .filter(|node| {
                    self.graph.links.iter().any(|(gateway, container)| {
                        gateway == node && placed.contains_key(&self.top_of(*container))
                    })
                })
                .collect();
            y = self.band(&here, &placed, y, limit, &mut widest);
            left.retain(|node| !here.contains(node));
        }
        let rest: Vec<usize> = left.into_iter().collect();
        y = self.band(&rest, &placed, y, limit, &mut widest);
        (self.graph.width, self.graph.height) = (widest.max(600.0) + MARGIN / 2.0, y + 10.0);
    }

    /// Gateways side by side, each near the middle of what it joins.
    fn band(
        &mut self,
        nodes: &[usize],
        placed: &BTreeMap<usize, f64>,
        from: f64,
        limit: f64,
        widest: &mut f64,
    ) -> f64 {
        if nodes.is_empty() {
            return from + ROW_GAP / 2.0;
        }
        let mut wanted: Vec<(f64, usize)> = nodes
            .iter()
            .map(|node| {
                let joined = self.graph.links.iter().filter(|(gateway, _)| gateway == node);
                let known: Vec<f64> = joined
                    .filter_map(|(_, container)| placed.get(&self.top_of(*container)).copied())
                    .collect();
                let middle =
                    if known.is_empty() { MARGIN } else { known.iter().sum::<f64>() / known.len() as f64 };
                (middle, *node)
            })
            .collect();
        wanted.sort_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
        let width = |node: usize| self.graph.nodes[node].place.width;
        let mut lines: Vec<Vec<(f64, usize)>> = Vec::new();
        let mut length = f64::INFINITY;
        for (middle, node) in wanted {
            if length + width(node) > limit {
                lines.push(Vec::new());
                length = 0.0;
            }
            length += width(node) + GAP;
            if let Some(line) = lines.last_mut() {
                line.push((middle, node));
            }
        }
        let mut y = from;
        for (index, line) in lines.iter().enumerate() {
            if index > 0 {
                y += CHIP + GAP;
            }
            let mut end = MARGIN;
            let mut off = 0.0;
            for (middle, node) in line {
                let place = &mut self.graph.nodes[*node].place;
                (place.x, place.y) = ((middle - place.width / 2.0).max(end), y);
                end = place.x + place.width + GAP;
                off += place.x + place.width / 2.0 - middle;
            }
            // the whole line as near to its middles as the drawing's ends allow
            let last = line.last().map_or(0.0, |(_, node)| {
                let place = self.graph.nodes[*node].place;
                place.x + place.width
            });
            let first = line.first().map_or(MARGIN, |(_, node)| self.graph.nodes[*node].place.x);
            let back = (off / line.len().max(1) as f64).max(last - limit - MARGIN).clamp(0.0, first - MARGIN);
            let mut right = limit + MARGIN;
            for (_, node) in line.iter().rev() {
                let place = &mut self.graph.nodes[*node].place;
                place.x = (place.x - back).min(right - place.width);
                right = place.x - GAP;
                *widest = widest.max(place.x + place.width + GAP);
            }
        }
        y + CHIP + ROW_GAP / 2.0
    }
}

/// Names in the order that people expect: `cell2` before `cell10`.
fn natural(a: &str, b: &str) -> Ordering {
    let (mut left, mut right) = (a, b);
    while let (Some(one), Some(other)) = (left.chars().next(), right.chars().next()) {
        if one.is_ascii_digit() && other.is_ascii_digit() {
            let number = |text: &str| {
                let end = text.find(|character: char| !character.is_ascii_digit()).unwrap_or(text.len());
                (text[..end].trim_start_matches('0').to_owned(), end)
            };
            let ((mine, mine_end), (yours, yours_end)) = (number(left), number(right));
            // without leading zeros, the longer number is the larger
            let order = mine.len().cmp(&yours.len()).then_with(|| mine.cmp(&yours));
            if order != Ordering::Equal {
                return order;
            }
            (left, right) = (&left[mine_end..], &right[yours_end..]);
        } else if one == other {
            (left, right) = (&left[one.len_utf8()..], &right[other.len_utf8()..]);
        } else {
            return one.cmp(&other);
        }
    }
    left.len().cmp(&right.len()).then_with(|| a.cmp(b))
}

#[cfg(test)]
mod tests {
    #[test]
    fn names_in_the_order_that_people_expect() {
        let mut names = ["cell10", "cell2", "b", "cell1", "cell02", "cell", "press[10].x", "press[9].x"];
        names.sort_by(|a, b| super::natural(a, b));
        assert_eq!(names, ["b", "cell", "cell1", "cell02", "cell2", "cell10", "press[9].x", "press[10].x"]);
    }
}
