//! Mutations of a ruleset's text, as an unlucky emitter, editor or disk might make them. Each changes one place.

/// What a mutation does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    DropElement,
    DropRule,
    DropCondition,
    DuplicateRule,
    SwapRules,
    SwapElements,
    WidenPrefix,
    NarrowPrefix,
    WidenRange,
    ShiftAddress,
    ShiftPort,
    WidenPort,
    OtherProtocol,
    OtherVerdict,
    OtherClass,
    MergeClasses,
    OtherInterface,
    OtherEpoch,
    OtherSet,
    AcceptInsteadOfDrop,
    DropInsteadOfAccept,
    PolicyAccept,
    AcceptFirst,
    OtherLimit,
    OtherEnd,
    OtherNumber,
    NegateMatch,
    OtherHook,
    ReverseEnds,
    OtherTarget,
}

impl Kind {
    pub const ALL: [Self; 30] = [
        Self::DropElement,
        Self::DropRule,
        Self::DropCondition,
        Self::DuplicateRule,
        Self::SwapRules,
        Self::SwapElements,
        Self::WidenPrefix,
        Self::NarrowPrefix,
        Self::WidenRange,
        Self::ShiftAddress,
        Self::ShiftPort,
        Self::WidenPort,
        Self::OtherProtocol,
        Self::OtherVerdict,
        Self::OtherClass,
        Self::MergeClasses,
        Self::OtherInterface,
        Self::OtherEpoch,
        Self::OtherSet,
        Self::AcceptInsteadOfDrop,
        Self::DropInsteadOfAccept,
        Self::PolicyAccept,
        Self::AcceptFirst,
        Self::OtherLimit,
        Self::OtherEnd,
        Self::OtherNumber,
        Self::NegateMatch,
        Self::OtherHook,
        Self::ReverseEnds,
        Self::OtherTarget,
    ];
}

/// A ruleset's lines, and what each is.
pub struct Text<'t> {
    lines: Vec<&'t str>,
    kinds: Vec<Line>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Line {
    /// An element of a set or map.
    Element,
    /// A rule of a chain.
    Rule,
    /// `type filter hook …`.
    Base,
    Other,
}

impl<'t> Text<'t> {
    pub fn new(text: &'t str) -> Self {
        let lines: Vec<&str> = text.lines().collect();
        let (mut in_elements, mut in_chain) = (false, false);
        let kinds = lines
            .iter()
            .map(|line| match line.trim() {
                trimmed if trimmed.starts_with("chain ") && trimmed.ends_with('{') => {
                    in_chain = true;
                    Line::Other
                }
                "elements = {" => {
                    in_elements = true;
                    Line::Other
                }
                "}" => {
                    if !std::mem::take(&mut in_elements) {
                        in_chain = false;
                    }
                    Line::Other
                }
                trimmed if in_chain && trimmed.starts_with("type ") => Line::Base,
                _ if in_elements => Line::Element,
                _ if in_chain => Line::Rule,
                _ => Line::Other,
            })
            .collect();
        Self { lines, kinds }
    }

    /// Every mutant of a kind that some line gives rise to: the line's number from 1, and the whole text.
    pub fn mutants(&self, kind: Kind) -> Vec<(usize, String)> {
        (0..self.lines.len()).filter_map(|at| Some((at + 1, self.mutant(kind, at)?))).collect()
    }

    fn with(&self, at: usize, replaced: &[&str]) -> String {
        let mut lines: Vec<&str> = self.lines.clone();
        lines.splice(at..=at, replaced.iter().copied());
        let mut text = lines.join("\n");
        text.push('\n');
        text
    }

    fn swapped(&self, at: usize) -> String {
        let mut lines = self.lines.clone();
        lines.swap(at, at + 1);
        lines.join("\n") + "\n"
    }

