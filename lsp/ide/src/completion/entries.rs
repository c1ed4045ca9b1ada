//! Declarations, attributes, and the values of attributes.

use smol_str::SmolStr;
use weir_compiler::names::{
    Kind,
    schema::{self, Attribute, InnerBlock, Type},
};
use weir_syntax::{Span, ast::ItemKind};

use super::{CompletionKind, Proposals, SETS};
use crate::hover::type_text;

impl Proposals<'_> {
    /// Declarations and statements, with their usual shape.
    pub(super) fn items(&mut self) {
        for schema in schema::SCHEMAS {
            let name = match schema.kind {
                Kind::Class => "Name",
                _ => "name",
            };
            let mut text = match schema.kind {
                Kind::Template => "template ${1:name}(${2:parameter}: ${3:integer}) {\n\t$0\n}".to_owned(),
                Kind::Group => "group ${1:name} = $0".to_owned(),
                Kind::Instance => "instance ${1:name} : ${2:template}($0)".to_owned(),
                Kind::Conduit => {
                    "conduit ${1:name} between ${2:zone}, ${3:zone} {\n\tcarries = [$0]\n}".to_owned()
                }
                Kind::Workload => {
                    "workload ${1:name} in ${2:cluster} {\n\tnamespace = \"${3:namespace}\"\n\t$0\n}"
                        .to_owned()
                }
                Kind::Policy => {
                    "policy ${1:name} {\n\tallow ${2:source} -> ${3:destination} : ${4:service}\n}".to_owned()
                }
                Kind::Device | Kind::Class => {
                    format!("{} ${{1:{name}}} : ${{2:Class}} {{\n\t$0\n}}", schema.keyword)
                }
                _ => String::new(),
            };
            if text.is_empty() {
                text = format!("{} ${{1:{name}}} {{", schema.keyword);
                for (at, attribute) in schema.attributes.iter().filter(|one| one.required).enumerate() {
                    text.push_str(&format!("\n\t{} = ${}", attribute.name, at + 2));
                }
                text.push_str("\n\t$0\n}");
            }
            self.snippet(
                schema.keyword,
                CompletionKind::Keyword,
                "declaration",
                schema.documentation,
                &text,
                1,
            );
        }
        self.flow_snippets();
        self.snippet("assert", CompletionKind::Keyword, "what must hold", "", "assert $0", 1);
        self.snippet("use", CompletionKind::Keyword, "brings names in", "", "use $0", 1);
    }

    pub(super) fn flow_snippets(&mut self) {
        for (word, detail) in [("allow", "permits a flow"), ("deny", "forbids a flow; it always wins")] {
            let text = format!("{word} ${{1:source}} -> ${{2:destination}} : ${{3:service}}");
            self.snippet(word, CompletionKind::Keyword, detail, "", &text, 0);
        }
    }

    /// Attributes and blocks of the innermost block.
    pub(super) fn entries(&mut self) {
        let Some((attributes, blocks, flows)) = self.block() else { return };
        if flows {
            self.flow_snippets();
        }
        for attribute in attributes {
            if self.cursor.given.iter().any(|given| given == attribute.name) {
                continue;
            }
            let value = match attribute.kind {
                Type::Text | Type::Version => "\"$0\"",
                Type::Serves
                | Type::Services
                | Type::Texts
                | Type::Integers
                | Type::References(_)
                | Type::Words(_) => "[$0]",
                Type::Record(_) | Type::Labels => "{ $0 }",
                _ => "$0",
            };
            let text = format!("{} = {value}", attribute.name);
            let rank = u8::from(!attribute.required);
            self.snippet(
                attribute.name,
                CompletionKind::Attribute,
                &type_text(attribute.kind),
                attribute.documentation,
                &text,
                rank,
            );
        }
        for block in blocks {
            let name = if block.named { " ${1:name}" } else { "" };
            let mut required = String::new();
            for (at, one) in block.attributes.iter().filter(|one| one.required).enumerate() {
                required.push_str(&format!("\n\t{} = ${}", one.name, at + 2));
            }
            let text = format!("{}{name} {{{required}\n\t$0\n}}", block.keyword);
            self.snippet(block.keyword, CompletionKind::Block, "block", block.documentation, &text, 1);
        }
        for (name, documentation) in self.class_attributes() {
            if !self.cursor.given.iter().any(|given| **given == *name) {
                self.snippet(
                    &name,
                    CompletionKind::Attribute,
                    "of the class",
                    &documentation,
                    &format!("{name} = $0"),
                    0,
                );
            }
        }
    }

    /// What the innermost block may hold.
    pub(super) fn block(&self) -> Option<(&'static [Attribute], &'static [InnerBlock], bool)> {
        let heads: Vec<&str> = self.cursor.blocks.iter().map(|(head, _)| head.as_str()).collect();
        let (head, outer) = heads.split_first()?;
        match *head {
            "allow" | "deny" => return Some((schema::FLOW, &[], false)),
            "assert" => return Some((schema::ASSERTION, &[], false)),
            _ => {}
        }
        if let Some(schema) = schema::by_keyword(head) {
            return Some((schema.attributes, schema.blocks, schema.flows));
        }
        // an inner block, or the value of an attribute that is one
        let around: Vec<&schema::Schema> = outer.iter().filter_map(|head| schema::by_keyword(head)).collect();
        let inner = around.iter().flat_map(|schema| schema.blocks).find_map(|block| {
            if block.keyword == *head {
                Some(block)
            } else {
                block.blocks.iter().find(|inner| inner.keyword == *head)
            }
        });
        if let Some(block) = inner {
            return Some((block.attributes, block.blocks, false));
        }
        let known = around
            .iter()
            .flat_map(|schema| schema.attributes)
            .chain(schema::FLOW)
            .find(|one| one.name == *head)?;
        match known.kind {
            Type::Record(attributes) => Some((attributes, &[], false)),
            _ => None,
        }
    }

    /// The attributes that the class of the device around declares.
    pub(super) fn class_attributes(&self) -> Vec<(SmolStr, String)> {
        let Some((head, brace)) = self.cursor.blocks.first() else { return Vec::new() };
        if head != "device" && head != "class" {
            return Vec::new();
        }
        let Some(tree) = self.ide.tree(self.file) else { return Vec::new() };
        let around = crate::navigation::items_at(tree, self.file, Span::new(*brace, *brace));
        let Some((id, _)) = around.last() else { return Vec::new() };
        let mut found = Vec::new();
        for class in self.ide.classes_of(*id) {
            let Some(body) = self.ide.declaration(class).and_then(|one| one.body.as_ref()) else { continue };
            for entry in &body.entries {
                if let weir_syntax::ast::Entry::Block(item) = entry
                    && let ItemKind::Declaration(inner) = &item.kind
                    && inner.keyword.text == "attribute"
                {
                    found.push((inner.name.text.clone(), item.documentation.to_string()));
                }
            }
        }
        found
    }

    pub(super) fn value_of(&mut self, name: &str) {
        let known = self.block().and_then(|(attributes, ..)| attributes.iter().find(|one| one.name == name));
        let Some(attribute) = known else { return self.names(SETS) };
        let words = |proposals: &mut Self, words: &[&str]| {
            for word in words {
                proposals.snippet(
                    word,
                    CompletionKind::Word,
                    attribute.name,
                    attribute.documentation,
                    word,
                    0,
                );
            }
        };
        match attribute.kind {
            Type::Boolean => words(self, &["true", "false"]),
            Type::Word(list) | Type::Words(list) => words(self, list),
            Type::Level => words(self, schema::LEVELS),
            Type::Assurance => words(self, schema::ASSURANCES),
            Type::Integrity | Type::Endorsement => words(self, schema::INTEGRITIES),
            Type::Reference(kinds) | Type::References(kinds) => self.names(kinds),
            Type::Set => self.names(SETS),
            Type::Serves | Type::Services => self.services(),
            Type::Identity => {
                for (word, snippet) in [
                    ("psk", "psk"),
                    ("x509", "x509(san = \"${1:name}\", key = ${2:hardware})"),
                    ("spiffe", "spiffe(\"spiffe://$1\")"),
                    ("sim", "sim(supi = \"imsi-$1\", key = ref(\"$2\"))"),
                    ("oidc", "oidc(issuer = \"$1\", group = \"$2\")"),
                ] {
                    self.snippet(
                        word,
                        CompletionKind::Function,
                        "identity",
                        attribute.documentation,
                        snippet,
                        0,
                    );
                }
            }
            Type::UserPlane => {
                for word in ["dedicated", "shared"] {
                    self.snippet(
                        word,
                        CompletionKind::Function,
                        "user plane",
                        attribute.documentation,
                        &format!("{word}(${{1:gateway}})"),
                        0,
                    );
                }
            }
            Type::Snssai => words(self, &["embb", "urllc", "miot", "v2x", "hmtc"]),
            Type::Transports => words(self, &["tcp", "udp", "sctp", "icmp", "ethertype"]),
            Type::Address | Type::Addresses | Type::Prefixes => {
                self.names(&[Kind::Network, Kind::Slice, Kind::Cluster]);
            }
            _ => self.parameters(None),
        }
    }
}
