//! Records as devices.

use std::collections::{BTreeMap, BTreeSet};

use weir_syntax::{
    Diagnostic,
    diagnostic::{codes, did_you_mean},
};

use super::{
    cells,
    mapping::{Field, Mapping},
    records::{self, Records, Row},
};
use crate::{
    Extent, Fate, Imported, Input, Inventory, Item, Kind, Left, Place, Transport, Value, Vocabulary,
    csv::Cell,
    names::{Names, give_all, is_path, snake},
    tree::Reader,
};

/// Reads inventories, each a file of devices.
pub fn read(inputs: &[Input<'_>], mapping: &Mapping, vocabulary: &Vocabulary) -> Imported {
    let inventory = Inventory { format: "inventory", unit: "device", ..Inventory::default() };
    let mut import = Import {
        imported: Imported { inventory, ..Imported::default() },
        mapping,
        vocabulary,
        own: BTreeMap::new(),
        networks: BTreeSet::new(),
        named: Vec::new(),
        row: Place::default(),
    };
    for input in inputs {
        match records::read(input, mapping.separator) {
            Ok(records) => import.file(input, &records),
            Err(diagnostic) => import.imported.diagnostics.push(*diagnostic),
        }
    }
    import.finish()
}

struct Import<'m> {
    imported: Imported,
    mapping: &'m Mapping,
    vocabulary: &'m Vocabulary,
    /// Ports that no protocol of the library is known for, with where they were named first.
    own: BTreeMap<Transport, Place>,
    networks: BTreeSet<String>,
    /// What devices are called, to find names for them, and what else to call them.
    named: Vec<(String, String)>,
    /// Where the row is that is read.
    row: Place,
}

