//! Who began a connection that a log saw from its middle on.

use weir_compiler::plan::{PortMatch, Transport};

use super::Record;

/// Ports that systems give to clients (RFC 6056 names 49152 on; Linux begins at 32768).
const CLIENT_PORTS: u16 = 32_768;

/// The record turned around, where its log may have the ends the wrong way: it says so, or it does not know; the port that it
/// takes for the server's is one of clients, the other is none, and policy permits that way and not this one.
/// `permits` is asked about a port of the record as it is, or (`true`) of the way back.
pub(super) fn turned(record: &Record, mut permits: impl FnMut(bool, PortMatch) -> bool) -> Option<Record> {
    if record.is_first_seen || record.transport == Transport::IcmpEcho || record.source_port == 0 {
        return None;
    }
    let looks_turned = record.destination_port >= CLIENT_PORTS && record.source_port < CLIENT_PORTS;
    if !looks_turned || permits(false, record.port()) {
        return None;
    }
    let back = Record {
        source: record.destination,
        destination: record.source,
        source_port: record.destination_port,
        destination_port: record.source_port,
        ..record.clone()
    };
    // a port below 1024 is no client's, whatever the policy says
    (permits(true, back.port()) || record.source_port < 1_024).then_some(back)
}