    /// Another line of the same kind that fits a test.
    fn other(&self, at: usize, fits: impl Fn(&str) -> bool) -> Option<&'t str> {
        let others = (at + 1..self.lines.len()).chain(0..at);
        others
            .filter(|other| self.kinds[*other] == self.kinds[at])
            .map(|other| self.lines[other])
            .find(|line| fits(line))
    }

    fn mutant(&self, kind: Kind, at: usize) -> Option<String> {
        let line = self.lines[at];
        let next_alike = self.kinds.get(at + 1) == self.kinds.get(at);
        let replace = |changed: Option<String>| {
            changed.filter(|changed| changed != line).map(|changed| self.with(at, &[&changed]))
        };
        let element = self.kinds[at] == Line::Element;
        let rule = self.kinds[at] == Line::Rule;
        match kind {
            Kind::DropElement if element && self.kinds[at - 1] == Line::Element => {
                // The element before may now be the last; a comma behind it is fine with nft.
                Some(self.with(at, &[]))
            }
            Kind::DropRule if rule => Some(self.with(at, &[])),
            Kind::DropCondition if rule => replace(without_condition(line)),
            Kind::DuplicateRule if rule => Some(self.with(at, &[line, line])),
            Kind::SwapRules if rule && next_alike && self.lines[at + 1] != line => Some(self.swapped(at)),
            Kind::SwapElements if element && next_alike => {
                let (left, right) = (value(line)?, value(self.lines[at + 1])?);
                (left != right).then(|| {
                    let first = line.replace(left, right);
                    let second = self.lines[at + 1].replace(right, left);
                    let mut lines = self.lines.clone();
                    lines[at] = &first;
                    lines[at + 1] = &second;
                    lines.join("\n") + "\n"
                })
            }
            Kind::WidenPrefix if element => replace(prefix(line, -1)),
            Kind::NarrowPrefix if element => replace(prefix(line, 1)),
            Kind::WidenRange if element => replace(range_end(line)),
            Kind::ShiftAddress if element => replace(last_octet(line)),
            Kind::ShiftPort if element => replace(port(line, |port| format!("{}", port + 1))),
            Kind::WidenPort if element => replace(port(line, |port| format!("{port}-{}", port + 1))),
            Kind::OtherProtocol if element => {
                let swapped = if line.contains(" . tcp . ") {
                    line.replace(" . tcp . ", " . udp . ")
                } else {
                    line.replace(" . udp . ", " . tcp . ")
                };
                replace(Some(swapped))
            }
            Kind::OtherVerdict if element => {
                let own = jump(line)?;
                let other = jump(self.other(at, |other| jump(other).is_some_and(|other| other != own))?)?;
                replace(Some(line.replace(own, other)))
            }
            Kind::OtherClass if element => {
                let own = mapped_mark(line)?;
                let other = mapped_mark(
                    self.other(at, |other| mapped_mark(other).is_some_and(|other| other != own))?,
                )?;
                replace(Some(line.replace(&format!(": {own}"), &format!(": {other}"))))
            }
            Kind::MergeClasses if element => {
                let own = key_mark(line)?;
                let other =
                    key_mark(self.other(at, |other| key_mark(other).is_some_and(|other| other != own))?)?;
                replace(Some(line.replacen(own, other, 1)))
            }
            Kind::OtherInterface if element => {
                let own = quoted(line)?;
                let other = quoted(self.other(at, |other| quoted(other).is_some_and(|other| other != own))?)?;
                replace(Some(line.replacen(own, other, 1)))
            }
            Kind::OtherEpoch if rule => {
                let at = line.find("ct mark")?;
                let digits = at + line[at..].find("0x")? + 2;
                let changed = if line.as_bytes().get(digits) == Some(&b'9') { "8" } else { "9" };
                replace(Some(format!("{}{changed}{}", &line[..digits], &line[digits + 1..])))
            }
            Kind::OtherSet if rule => {
                let own = set_name(line)?;
                let other = set_name(self.other(at, |other| {
                    set_name(other)
                        .is_some_and(|other| other != own && other.ends_with('4') == own.ends_with('4'))
                })?)?;
                replace(Some(line.replace(&format!("@{own}"), &format!("@{other}"))))
            }
            Kind::AcceptInsteadOfDrop if rule && line.trim_end().ends_with("drop") => {
                replace(line.trim_end().strip_suffix("drop").map(|head| format!("{head}accept")))
            }
            Kind::DropInsteadOfAccept if rule && line.trim_end().ends_with("accept") => {
                replace(line.trim_end().strip_suffix("accept").map(|head| format!("{head}drop")))
            }
            Kind::PolicyAccept if self.kinds[at] == Line::Base => {
                replace(Some(line.replace("policy drop", "policy accept")))
            }
            Kind::AcceptFirst if rule && self.kinds[at - 1] != Line::Rule => {
                Some(self.with(at, &["\t\taccept", line]))
            }
            Kind::OtherLimit if rule => replace(after(line, "limit rate over ", |number| number + 1)),
            Kind::OtherEnd if rule => replace(after(line, "meta time >= ", |number| number + 3600)),
            Kind::OtherNumber if rule => replace(last_number(line)),
            Kind::NegateMatch if rule => replace(if line.contains(" != ") {
                Some(line.replacen(" != ", " ", 1))
            } else {
                line.find(" @").map(|at| format!("{} !={}", &line[..at], &line[at..]))
            }),
            Kind::OtherHook if self.kinds[at] == Line::Base => {
                replace(Some(if line.contains("hook forward") {
                    line.replace("hook forward", "hook input")
                } else {
                    line.replace("hook input", "hook forward").replace("priority raw", "priority filter")
                }))
            }
            Kind::ReverseEnds if element => {
                let trimmed = line.trim_start();
                let mut parts: Vec<&str> = trimmed.splitn(3, " . ").collect();
                if parts.len() < 3 || !parts[0].contains(['.', ':']) || !parts[1].contains(['.', ':']) {
                    return None;
                }
                parts.swap(0, 1);
                replace(Some(format!("\t\t\t{}", parts.join(" . "))))
            }
            Kind::OtherTarget if element => {
                let own = value(line).filter(|value| value.bytes().all(|byte| byte.is_ascii_digit()))?;
                let other = format!(" : {}", own.parse::<u16>().ok()?.checked_add(1)?);
                replace(Some(line.replace(&format!(" : {own}"), &other)))
            }
            _ => None,
        }
    }
}

