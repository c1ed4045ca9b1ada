//! `mosquitto.conf`: a strict reader of options, and the one shape in which every client shows a certificate.

use std::net::IpAddr;

use crate::{Listener, Unread};

pub(crate) struct Conf {
    pub(crate) listeners: Vec<Listener>,
    pub(crate) logs: bool,
}

fn unread(line: usize, what: impl Into<String>) -> Unread {
    Unread { file: "mosquitto.conf".into(), line: line as u32, what: what.into() }
}

/// Options in the order of the emitter's file would be too strict a reading; these have to be there, once, in any order.
#[derive(Default)]
struct Options<'t> {
    line: usize,
    list: Vec<(usize, &'t str, &'t str)>,
}

impl<'t> Options<'t> {
    fn all(&mut self, name: &str) -> Vec<(usize, &'t str)> {
        let (found, rest): (Vec<_>, Vec<_>) = self.list.drain(..).partition(|(_, one, _)| *one == name);
        self.list = rest;
        found.into_iter().map(|(line, _, value)| (line, value)).collect()
    }

    fn one(&mut self, name: &str) -> Result<&'t str, Unread> {
        match self.all(name).as_slice() {
            [(_, value)] => Ok(*value),
            [] => Err(unread(self.line, format!("`{name}` is missing"))),
            [_, (line, _), ..] => Err(unread(*line, format!("`{name}` again"))),
        }
    }

    fn exactly(&mut self, name: &str, value: &str) -> Result<(), Unread> {
        match self.one(name)? {
            found if found == value => Ok(()),
            found => Err(unread(self.line, format!("`{name}` is `{found}`, not `{value}`"))),
        }
    }

    fn end(&self) -> Result<(), Unread> {
        match self.list.first() {
            Some((line, name, _)) => Err(unread(*line, format!("`{name}` is not known here"))),
            None => Ok(()),
        }
    }
}

pub(crate) fn read(bytes: &[u8]) -> Result<Conf, Unread> {
    let text = std::str::from_utf8(bytes).map_err(|_| unread(0, "it is not UTF-8"))?;
    let mut blocks = vec![Options { line: 1, list: Vec::new() }];
    for (line, text) in (1..).zip(text.lines()) {
        // Mosquitto takes `#` at the start of a line only, and a line that begins with a space as it is
        if text.is_empty() || text.starts_with('#') {
            continue;
        }
        let (name, value) = text.split_once(' ').ok_or_else(|| unread(line, "an option without a value"))?;
        let plain = |byte: u8| byte.is_ascii_graphic() || byte == b' ';
        if value.is_empty() || value != value.trim() || !value.bytes().all(plain) {
            return Err(unread(line, format!("the value {value:?}")));
        }
        if name == "listener" {
            blocks.push(Options { line, list: Vec::new() });
        }
        if let Some(block) = blocks.last_mut() {
            block.list.push((line, name, value));
        }
    }
    let mut blocks = blocks.into_iter();
    let mut general = blocks.next().unwrap_or_default();
    general.exactly("per_listener_settings", "false")?;
    general.exactly("allow_anonymous", "false")?;
    general.exactly("persistence", "false")?;
    let plugin = general.one("plugin")?;
    if !plugin.starts_with('/') || !plugin.ends_with("/mosquitto_dynamic_security.so") {
        return Err(unread(1, format!("the plugin {plugin}")));
    }
    let home = general.one("plugin_opt_config_file")?;
    let home = home.strip_suffix("/dynsec.json").filter(|home| home.starts_with('/'));
    let home = home.ok_or_else(|| unread(1, "`plugin_opt_config_file` is not the broker's `dynsec.json`"))?;
    general.exactly("log_dest", "stderr")?;
    general.exactly("connection_messages", "true")?;
    let types: Vec<&str> = general.all("log_type").into_iter().map(|(_, value)| value).collect();
    let logs = match types.as_slice() {
        ["error", "warning", "notice"] => false,
        ["error", "warning", "notice", "subscribe", "unsubscribe", "debug"] => true,
        _ => return Err(unread(1, format!("the log types {types:?}"))),
    };
    general.end()?;
    let mut listeners = Vec::new();
    for mut block in blocks {
        let place = block.one("listener")?;
        let (port, address) = place.split_once(' ').map_or((place, None), |(port, rest)| (port, Some(rest)));
        let bad = || unread(block.line, format!("the listener {place:?}"));
        let port: u16 = port.parse().map_err(|_| bad())?;
        let address: Option<IpAddr> = address.map(str::parse).transpose().map_err(|_| bad())?;
        for (name, file) in [("cafile", "ca.crt"), ("certfile", "gateway.crt"), ("keyfile", "gateway.key")] {
            block.exactly(name, &format!("{home}/{file}"))?;
        }
        block.exactly("require_certificate", "true")?;
        block.exactly("use_identity_as_username", "true")?;
        block.exactly("use_username_as_clientid", "true")?;
        block.exactly("allow_zero_length_clientid", "true")?;
        block.exactly("tls_version", "tlsv1.3")?;
        block.end()?;
        listeners.push(Listener { port, address });
    }
    if listeners.is_empty() {
        return Err(unread(1, "no listener: Mosquitto would open one of its own"));
    }
    listeners.sort();
    if let Some(two) = listeners.windows(2).find(|two| two[0] == two[1]) {
        return Err(unread(1, format!("port {} again", two[0].port)));
    }
    Ok(Conf { listeners, logs })
}
