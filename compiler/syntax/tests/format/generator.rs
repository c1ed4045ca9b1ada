//! Random programs: tokens by the grammar, then what may stand between them.

use crate::spaces::{Choices, render};

const NAMES: &[&str] = &[
    "x",
    "plc",
    "cell_net",
    "Siemens",
    "interface",
    "only",
    "turbine_sensors",
    "e0",
    "dead",
    "a_name_that_is_so_long_that_few_of_them_fit_on_a_line",
];
const LITERALS: &[&str] = &[
    "1",
    "5_000",
    "0x00_1F",
    "2.5",
    "5ms",
    "10 \t Mbps",
    "10   KiB",
    "\"text\"",
    "\"a {index:02} // b\"",
    "\"\\\"\t\"",
    "10.0.0.1",
    "10.0.0.0/8",
    "::",
    "fe80::1",
    "2001:db8::/32",
    "1:2:3:4:5:6:7:8",
    "00:1b:44:11:3a:b7",
    "2026-11-01",
    "2026-11-01T08:00+02:00",
    "\"a text that is longer than a line can be, which the layout has to leave as it is, and cannot break anywhere\"",
];

struct Program {
    choices: Choices,
    tokens: Vec<&'static str>,
    depth: usize,
}

/// A program of a few items: its words, and what stands between them.
pub(crate) fn program(words: Choices, mut spaces: Choices) -> String {
    let mut program = Program { choices: words, tokens: Vec::new(), depth: 0 };
    program.entries(6, Program::item);
    render(&program.tokens, &mut spaces)
}

