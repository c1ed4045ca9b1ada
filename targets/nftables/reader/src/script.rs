//! Scripts of nft commands, as far as Weir writes them.

use std::sync::Arc;

use crate::cursor::Cursor;
use crate::literal::{Type, number};
use crate::names::{Names, Symbol};
use crate::rule::{Rule, Verdict};
use crate::rule_text::{Read, expected, literal, name, operand, rule, verdict};
use crate::state::{
    BaseChain, Chain, Data, DataType, Elements, HookPoint, Object, Outcome, Ruleset, Set, TableFamily,
};
use crate::{Unread, place::Place};

impl Ruleset {
    /// Applies a script, as one transaction of `nft -f`: all of it, or an error.
    ///
    /// Takes what Weir writes and nothing else. Time and memory are linear in the text.
    pub fn apply(mut self, file: &str, text: &[u8]) -> Result<Self, Unread> {
        let number = self.file(file);
        let mut names = Arc::unwrap_or_clone(std::mem::take(&mut self.names));
        let mut cursor = Cursor::new(text);
        let result = loop {
            cursor.lines();
            while cursor.take(b';') {
                cursor.lines();
            }
            if cursor.at_end() {
                break Ok(());
            }
            let place = Place { file: number, line: cursor.line };
            let command = match command(&mut cursor, &mut names, number) {
                Ok(command) => command,
                Err(what) => break Err((Place { file: number, line: cursor.line }, what)),
            };
            let shared = Arc::new(names);
            self.names = Arc::clone(&shared);
            let done = self.run(command, place);
            self.names = Arc::default();
            names = Arc::unwrap_or_clone(shared);
            if let Err(error) = done {
                break Err(error);
            }
        };
        self.names = Arc::new(names);
        result.map_err(|error| self.unread(error))?;
        Ok(self)
    }

    fn run(&mut self, command: Command, place: Place) -> Outcome<()> {
        match command {
            Command::Table(family, objects) => self.add(family, place, objects),
            Command::DeleteTable(family) => self.delete_table(family, place),
            Command::Object(action, family, name) => {
                let names = Arc::clone(&self.names);
                let table = self.table(family, place)?;
                match action {
                    Action::FlushChain => table.flush_chain(&names, name, place),
                    Action::DeleteChain => table.delete_chain(&names, name, place),
                    Action::DeleteMap => table.delete_set(&names, name, true, place),
                    Action::DeleteSet => table.delete_set(&names, name, false, place),
                }
            }
        }
    }
}

enum Command {
    Table(TableFamily, Vec<(Symbol, Object)>),
    DeleteTable(TableFamily),
    Object(Action, TableFamily, Symbol),
}

#[derive(Clone, Copy)]
enum Action {
    FlushChain,
    DeleteChain,
    DeleteMap,
    DeleteSet,
}

fn command(cursor: &mut Cursor<'_>, names: &mut Names, file: u32) -> Read<Command> {
    let from = cursor.here();
    let action = match cursor.word() {
        b"table" => {
            let family = table(cursor)?;
            if cursor.ends() {
                return Ok(Command::Table(family, Vec::new()));
            }
            let objects = block(cursor, names, family, file)?;
            end(cursor)?;
            return Ok(Command::Table(family, objects));
        }
        b"delete" if cursor.take_word(b"table") => {
            let family = table(cursor)?;
            end(cursor)?;
            return Ok(Command::DeleteTable(family));
        }
        b"delete" if cursor.take_word(b"chain") => Action::DeleteChain,
        b"delete" if cursor.take_word(b"map") => Action::DeleteMap,
        b"delete" if cursor.take_word(b"set") => Action::DeleteSet,
        b"flush" if cursor.take_word(b"chain") => Action::FlushChain,
        _ => return Err(format!("{} is not a known command", cursor.since(from))),
    };
    let family = table(cursor)?;
    let name = name(cursor, names)?;
    end(cursor)?;
    Ok(Command::Object(action, family, name))
}

/// The end of a line.
fn end(cursor: &mut Cursor<'_>) -> Read<()> {
    if cursor.ends() && cursor.peek() != Some(b'}') {
        return Ok(());
    }
    Err(expected("the end of the line", cursor))
}

/// Family and name of a table that is ours.
fn table(cursor: &mut Cursor<'_>) -> Read<TableFamily> {
    let family = match cursor.ahead() {
        b"inet" => TableFamily::Inet,
        b"bridge" => TableFamily::Bridge,
        _ => return Err(expected("the family `inet` or `bridge`", cursor)),
    };
    cursor.word();
    if cursor.take_word(b"weir") {
        return Ok(family);
    }
    Err(expected("the table `weir`", cursor))
}

