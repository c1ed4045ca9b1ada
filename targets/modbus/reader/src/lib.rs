//! Reads `nginx.conf`, `policy.json` and `modbus.js` of a Modbus gateway, and says what they permit. It shares no code
//! with the emitter, and refuses what it does not know.

mod conf;
mod policy;

use std::{fmt::Write as _, net::IpAddr};

use sha2::{Digest, Sha256};

pub use weir_reading::Unread;

/// SHA-256 of the reviewed script: permit a request only if a permission of its client covers it, close the session else.
const SCRIPT: &str = "a26c4b50bf1cec5da5116832273b7b86548e2f5f0eda63ed40d43d48570a3a8e";

/// What a gateway permits.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GatewayModel {
    /// By port.
    pub listeners: Vec<Listener>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listener {
    pub port: u16,
    /// Sorted. Every address of the host, where it is empty.
    pub addresses: Vec<IpAddr>,
    /// Clients have to show certificates; else they are known by addresses, and `Identity::Addresses` is all there is.
    pub tls: bool,
    pub upstream: (IpAddr, u16),
    /// The DNS name in the destination's certificate, where it has to show one.
    pub upstream_name: Option<String>,
    /// Sorted by identity.
    pub clients: Vec<Client>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Client {
    pub identity: Identity,
    /// For logs.
    pub name: String,
    /// Tried one after the other.
    pub permissions: Vec<Permission>,
}

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Identity {
    /// The only URI in the certificate.
    Uri(String),
    Dns(String),
    CommonName(String),
    /// First and last address; IPv4 below 2^32.
    V4(u32, u32),
    V6(u128, u128),
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Permission {
    pub statement: String,
    /// Every request of a known form, where it is none.
    pub permit: Option<Vec<Match>>,
    pub refuse: Vec<Match>,
    /// So many in any interval of so many seconds, over all clients of the statement.
    pub limit: Option<(u32, u32)>,
    /// Seconds since 1970-01-01T00:00Z.
    pub until: Option<i64>,
    pub log: bool,
    pub audit: bool,
}

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Match {
    pub functions: Vec<u16>,
    pub items: Option<(u16, u16)>,
    pub value: Option<u16>,
}

/// Reads the three files of a gateway.
pub fn read(nginx_conf: &[u8], policy_json: &[u8], modbus_js: &[u8]) -> Result<GatewayModel, Unread> {
    let mut digest = String::new();
    for byte in Sha256::digest(modbus_js) {
        // writing into a String does not fail
        let _ = write!(digest, "{byte:02x}");
    }
    if digest != SCRIPT {
        let what = format!("not the reviewed script: its SHA-256 is {digest}");
        return Err(Unread { file: "modbus.js".into(), line: 0, what });
    }
    let servers = conf::read(nginx_conf)?;
    let mut ports = policy::read(policy_json)?;
    let mut listeners = Vec::new();
    for server in servers {
        // a port without a policy lets nobody in
        let port = ports.remove(&server.port).unwrap_or_default();
        if port.by_address == server.tls && !port.clients.is_empty() {
            let what = format!("port {} asks for certificates in one file and not in the other", server.port);
            return Err(Unread { file: "policy.json".into(), line: 0, what });
        }
        listeners.push(Listener {
            port: server.port,
            addresses: server.addresses,
            tls: server.tls,
            upstream: server.upstream,
            upstream_name: server.upstream_name,
            clients: port.clients,
        });
    }
    if let Some((port, _)) = ports.into_iter().next() {
        let what = format!("nobody listens on port {port}");
        return Err(Unread { file: "policy.json".into(), line: 0, what });
    }
    listeners.sort_by_key(|listener| listener.port);
    Ok(GatewayModel { listeners })
}