/// What an element maps to: all behind ` : `.
fn value(line: &str) -> Option<&str> {
    line.split_once(" : ").map(|(_, value)| value.trim_end_matches(','))
}

fn jump(line: &str) -> Option<&str> {
    let (_, chain) = line.split_once(": jump ")?;
    Some(chain.trim_end_matches(','))
}

/// The mark that a source is mapped to.
fn mapped_mark(line: &str) -> Option<&str> {
    value(line).filter(|value| value.starts_with("0x"))
}

/// The mark that a key begins with.
fn key_mark(line: &str) -> Option<&str> {
    let first = line.trim_start().split(" . ").next()?;
    first.starts_with("0x").then_some(first)
}

fn quoted(line: &str) -> Option<&str> {
    let first = line.trim_start().split(" . ").next()?;
    first.starts_with('"').then_some(first)
}

fn set_name(line: &str) -> Option<&str> {
    let (_, rest) = line.split_once('@')?;
    if rest.starts_with("ih") || rest.starts_with("nh") || rest.starts_with("th") {
        return None;
    }
    rest.split_whitespace().next()
}

/// Digits at `at`, as a number, and where they end.
fn digits(line: &str, at: usize) -> Option<(u64, usize)> {
    let end = line[at..].find(|c: char| !c.is_ascii_digit()).map_or(line.len(), |length| at + length);
    line[at..end].parse().ok().map(|number| (number, end))
}

fn after(line: &str, words: &str, change: impl Fn(u64) -> u64) -> Option<String> {
    let at = line.find(words)? + words.len();
    let (number, end) = digits(line, at)?;
    Some(format!("{}{}{}", &line[..at], change(number), &line[end..]))
}