impl Program {
    fn put(&mut self, tokens: &[&'static str]) {
        self.tokens.extend_from_slice(tokens);
    }

    fn name(&mut self) {
        let name = self.choices.one_of(NAMES);
        self.put(&[name]);
    }

    fn one_of(&mut self, tokens: &[&'static str]) {
        let token = self.choices.one_of(tokens);
        self.put(&[token]);
    }

    /// Entries with or without commas. An entry says whether a comma would belong to it.
    fn entries(&mut self, most: usize, mut entry: impl FnMut(&mut Self) -> bool) {
        for _ in 0..self.choices.below(most + 1) {
            let listing = entry(self);
            if !listing && self.choices.rarely(2) {
                self.put(&[","]);
            }
        }
    }

    fn list(&mut self, least: usize, mut element: impl FnMut(&mut Self)) {
        let count = least + self.choices.below(7);
        for index in 0..count {
            element(self);
            if index + 1 < count || self.choices.rarely(3) {
                self.put(&[","]);
            }
        }
    }

    fn chain(&mut self, operators: &[&'static str], mut operand: impl FnMut(&mut Self)) {
        operand(self);
        while self.choices.rarely(8) {
            self.one_of(operators);
            operand(self);
        }
    }

    fn item(&mut self) -> bool {
        let start = self.tokens.len();
        match self.choices.below(7) {
            0..3 => self.declaration(),
            3 => self.flow(),
            4 => return self.assertion(),
            5 => {
                self.put(&["use"]);
                self.chain(&["."], Self::name);
                if self.choices.rarely(2) {
                    self.put(&[".", "{"]);
                    self.list(0, |to| {
                        to.chain(&["."], Self::name);
                        to.alias();
                    });
                    self.put(&["}"]);
                } else {
                    self.alias();
                }
            }
            _ if self.depth > 2 => self.flow(),
            _ => {
                self.put(&["template"]);
                self.name();
                self.put(&["("]);
                self.list(0, |to| {
                    to.name();
                    to.put(&[":"]);
                    to.name();
                    if to.choices.rarely(3) {
                        to.put(&["="]);
                        to.expr();
                    }
                });
                self.put(&[")", "{"]);
                self.depth += 1;
                self.entries(4, Self::item);
                self.depth -= 1;
                self.put(&["}"]);
            }
        }
        self.lists_since(start)
    }

    /// Whether a comma after the entry that starts there would belong to it.
    fn lists_since(&self, start: usize) -> bool {
        self.tokens.get(start..).is_some_and(|entry| entry.contains(&"between"))
    }

    fn alias(&mut self) {
        if self.choices.rarely(3) {
            self.put(&["as"]);
            self.name();
        }
    }

    fn declaration(&mut self) {
        self.one_of(&["device", "zone", "group", "interface", "conduit"]);
        self.name();
        if self.choices.rarely(4) {
            self.put(&["["]);
            self.expr();
            self.put(&["]"]);
        }
        if self.choices.rarely(3) {
            self.put(&[":"]);
            self.expr();
        }
        if self.choices.rarely(4) {
            self.put(&["in"]);
            self.path();
        }
        let between = self.choices.rarely(4);
        if between {
            self.put(&["between"]);
            self.path();
            self.put(&[","]);
            self.path();
        }
        // `1 ms = x`: a unit before `=` is no unit.
        let quantity = self.tokens.last().is_some_and(|last| LITERALS.contains(last));
        if !quantity && self.choices.rarely(3) {
            self.put(&["="]);
            self.value();
        }
        if between || self.choices.rarely(2) {
            self.block();
        }
    }

    fn block(&mut self) {
        self.put(&["{"]);
        self.depth += 1;
        let most = if self.depth > 3 { 1 } else { 5 };
        for _ in 0..self.choices.below(most + 1) {
            let start = self.tokens.len();
            match self.choices.below(6) {
                0..3 => {
                    self.name();
                    self.put(&["="]);
                    self.value();
                }
                3 => self.flow(),
                4 if self.depth < 4 => self.declaration(),
                _ if self.depth < 4 => {
                    self.name();
                    self.block();
                }
                _ => self.put(&["x", "=", "on"]),
            }
            let commas = if self.lists_since(start) { 0 } else { self.choices.below(3) };
            self.tokens.extend(std::iter::repeat_n(",", commas));
        }
        self.depth -= 1;
        self.put(&["}"]);
    }

    fn flow(&mut self) {
        self.one_of(&["allow", "deny"]);
        self.expr();
        self.one_of(&["->", "<->"]);
        self.expr();
        self.put(&[":"]);
        self.expr();
        if self.choices.rarely(3) {
            self.block();
        }
    }

    fn assertion(&mut self) -> bool {
        self.put(&["assert"]);
        self.one_of(&["allow", "deny", "only", "never", "isolated"]);
        self.expr();
        let members = self.choices.rarely(2);
        if members {
            while self.choices.rarely(2) {
                self.put(&[","]);
                self.expr();
            }
        } else {
            self.one_of(&["->", "<->", "~>"]);
            self.expr();
            if self.choices.rarely(2) {
                self.put(&[":"]);
                self.expr();
            }
        }
        if self.choices.rarely(4) {
            self.block();
        }
        true
    }

    fn value(&mut self) {
        self.expr();
        if self.choices.rarely(8) {
            self.put(&["->"]);
            self.expr();
        }
    }

    fn expr(&mut self) {
        self.or();
        if self.choices.rarely(10) {
            self.put(&["where"]);
            self.or();
        }
        // Directly in a block, `on` ends the entry.
        if self.in_list() && self.choices.rarely(6) {
            self.put(&["on", "tcp", "/", "502"]);
        }
    }

    /// Whether the innermost open bracket is not a brace.
    fn in_list(&self) -> bool {
        let mut closed = 0;
        for token in self.tokens.iter().rev() {
            match *token {
                "}" | "]" | ")" => closed += 1,
                "{" | "[" | "(" if closed > 0 => closed -= 1,
                "[" | "(" => return true,
                "{" => return false,
                _ => {}
            }
        }
        false
    }

    fn or(&mut self) {
        self.chain(&["or"], |to| {
            to.chain(&["and"], |to| {
                if to.choices.rarely(8) {
                    to.put(&["not"]);
                }
                to.union();
                if to.choices.rarely(8) {
                    to.one_of(&["==", "!=", "<", "<=", ">", ">="]);
                    to.union();
                }
            });
        });
    }

    fn union(&mut self) {
        let product = |to: &mut Self| to.chain(&["*"], Self::slash);
        self.chain(&["|"], |to| to.chain(&["&"], |to| to.chain(&["+", "-"], product)));
    }

    fn slash(&mut self) {
        self.range();
        if self.choices.rarely(10) {
            self.put(&["/"]);
            self.range();
        }
    }

    fn range(&mut self) {
        self.primary();
        if self.choices.rarely(10) {
            self.put(&[".."]);
            self.primary();
        }
    }

    fn primary(&mut self) {
        self.depth += 1;
        match self.choices.below(8) {
            0..3 => self.path(),
            3 | 4 => {
                self.one_of(LITERALS);
                if self.choices.rarely(6) {
                    self.put(&["."]);
                    self.path();
                }
            }
            _ if self.depth > 4 => self.put(&["on"]),
            5 => {
                self.put(&["("]);
                self.expr();
                self.put(&[")"]);
            }
            6 => {
                self.put(&["["]);
                self.list(0, Self::expr);
                self.put(&["]"]);
            }
            _ => {
                self.put(&["{"]);
                self.entries(4, |to| {
                    to.one_of(&["x", "\"app.example/name\"", "zone"]);
                    to.put(&["="]);
                    to.value();
                    false
                });
                self.put(&["}"]);
            }
        }
        self.depth -= 1;
    }

    fn path(&mut self) {
        self.depth += 1;
        self.chain(&["."], |to| {
            to.name();
            if to.depth < 5 && to.choices.rarely(6) {
                to.put(&["["]);
                to.expr();
                to.put(&["]"]);
            }
            if to.depth < 5 && to.choices.rarely(5) {
                to.put(&["("]);
                to.list(0, Self::argument);
                to.put(&[")"]);
            }
        });
        self.depth -= 1;
    }

    fn argument(&mut self) {
        match self.choices.below(4) {
            0 => self.expr(),
            1 => {
                self.name();
                self.put(&["="]);
                self.expr();
            }
            2 => self.put(&["coils", "100", "..", "0x67"]),
            _ => self.put(&["coil", "17", "=", "on"]),
        }
    }
}
