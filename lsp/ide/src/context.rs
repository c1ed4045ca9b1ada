//! Where the cursor is, by the tokens before it: half-typed text has no tree to ask.

use weir_syntax::{
    Span,
    ast::DECLARATION_KEYWORDS,
    lexer::{Token, TokenKind, lex},
};

/// What can be written at a place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Context {
    /// A declaration or statement starts, at the top or in a template.
    Item,
    /// An entry of a block starts. The heads around the place, innermost first.
    Entry,
    /// The value of an attribute.
    Value(String),
    /// Behind `use`, with the path up to the last dot.
    Use(Vec<String>),
    /// Behind `:` in the head of a declaration of this keyword.
    Class(String),
    Cluster,
    Ends,
    /// Who: a set expression.
    Set,
    /// A predicate of `where`.
    Predicate,
    Service,
    /// Behind `assert`.
    Assertion,
    /// The parentheses of a call: what stands before them.
    Argument(Vec<String>),
    /// A name is being given, a string or a comment is open: nothing to propose.
    Nothing,
}

/// A place in half-typed text.
#[derive(Clone, Debug)]
pub(crate) struct Cursor {
    pub(crate) context: Context,
    /// The word that is being typed.
    pub(crate) word: Span,
    /// Names before the dot that the word follows: `modbus.` or `cells.press_1.`.
    pub(crate) path: Vec<String>,
    /// Keywords of the blocks around, innermost first, each with where its `{` is.
    pub(crate) blocks: Vec<(String, u32)>,
    /// Names of attributes and inner blocks that the innermost block has already.
    pub(crate) given: Vec<String>,
    /// Whether nothing of the entry stands before the word.
    pub(crate) starts_entry: bool,
}

/// Looks at the tokens before an offset.
pub(crate) fn cursor(source: &str, offset: u32) -> Cursor {
    let offset = source.floor_char_boundary(offset as usize) as u32;
    let tokens = lex(source);
    let end = tokens.partition_point(|token| token.span.start < offset);
    let before = &tokens[..end];
    let mut cursor = Cursor {
        context: Context::Nothing,
        word: Span::new(offset, offset),
        path: Vec::new(),
        blocks: Vec::new(),
        given: Vec::new(),
        starts_entry: false,
    };
    if let Some(last) = before.last() {
        let open = match last.kind {
            TokenKind::Comment | TokenKind::Doc | TokenKind::FileDoc => last.span.end >= offset,
            TokenKind::String => last.span.end > offset,
            TokenKind::UnclosedString => true,
            _ => false,
        };
        if open {
            return cursor;
        }
    }
    let mut seen: Vec<Token> = before.iter().filter(|token| !token.kind.is_trivia()).copied().collect();
    if let Some(last) = seen.last().copied().filter(|last| is_word(source, *last) && last.span.end >= offset)
    {
        cursor.word = last.span;
        seen.pop();
    }
    while let [.., name, dot] = seen.as_slice() {
        if dot.kind != TokenKind::Dot {
            break;
        }
        let (name, mut length) = (*name, 2);
        // `press[3].` and `op(…).`: the brackets are stepped over
        let mut text = name.span.of(source).to_owned();
        if matches!(name.kind, TokenKind::CloseBracket | TokenKind::CloseParen) {
            let Some(open) = opening(&seen[..seen.len() - 1]) else { break };
            let Some(named) = open.checked_sub(1).map(|at| seen[at]) else { break };
            named.span.of(source).clone_into(&mut text);
            length = seen.len() - open + 1;
        } else if !is_word(source, name) {
            break;
        }
        cursor.path.insert(0, text);
        seen.truncate(seen.len() - length);
    }
    let entry = entry_of(source, &seen, &mut cursor);
    cursor.starts_entry = entry.is_empty() && cursor.path.is_empty();
    cursor.context = context(source, entry, &cursor);
    cursor
}

