//! What `nft -j list ruleset` says that a kernel holds.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::Deserialize;
use serde::de::DeserializeSeed as _;
use serde_json::value::RawValue;

use crate::json::{Each, Json};
use crate::literal::Type;
use crate::names::{Names, Symbol};
use crate::rule::Rule;
use crate::rule_json::{leaf, range, rule, verdict};
use crate::rule_text::check_name;
use crate::state::{
    BaseChain, Chain, Data, DataType, Elements, ForeignChain, HookPoint, Object, Outcome, Ruleset, Set,
    TableFamily,
};
use crate::{Unread, place::Place};

#[derive(Deserialize)]
struct Listing<'a> {
    #[serde(borrow)]
    nftables: Vec<BTreeMap<&'a str, &'a RawValue>>,
}

/// What says whose an object is. Other keys are looked at when it is ours.
#[derive(Deserialize)]
struct Header {
    family: Option<String>,
    table: Option<String>,
    name: Option<String>,
    #[serde(default)]
    handle: u32,
    chain: Option<String>,
    hook: Option<String>,
    prio: Option<i64>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct SetObject<'a> {
    #[serde(rename = "family")]
    _family: &'a str,
    #[serde(rename = "table")]
    _table: &'a str,
    #[serde(borrow)]
    name: Json<'a>,
    #[serde(rename = "handle")]
    _handle: u32,
    #[serde(borrow, rename = "type")]
    kind: Json<'a>,
    #[serde(borrow, default)]
    map: Option<Json<'a>>,
    #[serde(borrow, default)]
    flags: Option<Json<'a>>,
    #[serde(borrow, default)]
    elem: Option<&'a RawValue>,
}

/// One of our tables, while it is read.
struct Reading {
    place: Place,
    chains: BTreeMap<Symbol, Chain>,
    objects: Vec<(Symbol, Object)>,
}

impl Ruleset {
    /// Reads a kernel's listing, `nft -j list ruleset`. Taken with `TZ=UTC`, for nft writes times in the zone of whoever
    /// lists them.
    ///
    /// Our tables are read strictly. Of others only what could concern us is kept, in [`Ruleset::foreign`]. The line of a
    /// [`Place`] is the handle of the rule or object.
    pub fn listed(name: &str, json: &[u8]) -> Result<Self, Unread> {
        let mut set = Self::default();
        set.file(name);
        let at = |line: usize, what: String| Unread { file: name.to_owned(), line: line as u32, what };
        let listing: Listing<'_> = serde_json::from_slice(json)
            .map_err(|error| at(0, format!("this is no listing of nft: {error}")))?;
        let mut names = Names::default();
        let mut tables = BTreeMap::new();
        for entry in &listing.nftables {
            for (kind, raw) in entry {
                set.entry(&mut names, &mut tables, kind, raw).map_err(|error| set.unread(error))?;
            }
        }
        set.names = Arc::new(names);
        for (family, table) in tables {
            let mut objects: Vec<(Symbol, Object)> =
                table.chains.into_iter().map(|(name, chain)| (name, Object::Chain(chain))).collect();
            objects.extend(table.objects);
            set.add(family, table.place, objects).map_err(|error| set.unread(error))?;
        }
        Ok(set)
    }

    fn entry(
        &mut self,
        names: &mut Names,
        tables: &mut BTreeMap<TableFamily, Reading>,
        kind: &str,
        raw: &RawValue,
    ) -> Outcome<()> {
        if kind == "metainfo" {
            return Ok(());
        }
        let wrong = |error: serde_json::Error| {
            (Place::default(), format!("a {kind} that nft would not list: {error}"))
        };
        let header: Header = serde_json::from_str(raw.get()).map_err(wrong)?;
        let place = Place { file: 0, line: header.handle };
        let family = match header.family.as_deref() {
            Some("inet") => Some(TableFamily::Inet),
            Some("bridge") => Some(TableFamily::Bridge),
            _ => None,
        };
        let table = if kind == "table" { &header.name } else { &header.table };
        let Some(family) = family.filter(|_| table.as_deref() == Some("weir")) else {
            self.foreign(kind, &header, raw);
            return Ok(());
        };
        let reading = tables.entry(family).or_insert_with(|| Reading {
            place,
            chains: BTreeMap::new(),
            objects: Vec::new(),
        });
        if kind == "set" || kind == "map" {
            let object: SetObject<'_> = serde_json::from_str(raw.get()).map_err(wrong)?;
            let name = object_name(names, Some(&object.name)).map_err(|what| (place, what))?;
            let set = set(names, &object, kind == "map", place).map_err(|what| (place, what))?;
            reading.objects.push((name, Object::Set(set)));
            return Ok(());
        }
        let json: Json<'_> = serde_json::from_str(raw.get()).map_err(wrong)?;
        reading.object(names, kind, &json, place).map_err(|what| (place, what))
    }

