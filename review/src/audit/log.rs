//! Logs: Zeek's conn.log (tab-separated or JSON), the kernel's lines of nftables, and CSV. What is not understood is
//! counted and shown with its line, never dropped in silence.

use std::net::IpAddr;

use serde::Serialize;
use weir_compiler::plan::Transport;

/// One connection, or one packet, as it was seen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record {
    pub source: IpAddr,
    pub source_port: u16,
    pub destination: IpAddr,
    pub destination_port: u16,
    pub transport: Transport,
    /// Whether the log saw the connection's first packet, and so knows who began it.
    pub is_first_seen: bool,
}

/// A line that was not understood.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Problem {
    pub file: String,
    /// Counts from 1.
    pub line: usize,
    pub what: String,
}

/// What a file holds.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Log {
    pub records: Vec<Record>,
    /// The first of them.
    pub problems: Vec<Problem>,
    pub not_understood: u64,
    /// Lines of other protocols than IP, or about no connection.
    pub skipped: u64,
}

/// Problems of one file that are kept.
const KEPT: usize = 20;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Format {
    Zeek,
    Csv,
}

/// Columns by what they hold.
#[derive(Clone, Debug, Default)]
struct Columns {
    names: Vec<String>,
}

impl Columns {
    fn find(&self, names: &[&str]) -> Option<usize> {
        self.names.iter().position(|name| names.contains(&name.as_str()))
    }

    /// Whether some column is known: then it is a header, whatever it lacks.
    fn is_table(&self) -> bool {
        [SOURCE, DESTINATION, PROTOCOL].iter().any(|names| self.find(names).is_some())
    }
}

const SOURCE: &[&str] =
    &["id.orig_h", "source", "src", "src_ip", "srcip", "source_ip", "saddr", "source address"];
const SOURCE_PORT: &[&str] = &["id.orig_p", "source_port", "src_port", "sport", "srcport", "source port"];
const DESTINATION: &[&str] =
    &["id.resp_h", "destination", "dst", "dst_ip", "dstip", "destination_ip", "daddr", "destination address"];
const DESTINATION_PORT: &[&str] =
    &["id.resp_p", "destination_port", "dst_port", "dport", "dstport", "port", "destination port"];
const PROTOCOL: &[&str] = &["proto", "protocol", "transport", "ip_proto"];
const STATE: &[&str] = &["conn_state", "state"];
const HISTORY: &[&str] = &["history"];

/// Reads a file; its name is for messages.
pub fn read(file: &str, bytes: &[u8]) -> Log {
    let mut log = Log::default();
    let mut header: Option<(Format, Columns)> = None;
    // a table whose header lacks a column: that is said once
    let mut is_lost = false;
    let mut separator = '\t';
    for (index, line) in bytes.split(|byte| *byte == b'\n').enumerate() {
        let line = String::from_utf8_lossy(line);
        let line = line.trim_end_matches('\r').trim_start_matches('\u{feff}');
        if line.trim().is_empty() {
            continue;
        }
        let found = if let Some(directive) = line.strip_prefix('#') {
            if let Some(escaped) = directive.strip_prefix("separator ") {
                separator = unescaped(escaped);
            } else if let Some(fields) = directive.strip_prefix("fields") {
                let names = fields.trim_start_matches(separator).split(separator);
                let columns = Columns { names: names.map(|name| name.trim().to_owned()).collect() };
                header = match missing(&columns) {
                    None => Some((Format::Zeek, columns)),
                    Some(what) => {
                        log.problem(file, index, what);
                        None
                    }
                };
            }
            continue;
        } else if line.starts_with('{') {
            json(line)
        } else if line.contains("SRC=") && line.contains("DST=") {
            kernel(line)
        } else {
            match &header {
                Some((Format::Zeek, columns)) => {
                    let cells: Vec<String> = line.split(separator).map(str::to_owned).collect();
                    row(columns, &cells)
                }
                Some((Format::Csv, columns)) => row(columns, &cells(line)),
                None if is_lost => {
                    log.not_understood += 1;
                    continue;
                }
                None => {
                    let names: Vec<String> =
                        cells(line).iter().map(|name| name.trim().to_lowercase()).collect();
                    let columns = Columns { names };
                    match missing(&columns) {
                        None => {
                            header = Some((Format::Csv, columns));
                            continue;
                        }
                        Some(what) if columns.is_table() => {
                            is_lost = true;
                            Err(format!("{what}: no line below can be read"))
                        }
                        Some(what) => {
                            Err(format!("no line of a log that is known, and no header of CSV: {what}"))
                        }
                    }
                }
            }
        };
        match found {
            Ok(Some(record)) => log.records.push(record),
            Ok(None) => log.skipped += 1,
            Err(what) => log.problem(file, index, what),
        }
    }
    log
}