fn is_word(source: &str, token: Token) -> bool {
    token.span.of(source).starts_with(|first: char| first.is_ascii_alphabetic() || first == '_')
        && !matches!(token.kind, TokenKind::String | TokenKind::UnclosedString | TokenKind::Quantity)
}

/// The place of the bracket that the last token closes.
fn opening(tokens: &[Token]) -> Option<usize> {
    let mut depth = 0_i32;
    for (at, token) in tokens.iter().enumerate().rev() {
        match token.kind {
            TokenKind::CloseBracket | TokenKind::CloseParen | TokenKind::CloseBrace => depth += 1,
            TokenKind::OpenBracket | TokenKind::OpenParen | TokenKind::OpenBrace => depth -= 1,
            _ => {}
        }
        if depth == 0 {
            return Some(at);
        }
    }
    None
}

/// The tokens of the entry that the place is in; fills in the blocks around it.
fn entry_of<'t>(source: &str, seen: &'t [Token], cursor: &mut Cursor) -> &'t [Token] {
    let mut depth = 0_i32;
    let mut start = None;
    let mut at = seen.len();
    while at > 0 {
        at -= 1;
        let token = seen[at];
        match token.kind {
            TokenKind::CloseBrace | TokenKind::CloseBracket | TokenKind::CloseParen => depth += 1,
            TokenKind::OpenBracket | TokenKind::OpenParen if depth > 0 => depth -= 1,
            TokenKind::OpenBrace if depth > 0 => depth -= 1,
            TokenKind::OpenBrace => {
                let inside = &seen[at + 1..];
                start.get_or_insert_with(|| at + 1 + last_entry(source, inside, cursor.word.start));
                let is_innermost = cursor.blocks.is_empty();
                let head = head_of(source, &seen[..at]);
                cursor.blocks.push((head, token.span.start));
                if is_innermost {
                    cursor.given = given(source, inside);
                }
            }
            // an unclosed parenthesis: the entry goes on before it
            TokenKind::OpenBracket | TokenKind::OpenParen => {}
            _ => {}
        }
    }
    let start = start.unwrap_or_else(|| last_entry(source, seen, cursor.word.start));
    &seen[start.min(seen.len())..]
}

/// Where the last entry of a block's tokens starts: at the start of a line that nothing reaches over.
fn last_entry(source: &str, tokens: &[Token], place: u32) -> usize {
    let goes_on = |token: &Token| {
        matches!(
            token.kind,
            TokenKind::Pipe
                | TokenKind::Ampersand
                | TokenKind::Minus
                | TokenKind::Equals
                | TokenKind::Arrow
                | TokenKind::BothArrow
                | TokenKind::ReachArrow
                | TokenKind::Colon
                | TokenKind::Between
                | TokenKind::In
                | TokenKind::Where
                | TokenKind::And
                | TokenKind::Or
                | TokenKind::Not
                | TokenKind::On
        )
    };
    let mut depth = 0_i32;
    for at in (0..tokens.len()).rev() {
        let next = tokens.get(at + 1).map_or(place, |token| token.span.start);
        match tokens[at].kind {
            TokenKind::CloseBrace | TokenKind::CloseBracket | TokenKind::CloseParen => depth += 1,
            TokenKind::OpenBrace | TokenKind::OpenBracket | TokenKind::OpenParen => depth -= 1,
            _ => {}
        }
        let depth_behind = depth
            - match tokens[at].kind {
                TokenKind::CloseBrace | TokenKind::CloseBracket | TokenKind::CloseParen => 1,
                TokenKind::OpenBrace | TokenKind::OpenBracket | TokenKind::OpenParen => -1,
                _ => 0,
            };
        let line_ends = Span::new(tokens[at].span.end, next).of(source).contains('\n');
        let starts_next = |token: &Token| {
            matches!(token.kind, TokenKind::Pipe | TokenKind::Ampersand | TokenKind::Colon | TokenKind::Arrow)
        };
        let held = goes_on(&tokens[at]) || tokens.get(at + 1).is_some_and(starts_next);
        let comma = tokens[at].kind == TokenKind::Comma && depth_behind == 0;
        if depth_behind == 0 && (comma || (line_ends && !held)) {
            return at + 1;
        }
        // `{ a = 1  b = 2 }`: an attribute's name starts an entry
        let name = tokens.get(at + 1).filter(|token| token.kind == TokenKind::Identifier);
        let equals = tokens.get(at + 2).is_some_and(|token| token.kind == TokenKind::Equals);
        if depth_behind == 0
            && name.is_some()
            && equals
            && !goes_on(&tokens[at])
            && tokens[at].kind != TokenKind::Dot
        {
            return at + 1;
        }
    }
    0
}

