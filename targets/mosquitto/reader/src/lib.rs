//! Reads `mosquitto.conf` and `dynsec.json`, and says who may publish and receive what. It shares no code with the
//! emitter, and refuses what it does not know.

mod conf;
mod dynsec;

use std::net::IpAddr;

pub use weir_reading::Unread;

/// What a broker permits, at all of its listeners: clients show certificates, and are their common names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BrokerModel {
    /// By port, then address.
    pub listeners: Vec<Listener>,
    /// By common name.
    pub clients: Vec<Client>,
    /// Each message and subscription is logged.
    pub logs: bool,
}

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Listener {
    pub port: u16,
    /// Every address of the host, where it is none.
    pub address: Option<IpAddr>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Client {
    pub common_name: String,
    /// Its name in the package.
    pub name: String,
    /// By role.
    pub grants: Vec<Grant>,
}

/// What one role permits or refuses. A topic is permitted to a client if one of its grants permits it and none refuses.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Grant {
    /// The role: a statement's id, `/refuse` or a number behind it where it has parts.
    pub role: String,
    pub refuses: bool,
    /// Topic filters, sorted.
    pub publish: Vec<String>,
    /// Filters that subscriptions, and what is delivered, stay within; sorted.
    pub subscribe: Vec<String>,
}

/// Reads both files of a broker.
pub fn read(mosquitto_conf: &[u8], dynsec_json: &[u8]) -> Result<BrokerModel, Unread> {
    let conf = conf::read(mosquitto_conf)?;
    let clients = dynsec::read(dynsec_json)?;
    Ok(BrokerModel { listeners: conf.listeners, clients, logs: conf.logs })
}
