//! Names of Weir for names from elsewhere: legal, readable, each once.

use std::collections::{BTreeMap, BTreeSet};

/// Words that mean something else where a name is due.
const RESERVED: [&str; 33] = [
    "use",
    "as",
    "template",
    "allow",
    "deny",
    "assert",
    "in",
    "between",
    "where",
    "and",
    "or",
    "not",
    "on",
    "any",
    "index",
    "internet",
    "std",
    "true",
    "false",
    "zone",
    "conduit",
    "network",
    "gateway",
    "cluster",
    "workload",
    "class",
    "device",
    "external",
    "role",
    "group",
    "protocol",
    "policy",
    "exception",
];
/// Longest name that is made; longer ones are cut.
const LONGEST: usize = 60;

/// Names that are taken, and those that were given.
#[derive(Debug, Default)]
pub(crate) struct Names {
    taken: BTreeSet<String>,
    /// The next number for names that several want.
    numbers: BTreeMap<String, u64>,
}

impl Names {
    pub(crate) fn reserve(&mut self, name: &str) {
        self.taken.insert(name.to_owned());
    }

    /// The first of these that is free; else the last one with a number.
    pub(crate) fn give<'n>(&mut self, wanted: impl IntoIterator<Item = &'n str>) -> String {
        let mut last = String::new();
        for name in wanted {
            let name = snake(name);
            if self.is_free(&name) {
                self.taken.insert(name.clone());
                return name;
            }
            last = name;
        }
        self.number(&last)
    }

    /// As [`Self::give`], spelled as classes are.
    pub(crate) fn give_class(&mut self, wanted: &str) -> String {
        let name: String = snake(wanted)
            .split('_')
            .map(|word| {
                let mut letters = word.chars();
                letters.next().map_or_else(String::new, |first| {
                    first.to_ascii_uppercase().to_string() + letters.as_str()
                })
            })
            .collect();
        if self.is_free(&name) {
            self.taken.insert(name.clone());
            return name;
        }
        self.number(&name)
    }

    fn is_free(&self, name: &str) -> bool {
        !RESERVED.contains(&name) && !self.taken.contains(name)
    }

    fn number(&mut self, name: &str) -> String {
        let mut number = self.numbers.get(name).copied().unwrap_or(2);
        let free = loop {
            let numbered = format!("{name}_{number}");
            number += 1;
            if self.is_free(&numbered) {
                break numbered;
            }
        };
        self.numbers.insert(name.to_owned(), number);
        self.taken.insert(free.clone());
        free
    }
}

/// `snake_case` of any text: letters and digits of ASCII stay, what stands between becomes one `_`.
pub(crate) fn snake(text: &str) -> String {
    let mut name = String::new();
    let mut lower = false;
    for character in text.chars() {
        if name.len() >= LONGEST {
            break;
        }
        if character.is_ascii_alphanumeric() {
            // `belkinCamera` is two words, `HTTP` is one
            if character.is_ascii_uppercase() && lower {
                name.push('_');
            }
            lower = character.is_ascii_lowercase() || character.is_ascii_digit();
            name.push(character.to_ascii_lowercase());
        } else {
            lower = false;
            if !name.is_empty() && !name.ends_with('_') {
                name.push('_');
            }
        }
    }
    let name = name.trim_end_matches('_');
    match name.bytes().next() {
        None => "unnamed".into(),
        Some(first) if first.is_ascii_digit() => format!("n_{name}"),
        Some(_) => name.to_owned(),
    }
}

/// Whether a text is a bare word of the language that means nothing else.
pub fn is_plain(text: &str) -> bool {
    let word = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
    !text.is_empty()
        && !text.as_bytes()[0].is_ascii_digit()
        && text.bytes().all(word)
        && !RESERVED.contains(&text)
}

/// Whether a text is such words with dots between: `cells.cell_net`.
pub(crate) fn is_path(text: &str) -> bool {
    text.split('.').all(is_plain)
}

/// Whether a text names one declaration, or everybody outside: who somebody can be bound to.
pub fn can_be_bound(text: &str) -> bool {
    text == "internet" || is_path(text)
}

/// Names for many things at once: the short one where it is one thing's only, else the long one, so that a name does not hang
/// on the order of the files.
pub(crate) fn give_all(names: &mut Names, wanted: &[(String, String)]) -> Vec<String> {
    let mut counts: BTreeMap<String, usize> = BTreeMap::new();
    for (short, _) in wanted {
        *counts.entry(snake(short)).or_default() += 1;
    }
    wanted
        .iter()
        .map(|(short, long)| match counts.get(&snake(short)) {
            Some(1) => names.give([short.as_str(), long.as_str()]),
            _ => names.give([long.as_str()]),
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_legal_and_readable() {
        for (text, name) in [
            ("mosquitto", "mosquitto"),
            ("vib-analytics.v2", "vib_analytics_v2"),
            ("belkinCamera", "belkin_camera"),
            ("HTTP", "http"),
            ("10.0.0.1", "n_10_0_0_1"),
            ("", "unnamed"),
            ("--", "unnamed"),
            ("Köln-PLC", "k_ln_plc"),
            ("x\"; } allow", "x_allow"),
        ] {
            assert_eq!(snake(text), name, "{text}");
        }
    }

    #[test]
    fn a_name_is_given_once() {
        let mut names = Names::default();
        names.reserve("mqtts");
        assert_eq!(names.give(["mqtts", "telemetry_mqtts"]), "telemetry_mqtts");
        assert_eq!(names.give(["mqtts", "telemetry_mqtts"]), "telemetry_mqtts_2");
        assert_eq!(names.give(["device"]), "device_2");
        assert_eq!(names.give_class("belkin-camera"), "BelkinCamera");
        assert_eq!(names.give_class("belkin.camera"), "BelkinCamera_2");
    }

    #[test]
    fn names_do_not_hang_on_the_order() {
        let one = [("web".to_owned(), "a_web".to_owned()), ("web".to_owned(), "b_web".to_owned())];
        let two = [one[1].clone(), one[0].clone()];
        let first = give_all(&mut Names::default(), &one);
        let mut second = give_all(&mut Names::default(), &two);
        second.reverse();
        assert_eq!(first, ["a_web", "b_web"]);
        assert_eq!(first, second);
    }
}