impl Import<'_> {
    fn file(&mut self, input: &Input<'_>, records: &Records) {
        let Some(columns) = self.columns(input, records) else { return };
        if !columns.iter().flatten().any(|field| matches!(field, Field::Name | Field::Address)) {
            let span = records.fields.first().map_or_else(Default::default, |field| field.span);
            let names: Vec<&str> = records.fields.iter().map(|field| field.text.as_str()).collect();
            self.imported.diagnostics.push(
                Diagnostic::new(&codes::E0422, "which column names the devices is not known")
                    .primary(input.file, span, "the first of its columns")
                    .note(format!("its columns: {}", names.join(", ")))
                    .help("say it in a mapping file: `columns: { name: … }`, and give that with `--mapping`"),
            );
            return;
        }
        for (field, of) in records.fields.iter().zip(&columns) {
            if of.is_none() && !field.text.is_empty() && !self.mapping.ignore.contains(&field.text) {
                let why = if Field::usual(&field.text).is_some() {
                    "another column says this of a device: map the right one under `columns`, or name this one under `ignore`"
                } else {
                    "nothing of a device is known by this name: map it under `columns`, or name it under `ignore`"
                };
                self.imported.inventory.remainder.push(Left {
                    place: Place { file: input.file, span: field.span },
                    extent: Extent::Beside,
                    what: format!("column `{}`", field.text),
                    why: why.into(),
                });
            }
        }
        let mut reader = Reader::new(input.file);
        for row in &records.rows {
            self.row(&mut reader, row, &columns);
        }
        self.imported.diagnostics.append(&mut reader.diagnostics);
    }

    /// What each column holds; nothing, if the mapping names one that is not there.
    fn columns(&mut self, input: &Input<'_>, records: &Records) -> Option<Vec<Option<Field>>> {
        let mut columns: Vec<Option<Field>> = vec![None; records.fields.len()];
        let mut whole = true;
        for (field, (column, place)) in &self.mapping.columns {
            if let Some(index) = records.fields.iter().position(|own| own.text == *column) {
                columns[index] = Some(*field);
                continue;
            }
            if !records.is_table && records.rows.is_empty() {
                continue;
            }
            let names = records.fields.iter().map(|own| own.text.as_str());
            let help = did_you_mean(column, names.clone())
                .unwrap_or_else(|| format!("its columns are {}", names.collect::<Vec<_>>().join(", ")));
            let header = records.fields.first().map_or_else(Default::default, |field| field.span);
            self.imported.diagnostics.push(
                Diagnostic::new(&codes::E0422, format!("the inventory has no column `{column}`"))
                    .primary(place.file, place.span, "mapped here")
                    .secondary(input.file, header, "its columns")
                    .help(help),
            );
            whole = false;
        }
        for usual in Field::all().filter(|usual| !self.mapping.columns.contains_key(usual)) {
            let free = records.fields.iter().enumerate().filter(|(index, field)| {
                columns[*index].is_none() && !self.mapping.ignore.contains(&field.text)
            });
            let ranked = free.filter_map(|(index, field)| Some((usual.rank(&field.text)?, index)));
            if let Some((_, index)) = ranked.min() {
                columns[index] = Some(usual);
            }
        }
        whole.then_some(columns)
    }

    fn row(&mut self, reader: &mut Reader, row: &Row, columns: &[Option<Field>]) {
        let of = |wanted: Field| {
            row.cells
                .iter()
                .find(|(index, _)| columns.get(*index) == Some(&Some(wanted)))
                .map(|(_, cell)| cell)
        };
        let place = Place { file: reader.file, span: row.span };
        let ledger = &mut self.imported.inventory.ledger;
        self.row = place;
        let Some(name) = of(Field::Name).or_else(|| of(Field::Address)) else {
            ledger.add(place, Fate::Left);
            self.imported.inventory.remainder.push(Left {
                place,
                extent: Extent::Record,
                what: "a device".into(),
                why: "it has neither a name nor an address".into(),
            });
            return;
        };
        ledger.add(place, Fate::Said);
        let mut item = Item::new(Kind::Device, String::new(), place);
        item.documentation.push(name.text.clone());
        self.named.push((
            name.text.clone(),
            of(Field::Location).map_or_else(String::new, |cell| cell.text.clone()),
        ));
        item.class = self.class(reader, of(Field::Class), &name.text);
        let mut addresses = self.addresses(reader, of(Field::Address), &name.text);
        addresses.extend(self.addresses(reader, of(Field::Address6), &name.text));
        if let Some(network) = self.network(reader, of(Field::Network), &addresses, &name.text) {
            self.networks.insert(network.clone());
            item.attributes.push(("network", Value::Word(network)));
        }
        let addresses: Vec<Value> = addresses.into_iter().map(Value::Address).collect();
        if !addresses.is_empty() {
            item.attributes.push(("address", Value::one_or_list(addresses)));
        }
        if let Some(cell) = of(Field::Mac) {
            match cells::mac(&cell.text) {
                Some(mac) => item.attributes.push(("mac", Value::Mac(mac))),
                None => reader.wrong(
                    cell.span,
                    format!("`{}` is no MAC address", cell.text),
                    "write six pairs of hexadecimal digits: `00:1b:1b:aa:00:01`",
                ),
            }
        }
        let served = of(Field::Serves).map_or_else(Vec::new, |cell| self.serves(reader, cell, &name.text));
        if !served.is_empty() {
            item.attributes.push(("serves", Value::List(served)));
        }
        let texts =
            [Field::Vendor, Field::Model, Field::Firmware, Field::Serial, Field::Location, Field::Owner];
        for field in texts {
            let text = of(field).map(|cell| Value::Text(cell.text.clone()));
            item.attributes.extend(text.map(|text| (field.attribute(), text)));
        }
        if let Some(cell) = of(Field::Criticality) {
            let mapped = self.mapping.criticality.get(&cell.text).cloned();
            let word = mapped.unwrap_or_else(|| cell.text.to_lowercase());
            if ["low", "medium", "high"].contains(&word.as_str()) {
                item.attributes.push(("criticality", Value::Word(word)));
            } else {
                let what = format!("criticality `{}` of `{}`", cell.text, name.text);
                let place = Place { file: reader.file, span: cell.span };
                self.left(place, what, "it is low, medium or high: map it under `criticality`");
            }
        }
        self.imported.inventory.items.push(item);
    }

    /// A part of the row.
    fn left(&mut self, place: Place, what: String, why: &str) {
        let extent = Extent::Part(self.row);
        self.imported.inventory.remainder.push(Left { place, extent, what, why: why.into() });
    }

    fn class(&mut self, reader: &Reader, cell: Option<&Cell>, device: &str) -> Option<String> {
        let class = match cell {
            None => self.mapping.default_class.clone(),
            Some(cell) => {
                let mapped = self.mapping.classes.get(&cell.text).cloned();
                let spelled =
                    |class: &&str| snake(class).replace('_', "") == snake(&cell.text).replace('_', "");
                let known = || self.vocabulary.classes().find(spelled).map(str::to_owned);
                let found = mapped.or_else(known);
                if found.is_none() {
                    let place = Place { file: reader.file, span: cell.span };
                    let what = format!("class `{}` of `{device}`", cell.text);
                    self.left(place, what, "no class is known by this name: map it under `classes`");
                }
                found.or_else(|| self.mapping.default_class.clone())
            }
        };
        if let Some(class) = &class {
            self.vocabulary.bring(&mut self.imported.inventory, class);
        }
        class
    }

    fn addresses(&mut self, reader: &mut Reader, cell: Option<&Cell>, device: &str) -> Vec<std::net::IpAddr> {
        let mut addresses = Vec::new();
        let Some(cell) = cell else { return addresses };
        let place = Place { file: reader.file, span: cell.span };
        for part in cell.text.split([',', ';', '|', '\n', ' ']).filter(|part| !part.is_empty()) {
            if ["dhcp", "n/a", "-", "none"].contains(&part.to_ascii_lowercase().as_str()) {
                let what = format!("address `{part}` of `{device}`");
                self.left(place, what, "no address is known: the device stands on its network without one");
                continue;
            }
            if cells::is_range(part) {
                let what = format!("the addresses `{part}` of `{device}`");
                self.left(place, what, "a device has single addresses: declare an array of such devices");
                continue;
            }
            match cells::address(part) {
                Some((address, has_length)) => {
                    if has_length {
                        let what = format!("the prefix length in `{part}` of `{device}`");
                        self.left(place, what, "it is its network's: declare the network with it");
                    }
                    addresses.push(address);
                }
                None => reader.wrong(
                    cell.span,
                    format!("`{part}` is no address"),
                    "write an IPv4 or IPv6 address, several with commas between; if it is another column's, map the columns",
                ),
            }
        }
        addresses
    }

    /// By the mapping's prefixes, by the column, or the mapping's own.
    fn network(
        &mut self,
        reader: &Reader,
        cell: Option<&Cell>,
        addresses: &[std::net::IpAddr],
        device: &str,
    ) -> Option<String> {
        let mapping = self.mapping;
        let by_address = addresses
            .first()
            .and_then(|address| mapping.subnets.iter().find(|(prefix, _)| prefix.contains(address)));
        if let Some((_, network)) = by_address {
            return Some(network.clone());
        }
        let Some(cell) = cell else { return mapping.default_network.clone() };
        let found = mapping.networks.get(&cell.text).cloned();
        let found = found.or_else(|| is_path(&cell.text).then(|| cell.text.clone()));
        if found.is_none() {
            let place = Place { file: reader.file, span: cell.span };
            let what = format!("network `{}` of `{device}`", cell.text);
            self.left(place, what, "it is no name in Weir: map it under `networks`, by name or by prefix");
        }
        found.or_else(|| mapping.default_network.clone())
    }

    fn serves(&mut self, reader: &Reader, cell: &Cell, device: &str) -> Vec<Value> {
        let mut served: Vec<Value> = Vec::new();
        let place = Place { file: reader.file, span: cell.span };
        for part in cells::parts(&cell.text) {
            let mapped = self.mapping.protocols.get(part).cloned();
            let name = mapped.or_else(|| self.usual(part));
            let transport = cells::transport(part).or_else(|| {
                part.parse().ok().filter(|port| *port > 0).map(|port| Transport::Tcp(port, port))
            });
            let name =
                name.or_else(|| transport.and_then(|port| self.vocabulary.of_port(port)).map(str::to_owned));
            let value = match (name, transport) {
                (Some(name), _) => {
                    self.vocabulary.bring(&mut self.imported.inventory, &name);
                    Value::Serves(name, None)
                }
                (None, Some(transport)) => {
                    self.own.entry(transport).or_insert(place);
                    Value::Serves(transport.to_string().replace('/', "_"), None)
                }
                (None, None) => {
                    let what = format!("protocol `{part}` of `{device}`");
                    self.left(place, what, "no protocol is known by this name: map it under `protocols`");
                    continue;
                }
            };
            if !served.contains(&value) {
                served.push(value);
            }
        }
        served
    }

    /// The protocol that a cell means: by its name, however its words are separated, or by that with `TCP` behind it.
    fn usual(&self, part: &str) -> Option<String> {
        let plain = snake(part).replace('_', "");
        let spelled = |wanted: &str| {
            let found = self.vocabulary.protocols().find(|name| name.replace('_', "") == wanted);
            found.map(str::to_owned)
        };
        spelled(&plain).or_else(|| spelled(plain.strip_suffix("tcp")?))
    }

    fn finish(mut self) -> Imported {
        let inventory = &mut self.imported.inventory;
        let mut names = Names::default();
        self.networks.iter().for_each(|name| names.reserve(name));
        self.vocabulary.protocols().for_each(|name| names.reserve(name));
        for transport in self.own.keys() {
            names.reserve(&transport.to_string().replace('/', "_"));
        }
        let wanted: Vec<(String, String)> =
            self.named.into_iter().map(|(name, place)| (name.clone(), format!("{place} {name}"))).collect();
        let given = give_all(&mut names, &wanted);
        for ((item, name), (called, _)) in inventory.items.iter_mut().zip(given).zip(wanted) {
            if name != called {
                item.attributes.insert(0, ("name", Value::Text(called)));
            }
            item.name = name;
        }
        for (transport, place) in self.own {
            let mut item = Item::new(Kind::Protocol, transport.to_string().replace('/', "_"), place);
            item.documentation
                .push("What is spoken there is not known: rename it, and say its operations".into());
            item.attributes.push(("transport", Value::Transport(transport)));
            inventory.items.push(item);
        }
        if !self.networks.is_empty() {
            let networks: Vec<&str> = self.networks.iter().map(String::as_str).collect();
            inventory.about.push(format!("Networks to declare beside: {}.", networks.join(", ")));
        }
        inventory.items.sort_by_key(|item| item.kind);
        inventory.remainder.sort_by_key(|left| left.place);
        self.imported
    }
}