    /// What of somebody else's could concern us.
    fn foreign(&mut self, kind: &str, header: &Header, raw: &RawValue) {
        let text = |field: &Option<String>| field.clone().unwrap_or_default();
        let (family, table, name) = (text(&header.family), text(&header.table), text(&header.name));
        match kind {
            "table" => self.foreign.tables.push((family, name)),
            "chain" => {
                if let Some(hook) = &header.hook {
                    let priority = header.prio.unwrap_or_default();
                    let hook = hook.clone();
                    self.foreign.chains.push(ForeignChain { family, table, chain: name, hook, priority });
                }
            }
            "flowtable" => self.foreign.flowtables.push((family, table, name)),
            "rule" => {
                let compact: String = raw.get().split_ascii_whitespace().collect();
                let writes = |what: &str| compact.contains(what);
                for (what, does) in [
                    (r#""mangle":{"key":{"ct":{"key":"mark""#, "writes connection marks"),
                    (r#"{"notrack":"#, "takes connections out of tracking"),
                    (r#"{"cthelper":"#, "attaches helpers, whose connections inherit marks"),
                ] {
                    if writes(what) {
                        let chain = text(&header.chain);
                        self.foreign.writers.push((family.clone(), table.clone(), chain, does));
                    }
                }
            }
            _ => {}
        }
    }
}

fn object_name(names: &mut Names, name: Option<&Json<'_>>) -> Result<Symbol, String> {
    let text = name.and_then(Json::text).and_then(|text| check_name(text.as_bytes()));
    text.map(|text| names.intern(text)).ok_or_else(|| "an object without a name of ours".into())
}

impl Reading {
    fn object(&mut self, names: &mut Names, kind: &str, json: &Json<'_>, place: Place) -> Result<(), String> {
        match kind {
            "table" => {
                json.fields(["family", "name", "handle"])?;
                self.place = place;
            }
            "counter" => {
                let [_, _, name, ..] =
                    json.fields(["family", "table", "name", "handle", "packets", "bytes"])?;
                self.objects.push((object_name(names, name)?, Object::Counter(place)));
            }
            "chain" => {
                let [_, _, name, _, kind, hook, priority, policy] =
                    json.fields(["family", "table", "name", "handle", "type", "hook", "prio", "policy"])?;
                let name = object_name(names, name)?;
                let base = match (kind, hook, priority, policy) {
                    (None, None, None, None) => None,
                    (Some(kind), Some(hook), Some(priority), Some(policy)) => {
                        Some(base(kind, hook, priority, policy)?)
                    }
                    _ => return Err("half of a base chain".into()),
                };
                let chain = self.chain(name);
                chain.base = base;
                chain.place = place;
            }
            "rule" => {
                let [_, _, chain, _, parts] = json.fields(["family", "table", "chain", "handle", "expr"])?;
                let chain = object_name(names, chain)?;
                let Some(Json::List(parts)) = parts else {
                    return Err("a rule without a list of parts".into());
                };
                let parts = rule(parts, names)?;
                self.chain(chain).rules.push(Rule { place, parts });
            }
            _ => return Err(format!("a {kind}, which our tables do not have")),
        }
        Ok(())
    }

    fn chain(&mut self, name: Symbol) -> &mut Chain {
        let place = self.place;
        self.chains.entry(name).or_insert(Chain { place, base: None, rules: Vec::new() })
    }
}

fn base(
    kind: &Json<'_>,
    hook: &Json<'_>,
    priority: &Json<'_>,
    policy: &Json<'_>,
) -> Result<BaseChain, String> {
    let translates = kind.text() == Some("nat");
    if !translates && kind.text() != Some("filter") {
        return Err(format!("a chain of type {kind}"));
    }
    let hook =
        hook.text().and_then(|hook| HookPoint::named(hook.as_bytes())).ok_or("a hook that is not ours")?;
    let priority = match priority {
        Json::Number(number) => i32::try_from(*number).ok(),
        Json::Negative(number) => i32::try_from(*number).ok(),
        _ => None,
    };
    let priority = priority.ok_or("a priority that is no number")?;
    let accepts = match policy.text() {
        Some("accept") => true,
        Some("drop") => false,
        _ => return Err(format!("the policy {policy}")),
    };
    Ok(BaseChain { translates, hook, priority, accepts })
}

fn set(names: &mut Names, object: &SetObject<'_>, map: bool, place: Place) -> Result<Set, String> {
    let kinds = match &object.kind {
        Json::List(kinds) => &kinds[..],
        one => std::slice::from_ref(one),
    };
    // A listing does not say how wide an integer is; ours are IPv6 addresses.
    let named = |kind: &Json<'_>| match kind.text()? {
        "integer" => Some(Type::Integer(128)),
        kind => Type::named(kind.as_bytes()),
    };
    let fields: Option<Vec<Type>> = kinds.iter().map(named).collect();
    let fields = fields.filter(|fields| (1..=8).contains(&fields.len())).ok_or("a type that is not known")?;
    let data = match (map, object.map.as_ref().map(Json::text)) {
        (false, None) => DataType::Nothing,
        (true, Some(Some("mark"))) => DataType::Mark,
        (true, Some(Some("verdict"))) => DataType::Verdict,
        (true, Some(Some("inet_service"))) => DataType::Port,
        _ => return Err("a type of data that is not known".into()),
    };
    let interval = match &object.flags {
        None => false,
        Some(Json::List(flags)) if flags.iter().all(|flag| flag.text() == Some("interval")) => {
            !flags.is_empty()
        }
        Some(_) => return Err("flags that are not known".into()),
    };
    let mut set = Set { place, data, interval, elements: Elements::new(fields.len()), fields };
    if let Some(raw) = object.elem {
        let mut reader = serde_json::Deserializer::from_str(raw.get());
        let each = Each(|json: Json<'_>| element(names, &mut set, &json));
        each.deserialize(&mut reader).map_err(|error| {
            // The position that serde_json adds is that in the list, which nobody sees.
            let text = error.to_string();
            text.split(" at line ").next().unwrap_or_default().to_owned()
        })?;
    }
    Ok(set)
}

fn element(names: &mut Names, set: &mut Set, json: &Json<'_>) -> Result<(), String> {
    let (key, data) = match (set.data, json) {
        (DataType::Nothing, key) => (key, None),
        (_, Json::List(pair)) => match &pair[..] {
            [key, data] => (key, Some(data)),
            _ => return Err("an element that is no pair".into()),
        },
        _ => return Err(format!("{json} as the element of a map")),
    };
    let (key, comment) = match key.tagged() {
        Some(("elem", element)) => {
            let [value, comment] = element.fields(["val", "comment"])?;
            let comment =
                comment.map(|comment| comment.text().ok_or("a comment that is no text")).transpose()?;
            (value.ok_or("an element without a value")?, comment)
        }
        _ => (key, None),
    };
    let single = std::slice::from_ref(key);
    let values = match key.tagged() {
        Some(("concat", Json::List(values))) => &values[..],
        _ => single,
    };
    if values.len() != set.fields.len() {
        return Err("an element with another number of fields than its set".into());
    }
    for (value, kind) in values.iter().zip(&set.fields) {
        let range = range(value, *kind)?;
        if range.0 != range.1 && !set.interval {
            return Err("a range in a set of single values".into());
        }
        set.elements.field(range);
    }
    let data = match (set.data, data) {
        (DataType::Mark, Some(mark)) => Data::Mark(leaf(mark, Type::Mark)? as u32),
        (DataType::Verdict, Some(data)) => Data::Verdict(verdict(data, names)?),
        (DataType::Port, Some(port)) => Data::Port(leaf(port, Type::Port)? as u16),
        _ => Data::Nothing,
    };
    let comment = comment.map_or(Symbol::NONE, |comment| names.intern(comment));
    set.elements.finish(data, comment, set.place.line);
    Ok(())
}