fn prefix(line: &str, by: i64) -> Option<String> {
    let slash = line.find('/')?;
    let (length, end) = digits(line, slash + 1)?;
    let length = i64::try_from(length).ok()? + by;
    let most = if line[..slash].contains(':') { 128 } else { 32 };
    (0..=most).contains(&length).then(|| format!("{}{length}{}", &line[..=slash], &line[end..]))
}

/// The last octet of the upper end of an IPv4 range.
fn range_end(line: &str) -> Option<String> {
    let dash = line.find('-').filter(|at| line[at + 1..].starts_with(|c: char| c.is_ascii_digit()))?;
    let upper = line[dash + 1..].split([' ', ',']).next()?;
    let dot = dash + 1 + upper.rfind('.')? + 1;
    let (octet, end) = digits(line, dot)?;
    (octet < 255).then(|| format!("{}{}{}", &line[..dot], octet + 1, &line[end..]))
}

/// The last octet of the first IPv4 address.
fn last_octet(line: &str) -> Option<String> {
    let start = line
        .find(|c: char| c.is_ascii_digit() && !line.trim_start().starts_with("0x"))
        .or_else(|| line.find(" . ").map(|at| at + 3))?;
    let address = line[start..].split([' ', '/', ',', '-']).next()?;
    if address.split('.').count() != 4 {
        return None;
    }
    let dot = start + address.rfind('.')? + 1;
    let (octet, end) = digits(line, dot)?;
    let shifted = if octet == 255 { 254 } else { octet + 1 };
    Some(format!("{}{shifted}{}", &line[..dot], &line[end..]))
}

fn port(line: &str, change: impl Fn(u64) -> String) -> Option<String> {
    let at = ["tcp . ", "udp . ", "sctp . "]
        .iter()
        .find_map(|words| line.find(words).map(|at| at + words.len()))?;
    let (port, end) = digits(line, at)?;
    (port < 65_535 && !line[end..].starts_with('-'))
        .then(|| format!("{}{}{}", &line[..at], change(port), &line[end..]))
}

/// The last number of a rule, hexadecimal or not, one higher.
fn last_number(line: &str) -> Option<String> {
    let words: Vec<&str> = line.split(' ').collect();
    let at = words.iter().rposition(|word| {
        word.trim_end_matches([',', ';']).parse::<u64>().is_ok() || word.starts_with("0x")
    })?;
    let tail = if words[at].ends_with(',') { "," } else { "" };
    let bare = words[at].trim_end_matches(',');
    let changed = match bare.strip_prefix("0x") {
        Some(hexadecimal) => format!("0x{:x}", u64::from_str_radix(hexadecimal, 16).ok()?.checked_add(1)?),
        None => format!("{}", bare.parse::<u64>().ok()?.checked_add(1)?),
    };
    let changed = changed + tail;
    let mut words = words;
    words[at] = &changed;
    Some(words.join(" "))
}

/// A rule without its first match.
fn without_condition(line: &str) -> Option<String> {
    let matches = [
        "ct state invalid ",
        "ct state new ",
        "ct direction original ",
        "ct direction reply ",
        "ct state related ",
        "iifname \"lo\" ",
        "oifname \"lo\" ",
        "ip6 hoplimit 255 ",
        "ip6 hoplimit 1 ",
        "ip6 saddr { ::, fe80::/10 } ",
        "ct status dnat ",
        "meta l4proto tcp ",
        "meta nfproto ipv4 ",
        "meta nfproto ipv6 ",
        "meta l4proto { tcp, udp, sctp, icmp } ",
        "meta l4proto { icmp, ipv6-icmp } ",
        "meta mark set 0x0 ",
        "meta mark set 0x0",
    ];
    let found = matches.iter().find(|words| line.contains(*words))?;
    let changed = line.replacen(found, "", 1);
    (!changed.trim().is_empty()).then_some(changed)
}