/// The keyword of the head before a `{`.
fn head_of(source: &str, tokens: &[Token]) -> String {
    let start = last_entry(source, tokens, tokens.last().map_or(0, |last| last.span.end));
    let mut depth = 0_i32;
    for (at, token) in tokens.iter().enumerate().rev() {
        match token.kind {
            TokenKind::CloseBrace | TokenKind::CloseBracket | TokenKind::CloseParen => depth += 1,
            TokenKind::OpenBracket | TokenKind::OpenParen if depth > 0 => depth -= 1,
            TokenKind::OpenBrace if depth > 0 => depth -= 1,
            TokenKind::OpenBrace => break,
            _ => {}
        }
        if depth == 0 && at < start && at + 1 < tokens.len() {
            break;
        }
        let text = token.span.of(source);
        let word = matches!(
            token.kind,
            TokenKind::Allow | TokenKind::Deny | TokenKind::Assert | TokenKind::Template
        );
        let next_is_name = tokens.get(at + 1).is_none_or(|next| next.kind == TokenKind::Identifier);
        let is_keyword = DECLARATION_KEYWORDS.contains(&text)
            || matches!(
                text,
                "interface" | "route" | "operation" | "argument" | "attribute" | "security" | "qos"
            );
        if depth == 0 && (word || (token.kind == TokenKind::Identifier && is_keyword && next_is_name)) {
            // `assert allow a -> b : c {`
            let asserts = at.checked_sub(1).is_some_and(|at| tokens[at].kind == TokenKind::Assert);
            return if asserts { "assert".into() } else { text.to_owned() };
        }
    }
    // `labels = {`, `qos = {`
    match tokens.get(start..) {
        Some([name, equals, ..]) if equals.kind == TokenKind::Equals => name.span.of(source).to_owned(),
        Some([name, ..]) => name.span.of(source).to_owned(),
        _ => String::new(),
    }
}

/// The attributes of a block's tokens so far.
fn given(source: &str, tokens: &[Token]) -> Vec<String> {
    let mut depth = 0_i32;
    let mut names = Vec::new();
    for pair in tokens.windows(2) {
        if depth == 0 && pair[0].kind == TokenKind::Identifier && pair[1].kind == TokenKind::Equals {
            names.push(pair[0].span.of(source).to_owned());
        }
        match pair[0].kind {
            TokenKind::OpenBrace | TokenKind::OpenBracket | TokenKind::OpenParen => depth += 1,
            TokenKind::CloseBrace | TokenKind::CloseBracket | TokenKind::CloseParen => depth -= 1,
            _ => {}
        }
    }
    names
}

