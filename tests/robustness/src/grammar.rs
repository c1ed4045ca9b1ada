//! Random packages by the grammar and the schema: mostly of the right shape, so that they get past the parser and deep into
//! the model, with a slip here and there.

use std::fmt::Write as _;

use weir_compiler::names::schema::{
    self, ASSURANCES, Attribute, FLOW, INTEGRITIES, InnerBlock, Kind, LEVELS, SCHEMAS, Schema, Type,
};

use crate::mutation::{HOSTILE, Random};

/// Protocols that a generated file brings in.
const SERVICES: &[&str] =
    &["modbus", "opcua", "s7", "profinet_rt", "mqtts", "https", "ntp", "ssh", "ping", "any"];

/// One file: a text that is Weir, or nearly so.
pub fn package(random: &mut Random) -> String {
    let mut writer = Writer { random, out: String::new(), names: Vec::new(), slips: 0 };
    writer.slips = [0, 0, 5, 30][writer.random.below(4)];
    writer.file();
    writer.out
}

struct Writer<'r> {
    random: &'r mut Random,
    out: String,
    names: Vec<(Kind, String)>,
    /// In so many of 1,000 places something else is written.
    slips: usize,
}

impl Writer<'_> {
    fn chance(&mut self, per_mille: usize) -> bool {
        self.random.below(1000) < per_mille
    }

    fn pick<'a>(&mut self, list: &[&'a str]) -> &'a str {
        self.random.pick(list).copied().unwrap_or("x")
    }

    fn word(&mut self, text: &str) {
        if self.chance(self.slips) {
            let slip = self.pick(HOSTILE);
            self.out.push_str(slip);
        } else {
            self.out.push_str(text);
        }
    }

    fn file(&mut self) {
        self.out.push_str("use std.ot.{modbus, opcua, s7, profinet_rt}\nuse std.it.{mqtts, https, ntp, ssh, ping}\nuse std.devices.{Plc, Sensor, Server, SafetyPlc}\n\n");
        // what much refers to comes first, so that references mostly lead somewhere
        for kind in [Kind::Zone, Kind::Zone, Kind::Network, Kind::Network, Kind::Gateway, Kind::Core] {
            self.declaration(schema::of(kind));
        }
        for _ in 0..self.random.below(24) {
            match self.random.below(10) {
                0 => self.assertion(),
                1 => self.flow(),
                2 => self.template(),
                _ => {
                    if let Some(schema) = self.random.pick(SCHEMAS) {
                        self.declaration(schema);
                    }
                }
            }
            self.end();
        }
    }

    fn end(&mut self) {
        let end = ["\n", "\n\n", "\n", " // to be seen\n", "\n/// Documented.\n", "\r\n"];
        let end = self.pick(&end);
        self.out.push_str(end);
    }

    fn new_name(&mut self, kind: Kind) -> String {
        let name = if self.chance(970) {
            format!("{}_{}", schema::of(kind).keyword, self.names.len())
        } else {
            self.name_of(&[kind])
        };
        self.names.push((kind, name.clone()));
        name
    }

    fn name_of(&mut self, kinds: &[Kind]) -> String {
        let known: Vec<String> = self
            .names
            .iter()
            .filter(|(kind, _)| kinds.contains(kind))
            .map(|(_, name)| name.clone())
            .collect();
        self.random.pick(&known).cloned().unwrap_or_else(|| "internet".into())
    }

    fn declaration(&mut self, schema: &'static Schema) {
        if matches!(schema.kind, Kind::Template | Kind::Instance) {
            return self.template();
        }
        let name = self.new_name(schema.kind);
        self.word(schema.keyword);
        let _ = write!(self.out, " {name}");
        let head = schema.head;
        if head.array && self.chance(300) {
            let many = self.random.below(6) + 1;
            let _ = write!(self.out, "[1..{many}]");
        }
        if head.class && self.chance(800) {
            self.word(" : ");
            let class = if self.chance(700) {
                self.pick(&["Plc", "Sensor", "Server", "SafetyPlc"]).to_owned()
            } else {
                self.name_of(&[Kind::Class])
            };
            self.word(&class);
        }
        if head.cluster {
            let cluster = self.name_of(&[Kind::Cluster]);
            let _ = write!(self.out, " in {cluster}");
        }
        if head.between {
            let (a, b) = (self.name_of(&[Kind::Zone]), self.name_of(&[Kind::Zone]));
            let _ = write!(self.out, " between {a}, {b}");
        }
        if head.value {
            self.out.push_str(" = ");
            self.set(3);
        } else {
            self.block(schema.attributes, schema.blocks, schema.flows);
        }
        self.end();
    }

    fn block(&mut self, attributes: &'static [Attribute], blocks: &'static [InnerBlock], flows: bool) {
        self.word(" {");
        let separator = self.pick(&["\n    ", " ", "\n\n    "]);
        let between = if separator == " " { ", " } else { separator };
        let mut first = true;
        let mut next = |writer: &mut Self| {
            let separator = if std::mem::take(&mut first) { separator } else { between };
            writer.out.push_str(separator);
        };
        for attribute in attributes {
            let share = if attribute.required { 985 } else { 280 };
            if self.chance(share) {
                next(self);
                self.attribute(attribute);
            }
        }
        for block in blocks {
            for _ in 0..self.random.below(3) {
                next(self);
                self.word(block.keyword);
                if block.named {
                    let number = self.random.below(6);
                    let _ = write!(self.out, " eth{number}");
                }
                self.block(block.attributes, block.blocks, false);
            }
        }
        if flows {
            for _ in 0..self.random.below(5) {
                next(self);
                self.flow();
            }
        }
        self.word(" }");
    }

    fn attribute(&mut self, attribute: &Attribute) {
        self.word(attribute.name);
        self.word(" = ");
        self.value(attribute.kind, 2);
    }

    fn number(&mut self, most: usize) -> usize {
        self.random.below(most)
    }

    fn value(&mut self, kind: Type, depth: usize) {
        let text = match kind {
            Type::Boolean => self.pick(&["true", "false"]).to_owned(),
            Type::Integer { min, max } => {
                let near = min + self.random.below(12) as u64;
                [min, near.min(max), max, near][self.random.below(4)].to_string()
            }
            Type::Text | Type::Texts => {
                self.pick(&["\"a\"", "\"x{{y\"", "\"{index:02}\"", "\"ä\\n\""]).to_owned()
            }
            Type::Version => "\"2.8\"".into(),
            Type::Word(words) | Type::Words(words) => self.pick(words).to_owned(),
            Type::Level => self.pick(LEVELS).to_owned(),
            Type::Assurance => self.pick(ASSURANCES).to_owned(),
            Type::Integrity => self.pick(INTEGRITIES).to_owned(),
            Type::Addresses | Type::Address => match self.number(4) {
                0 => format!("10.{}.0.{}", self.number(4), self.number(9)),
                1 => format!("fd00:{}::{}", self.number(4), self.number(9)),
                2 => format!(
                    "{}.host({} + index)",
                    self.name_of(&[Kind::Network, Kind::Slice]),
                    self.number(9)
                ),
                _ => format!("{}.host({})", self.name_of(&[Kind::Network, Kind::Slice]), self.number(300)),
            },
            Type::Prefixes => match self.number(3) {
                0 => format!("10.{}.0.0/{}", self.number(4), 16 + self.number(10)),
                1 => format!("[10.{}.0.0/24, fd00:{}::/64]", self.number(4), self.number(4)),
                _ => format!("fd00:{}::/64", self.number(4)),
            },
            Type::Mac => format!("02:00:00:00:00:{:02x}", self.number(9)),
            Type::Groups => {
                format!("[01:0c:cd:01:00:00..01:0c:cd:01:00:{:02x}, 01:0e:cf:00:00:00]", self.number(9))
            }
            Type::Numbers => format!("[{}, 0x8000..0x{:04x}]", self.number(9), 0x8000 + self.number(9)),
            Type::Reference(kinds) => self.name_of(kinds),
            Type::References(kinds) => format!("[{}, {}]", self.name_of(kinds), self.name_of(kinds)),
            Type::Set => return self.set(depth),
            Type::Transports => {
                self.pick(&["tcp/502", "[tcp/1, udp/5000..5010]", "icmp", "ethertype/0x88b8"]).to_owned()
            }
            Type::Serves => match self.number(3) {
                0 => format!("{} on tcp/{}", self.pick(SERVICES), 1 + self.number(65_535)),
                _ => format!("[{}, {}]", self.pick(SERVICES), self.pick(SERVICES)),
            },
            Type::Services => return self.service(),
            Type::Identity => self
                .pick(&[
                    "psk",
                    "x509(san = \"a.example\", key = hardware)",
                    "sim(supi = \"imsi-999700000000001\")",
                    "oidc(issuer = \"i\", group = \"g\")",
                ])
                .to_owned(),
            Type::Endorsement => "field -> verified".into(),
            Type::Duration => "5 ms".into(),
            Type::DataRate => "10 Mbps".into(),
            Type::DataSize => "128 B".into(),
            Type::EventRate => format!("{}/{}", self.number(100), self.pick(&["s", "min", "h"])),
            Type::Time => format!("20{}-11-01T08:00Z", 25 + self.number(3)),
            Type::Snssai => "urllc/0x000001".into(),
            Type::UserPlane => format!("dedicated({})", self.name_of(&[Kind::Gateway])),
            Type::Labels => "{ app = \"x\", \"a/b\" = \"y\" }".into(),
            Type::Integers => "[1, 2]".into(),
            Type::Record(attributes) => {
                self.out.push_str("{ ");
                for attribute in attributes.iter().take(self.random.below(4)) {
                    if depth > 0 {
                        self.word(attribute.name);
                        self.out.push_str(" = ");
                        self.value(attribute.kind, depth - 1);
                        self.out.push_str(", ");
                    }
                }
                "}".into()
            }
        };
        self.word(&text);
    }

    fn set(&mut self, depth: usize) {
        let principals = [
            Kind::Device,
            Kind::Device,
            Kind::Network,
            Kind::Zone,
            Kind::Group,
            Kind::Gateway,
            Kind::External,
            Kind::Workload,
            Kind::Slice,
            Kind::Class,
            Kind::Role,
        ];
        match if depth == 0 { 9 } else { self.random.below(10) } {
            0 | 1 => {
                self.set(depth - 1);
                let operator = self.pick(&[" | ", " & ", " - "]);
                self.word(operator);
                self.set(depth - 1);
            }
            2 => {
                self.out.push('(');
                self.set(depth - 1);
                self.out.push(')');
            }
            3 => {
                self.out.push('(');
                self.set(depth - 1);
                let predicate = self.pick(&[
                    " where vendor == \"x\")",
                    " where purdue < 3)",
                    " where not isolated == true and firmware >= \"2.8\")",
                ]);
                self.word(predicate);
            }
            4 => {
                let array = self.name_of(&[Kind::Device]);
                let number = self.random.below(4);
                let _ = write!(self.out, "{array}[{number}]");
            }
            _ => {
                let name = self.name_of(&principals);
                self.word(&name);
            }
        }
    }

    fn service(&mut self) {
        let service = match self.random.below(6) {
            0 => self
                .pick(&[
                    "modbus.read",
                    "modbus.write(coils 100..103)",
                    "modbus.write(coil 17 = on)",
                    "https.get(\"/a/*\")",
                    "mqtts.publish(\"a/+/b\")",
                ])
                .to_owned(),
            1 => format!("tcp/{}", self.number(70_000)),
            2 => format!("{} | {}", self.pick(SERVICES), self.pick(SERVICES)),
            _ => self.pick(SERVICES).to_owned(),
        };
        self.word(&service);
    }

    fn flow(&mut self) {
        let effect = self.pick(&["allow ", "allow ", "deny "]);
        self.word(effect);
        self.set(2);
        let arrow = self.pick(&[" -> ", " -> ", " <-> "]);
        self.word(arrow);
        self.set(2);
        self.word(" : ");
        self.service();
        if self.chance(300) {
            self.block(FLOW, &[], false);
        }
    }

    fn assertion(&mut self) {
        let kind = self.pick(&["allow", "deny", "only", "never", "isolated"]);
        let _ = write!(self.out, "assert {kind} ");
        self.set(1);
        let joint = match kind {
            "never" => " ~> ",
            "isolated" => ", ",
            _ => " -> ",
        };
        self.word(joint);
        self.set(1);
        if !matches!(kind, "never" | "isolated") {
            self.word(" : ");
            self.service();
        }
    }

    fn template(&mut self) {
        let name = format!("cell_{}", self.names.len());
        let (network, number) = (self.name_of(&[Kind::Network]), self.random.below(5) + 1);
        let zone = self.name_of(&[Kind::Zone]);
        let _ = writeln!(self.out, "template {name}(number: integer, net: network, area: zone) {{");
        let outer = self.names.len();
        for _ in 0..=self.random.below(3) {
            let kind = [Kind::Device, Kind::Group, Kind::Class][self.random.below(3)];
            self.declaration(schema::of(kind));
        }
        self.names.truncate(outer);
        self.word("\n}\n");
        let array = if self.chance(500) { format!("[1..{number}]") } else { String::new() };
        let _ = writeln!(
            self.out,
            "instance {name}_of{array} : {name}(number = {number}, net = {network}, area = {zone})"
        );
    }
}