fn open(cursor: &mut Cursor<'_>) -> Read<()> {
    cursor.blanks();
    if cursor.take(b'{') { Ok(()) } else { Err(expected("`{`", cursor)) }
}

/// The next thing in a block, or its end, which the block's line has to say itself.
fn closes(cursor: &mut Cursor<'_>) -> Read<bool> {
    cursor.lines();
    while cursor.take(b';') {
        cursor.lines();
    }
    if cursor.at_end() {
        return Err("the file ends inside of a block".into());
    }
    Ok(cursor.take(b'}'))
}

fn block(
    cursor: &mut Cursor<'_>,
    names: &mut Names,
    family: TableFamily,
    file: u32,
) -> Read<Vec<(Symbol, Object)>> {
    open(cursor)?;
    let mut objects = Vec::new();
    while !closes(cursor)? {
        let place = Place { file, line: cursor.line };
        let from = cursor.here();
        let kind = cursor.word();
        if !matches!(kind, b"counter" | b"set" | b"map" | b"chain") {
            return Err(format!("{} is not a known object", cursor.since(from)));
        }
        let name = name(cursor, names)?;
        open(cursor)?;
        let object = match kind {
            b"counter" => {
                if !closes(cursor)? {
                    return Err(expected("`}`", cursor));
                }
                Object::Counter(place)
            }
            b"chain" => Object::Chain(chain(cursor, names, family, place)?),
            kind => Object::Set(set(cursor, names, kind == b"map", place)?),
        };
        end_of_object(cursor)?;
        objects.push((name, object));
    }
    Ok(objects)
}

/// nft wants a line's end behind the brace of an object.
fn end_of_object(cursor: &mut Cursor<'_>) -> Read<()> {
    end(cursor)
}

fn chain(cursor: &mut Cursor<'_>, names: &mut Names, family: TableFamily, place: Place) -> Read<Chain> {
    let mut chain = Chain { place, base: None, rules: Vec::new() };
    while !closes(cursor)? {
        let place = Place { line: cursor.line, ..place };
        if cursor.take_word(b"type") {
            if chain.base.is_some() || !chain.rules.is_empty() {
                return Err("a chain's hook stands first, and once".into());
            }
            chain.base = Some(base(cursor, family)?);
            continue;
        }
        let parts = rule(cursor, names)?;
        if parts.is_empty() {
            return Err(expected("a rule", cursor));
        }
        chain.rules.push(Rule { place, parts });
    }
    Ok(chain)
}

/// `filter hook forward priority filter; policy drop;`
fn base(cursor: &mut Cursor<'_>, family: TableFamily) -> Read<BaseChain> {
    let translates = family == TableFamily::Inet && cursor.take_word(b"nat");
    if !((translates || cursor.take_word(b"filter")) && cursor.take_word(b"hook")) {
        return Err(expected("`filter hook`", cursor));
    }
    let hook = HookPoint::named(cursor.ahead()).ok_or_else(|| expected("a hook", cursor))?;
    cursor.word();
    if !cursor.take_word(b"priority") {
        return Err(expected("`priority`", cursor));
    }
    let from = cursor.here();
    let priority = match (cursor.word(), family) {
        (b"raw", TableFamily::Inet) => -300,
        (b"dstnat", TableFamily::Inet) => -100,
        (b"filter", TableFamily::Inet) => 0,
        (b"dstnat", TableFamily::Bridge) => -300,
        (b"filter", TableFamily::Bridge) => -200,
        (word, _) => {
            let (digits, sign) = word.strip_prefix(b"-").map_or((word, 1), |digits| (digits, -1));
            number(digits)
                .and_then(|value| i32::try_from(value).ok())
                .map(|value| value * sign)
                .ok_or_else(|| format!("{} is no known priority", cursor.since(from)))?
        }
    };
    cursor.blanks();
    let mut priority = priority;
    if cursor.take(b'+') {
        let from = cursor.here();
        let more = number(cursor.word()).and_then(|more| i32::try_from(more).ok());
        priority = more
            .and_then(|more| i32::checked_add(priority, more))
            .ok_or_else(|| format!("{} is no known priority", cursor.since(from)))?;
        cursor.blanks();
    }
    if !(cursor.take(b';') && cursor.take_word(b"policy")) {
        return Err(expected("`; policy`", cursor));
    }
    let accepts = match cursor.ahead() {
        b"accept" => true,
        b"drop" => false,
        _ => return Err(expected("a policy", cursor)),
    };
    cursor.word();
    if !cursor.ends() {
        return Err(expected("`;`", cursor));
    }
    Ok(BaseChain { translates, hook, priority, accepts })
}

