//! The drawing as a page to search, filter and click through: one file, no network, usable by keyboard.

use super::{Graph, svg::content};
use crate::{Access, table::html as escaped};

const STYLE: &str = include_str!("page.css");
const GRAPH_STYLE: &str = include_str!("graph.css");
const SCRIPT: &str = include_str!("page.js");

/// The whole page; an error only where the drawing cannot be written as JSON.
pub fn page(graph: &Graph) -> Result<String, serde_json::Error> {
    // nothing in it ends the element that it stands in
    let data = serde_json::to_string(graph)?.replace('<', "\\u003c");
    let title = escaped(&graph.title);
    let mut out = format!(
        "<!doctype html>\n<html lang=\"en\">\n<meta charset=\"utf-8\">\n<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n<title>{title}</title>\n<link rel=\"icon\" href=\"data:,\">\n<style>{GRAPH_STYLE}{STYLE}</style>\n<aside id=\"side\">\n<h1>{title}</h1>\n<input type=\"search\" id=\"search\" placeholder=\"Search ( / )\" aria-label=\"Search names, classes, addresses\">\n<p id=\"found\" role=\"status\"></p>\n<ul id=\"list\"></ul>\n<fieldset><legend>Effect</legend>\n"
    );
    for access in Access::ALL {
        let word = access.word();
        out.push_str(&format!(
            "<label class=\"plant\"><input type=\"checkbox\" checked data-access=\"{word}\"><i style=\"background:var(--{word})\"></i>{word}</label>\n"
        ));
    }
    out.push_str("</fieldset>\n<label>Zone <select id=\"zone\"><option value=\"\">all</option>");
    for (index, container) in graph.containers.iter().enumerate().filter(|(_, one)| one.kind == "zone") {
        out.push_str(&format!("<option value=\"{index}\">{}</option>", escaped(&container.name)));
    }
    out.push_str("</select></label>\n<section id=\"detail\" aria-live=\"polite\"></section>\n</aside>\n<main id=\"stage\">\n");
    out.push_str(&format!(
        "<svg viewBox=\"0 0 {:.0} {:.0}\" class=\"plant\" preserveAspectRatio=\"xMidYMid meet\">\n",
        graph.width, graph.height
    ));
    content(graph, &mut out);
    out.push_str("</svg>\n<div id=\"zoom\"><button id=\"in\" aria-label=\"zoom in\">+</button><button id=\"out\" aria-label=\"zoom out\">−</button><button id=\"all\">all</button></div>\n</main>\n");
    out.push_str(&format!(
        "<script type=\"application/json\" id=\"data\">{data}</script>\n<script>{SCRIPT}</script>\n</html>\n"
    ));
    Ok(out)
}
