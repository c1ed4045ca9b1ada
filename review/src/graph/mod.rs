//! The plant as a picture: zones in rows by Purdue level, networks and slices inside of them, gateways between, and flows
//! coloured by what they do. Arrays, and what is alike beyond them, are drawn as one.

#![allow(clippy::cast_precision_loss, reason = "counts and pixels are small")]

mod collapse;
mod layout;
mod page;
mod svg;

use serde::Serialize;

use crate::{Access, Subject};

pub use page::page;
pub use svg::svg;

/// A box that holds others: a zone, or a network or slice inside of one.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Container {
    pub name: String,
    /// `zone`, `network`, `slice`, `pods`, `outside`.
    pub kind: &'static str,
    /// Into the list of containers.
    pub parent: Option<usize>,
    pub purdue: Option<u8>,
    /// How many like it are drawn as this one.
    pub count: u32,
    #[serde(flatten)]
    pub place: Box,
}

/// One principal, or several that are drawn as one.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Node {
    pub label: String,
    /// `device`, `workload`, `gateway`, `external`, `role`, `several`.
    pub kind: &'static str,
    pub class: String,
    pub count: u32,
    pub container: Option<usize>,
    /// Where its declaration stands.
    pub source: String,
    /// What it enforces.
    pub enforces: String,
    /// Of all of them, in short.
    pub address: String,
    /// Where there are several: each of them.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub members: Vec<Member>,
    #[serde(flatten)]
    pub place: Box,
}

/// One of those that are drawn as one.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Member {
    pub name: String,
    pub address: String,
    /// Where its declaration stands, if all have their own.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub source: String,
}

/// A rectangle on the drawing, in pixels.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct Box {
    pub x: f64,
    pub y: f64,
    pub width: f64,
    pub height: f64,
}

impl Box {
    fn center(&self) -> (f64, f64) {
        (self.x + self.width / 2.0, self.y + self.height / 2.0)
    }
}

/// What an edge joins.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum End {
    Node(usize),
    Container(usize),
}

/// All flows from one end to another.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Edge {
    pub from: End,
    pub to: End,
    /// The strongest of its flows.
    pub access: Access,
    pub flows: Vec<Flow>,
}

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Flow {
    pub service: String,
    pub access: Access,
    pub terms: String,
    pub rule: String,
}

#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Conduit {
    pub name: String,
    pub from: usize,
    pub to: usize,
    pub carries: Vec<String>,
}

/// A drawing.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Graph {
    pub title: String,
    pub width: f64,
    pub height: f64,
    pub principals: usize,
    pub containers: Vec<Container>,
    pub nodes: Vec<Node>,
    pub edges: Vec<Edge>,
    pub conduits: Vec<Conduit>,
    /// Gateways and the containers that they join.
    pub links: Vec<(usize, usize)>,
    /// Rows: their label and their vertical range.
    pub rows: Vec<(String, f64, f64)>,
}

/// Draws a package.
pub fn graph(subject: &Subject) -> Graph {
    let mut graph = collapse::collapse(subject);
    layout::place(&mut graph);
    graph
}
