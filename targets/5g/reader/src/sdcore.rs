//! SD-Core: what its configuration service makes of device groups and slices.

use std::net::{IpAddr, Ipv4Addr};

use ipnet::Ipv4Net;

use crate::{
    Unread,
    compare::RuleQuality,
    decode::{At, Fields, hexadecimal, with},
    values::{Quality, SliceKey, scaled},
};

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Core {
    pub groups: Vec<DeviceGroup>,
    pub slices: Vec<Slice>,
    /// `spec-compliant-sdf`: ports are looked for at the endpoint, and not at the UE.
    pub ports_at_the_endpoint: bool,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeviceGroup {
    /// By its file: the name that it is posted under.
    pub name: String,
    pub imsis: Vec<String>,
    pub data_network: String,
    pub pool: Ipv4Net,
    /// What its UEs ask for names.
    pub names: IpAddr,
    pub quality: Quality,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Slice {
    pub file: String,
    pub key: SliceKey,
    pub groups: Vec<String>,
    pub plmn: (String, String),
    pub tracking: Vec<u32>,
    pub upf: String,
    /// As they are judged: the smallest priority first.
    pub rules: Vec<Rule>,
}

/// One filter rule, as the core takes it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rule {
    pub priority: u64,
    pub permits: bool,
    pub first: Ipv4Addr,
    pub last: Ipv4Addr,
    /// Nothing is any protocol.
    pub protocol: Option<u8>,
    pub ports: (u16, u16),
    pub quality: RuleQuality,
}

const ANY: (u16, u16) = (0, u16::MAX);

impl Core {
    /// Reads files by path in the tree, path below `sdcore/`, and text.
    pub fn read(files: &[(&str, &str, &str)]) -> Result<Self, Unread> {
        let mut core = Self::default();
        for (path, name, text) in files {
            match name.split_once('/') {
                Some(("device-group", file)) if file.strip_suffix(".json").is_some() => {
                    let name = file.strip_suffix(".json").unwrap_or(file);
                    core.groups.push(with(path, text, |root| group(root, name))?);
                }
                Some(("network-slice", file)) if file.strip_suffix(".json").is_some() => {
                    core.slices.push(with(path, text, slice)?);
                }
                None if *name == "webui.yaml" => {
                    core.ports_at_the_endpoint = with(path, text, |root| {
                        let file = root.fields()?;
                        let configuration = file.need("configuration")?.fields()?;
                        let compliant = configuration.need("spec-compliant-sdf")?.boolean()?;
                        configuration.done()?;
                        file.done()?;
                        Ok(compliant)
                    })?;
                }
                _ => {
                    let what = "belongs to no object".into();
                    return Err(Unread { file: (*path).to_owned(), line: 0, what });
                }
            }
        }
        Ok(core)
    }
}

impl Slice {
    /// What the filter lets pass, as rules that permit; before the first that takes all, whatever it does.
    ///
    /// # Errors
    /// A rule that refuses a part only: what is behind it would have to be cut, and nothing writes such rules.
    pub fn permitted(&self) -> Result<Vec<Rule>, String> {
        if self.rules.is_empty() {
            // the service adds one that permits everything, and pushes other slices' sessions out
            return Ok(vec![everything(true)]);
        }
        let mut permitted = Vec::new();
        for rule in &self.rules {
            let all =
                rule.first.is_unspecified() && rule.last == Ipv4Addr::BROADCAST && rule.protocol.is_none();
            match (rule.permits, all) {
                (false, true) => return Ok(permitted),
                (true, true) => {
                    permitted.push(rule.clone());
                    return Ok(permitted);
                }
                (false, false) => return Err("a rule refuses a part of what follows".into()),
                (true, false) => permitted.push(rule.clone()),
            }
        }
        Err("no rule takes the rest".into())
    }
}

fn everything(permits: bool) -> Rule {
    Rule {
        priority: 0,
        permits,
        first: Ipv4Addr::UNSPECIFIED,
        last: Ipv4Addr::BROADCAST,
        protocol: None,
        ports: ANY,
        quality: RuleQuality::default(),
    }
}

fn group(root: At<'_>, name: &str) -> Result<DeviceGroup, Unread> {
    let fields = root.fields()?;
    let imsis =
        fields.need("imsis")?.list()?.map(|at| at.text().map(str::to_owned)).collect::<Result<_, _>>()?;
    fields.need("site-info")?.text()?;
    fields.need("ip-domain-name")?.text()?;
    let domain = fields.need("ip-domains")?.only()?.fields()?;
    let data_network = domain.need("dnn")?.text()?.to_owned();
    let pool = domain.need("ue-ip-pool")?.subnet()?;
    let names = domain.need("dns-primary")?.any_address()?;
    domain.need("mtu")?.number()?;
    let qos = domain.need("ue-dnn-qos")?.fields()?;
    let unit = unit(qos.need("bitrate-unit")?)?;
    let rate = |name: &str| -> Result<u64, Unread> {
        let at = qos.need(name)?;
        match scaled(at.number()?, unit).filter(|rate| *rate <= u64::from(i32::MAX as u32)) {
            Some(rate) => Ok(rate),
            None => at.wrong("is more than the core keeps"),
        }
    };
    let (uplink, downlink) = (rate("dnn-mbr-uplink")?, rate("dnn-mbr-downlink")?);
    let (five_qi, priority) = class(qos.need("traffic-class")?)?;
    qos.done()?;
    domain.done()?;
    fields.done()?;
    Ok(DeviceGroup {
        name: name.to_owned(),
        imsis,
        data_network,
        pool,
        names,
        // it knows no more of a priority than its level
        quality: Quality { five_qi, priority, preemptable: false, uplink, downlink },
    })
}

fn unit(at: At<'_>) -> Result<usize, Unread> {
    match at.text()? {
        "bps" => Ok(0),
        "Kbps" => Ok(1),
        "Mbps" => Ok(2),
        "Gbps" => Ok(3),
        other => at.wrong(format!("`{other}` is no unit")),
    }
}

fn class(at: At<'_>) -> Result<(u8, u8), Unread> {
    let fields = at.fields()?;
    fields.need("name")?.text()?;
    let found = (fields.need("qci")?.small()?, fields.need("arp")?.small()?);
    fields.need("pdb")?.number()?;
    fields.need("pelr")?.number()?;
    fields.done()?;
    Ok(found)
}

fn slice(root: At<'_>) -> Result<Slice, Unread> {
    let fields = root.fields()?;
    let id = fields.need("slice-id")?.fields()?;
    let sst = id.need("sst")?;
    let number = match sst.text()?.parse::<u8>() {
        Ok(number) if number > 0 && sst.text()? == number.to_string() => number,
        _ => return sst.wrong("an SST is a text of decimal digits here"),
    };
    let sd = id.need("sd")?;
    let sd = if sd.text()?.is_empty() { None } else { Some(hexadecimal(sd)?) };
    id.done()?;
    let groups = fields
        .need("site-device-group")?
        .list()?
        .map(|at| at.text().map(str::to_owned))
        .collect::<Result<_, _>>()?;
    let site = fields.need("site-info")?.fields()?;
    site.need("site-name")?.text()?;
    let plmn = site.need("plmn")?.fields()?;
    let network = (plmn.need("mcc")?.text()?.to_owned(), plmn.need("mnc")?.text()?.to_owned());
    plmn.done()?;
    let mut tracking = Vec::new();
    for radio in site.need("gNodeBs")?.list()? {
        let radio = radio.fields()?;
        radio.need("name")?.text()?;
        let tac = radio.need("tac")?;
        match u32::try_from(tac.number()?) {
            Ok(number) if (1..1 << 24).contains(&number) => tracking.push(number),
            _ => return tac.wrong("a tracking area code is 1 to 16777215 here"),
        }
        radio.done()?;
    }
    tracking.sort_unstable();
    tracking.dedup();
    let upf = site.need("upf")?.fields()?;
    let name = upf.need("upf-name")?.text()?.to_owned();
    upf.need("upf-port")?.expect("8805")?;
    upf.done()?;
    site.done()?;
    let mut rules: Vec<Rule> =
        fields.need("application-filtering-rules")?.list()?.map(rule).collect::<Result<_, _>>()?;
    rules.sort_by_key(|rule| rule.priority);
    fields.done()?;
    Ok(Slice {
        file: root.file.to_owned(),
        key: SliceKey::new(number, sd),
        groups,
        plmn: network,
        tracking,
        upf: name,
        rules,
    })
}

fn rule(at: At<'_>) -> Result<Rule, Unread> {
    let fields = at.fields()?;
    fields.need("rule-name")?.text()?;
    // anything else permits
    let permits = fields.need("action")?.text()? != "deny";
    let endpoint = fields.need("endpoint")?;
    let net = endpoint.subnet()?;
    let ends = if endpoint.text()?.starts_with("0.0.0.0") {
        (Ipv4Addr::UNSPECIFIED, Ipv4Addr::BROADCAST)
    } else {
        (net.network(), net.broadcast())
    };
    let protocol = fields.get("protocol").map(At::small).transpose()?;
    let ports = ports(&fields)?;
    let (protocol, ports) = match protocol {
        Some(known @ (6 | 17)) => (Some(known), ports),
        // of others it drops the ports, and makes it any protocol
        _ => (None, ANY),
    };
    let (five_qi, arp) = class(fields.need("traffic-class")?)?;
    let unit = fields.get("bitrate-unit").map(unit).transpose()?;
    let rate = |name: &str| -> Result<Option<u64>, Unread> {
        let Some(at) = fields.get(name) else { return Ok(None) };
        let rate = unit.and_then(|unit| at.number().ok().and_then(|value| scaled(value, unit)));
        match rate.filter(|rate| i32::try_from(*rate).is_ok()) {
            Some(rate) => Ok(Some(rate)),
            None => at.wrong("is more than the core keeps, or has no unit"),
        }
    };
    let maximum = rate("app-mbr-uplink")?;
    if rate("app-mbr-downlink")? != maximum {
        return at.wrong("both directions have the same rate");
    }
    let quality = RuleQuality { five_qi, priority: arp, maximum };
    let priority = fields.need("priority")?.number()?;
    fields.done()?;
    Ok(Rule { priority, permits, first: ends.0, last: ends.1, protocol, ports, quality })
}

fn ports(fields: &Fields<'_>) -> Result<(u16, u16), Unread> {
    let port = |name: &str| -> Result<Option<u16>, Unread> {
        let Some(at) = fields.get(name) else { return Ok(None) };
        match u16::try_from(at.number()?) {
            Ok(port) => Ok(Some(port)),
            Err(_) => at.wrong("a port has 16 bits"),
        }
    };
    match (port("dest-port-start")?, port("dest-port-end")?) {
        (Some(first), Some(last)) if first <= last => Ok((first, last)),
        (None, None) => Ok(ANY),
        _ => fields.at.wrong("ports are a range"),
    }
}
