//! What an import found, whatever it was read from: the one shape that is rendered as Weir.

use std::{
    collections::{BTreeMap, BTreeSet},
    net::IpAddr,
};

use ipnet::IpNet;

use crate::{Ledger, Place};

/// What was found.
#[derive(Clone, Debug, Default)]
pub struct Inventory {
    /// `kubernetes`, `mud` …: the command that reads it.
    pub format: &'static str,
    /// Words for the head of the text, one line each.
    pub about: Vec<String>,
    /// By module of the standard library, what is brought in.
    pub uses: BTreeMap<String, BTreeSet<String>>,
    /// Declarations, in the order in which they are written.
    pub items: Vec<Item>,
    pub policies: Vec<Policy>,
    /// What Weir cannot say, or was not asked to.
    pub remainder: Vec<Left>,
    /// What was read, and what became of each: objects, access control entries, rows, terms.
    pub ledger: Ledger,
    /// What those are called: `object`, `access control entry`.
    pub unit: &'static str,
}

/// The kinds of declaration that imports make.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    Protocol,
    Class,
    Device,
    Workload,
    External,
    Group,
}

impl Kind {
    pub fn keyword(self) -> &'static str {
        match self {
            Self::Protocol => "protocol",
            Self::Class => "class",
            Self::Device => "device",
            Self::Workload => "workload",
            Self::External => "external",
            Self::Group => "group",
        }
    }
}

/// One declaration.
#[derive(Clone, Debug)]
pub struct Item {
    pub kind: Kind,
    /// Legal in Weir, and no other item's.
    pub name: String,
    /// The class of a device or class.
    pub class: Option<String>,
    /// The cluster of a workload.
    pub cluster: Option<String>,
    /// The set expression of a group.
    pub value: Option<Vec<String>>,
    /// What it was called, and what else a reader should know; may be any text.
    pub documentation: Vec<String>,
    pub place: Place,
    /// In the order in which they are written.
    pub attributes: Vec<(&'static str, Value)>,
}

impl Item {
    pub fn new(kind: Kind, name: String, place: Place) -> Self {
        Self {
            kind,
            name,
            class: None,
            cluster: None,
            value: None,
            documentation: Vec::new(),
            place,
            attributes: Vec::new(),
        }
    }
}

/// A value as Weir writes it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Value {
    /// Any text.
    Text(String),
    Boolean(bool),
    /// A word of the language, or the name of a declaration.
    Word(String),
    Address(IpAddr),
    Prefix(IpNet),
    Mac([u8; 6]),
    Transport(Transport),
    /// A protocol's name, and its port where it is not the default.
    Serves(String, Option<Transport>),
    Labels(BTreeMap<String, String>),
    List(Vec<Value>),
}

impl Value {
    /// The only one of these, or the list of them.
    pub fn one_or_list(mut values: Vec<Self>) -> Self {
        match (values.len(), values.pop()) {
            (1, Some(only)) => only,
            (_, Some(last)) => {
                values.push(last);
                Self::List(values)
            }
            (_, None) => Self::List(values),
        }
    }
}

/// A protocol of layer 4 with a range of ports.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Transport {
    Tcp(u16, u16),
    Udp(u16, u16),
    Sctp(u16, u16),
    Icmp,
}

impl Transport {
    /// Whether all ports of the other are among these.
    pub fn covers(self, other: Self) -> bool {
        match (self, other) {
            (Self::Tcp(first, last), Self::Tcp(from, to))
            | (Self::Udp(first, last), Self::Udp(from, to))
            | (Self::Sctp(first, last), Self::Sctp(from, to)) => first <= from && to <= last,
            (Self::Icmp, Self::Icmp) => true,
            _ => false,
        }
    }
}

/// Flows that belong together.
#[derive(Clone, Debug)]
pub struct Policy {
    pub name: String,
    pub documentation: Vec<String>,
    pub attributes: Vec<(&'static str, Value)>,
    pub flows: Vec<Flow>,
    pub place: Place,
}

/// `allow SOURCE -> DESTINATION : SERVICES`, of names that are legal in Weir.
#[derive(Clone, Debug)]
pub struct Flow {
    pub allow: bool,
    pub source: Vec<String>,
    pub destination: Vec<String>,
    /// All services, if there is none.
    pub services: Vec<Service>,
    pub log: bool,
    pub documentation: Vec<String>,
    pub place: Place,
}

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Service {
    Transport(Transport),
    /// A protocol by its name.
    Protocol(String),
}

/// Something that was read and is not said in Weir.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Left {
    pub place: Place,
    pub extent: Extent,
    /// What it is: “Ingress `shop/web`”.
    pub what: String,
    /// Why it is not said, and what to do about it.
    pub why: String,
}

/// How much of what was read something is that is left.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Extent {
    /// A record as a whole.
    Record,
    /// A part of the record at this place, which is said but for that.
    Part(Place),
    /// No record: a column, a line of a header, an include.
    Beside,
}
