//! Entries of blocks: where they start, and attributes as other notations write them.

use super::{Mistake, Repair, as_name, empty, ends_value, is_literal};
use crate::{diagnostic::nearest, lexer::TokenKind};

/// What a bracket holds.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Inside {
    /// Declarations and attributes.
    Entries,
    /// `{ app = "x" }` as a value.
    Map,
    /// Values with commas between.
    List,
}

impl Repair<'_> {
    pub(super) fn entries(&mut self) {
        let mut frames: Vec<Inside> = Vec::new();
        let mut index = 0;
        while let Some(kind) = self.kind(index) {
            if self.words[index].gone {
                index += 1;
                continue;
            }
            let inside = frames.last().copied();
            let before = (0..index).rev().find(|before| !self.words[*before].gone);
            let before = before.and_then(|before| self.kind(before));
            let starts = index >= self.read_to
                && inside != Some(Inside::List)
                && match before {
                    None | Some(TokenKind::OpenBrace) => true,
                    Some(TokenKind::Comma) => inside.is_some(),
                    Some(before) => self.words[index].starts_line && ends_value(before),
                };
            if starts {
                match inside {
                    Some(Inside::Map) => self.attribute(index, true),
                    _ => self.entry(index, inside.is_none()),
                }
            }
            self.address(index, before, inside);
            match self.kind(index).unwrap_or(kind) {
                TokenKind::OpenBrace => frames.push(match before {
                    Some(TokenKind::Equals) => Inside::Map,
                    Some(TokenKind::Dot) => Inside::List,
                    _ => Inside::Entries,
                }),
                TokenKind::OpenBracket | TokenKind::OpenParen => frames.push(Inside::List),
                TokenKind::CloseBrace => while frames.pop() == Some(Inside::List) {},
                TokenKind::CloseBracket | TokenKind::CloseParen if inside == Some(Inside::List) => {
                    frames.pop();
                }
                _ => {}
            }
            // a declaration at the margin is in no block, whatever is unclosed above it
            let next_at_margin = self.words.get(index + 1).is_some_and(|word| word.at_margin);
            if next_at_margin && self.declares(index + 1) {
                frames.clear();
            }
            index += 1;
        }
    }

    /// Whether a declaration or another item starts here.
    pub(super) fn declares(&self, index: usize) -> bool {
        match self.kind(index) {
            Some(TokenKind::Use | TokenKind::Template | TokenKind::Assert) => true,
            Some(TokenKind::Identifier) => crate::ast::DECLARATION_KEYWORDS.contains(&self.text(index)),
            _ => false,
        }
    }

    fn entry(&mut self, index: usize, top: bool) {
        if top {
            self.use_line(index);
        }
        self.statement_word(index);
        match self.kind(index) {
            Some(TokenKind::Allow | TokenKind::Deny) => self.flow(index),
            Some(TokenKind::Assert) => self.assertion(index),
            Some(TokenKind::Identifier | TokenKind::String) => {
                if !top {
                    self.attribute(index, false);
                }
                self.head(index, top);
            }
            _ => {}
        }
    }

    fn attribute(&mut self, index: usize, map: bool) {
        let mut name_end = index;
        // `target-level = SL1`
        while self.is(name_end + 1, TokenKind::Minus)
            && self.adjacent(name_end + 1)
            && self.is(name_end + 2, TokenKind::Identifier)
            && self.adjacent(name_end + 2)
        {
            name_end += 2;
        }
        let assigns = |repair: &Self, at: usize| {
            matches!(repair.kind(at), Some(TokenKind::Equals | TokenKind::Colon)) && repair.same_line(at)
        };
        if name_end > index && assigns(self, name_end + 1) {
            let name = self.span(index).to(self.span(name_end)).of(self.source).replace('-', "_");
            let span = self.merge(index, name_end, TokenKind::Identifier, Some(name.clone()));
            self.say(
                Mistake::new("names have no `-`", span, "a difference of values", format!("write `{name}`"))
                    .fix("write `_`", span, name),
            );
        }
        let mut next = name_end + 1;
        if self.is(index, TokenKind::String) && !map && assigns(self, next) {
            let (span, name) = (self.span(index), as_name(self.text(index)));
            self.say(
                Mistake::new("names of attributes stand without quotes", span, "a name", "remove the quotes")
                    .fix("remove the quotes", span, name.clone()),
            );
            self.texts.insert((span.start, span.end), name);
            self.become_kind(index, TokenKind::Identifier);
        }
        if !matches!(self.kind(index), Some(TokenKind::Identifier | TokenKind::String))
            || !self.same_line(next)
        {
            return;
        }
        let after = self.kind(next + 1).filter(|_| self.same_line(next + 1) && self.adjacent(next + 1));
        let written = match (self.kind(next), after) {
            (Some(TokenKind::Colon), Some(TokenKind::Equals)) => Some((":=", next + 1)),
            (Some(TokenKind::Plus), Some(TokenKind::Equals)) => Some(("+=", next + 1)),
            (Some(TokenKind::Equals), Some(TokenKind::Greater)) => Some(("=>", next + 1)),
            (Some(TokenKind::EqualsEquals), _) => Some(("==", next)),
            (Some(TokenKind::Colon), _) => Some((":", next)),
            _ => None,
        };
        if let Some((written, last)) = written {
            let span = self.merge(next, last, TokenKind::Equals, None);
            let help = "write `name = value`";
            let message = format!("an attribute is given with `=`, not `{written}`");
            self.habit(
                "assignment",
                Mistake::new(message, span, "expected `=`", help).fix(
                    "write `=`",
                    span,
                    if self.adjacent(next) { " =" } else { "=" },
                ),
            );
        } else if !map && self.kind(next).is_some_and(is_literal) && self.is(index, TokenKind::Identifier) {
            self.name_or_value(index, next);
        }
        next = name_end + 2;
        if self.is(name_end + 1, TokenKind::Equals) {
            self.value(next);
        } else if !map && matches!(self.kind(name_end + 1), Some(TokenKind::CloseBrace)) {
            self.no_value(index, name_end + 1);
        }
    }

    /// `{ log }`: an attribute without a value.
    fn no_value(&mut self, index: usize, next: usize) {
        let (word, span) = (self.text(index).to_owned(), self.span(index));
        let at = self.insert(next, TokenKind::Equals);
        self.insert(next, TokenKind::Identifier);
        self.texts.insert((at.start, at.end), "true".into());
        let help = format!("write `{word} = …`, as in `log = true`");
        self.say(
            Mistake::new(format!("`{word}` has no value"), span, "expected `= VALUE` behind it", help).fix(
                "write `= true`",
                at,
                " = true",
            ),
        );
    }

    /// `limit 20/s`: an `=` is missing. `interface "eth0" { … }`: a name has quotes.
    fn name_or_value(&mut self, index: usize, next: usize) {
        let line = self.line_end(index);
        let name_end = (next + 1..line).find(|at| self.is(*at, TokenKind::OpenBrace)).unwrap_or(line);
        if self.is(next, TokenKind::String) && name_end < line && name_end <= next + 2 {
            return; // a head
        }
        let at = self.insert(next, TokenKind::Equals);
        let word = self.text(index).to_owned();
        let help = format!("write `{word} = …`");
        let message = format!("between `{word}` and its value stands `=`");
        self.say(Mistake::new(message, at, "expected `=`", help).fix("add `=`", at, " ="));
    }

    /// The value of an attribute: `{a, b}` for a list, several words for a text.
    fn value(&mut self, index: usize) {
        let line = index.checked_sub(1).map_or(index, |before| self.line_end(before));
        if self.is(index, TokenKind::OpenBrace)
            && self.is(index + 1, TokenKind::Identifier)
            && matches!(self.kind(index + 2), Some(TokenKind::Comma | TokenKind::CloseBrace))
            && let Some(close) = (index..line).find(|at| self.is(*at, TokenKind::CloseBrace))
        {
            let (open, end) = (self.span(index), self.span(close));
            self.become_kind(index, TokenKind::OpenBracket);
            self.become_kind(close, TokenKind::CloseBracket);
            let edits = vec![(open, "[".to_owned()), (end, "]".to_owned())];
            self.say(
                Mistake::new("a list stands in `[` and `]`", open.to(end), "a list", "write `[a, b]`")
                    .fixes("write `[` and `]`", edits),
            );
            return;
        }
        if self.is(index, TokenKind::String)
            && self.is(index + 1, TokenKind::String)
            && self.adjacent(index + 1)
        {
            let mut last = index + 1;
            while self.is(last + 1, TokenKind::String) && self.adjacent(last + 1) {
                last += 1;
            }
            let inner = self.span(index).to(self.span(last)).of(self.source).trim_matches('"').to_owned();
            let text = format!("\"{inner}\"");
            let span = self.merge(index, last, TokenKind::String, Some(text.clone()));
            let help = format!("write `{text}`");
            self.say(Mistake::new("a text stands in one pair of quotes", span, "more than one", help).fix(
                "write one pair",
                span,
                text,
            ));
            return;
        }
        if self.listed(index, line) {
            return;
        }
        if self.is(index, TokenKind::Identifier)
            && self.is(index + 1, TokenKind::Dot)
            && self.is(index + 2, TokenKind::Integer)
        {
            let meant = format!("{}.host({})", self.text(index), self.text(index + 2));
            let span = self.merge(index, index + 2, TokenKind::Identifier, None);
            let help = format!("write `{meant}`");
            self.say(
                Mistake::new("an address of a network is counted by `.host`", span, "no address", help).fix(
                    "write `.host`",
                    span,
                    meant,
                ),
            );
            return;
        }
        let mut end = index;
        while end < line && self.is(end, TokenKind::Identifier) {
            end += 1;
        }
        let next_entry = matches!(
            self.kind(end),
            Some(TokenKind::Equals | TokenKind::OpenBrace | TokenKind::Colon | TokenKind::Dot)
        ) && end < line;
        if end >= index + 2 && !next_entry {
            let span = self.span(index).to(self.span(end - 1));
            let words: Vec<&str> = (index..end).map(|at| self.text(at)).collect();
            let (list, text) = (words.join(", "), words.join(" "));
            self.merge(index, end - 1, TokenKind::String, Some(format!("\"{text}\"")));
            let help = format!("a list is written `[{list}]`, a text `\"{text}\"`");
            self.say(
                Mistake::new("several words where one value is due", span, "more than one value", help)
                    .fix("write a list", span, format!("[{list}]"))
                    .or_fix("write a text", span, format!("\"{text}\"")),
            );
        } else if self.is(index, TokenKind::Identifier) || self.is(index, TokenKind::Integer) {
            self.unquoted(index, line);
        }
    }

    /// `serves = opcua, ssh`: a list without brackets.
    fn listed(&mut self, index: usize, line: usize) -> bool {
        let mut last = index;
        while self.is(last, TokenKind::Identifier)
            && self.is(last + 1, TokenKind::Comma)
            && self.is(last + 2, TokenKind::Identifier)
            && last + 2 < line
        {
            last += 2;
        }
        let ends = last + 1 >= line || self.is(last + 1, TokenKind::CloseBrace);
        // `zone = a, isolated = true`: the last word is the next attribute
        if last == index || !ends {
            return false;
        }
        self.read_to = last + 1;
        let whole = self.span(index).to(self.span(last));
        self.insert(index, TokenKind::OpenBracket);
        self.insert(last + 1, TokenKind::CloseBracket);
        let list = format!("[{}]", whole.of(self.source));
        self.say(
            Mistake::new("a list stands in `[` and `]`", whole, "a list", format!("write `{list}`")).fix(
                "write `[` and `]`",
                whole,
                list,
            ),
        );
        true
    }

    /// `opcua:4841`, `opcua on tcp 4841`: a protocol on a port of its own.
    fn port(&mut self, index: usize) {
        let after = self.adjacent(index + 1) && self.adjacent(index + 2);
        if self.is(index + 1, TokenKind::Colon) && self.is(index + 2, TokenKind::Integer) && after {
            let (name, number) = (self.text(index).to_owned(), self.text(index + 2).to_owned());
            let span = self.span(index).to(self.span(index + 2));
            self.remove(index + 1);
            self.remove(index + 2);
            let meant = format!("{name} on tcp/{number}");
            self.say(
                Mistake::new(
                    "a port of its own is given with `on`",
                    span,
                    "not a protocol",
                    format!("write `{meant}`"),
                )
                .fix("write `on`", span, meant),
            );
        } else if self.is(index + 1, TokenKind::On)
            && self.is(index + 2, TokenKind::Identifier)
            && self.is(index + 3, TokenKind::Integer)
        {
            let meant = format!("{}/{}", self.text(index + 2), self.text(index + 3));
            let span = self.span(index + 2).to(self.span(index + 3));
            self.insert(index + 3, TokenKind::Slash);
            self.say(
                Mistake::new(
                    "transport and port are joined by `/`",
                    span,
                    "expected `/`",
                    format!("write `{meant}`"),
                )
                .fix("write `/`", span, meant),
            );
        }
    }

    /// `owner = a@b.example`: a text without quotes.
    fn unquoted(&mut self, index: usize, line: usize) {
        let mut end = index + 1;
        let mut foreign = false;
        while end < line
            && self.adjacent(end)
            && !matches!(
                self.kind(end),
                Some(TokenKind::Comma | TokenKind::CloseBrace | TokenKind::CloseBracket)
            )
        {
            foreign |= self.is(end, TokenKind::Unknown);
            end += 1;
        }
        if foreign {
            let span = self.span(index).to(self.span(end - 1));
            let quoted = format!("\"{}\"", span.of(self.source));
            self.merge(index, end - 1, TokenKind::String, Some(quoted.clone()));
            let mistake =
                Mistake::new("a text stands in quotes", span, "a text", format!("write `{quoted}`"));
            self.say(mistake.code(&crate::diagnostic::codes::E0102).fix("put it into quotes", span, quoted));
        }
    }

    /// An address with a slip in it is one word, so that it is said to be no address.
    fn address(&mut self, index: usize, before: Option<TokenKind>, inside: Option<Inside>) {
        let hexadecimal = |text: &str| text.len() <= 4 && text.bytes().all(|byte| byte.is_ascii_hexdigit());
        let as_value = before == Some(TokenKind::Equals)
            || (inside == Some(Inside::List)
                && matches!(before, Some(TokenKind::OpenBracket | TokenKind::Comma)));
        let next = (self.kind(index + 1), self.kind(index + 2));
        let follows = self.adjacent(index + 1) && self.adjacent(index + 2);
        if as_value && self.is(index, TokenKind::Identifier) && !hexadecimal(self.text(index)) {
            self.port(index);
            if inside == Some(Inside::List)
                && self.is(index + 1, TokenKind::Identifier)
                && self.same_line(index + 1)
            {
                let at = self.insert(index + 1, TokenKind::Comma);
                let help = "write `[a, b]`";
                self.habit(
                    "comma",
                    Mistake::new("between the values of a list stands a comma", at, "expected `,`", help)
                        .fix("add `,`", at, ","),
                );
            }
        }
        // `10,1.0.0/24`
        if as_value
            && (self.is(index, TokenKind::Integer)
                || (inside != Some(Inside::List) && self.is(index, TokenKind::Decimal)))
        {
            let mut end = index;
            while self.adjacent(end + 1)
                && matches!(
                    self.kind(end + 1),
                    Some(
                        TokenKind::Comma
                            | TokenKind::Dot
                            | TokenKind::Integer
                            | TokenKind::Decimal
                            | TokenKind::Ipv4
                            | TokenKind::Slash
                    )
                )
            {
                end += 1;
            }
            while self.is(end, TokenKind::Comma) {
                end -= 1;
            }
            let text = self.span(index).to(self.span(end)).of(self.source);
            let groups = text.split('/').next().unwrap_or("").split(['.', ',']);
            if text.contains(',')
                && text.contains('.')
                && groups.filter(|group| !group.is_empty()).count() == 4
            {
                self.merge(index, end, TokenKind::Ipv4, None);
                return;
            }
        }
        let six = match self.kind(index) {
            Some(TokenKind::Ipv4 | TokenKind::Decimal) => {
                let digits = matches!(
                    next.1,
                    Some(TokenKind::Integer | TokenKind::Star | TokenKind::Ipv4 | TokenKind::Decimal)
                );
                if !(follows && next.0 == Some(TokenKind::Dot) && digits) {
                    return;
                }
                false
            }
            Some(TokenKind::Ipv6) => {
                if !self.adjacent(index + 1)
                    || !matches!(
                        next.0,
                        Some(TokenKind::Colon | TokenKind::Identifier | TokenKind::Integer | TokenKind::Ipv6)
                    )
                {
                    return;
                }
                true
            }
            Some(TokenKind::Identifier | TokenKind::Integer) if as_value && hexadecimal(self.text(index)) => {
                let colon = matches!(next.0, Some(TokenKind::Colon | TokenKind::Ipv6));
                let digit = self.text(index).bytes().any(|byte| byte.is_ascii_digit());
                if !self.adjacent(index + 1) || !colon || !digit {
                    return;
                }
                true
            }
            _ => return,
        };
        let mut end = index + 1;
        while self.adjacent(end)
            && matches!(
                self.kind(end),
                Some(
                    TokenKind::Identifier
                        | TokenKind::Integer
                        | TokenKind::Hexadecimal
                        | TokenKind::Decimal
                        | TokenKind::Quantity
                        | TokenKind::Ipv4
                        | TokenKind::Ipv6
                        | TokenKind::Mac
                        | TokenKind::Dot
                        | TokenKind::Colon
                        | TokenKind::Slash
                        | TokenKind::Star
                )
            )
        {
            end += 1;
        }
        // what it is not is said by whoever reads the literal
        self.merge(index, end - 1, if six { TokenKind::Ipv6 } else { TokenKind::Ipv4 }, None);
    }

    /// The first word of a statement: `alow`, `permit`, `never a ~> b`.
    fn statement_word(&mut self, index: usize) {
        const STATEMENTS: &[(&str, TokenKind)] =
            &[("allow", TokenKind::Allow), ("deny", TokenKind::Deny), ("assert", TokenKind::Assert)];
        if !self.is(index, TokenKind::Identifier) || self.declares(index) {
            return;
        }
        let next = index + 1;
        let operand =
            matches!(self.kind(next), Some(TokenKind::Identifier | TokenKind::Allow | TokenKind::Deny))
                && self.same_line(next);
        let arrow = (next..self.line_end(index)).any(|at| {
            matches!(self.kind(at), Some(TokenKind::Arrow | TokenKind::BothArrow | TokenKind::ReachArrow))
        });
        let claims = |at: usize| {
            matches!(self.kind(at), Some(TokenKind::Allow | TokenKind::Deny))
                || matches!(self.text(at), "only" | "never" | "isolated")
        };
        if !operand || !(arrow || (claims(next) && self.text(next) == "isolated")) {
            return;
        }
        let (word, span) = (self.text(index).to_owned(), self.span(index));
        if claims(index) {
            self.insert(index, TokenKind::Assert);
            let start = empty(span.start);
            let help = format!("write `assert {word} …`");
            self.say(
                Mistake::new(
                    format!("`{word}` is an assertion without `assert`"),
                    span,
                    "starts no statement",
                    help,
                )
                .fix("add `assert`", start, "assert "),
            );
            return;
        }
        let wanted = if claims(next) {
            Some("assert")
        } else {
            nearest(&word, STATEMENTS.iter().map(|(word, _)| *word))
        };
        let Some((wanted, kind)) = STATEMENTS.iter().find(|(word, _)| Some(*word) == wanted) else { return };
        self.become_kind(index, *kind);
        self.say(
            Mistake::new(
                format!("`{word}` starts no statement"),
                span,
                "not a word of the language",
                format!("did you mean `{wanted}`?"),
            )
            .fix(&format!("write `{wanted}`"), span, *wanted),
        );
    }
}