/// What follows the tokens of an unfinished entry.
fn context(source: &str, entry: &[Token], cursor: &Cursor) -> Context {
    let text = |at: usize| entry.get(at).map_or("", |token| token.span.of(source));
    if let Some((_, brace)) = cursor.blocks.first().filter(|(head, _)| head == "use") {
        let before = source.get(..*brace as usize).unwrap_or("");
        let line = before.rsplit("use ").next().unwrap_or("");
        let mut path: Vec<String> = line.split('.').map(str::trim).map(str::to_owned).collect();
        path.retain(|part| !part.is_empty());
        path.extend(cursor.path.iter().cloned());
        return Context::Use(path);
    }
    let Some(first) = entry.first() else {
        return match cursor.blocks.first().map(|(head, _)| head.as_str()) {
            _ if !cursor.path.is_empty() => Context::Nothing,
            None | Some("template") => Context::Item,
            Some(_) => Context::Entry,
        };
    };
    // inside of `call(…`
    if let Some(open) = unclosed(entry, TokenKind::OpenParen)
        && open > 0
        && is_word(source, entry[open - 1])
        && !(first.kind == TokenKind::Template)
    {
        let mut path = vec![text(open - 1).to_owned()];
        let mut at = open - 1;
        while at >= 2 && entry[at - 1].kind == TokenKind::Dot {
            path.insert(0, text(at - 2).to_owned());
            at -= 2;
        }
        let argument_value = entry.last().is_some_and(|last| last.kind == TokenKind::Equals);
        return if argument_value { Context::Value(String::new()) } else { Context::Argument(path) };
    }
    let last = |kind: TokenKind| entry.iter().rposition(|token| token.kind == kind);
    match first.kind {
        TokenKind::Use => {
            let mut path: Vec<String> = Vec::new();
            let body = &entry[1..];
            let brace = body.iter().position(|token| token.kind == TokenKind::OpenBrace);
            for token in &body[..brace.unwrap_or(body.len())] {
                if is_word(source, *token) {
                    path.push(token.span.of(source).to_owned());
                }
            }
            path.extend(cursor.path.iter().cloned());
            Context::Use(path)
        }
        TokenKind::Assert if entry.len() == 1 => Context::Assertion,
        TokenKind::Allow | TokenKind::Deny | TokenKind::Assert => {
            let arrow = last(TokenKind::Arrow).or(last(TokenKind::BothArrow)).or(last(TokenKind::ReachArrow));
            let colon = last(TokenKind::Colon).filter(|colon| arrow.is_some_and(|arrow| arrow < *colon));
            if colon.is_some() {
                Context::Service
            } else if last(TokenKind::Where).is_some_and(|at| arrow.is_none_or(|arrow| arrow < at)) {
                Context::Predicate
            } else {
                Context::Set
            }
        }
        TokenKind::Template => Context::Nothing,
        TokenKind::Identifier => {
            if entry.get(1).is_some_and(|token| token.kind == TokenKind::Equals) {
                if entry.iter().any(|token| token.kind == TokenKind::Where) {
                    return Context::Predicate;
                }
                return Context::Value(first.span.of(source).to_owned());
            }
            if entry.len() == 1 {
                return Context::Nothing; // the name of what is being declared
            }
            let rest = &entry[2..];
            let position = |kind: TokenKind| rest.iter().rposition(|token| token.kind == kind);
            if position(TokenKind::Equals).is_some() {
                return if position(TokenKind::Where).is_some() { Context::Predicate } else { Context::Set };
            }
            match rest.last().map(|token| token.kind) {
                Some(TokenKind::Colon) => Context::Class(text(0).to_owned()),
                Some(TokenKind::In) => Context::Cluster,
                Some(TokenKind::Between | TokenKind::Comma) if position(TokenKind::Between).is_some() => {
                    Context::Ends
                }
                _ => Context::Nothing,
            }
        }
        _ => Context::Nothing,
    }
}

/// The last bracket of a kind that is not closed.
fn unclosed(tokens: &[Token], kind: TokenKind) -> Option<usize> {
    let mut depth = 0_i32;
    for (at, token) in tokens.iter().enumerate().rev() {
        match token.kind {
            TokenKind::CloseBrace | TokenKind::CloseBracket | TokenKind::CloseParen => depth += 1,
            TokenKind::OpenBrace | TokenKind::OpenBracket | TokenKind::OpenParen if depth > 0 => depth -= 1,
            found if found == kind => return Some(at),
            TokenKind::OpenBrace | TokenKind::OpenBracket => return None,
            _ => {}
        }
    }
    None
}