fn set(cursor: &mut Cursor<'_>, names: &mut Names, map: bool, place: Place) -> Read<Set> {
    let mut set = Set {
        place,
        fields: Vec::new(),
        data: DataType::Nothing,
        interval: false,
        elements: Elements::new(0),
    };
    let mut filled = false;
    while !closes(cursor)? {
        let from = cursor.here();
        match cursor.word() {
            b"type" if set.fields.is_empty() => {
                loop {
                    let from = cursor.here();
                    let kind = Type::named(cursor.word())
                        .ok_or_else(|| format!("{} is no known type", cursor.since(from)))?;
                    set.fields.push(kind);
                    if !cursor.take_word(b".") {
                        break;
                    }
                    if set.fields.len() == 8 {
                        return Err("a key of more than 8 fields".into());
                    }
                }
                if map {
                    if !cursor.take_word(b":") {
                        return Err(expected("`:` and the type of the data", cursor));
                    }
                    let from = cursor.here();
                    set.data = match cursor.word() {
                        b"mark" => DataType::Mark,
                        b"verdict" => DataType::Verdict,
                        b"inet_service" => DataType::Port,
                        _ => return Err(format!("{} is no known type of data", cursor.since(from))),
                    };
                }
                set.elements = Elements::new(set.fields.len());
            }
            b"typeof" if set.fields.is_empty() && !map => {
                loop {
                    set.fields.push(operand(cursor)?.field.kind());
                    if !cursor.take_word(b".") {
                        break;
                    }
                    if set.fields.len() == 8 {
                        return Err("a key of more than 8 fields".into());
                    }
                }
                set.elements = Elements::new(set.fields.len());
            }
            b"flags" if !set.interval && cursor.take_word(b"interval") => set.interval = true,
            b"elements" if !set.fields.is_empty() && !filled => {
                filled = true;
                cursor.blanks();
                if cursor.operator() != b"=" {
                    return Err(expected("`=`", cursor));
                }
                open(cursor)?;
                elements(cursor, names, &mut set)?;
            }
            _ => return Err(format!("{} is not a known property of a set", cursor.since(from))),
        }
        if !cursor.ends() {
            return Err(expected("the end of the line", cursor));
        }
    }
    if set.fields.is_empty() {
        return Err("a set without a type".into());
    }
    Ok(set)
}

fn elements(cursor: &mut Cursor<'_>, names: &mut Names, set: &mut Set) -> Read<()> {
    let mut comment = (&[][..], Symbol::NONE);
    let mut target = (&[][..], Verdict::Accept);
    loop {
        cursor.lines();
        let line = cursor.line;
        for (index, kind) in set.fields.iter().enumerate() {
            if index > 0 && !cursor.take_word(b".") {
                return Err(expected("`.` and the next field", cursor));
            }
            let range = literal(cursor, *kind)?;
            if range.0 != range.1 && !set.interval {
                return Err("a range in a set without `flags interval`".into());
            }
            set.elements.field(range);
        }
        let mut note = Symbol::NONE;
        if cursor.take_word(b"comment") {
            let text = cursor.string().ok_or_else(|| expected("a comment", cursor))?;
            if text.len() > 128 {
                return Err("a comment of more than 128 bytes".into());
            }
            if text != comment.0 {
                let string = std::str::from_utf8(text).map_err(|_| "a comment that is not UTF-8")?;
                comment = (text, names.intern(string));
            }
            note = comment.1;
        }
        let data = match set.data {
            DataType::Nothing => Data::Nothing,
            _ if !cursor.take_word(b":") => return Err(expected("`:` and the data of the element", cursor)),
            DataType::Mark => {
                let (mark, last) = literal(cursor, Type::Mark)?;
                if mark != last {
                    return Err("a range of marks as data".into());
                }
                Data::Mark(mark as u32)
            }
            DataType::Port => {
                let (port, last) = literal(cursor, Type::Port)?;
                if port != last {
                    return Err("a range of ports as data".into());
                }
                Data::Port(port as u16)
            }
            DataType::Verdict => {
                if cursor.take_word(b"jump") {
                    let word = cursor.ahead();
                    if word == target.0 {
                        cursor.word();
                    } else {
                        target = (word, Verdict::Jump(name(cursor, names)?));
                    }
                    Data::Verdict(target.1)
                } else {
                    Data::Verdict(verdict(cursor, names)?)
                }
            }
        };
        set.elements.finish(data, note, line);
        cursor.lines();
        if cursor.take(b'}') {
            return Ok(());
        }
        if !cursor.take(b',') {
            return Err(expected("`,` or `}`", cursor));
        }
    }
}