impl Log {
    fn problem(&mut self, file: &str, index: usize, what: String) {
        self.not_understood += 1;
        if self.problems.len() < KEPT {
            self.problems.push(Problem { file: file.to_owned(), line: index + 1, what });
        }
    }
}

fn missing(columns: &Columns) -> Option<String> {
    let needed = [
        ("source", SOURCE),
        ("destination", DESTINATION),
        ("protocol", PROTOCOL),
        ("destination's port", DESTINATION_PORT),
    ];
    let (what, names) = needed.into_iter().find(|(_, names)| columns.find(names).is_none())?;
    Some(format!("there is no column for the {what} (`{}`)", names.join("`, `")))
}

/// `\x09` is a tab.
fn unescaped(text: &str) -> char {
    let hex = text.trim().strip_prefix("\\x").and_then(|hex| u8::from_str_radix(hex, 16).ok());
    hex.map_or('\t', char::from)
}

/// Cells of CSV, by RFC 4180; semicolons too, as spreadsheets write them.
fn cells(line: &str) -> Vec<String> {
    let separator = if line.contains(',') {
        ','
    } else if line.contains(';') {
        ';'
    } else {
        '\t'
    };
    let mut cells = vec![String::new()];
    let mut quoted = false;
    let mut rest = line.chars().peekable();
    while let Some(character) = rest.next() {
        let Some(cell) = cells.last_mut() else { break };
        match character {
            '"' if quoted && rest.peek() == Some(&'"') => {
                rest.next();
                cell.push('"');
            }
            '"' => quoted = !quoted,
            _ if character == separator && !quoted => cells.push(String::new()),
            _ => cell.push(character),
        }
    }
    cells
}

type Found = Result<Option<Record>, String>;

fn row(columns: &Columns, cells: &[String]) -> Found {
    if cells.len() < columns.names.len() {
        return Err(format!(
            "{} where there are {} columns: cut off?",
            if cells.len() == 1 { "1 cell".to_owned() } else { format!("{} cells", cells.len()) },
            columns.names.len()
        ));
    }
    if cells.len() > columns.names.len() {
        return Err(format!(
            "{} cells where there are {} columns: a separator that is not quoted?",
            cells.len(),
            columns.names.len()
        ));
    }
    let cell = |names: &[&str]| columns.find(names).and_then(|at| cells.get(at)).map(|cell| cell.trim());
    record(&|names| cell(names).map(str::to_owned), cell(STATE).zip(cell(HISTORY)).is_some())
}

fn json(line: &str) -> Found {
    let object: serde_json::Map<String, serde_json::Value> =
        serde_json::from_str(line).map_err(|error| format!("no whole JSON object: {error}"))?;
    let cell = |names: &[&str]| {
        names.iter().find_map(|name| object.get(*name)).map(|value| match value {
            serde_json::Value::String(text) => text.clone(),
            other => other.to_string(),
        })
    };
    record(&cell, object.contains_key("conn_state"))
}

fn record(cell: &dyn Fn(&[&str]) -> Option<String>, is_zeek: bool) -> Found {
    let address = |names: &[&str], what: &str| -> Result<IpAddr, String> {
        let text = cell(names).ok_or_else(|| format!("no {what}"))?;
        text.parse().map_err(|_| format!("`{text}` is no address"))
    };
    let port = |names: &[&str]| -> Result<u16, String> {
        match cell(names).filter(|text| !text.is_empty() && text != "-") {
            None => Ok(0),
            Some(text) => text.parse().map_err(|_| format!("`{text}` is no port")),
        }
    };
    let protocol = cell(PROTOCOL).ok_or("no protocol")?;
    let Some(transport) = transport(&protocol)? else { return Ok(None) };
    let (source, destination) = (address(SOURCE, "source")?, address(DESTINATION, "destination")?);
    let (source_port, destination_port) = (port(SOURCE_PORT)?, port(DESTINATION_PORT)?);
    if transport != Transport::IcmpEcho && destination_port == 0 {
        return Err("no destination port".into());
    }
    // of ICMP, Zeek has the type where the port would be: only echo requests begin something
    if is_zeek && transport == Transport::IcmpEcho && !matches!(source_port, 8 | 128) {
        return Ok(None);
    }
    let history = cell(HISTORY).unwrap_or_default();
    let state = cell(STATE).unwrap_or_default();
    // `S` is the originator's SYN, `^` a connection that Zeek has turned around itself; `OTH` began before the log did
    let is_first_seen = is_zeek && state != "OTH" && (history.contains('S') || history.contains('^'));
    Ok(Some(Record { source, source_port, destination, destination_port, transport, is_first_seen }))
}

