//! The drawing as SVG that needs nothing else: colours follow the reader's light or dark theme.

use super::{Box, End, Graph};
use crate::{Access, table::html as escaped};

const STYLE: &str = include_str!("graph.css");

/// A document of its own.
pub fn svg(graph: &Graph) -> String {
    let mut out = String::new();
    out.push_str(&format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {:.0} {:.0}\" width=\"{:.0}\" height=\"{:.0}\" role=\"img\" aria-label=\"{}\" class=\"plant\">\n<style>{STYLE}</style>\n",
        graph.width,
        graph.height,
        graph.width,
        graph.height,
        escaped(&graph.title)
    ));
    content(graph, &mut out);
    out.push_str("</svg>\n");
    out
}

/// All that is drawn.
pub(super) fn content(graph: &Graph, out: &mut String) {
    out.push_str("<defs>");
    for access in Access::ALL {
        let word = access.word();
        out.push_str(&format!(
            "<marker id=\"end-{word}\" class=\"{word}\" viewBox=\"0 0 8 8\" refX=\"7\" refY=\"4\" markerWidth=\"7\" markerHeight=\"7\" orient=\"auto\"><path d=\"M0 0 8 4 0 8z\"/></marker>"
        ));
    }
    out.push_str("</defs>\n");
    out.push_str(&format!(
        "<rect class=\"ground\" width=\"{:.0}\" height=\"{:.0}\"/>\n",
        graph.width, graph.height
    ));
    for (index, (label, top, end)) in graph.rows.iter().enumerate() {
        let class = if index % 2 == 0 { "row even" } else { "row" };
        out.push_str(&format!(
            "<rect class=\"{class}\" x=\"0\" y=\"{:.1}\" width=\"{:.0}\" height=\"{:.1}\"/><text class=\"level\" x=\"8\" y=\"{:.1}\">{}</text>\n",
            top - 8.0,
            graph.width,
            end - top + 16.0,
            top + 8.0,
            escaped(label)
        ));
    }
    // containers are in the order of their making: a parent before its own
    let mut order: Vec<usize> = (0..graph.containers.len()).collect();
    order.sort_by_key(|index| {
        (std::iter::successors(Some(*index), |one| graph.containers[*one].parent).take(64).count(), *index)
    });
    for index in order {
        let container = &graph.containers[index];
        let Box { x, y, width, height } = container.place;
        let count = if container.count > 1 { format!(" ×{}", container.count) } else { String::new() };
        out.push_str(&format!(
            "<g class=\"container {}\" data-container=\"{index}\"><rect x=\"{x:.1}\" y=\"{y:.1}\" width=\"{width:.1}\" height=\"{height:.1}\" rx=\"6\"/><text x=\"{:.1}\" y=\"{:.1}\">{}{count}</text></g>\n",
            container.kind,
            x + 10.0,
            y + 17.0,
            escaped(&shortened(&container.name, 40))
        ));
    }
    out.push_str("<g class=\"conduits\">\n");
    for (index, conduit) in graph.conduits.iter().enumerate() {
        let (from, to) = (&graph.containers[conduit.from].place, &graph.containers[conduit.to].place);
        let ((ax, ay), (bx, by)) = (border(from, to.center()), border(to, from.center()));
        out.push_str(&format!(
            "<path class=\"conduit\" data-conduit=\"{index}\" d=\"M{ax:.1} {ay:.1}L{bx:.1} {by:.1}\"><title>conduit {}: {}</title></path>\n",
            escaped(&conduit.name),
            escaped(&conduit.carries.join(", "))
        ));
    }
    for (node, container) in &graph.links {
        let (ax, ay) = graph.nodes[*node].place.center();
        let (bx, by) = border(&graph.containers[*container].place, (ax, ay));
        out.push_str(&format!("<path class=\"link\" d=\"M{ax:.1} {ay:.1}L{bx:.1} {by:.1}\"/>\n"));
    }
    out.push_str("</g>\n<g class=\"edges\">\n");
    for (index, edge) in graph.edges.iter().enumerate() {
        let place = |end: End| match end {
            End::Node(node) => graph.nodes[node].place,
            End::Container(container) => graph.containers[container].place,
        };
        let word = edge.access.word();
        let services: Vec<&str> = edge.flows.iter().map(|flow| flow.service.as_str()).take(6).collect();
        out.push_str(&format!(
            "<path class=\"edge {word}\" data-edge=\"{index}\" marker-end=\"url(#end-{word})\" d=\"{}\"><title>{}</title></path>\n",
            curve(&place(edge.from), &place(edge.to)),
            escaped(&services.join(", "))
        ));
    }
    out.push_str("</g>\n<g class=\"nodes\">\n");
    for (index, node) in graph.nodes.iter().enumerate() {
        let Box { x, y, width, height } = node.place;
        let count = if node.count > 1 { format!(" ×{}", node.count) } else { String::new() };
        let class = if node.class.is_empty() {
            node.kind.to_owned()
        } else {
            format!("{}, {}", node.kind, node.class)
        };
        out.push_str(&format!(
            "<g class=\"node {}\" data-node=\"{index}\"><rect x=\"{x:.1}\" y=\"{y:.1}\" width=\"{width:.1}\" height=\"{height:.1}\" rx=\"{}\"/><text x=\"{:.1}\" y=\"{:.1}\">{}{count}</text><title>{} ({class}) {}</title></g>\n",
            node.kind,
            if node.kind == "gateway" { 2 } else { 12 },
            x + width / 2.0,
            y + height / 2.0 + 4.0,
            escaped(&shortened(&node.label, 28)),
            escaped(&node.label),
            escaped(&node.address)
        ));
    }
    out.push_str("</g>\n<g class=\"legend\">");
    for (index, access) in Access::ALL.iter().enumerate() {
        let x = 80.0 + 100.0 * index as f64;
        let y = graph.height - 8.0;
        out.push_str(&format!(
            "<path class=\"edge {0}\" d=\"M{x:.0} {1:.0}h24\"/><text x=\"{2:.0}\" y=\"{y:.0}\">{0}</text>",
            access.word(),
            y - 4.0,
            x + 30.0
        ));
    }
    out.push_str("</g>\n");
}

