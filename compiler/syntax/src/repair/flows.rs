//! `allow`, `deny` and `assert`, as other notations write what may talk to what.

use super::{Mistake, Repair, ends_value};
use crate::lexer::TokenKind;

const FORM: &str = "write `allow SOURCE -> DESTINATION : SERVICE`";

impl Repair<'_> {
    /// A flow whose first word is at this index.
    pub(super) fn flow(&mut self, index: usize) {
        let end = self.statement_end(index);
        let Some(arrow) = self.flow_arrow(index, end) else { return };
        self.union(index + 1, arrow);
        let Some(colon) = self.flow_colon(arrow, end) else { return };
        self.union(arrow + 1, colon);
        self.service(colon, end);
    }

    pub(super) fn assertion(&mut self, index: usize) {
        let end = self.statement_end(index);
        if self.text(index + 1) == "isolated" {
            return;
        }
        let Some(arrow) = self.flow_arrow(index + 1, end) else { return };
        self.union(index + 2, arrow);
        let colon = (arrow..end).find(|at| self.is(*at, TokenKind::Colon));
        self.union(arrow + 1, colon.unwrap_or(end));
        if let Some(colon) = colon {
            self.service(colon, end);
        }
    }

    /// Where the statement's block opens or its line ends; a line that goes on after an operator is part of it.
    fn statement_end(&self, index: usize) -> usize {
        let mut at = index + 1;
        let mut depth = 0usize;
        while let Some(word) = self.words.get(at).filter(|_| at < index + super::MOST_WORDS) {
            match word.kind {
                TokenKind::OpenBrace if depth == 0 => break,
                TokenKind::OpenBracket | TokenKind::OpenParen => depth += 1,
                TokenKind::CloseBracket | TokenKind::CloseParen => depth = depth.saturating_sub(1),
                TokenKind::CloseBrace => break,
                _ => {}
            }
            let starts = matches!(
                word.kind,
                TokenKind::Identifier
                    | TokenKind::Allow
                    | TokenKind::Deny
                    | TokenKind::Assert
                    | TokenKind::Use
            );
            if word.at_margin || (word.starts_line && starts && self.kind(at - 1).is_some_and(ends_value)) {
                break;
            }
            at += 1;
        }
        at
    }

    /// The arrow; anything that was meant as one is made one.
    fn flow_arrow(&mut self, index: usize, end: usize) -> Option<usize> {
        let real = (index + 1..end).find(|at| {
            matches!(self.kind(*at), Some(TokenKind::Arrow | TokenKind::BothArrow | TokenKind::ReachArrow))
        });
        let assertion = self.in_assertion(index);
        if let Some(at) = real {
            if self.is(at, TokenKind::ReachArrow) && !self.in_assertion(index) {
                let help = "write `->`; `~>` is a chain of flows, for `assert never`";
                self.meant_as_arrow(at, at, help, true);
            } else if self.is(at - 1, TokenKind::Minus) && self.adjacent(at) {
                self.meant_as_arrow(at - 1, at, "write `->`", true);
                return Some(at - 1);
            }
            return Some(at);
        }
        for at in index + 1..end {
            let next = self.kind(at + 1).filter(|_| at + 1 < end);
            match (self.kind(at), next) {
                (Some(TokenKind::Equals | TokenKind::Minus), Some(TokenKind::Greater)) => {
                    self.meant_as_arrow(at, at + 1, "write `->`", true);
                    return Some(at);
                }
                (Some(TokenKind::Less), Some(TokenKind::Minus)) => {
                    self.meant_as_arrow(
                        at,
                        at + 1,
                        "a flow goes from left to right: write `SOURCE -> DESTINATION`",
                        false,
                    );
                    return Some(at);
                }
                (Some(TokenKind::Greater), _) if !assertion => {
                    self.meant_as_arrow(at, at, "write `->`", true);
                    return Some(at);
                }
                (Some(TokenKind::Identifier), Some(TokenKind::Identifier))
                    if self.text(at) == "to" && at > index + 1 =>
                {
                    self.meant_as_arrow(at, at, "write `->`", true);
                    return Some(at);
                }
                _ => {}
            }
        }
        // `allow panel plc : opcua`
        let pair = (index + 2..end)
            .find(|at| self.is(*at, TokenKind::Identifier) && self.kind(at - 1).is_some_and(ends_value))?;
        let at = self.insert(pair, TokenKind::Arrow);
        self.say(
            Mistake::new("between source and destination stands `->`", at, "expected `->`", FORM)
                .fix("add `->`", at, " ->"),
        );
        Some(pair - 1)
    }

    fn in_assertion(&self, index: usize) -> bool {
        !matches!(self.kind(index), Some(TokenKind::Allow | TokenKind::Deny))
            || index.checked_sub(1).is_some_and(|before| self.is(before, TokenKind::Assert))
    }

    fn meant_as_arrow(&mut self, from: usize, to: usize, help: &str, fix: bool) {
        let span = self.merge(from, to, TokenKind::Arrow, None);
        let message = format!("`{}` is no arrow of a flow", span.of(self.source));
        let mut mistake = Mistake::new(message, span, "expected `->`", help);
        if fix {
            mistake = mistake.fix("write `->`", span, "->");
        }
        self.say(mistake);
    }

    /// The `:` before the service; `arrow` and `end` bound where it can stand.
    fn flow_colon(&mut self, arrow: usize, end: usize) -> Option<usize> {
        let mut depth = 0usize;
        for at in arrow + 1..end {
            match self.kind(at) {
                Some(TokenKind::OpenBracket | TokenKind::OpenParen) => depth += 1,
                Some(TokenKind::CloseBracket | TokenKind::CloseParen) => depth = depth.saturating_sub(1),
                Some(TokenKind::Colon) if depth == 0 => return Some(at),
                Some(TokenKind::Equals) if depth == 0 => {
                    let span = self.merge(at, at, TokenKind::Colon, None);
                    self.say(Mistake::new("before the service stands `:`", span, "expected `:`", FORM).fix(
                        "write `:`",
                        span,
                        ":",
                    ));
                    return Some(at);
                }
                Some(TokenKind::Identifier)
                    if depth == 0 && at > arrow + 1 && self.kind(at - 1).is_some_and(ends_value) =>
                {
                    // the last of several words is the service: `allow a -> b c : d` lacks something else
                    if (at..end).any(|later| self.is(later, TokenKind::Colon)) {
                        let place = self.insert(at, TokenKind::Pipe);
                        let help = "join the members of a set by `|`: `pump | level`";
                        self.say(
                            Mistake::new(
                                "two names stand side by side",
                                self.span(at),
                                "what joins them?",
                                help,
                            )
                            .fix("join them by `|`", place, " |"),
                        );
                        continue;
                    }
                    let place = self.insert(at, TokenKind::Colon);
                    self.say(
                        Mistake::new("before the service stands `:`", place, "expected `:`", FORM)
                            .fix("add `:`", place, " :"),
                    );
                    return Some(at - 1);
                }
                _ => {}
            }
        }
        None
    }

    /// `a, b`, `a or b`, `a || b` in a set.
    fn union(&mut self, from: usize, to: usize) {
        self.element(from, to);
        let mut depth = 0usize;
        for at in from..to {
            match self.kind(at) {
                Some(TokenKind::OpenBracket | TokenKind::OpenParen) => depth += 1,
                Some(TokenKind::CloseBracket | TokenKind::CloseParen) => depth = depth.saturating_sub(1),
                Some(TokenKind::Where) => return,
                Some(TokenKind::Comma) if depth == 0 => self.joined(at, at, "|"),
                Some(TokenKind::Pipe) if self.is(at + 1, TokenKind::Pipe) => self.joined(at, at + 1, "|"),
                Some(TokenKind::Ampersand) if self.is(at + 1, TokenKind::Ampersand) => {
                    self.joined(at, at + 1, "&");
                }
                Some(TokenKind::Or) => self.joined(at, at, "|"),
                _ => {}
            }
        }
    }

    fn joined(&mut self, from: usize, to: usize, by: &'static str) {
        let written = self.span(from).to(self.span(to)).of(self.source).to_owned();
        let kind = if by == "|" { TokenKind::Pipe } else { TokenKind::Ampersand };
        let span = self.merge(from, to, kind, None);
        let help =
            "`a | b` is whoever is in one of them, `a & b` who is in both, `a - b` who is only in the first";
        let text = if self.adjacent(from) && written == "," { format!(" {by}") } else { by.to_owned() };
        self.say(
            Mistake::new(
                format!("sets are joined by `{by}`, not `{written}`"),
                span,
                &format!("expected `{by}`"),
                help,
            )
            .fix(&format!("write `{by}`"), span, text),
        );
    }

    /// `pump.1`, `pump[1, 2]`, `pump[*]`: elements of an array.
    fn element(&mut self, from: usize, to: usize) {
        for at in from..to {
            let name = self.text(at).to_owned();
            if !self.is(at, TokenKind::Identifier) {
                continue;
            }
            if self.is(at + 1, TokenKind::Dot) && self.is(at + 2, TokenKind::Integer) && at + 2 < to {
                let number = self.text(at + 2).to_owned();
                let span = self.span(at + 1).to(self.span(at + 2));
                self.become_kind(at + 1, TokenKind::OpenBracket);
                self.insert(at + 3, TokenKind::CloseBracket);
                let help = format!("write `{name}[{number}]`");
                self.say(
                    Mistake::new("an element of an array is named in brackets", span, "an element", help)
                        .fix("write brackets", span, format!("[{number}]")),
                );
            }
            if self.is(at + 1, TokenKind::OpenBracket)
                && let Some(close) = (at + 2..to).find(|at| self.is(*at, TokenKind::CloseBracket))
            {
                let inner: Vec<_> = (at + 2..close).map(|at| self.text(at).to_owned()).collect();
                let span = self.span(at + 1).to(self.span(close));
                let numbers: Vec<&String> = inner.iter().filter(|text| *text != ",").collect();
                let listed = inner.iter().any(|text| text == ",");
                if self.is(at + 2, TokenKind::Star) {
                    for index in at + 1..=close {
                        self.remove(index);
                    }
                    let help = format!("write `{name}`");
                    let message = format!("`{name}` without brackets is all of the array");
                    self.say(Mistake::new(message, span, "not needed", help).fix("remove it", span, ""));
                } else if listed {
                    let each: Vec<String> =
                        numbers.iter().map(|number| format!("{name}[{number}]")).collect();
                    let each = each.join(" | ");
                    let whole = self.span(at).to(span);
                    for index in at + 3..close {
                        self.remove(index);
                    }
                    let help = format!("write `{each}`");
                    self.say(
                        Mistake::new("brackets name one element of an array", span, "several", help).fix(
                            "name each",
                            whole,
                            each,
                        ),
                    );
                }
            }
        }
    }

    /// After the `:`: `tcp:80`, `modbus:read`, `opcua, ntp`.
    fn service(&mut self, colon: usize, end: usize) {
        let mut at = colon + 1;
        while at < end {
            let kind = self.kind(at);
            if kind == Some(TokenKind::Colon) && self.is(at - 1, TokenKind::Identifier) {
                let span = self.span(at);
                if self.is(at + 1, TokenKind::Integer) {
                    self.become_kind(at, TokenKind::Slash);
                    let help = "write `tcp/4840`";
                    let mistake =
                        Mistake::new("transport and port are joined by `/`", span, "expected `/`", help);
                    self.say(mistake.fix("write `/`", span, "/"));
                } else if self.is(at + 1, TokenKind::Identifier) {
                    self.become_kind(at, TokenKind::Dot);
                    let help = "write `modbus.read`";
                    let message = "an operation is named behind a `.`";
                    self.say(Mistake::new(message, span, "expected `.`", help).fix("write `.`", span, "."));
                }
            }
            if kind == Some(TokenKind::Pipe) && self.is(at + 1, TokenKind::Pipe) {
                self.joined(at, at + 1, "|");
            }
            // `coils 100-103`
            if kind == Some(TokenKind::Minus)
                && self.is(at - 1, TokenKind::Integer)
                && self.is(at + 1, TokenKind::Integer)
                && self.is(at - 2, TokenKind::Identifier)
            {
                let span = self.merge(at, at, TokenKind::DotDot, None);
                let help = "write `coils 100..103`";
                let mistake =
                    Mistake::new("a range is written with `..`, not `-`", span, "expected `..`", help);
                self.say(mistake.fix("write `..`", span, ".."));
            }
            if kind == Some(TokenKind::Comma) && self.lists_service(at, end) {
                self.joined(at, at, "|");
            }
            at += 1;
        }
    }

    /// Whether a comma is followed by a lone name, which is no entry.
    fn lists_service(&self, comma: usize, end: usize) -> bool {
        self.same_line(comma + 1)
            && comma + 1 < end
            && self.is(comma + 1, TokenKind::Identifier)
            && (comma + 2 >= self.words.len()
                || !self.same_line(comma + 2)
                || matches!(self.kind(comma + 2), Some(TokenKind::Comma | TokenKind::OpenBrace)))
    }
}
