//! `isolation.json`: what it claims of slices and of the ways between them.

use ipnet::IpNet;

use crate::{Unread, decode::At};

/// All lists but those of the text itself are sorted.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Isolation {
    pub core: String,
    pub product: String,
    pub slices: Vec<IsolationSlice>,
    /// Every ordered pair, a slice with itself among them.
    pub pairs: Vec<IsolationPair>,
}

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct IsolationSlice {
    pub slice: String,
    pub s_nssai: String,
    pub data_network: String,
    pub pools: Vec<IpNet>,
    /// The gateway, as the package names it.
    pub user_plane: String,
    pub interface: String,
    pub dedicated: bool,
    pub exclusive_with: Vec<String>,
    pub subscriptions: u64,
}

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct IsolationPair {
    pub from: String,
    pub to: String,
    /// Ids of statements.
    pub permitted_by: Vec<String>,
    /// Packet filters.
    pub enforced_at: Vec<String>,
    pub risks: Vec<Risk>,
}

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Risk {
    pub kind: RiskKind,
    pub devices: u64,
    pub accepted: Option<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum RiskKind {
    /// UEs of one pool reach each other inside of the user plane.
    Hairpin,
    /// The user plane's host forwards and filters nothing.
    UnfilteredUserPlane,
    /// One process has the sessions of both.
    SharedUserPlane,
    /// Devices with sessions in both.
    DeviceInBoth,
}

const KINDS: [(&str, RiskKind); 4] = [
    ("hairpin", RiskKind::Hairpin),
    ("unfiltered_user_plane", RiskKind::UnfilteredUserPlane),
    ("shared_user_plane", RiskKind::SharedUserPlane),
    ("device_in_both", RiskKind::DeviceInBoth),
];

pub(crate) fn read(root: At<'_>) -> Result<Isolation, Unread> {
    let fields = root.fields()?;
    let mut found = Isolation {
        core: fields.need("core")?.text()?.to_owned(),
        product: fields.need("product")?.text()?.to_owned(),
        slices: fields.need("slices")?.list()?.map(slice).collect::<Result<_, _>>()?,
        pairs: fields.need("pairs")?.list()?.map(pair).collect::<Result<_, _>>()?,
    };
    fields.done()?;
    found.slices.sort();
    found.pairs.sort();
    Ok(found)
}

fn sorted(list: At<'_>) -> Result<Vec<String>, Unread> {
    let mut texts = list.texts()?;
    texts.sort();
    Ok(texts)
}

fn slice(at: At<'_>) -> Result<IsolationSlice, Unread> {
    let fields = at.fields()?;
    let text = |name: &str| Ok(fields.need(name)?.text()?.to_owned());
    let mut pools: Vec<IpNet> =
        fields.need("pools")?.list()?.map(At::any_subnet).collect::<Result<_, _>>()?;
    pools.sort_unstable();
    let found = IsolationSlice {
        slice: text("slice")?,
        s_nssai: text("s_nssai")?,
        data_network: text("dnn")?,
        pools,
        user_plane: text("user_plane")?,
        interface: text("interface")?,
        dedicated: fields.need("dedicated")?.boolean()?,
        exclusive_with: sorted(fields.need("exclusive_with")?)?,
        subscriptions: fields.need("subscriptions")?.number()?,
    };
    fields.done()?;
    Ok(found)
}

fn pair(at: At<'_>) -> Result<IsolationPair, Unread> {
    let fields = at.fields()?;
    let mut risks: Vec<Risk> = fields.need("residual_risks")?.list()?.map(risk).collect::<Result<_, _>>()?;
    risks.sort();
    let found = IsolationPair {
        from: fields.need("from")?.text()?.to_owned(),
        to: fields.need("to")?.text()?.to_owned(),
        permitted_by: sorted(fields.need("permitted_by")?)?,
        enforced_at: sorted(fields.need("enforced_at")?)?,
        risks,
    };
    fields.done()?;
    Ok(found)
}

fn risk(at: At<'_>) -> Result<Risk, Unread> {
    let fields = at.fields()?;
    // the same in words, for people
    fields.need("what")?.text()?;
    let accepted = fields.need("accepted")?;
    let found = Risk {
        kind: fields.need("kind")?.word(&KINDS)?,
        devices: fields.need("devices")?.number()?,
        accepted: if accepted.is_null() { None } else { Some(accepted.text()?.to_owned()) },
    };
    fields.done()?;
    Ok(found)
}