/// What is neither a transport of connections nor another protocol of IP, as logs call them, is a mistake.
fn transport(text: &str) -> Result<Option<Transport>, String> {
    const OTHERS: [&str; 16] = [
        "-",
        "ah",
        "egp",
        "eigrp",
        "esp",
        "gre",
        "igmp",
        "ipip",
        "ipv6",
        "l2tp",
        "ospf",
        "pim",
        "rsvp",
        "udplite",
        "unknown_transport",
        "vrrp",
    ];
    let word = text.to_ascii_lowercase();
    match word.as_str() {
        "tcp" | "6" => Ok(Some(Transport::Tcp)),
        "udp" | "17" => Ok(Some(Transport::Udp)),
        "sctp" | "132" => Ok(Some(Transport::Sctp)),
        "icmp" | "icmpv6" | "ipv6-icmp" | "1" | "58" => Ok(Some(Transport::IcmpEcho)),
        other if OTHERS.contains(&other) || other.parse::<u8>().is_ok() => Ok(None),
        _ => Err(format!("`{text}` is no protocol")),
    }
}

/// `… SRC=10.1.1.1 DST=10.2.2.2 … PROTO=TCP SPT=40000 DPT=502 … SYN …`
fn kernel(line: &str) -> Found {
    let field = |name: &str| {
        line.split_whitespace()
            .find_map(|word| word.strip_prefix(name).and_then(|rest| rest.strip_prefix('=')))
    };
    let cell = |names: &[&str]| {
        let name = match *names.first()? {
            "id.orig_h" => "SRC",
            "id.orig_p" => "SPT",
            "id.resp_h" => "DST",
            "id.resp_p" => "DPT",
            "proto" => "PROTO",
            _ => return None,
        };
        field(name).map(str::to_owned)
    };
    let is_echo = matches!(field("TYPE"), Some("8" | "128"));
    let is_icmp = field("PROTO").is_some_and(|word| word.to_ascii_lowercase().contains("icmp"));
    if is_icmp && !is_echo {
        return Ok(None);
    }
    let found = record(&cell, false)?;
    let words: Vec<&str> = line.split_whitespace().collect();
    let opens = words.contains(&"SYN") && !words.contains(&"ACK");
    Ok(found.map(|record| Record { is_first_seen: opens || is_icmp, ..record }))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    const ZEEK: &str = "#separator \\x09\n#path\tconn\n#fields\tts\tuid\tid.orig_h\tid.orig_p\tid.resp_h\tid.resp_p\tproto\tconn_state\thistory\n1.0\tC1\t10.2.0.10\t40000\t10.1.0.10\t4840\ttcp\tSF\tShADad\n2.0\tC2\t10.1.0.10\t4840\t10.2.0.10\t40001\ttcp\tOTH\tCc\n3.0\tC3\t10.1.0.10\t8\t10.2.0.10\t0\ticmp\tOTH\t-\n4.0\tC4\t10.1.0.10\n";

    #[test]
    fn zeek_in_both_forms() {
        let log = read("conn.log", ZEEK.as_bytes());
        assert_eq!(log.records.len(), 3);
        assert!(log.records[0].is_first_seen && !log.records[1].is_first_seen);
        assert_eq!(log.records[2].transport, Transport::IcmpEcho);
        assert_eq!((log.problems[0].line, log.not_understood), (7, 1));
        let line = r#"{"ts":1.0,"id.orig_h":"10.2.0.10","id.orig_p":40000,"id.resp_h":"fd00::1","id.resp_p":4840,"proto":"tcp","conn_state":"S0","history":"S"}"#;
        let log = read("conn.log", line.as_bytes());
        assert_eq!(log.records[0].destination, "fd00::1".parse::<IpAddr>().unwrap());
        assert!(log.records[0].is_first_seen);
        assert_eq!(read("conn.log", &line.as_bytes()[..60]).not_understood, 1);
    }

    #[test]
    fn kernel_lines_and_tables() {
        let line = "Nov 22 10:00:00 gw kernel: weir denied: IN=lan0 OUT=up0 SRC=10.1.0.10 DST=10.3.0.10 LEN=60 TTL=63 PROTO=TCP SPT=40000 DPT=443 WINDOW=64240 RES=0x00 SYN URGP=0\n";
        let log = read("kern.log", line.as_bytes());
        assert!(log.records[0].is_first_seen && log.records[0].destination_port == 443);
        let table = "\u{feff}Source;Destination;Protocol;Port\r\n10.1.0.10;10.2.0.10;tcp;443\r\n\"10.1.0.11\";10.2.0.10;udp;123\r\n10.1.0.11;pump;udp;123\r\n10.1.0.11;10.2.0.10;gre;\r\n";
        let log = read("flows.csv", table.as_bytes());
        assert_eq!((log.records.len(), log.not_understood, log.skipped), (2, 1, 1));
        assert!(log.problems[0].what.contains("`pump` is no address"));
        let log = read("flows.csv", b"when,who\n1,2\n");
        assert_eq!(log.records.len(), 0);
        assert!(log.problems[0].what.contains("no column for the source"), "{:?}", log.problems);
    }
}