fn shortened(text: &str, most: usize) -> String {
    if text.chars().count() <= most {
        return text.to_owned();
    }
    // the end tells names of one folder apart
    let end: Vec<char> = text.chars().rev().take(most - 1).collect();
    std::iter::once('…').chain(end.into_iter().rev()).collect()
}

/// Where the line from a box's middle to a point leaves the box.
fn border(from: &Box, to: (f64, f64)) -> (f64, f64) {
    let (x, y) = from.center();
    let (dx, dy) = (to.0 - x, to.1 - y);
    if dx == 0.0 && dy == 0.0 {
        return (x, y);
    }
    let scale = (from.width / 2.0 / dx.abs().max(1e-9)).min(from.height / 2.0 / dy.abs().max(1e-9));
    (x + dx * scale.min(1.0), y + dy * scale.min(1.0))
}

/// A curve that bows to its own side, so that both directions are seen.
fn curve(from: &Box, to: &Box) -> String {
    if from == to {
        let (x, y) = (from.x + from.width - 8.0, from.y);
        return format!("M{x:.1} {y:.1}c-6 -22 26 -22 8 4");
    }
    let (start, end) = (border(from, to.center()), border(to, from.center()));
    let (dx, dy) = (end.0 - start.0, end.1 - start.1);
    let length = dx.hypot(dy).max(1.0);
    let bow = (length * 0.14).min(60.0);
    let (mx, my) = (
        f64::midpoint(start.0, end.0) - dy / length * bow,
        f64::midpoint(start.1, end.1) + dx / length * bow,
    );
    format!("M{:.1} {:.1}Q{mx:.1} {my:.1} {:.1} {:.1}", start.0, start.1, end.0, end.1)
}
