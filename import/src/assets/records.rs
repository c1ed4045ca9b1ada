//! Records of tables (CSV) and of lists (JSON, YAML), in one shape.

use weir_syntax::{Diagnostic, Span, diagnostic::codes};

use crate::{
    Input,
    csv::{self, Cell},
    json,
    tree::{Node, Value},
    yaml,
};

/// Named fields, and records of them. An empty text is a field that is not there.
#[derive(Debug, Default)]
pub(super) struct Records {
    /// Its fields are named once for all; records of lists leave out what they do not have.
    pub(super) is_table: bool,
    pub(super) fields: Vec<Cell>,
    pub(super) rows: Vec<Row>,
}

#[derive(Debug)]
pub(super) struct Row {
    pub(super) span: Span,
    /// Index of the field, and what it holds.
    pub(super) cells: Vec<(usize, Cell)>,
}

pub(super) fn read(input: &Input<'_>, separator: Option<u8>) -> Result<Records, Box<Diagnostic>> {
    let extension = input.path.rsplit('.').next().unwrap_or_default().to_ascii_lowercase();
    match extension.as_str() {
        "json" => records(input, &json::document(input.file, input.text)?),
        "yaml" | "yml" => match yaml::documents(input.file, input.text)?.as_slice() {
            [document] => records(input, document),
            several => Err(refuse(
                input,
                several.get(1).map_or(Span::default(), |second| second.span),
                format!("the file has {} documents", several.len()),
                "an inventory is one list of devices",
            )),
        },
        _ => {
            let table = csv::table(input.file, input.text, separator)?;
            let rows = table.rows.into_iter().map(|row| Row {
                span: row.first().map_or(Span::default(), |cell| cell.span),
                cells: row.into_iter().enumerate().filter(|(_, cell)| !cell.text.is_empty()).collect(),
            });
            let rows = rows.collect();
            Ok(Records { is_table: true, fields: table.header, rows })
        }
    }
}

fn refuse(input: &Input<'_>, span: Span, message: String, help: &str) -> Box<Diagnostic> {
    let diagnostic = Diagnostic::new(&codes::E0416, message).primary(input.file, span, "not as it has to be");
    Box::new(diagnostic.help(help))
}

/// A list of maps, or a map that holds one such list: `{"assets": [{"name": …}]}`.
fn records(input: &Input<'_>, document: &Node) -> Result<Records, Box<Diagnostic>> {
    let mut lists = document.entries().iter().filter(|(_, node)| matches!(node.value, Value::List(_)));
    let list = match (&document.value, lists.next(), lists.next()) {
        (Value::List(list), ..) => list,
        (_, Some((_, Node { value: Value::List(list), .. })), None) => list,
        _ => {
            let span = document.entries().first().map_or(document.span, |(key, _)| key.span);
            let help = "write a list of devices, or a map with one list in it";
            return Err(refuse(input, span, "this is no list of devices".into(), help));
        }
    };
    let mut records = Records::default();
    for node in list {
        let Value::Map(_) = node.value else {
            let help = "write a map from the names of fields to their values";
            let message = format!("a device is a map, and not {}", node.what());
            return Err(refuse(input, node.span, message, help));
        };
        let mut cells = Vec::new();
        flatten(input, node, "", &mut records.fields, &mut cells);
        let span = node.entries().first().map_or(node.span, |(key, _)| key.span);
        records.rows.push(Row { span, cells });
    }
    Ok(records)
}

/// Fields of inner maps are called `outer.inner`; lists of plain values are joined by commas.
fn flatten(
    input: &Input<'_>,
    node: &Node,
    prefix: &str,
    fields: &mut Vec<Cell>,
    cells: &mut Vec<(usize, Cell)>,
) {
    for (key, value) in node.entries() {
        let name = if prefix.is_empty() { key.text.clone() } else { format!("{prefix}.{}", key.text) };
        let text = match &value.value {
            Value::Map(_) => {
                flatten(input, value, &name, fields, cells);
                continue;
            }
            Value::List(list) => list.iter().map(|item| plain(input, item)).collect::<Vec<_>>().join(", "),
            _ => plain(input, value),
        };
        if text.is_empty() {
            continue;
        }
        let index = fields.iter().position(|field| field.text == name).unwrap_or_else(|| {
            fields.push(Cell { text: name, span: key.span });
            fields.len() - 1
        });
        cells.push((index, Cell { text, span: value.span }));
    }
}

/// A plain value as it is written; of numbers, so that `2.10` stays what it is.
fn plain(input: &Input<'_>, node: &Node) -> String {
    match &node.value {
        Value::Null => String::new(),
        Value::Text(text) => text.trim().to_owned(),
        _ => node.span.of(input.text).trim().to_owned(),
    }
}
