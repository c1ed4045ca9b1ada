//! Reads the files of Open5GS's functions. Keys that its parsers do not know are refused here, for there they are a warning.

use std::net::{IpAddr, Ipv4Addr};

use ipnet::IpNet;

use super::{Core, Info, Smf, Subnet, Upf};
use crate::{
    Unread,
    decode::{At, Fields, with},
    values::Protection,
};

/// All of a unit but its name and addresses: nobody gives the interface further addresses, and a packet that comes in by it
/// has to have a source that is reached by it.
const UNIT: [&str; 6] = [
    "[Match]",
    "[Network]",
    "LinkLocalAddressing=no",
    "IPv6AcceptRA=no",
    "ConfigureWithoutCarrier=yes",
    "IPv4ReversePathFilter=strict",
];

impl Core {
    /// Reads files by path in the tree, path below `open5gs/`, and text.
    pub fn read(files: &[(&str, &str, &str)]) -> Result<Self, Unread> {
        let mut core = Self::default();
        for (path, name, text) in files {
            let parts: Vec<&str> = name.split('/').collect();
            match parts.as_slice() {
                ["nrf.yaml"] => with(path, text, |root| core.nrf(root))?,
                ["nssf.yaml"] => with(path, text, |root| core.nssf(root))?,
                ["amf.yaml"] => with(path, text, |root| core.amf(root))?,
                ["pcf.yaml"] => with(path, text, |root| core.pcf(root))?,
                ["subscribers.json"] => with(path, text, |root| core.subscribers(root))?,
                ["keys.json"] => with(path, text, |root| core.keys(root))?,
                ["slices", _, "smf.yaml"] => with(path, text, |root| core.smf(root))?,
                ["user-planes", gateway, "upf.yaml"] => with(path, text, |root| core.upf(root, gateway))?,
                ["user-planes", gateway, unit] if unit.ends_with(".network") => {
                    core.network(path, gateway, text)?;
                }
                _ => {
                    let what = "belongs to no function".into();
                    return Err(Unread { file: (*path).to_owned(), line: 0, what });
                }
            }
        }
        core.index()?;
        Ok(core)
    }

    fn index(&mut self) -> Result<(), Unread> {
        for (at, subscription) in self.subscriptions.iter().enumerate() {
            if self.index.subscriptions.insert(subscription.imsi.clone(), at).is_some() {
                let what = format!("{} is there twice", subscription.imsi);
                return Err(Unread { file: "open5gs/subscribers.json".into(), line: 0, what });
            }
        }
        for (at, policy) in self.policies.iter().enumerate() {
            self.index.ranges.extend(policy.ranges.iter().map(|(first, last)| (*first, *last, at)));
        }
        self.index.ranges.sort_unstable();
        self.index.ranges_overlap = self.index.ranges.windows(2).any(|pair| pair[1].0 <= pair[0].1);
        Ok(())
    }

    fn nssf(&mut self, root: At<'_>) -> Result<(), Unread> {
        let nssf = section(root, "nssf")?;
        let sbi = nssf.need("sbi")?.fields()?;
        if servers(&sbi, true)?.len() != 1 {
            return root.wrong("a function listens at one address");
        }
        let client = sbi.need("client")?.fields()?;
        self.uris(client.need("nrf")?)?;
        for instance in client.need("nsi")?.list()? {
            let instance = instance.fields()?;
            let uri = instance.need("uri")?.text()?.to_owned();
            self.clients.push((root.file.to_owned(), uri));
            let slice = instance.need("s_nssai")?.fields()?;
            self.instances.push(slice.slice()?);
            slice.done()?;
            instance.done()?;
        }
        client.done()?;
        sbi.done()?;
        nssf.done()
    }

    fn amf(&mut self, root: At<'_>) -> Result<(), Unread> {
        let amf = section(root, "amf")?;
        let own = self.sbi(&amf)?;
        let ngap = amf.need("ngap")?.fields()?;
        self.radio_side = servers(&ngap, false)?;
        if self.radio_side != [own] {
            return root.wrong("`ngap` listens elsewhere than `sbi`");
        }
        ngap.done()?;
        let guami = amf.need("guami")?.only()?.fields()?;
        self.plmn(guami.need("plmn_id")?)?;
        let id = guami.need("amf_id")?.fields()?;
        id.need("region")?.number()?;
        id.need("set")?.number()?;
        id.done()?;
        guami.done()?;
        for tai in amf.need("tai")?.list()? {
            let tai = tai.fields()?;
            self.plmn(tai.need("plmn_id")?)?;
            let tracking = tracking(tai.need("tac")?)?;
            self.tracking.extend(tracking);
            tai.done()?;
        }
        for support in amf.need("plmn_support")?.list()? {
            let support = support.fields()?;
            self.plmn(support.need("plmn_id")?)?;
            for slice in support.need("s_nssai")?.list()? {
                let slice = slice.fields()?;
                self.slices.push(slice.slice()?);
                slice.done()?;
            }
            support.done()?;
        }
        let security = amf.need("security")?.fields()?;
        // without any of its own, an AMF has the null algorithms first
        for (order, known) in
            [("integrity_order", ["NIA1", "NIA2", "NIA3"]), ("ciphering_order", ["NEA1", "NEA2", "NEA3"])]
        {
            let list = security.need(order)?;
            if list.list()?.len() == 0 {
                return list.wrong("nothing protects");
            }
            for algorithm in list.list()? {
                algorithm.word(&known.map(|word| (word, ())))?;
            }
        }
        security.done()?;
        amf.need("amf_name")?.text()?;
        let time = amf.need("time")?.fields()?;
        let timer = time.need("t3512")?.fields()?;
        timer.need("value")?.number()?;
        timer.done()?;
        time.done()?;
        amf.done()
    }

    fn smf(&mut self, root: At<'_>) -> Result<(), Unread> {
        let smf = section(root, "smf")?;
        let sbi = self.sbi(&smf)?;
        let pfcp = smf.need("pfcp")?.fields()?;
        let own = servers(&pfcp, false)?;
        if own != [sbi] {
            return root.wrong("`pfcp` listens elsewhere than `sbi`");
        }
        let client = pfcp.need("client")?.fields()?;
        let mut upfs = Vec::new();
        for upf in client.need("upf")?.list()? {
            let upf = upf.fields()?;
            let data_network = upf.get("dnn").map(At::text).transpose()?.map(str::to_owned);
            upfs.push((upf.need("address")?.address()?, data_network));
            upf.done()?;
        }
        client.done()?;
        pfcp.done()?;
        for name in ["gtpc", "gtpu"] {
            let interface = smf.need(name)?.fields()?;
            if servers(&interface, false)? != own {
                return root.wrong(format!("`{name}` listens elsewhere than `pfcp`"));
            }
            interface.done()?;
        }
        let subnets = smf.need("session")?.list()?.map(subnet).collect::<Result<_, _>>()?;
        let names = smf.need("dns")?.only()?.any_address()?;
        smf.need("mtu")?.number()?;
        let info = smf.get("info").map(|info| self.info(info)).transpose()?;
        let security = smf.need("security_indication")?.fields()?;
        let words = [
            ("required", Protection::Required),
            ("preferred", Protection::Preferred),
            ("not-needed", Protection::NotNeeded),
        ];
        let integrity = security.need("integrity_protection_indication")?.word(&words)?;
        let confidentiality = security.need("confidentiality_protection_indication")?.word(&words)?;
        for direction in ["uplink", "downlink"] {
            let rate = security.need(&format!("maximum_integrity_protected_data_rate_{direction}"))?;
            if rate.text()? != "maximum-UE-rate" {
                return rate.wrong("a session would be protected up to 64 kbps only");
            }
        }
        security.done()?;
        let [address] = own.as_slice() else { return root.wrong("an SMF has one address") };
        self.smfs.push(Smf {
            file: root.file.to_owned(),
            address: *address,
            info,
            subnets,
            upfs,
            names,
            integrity,
            confidentiality,
        });
        smf.done()
    }

    fn info(&mut self, list: At<'_>) -> Result<Vec<Info>, Unread> {
        let mut found = Vec::new();
        for info in list.list()? {
            let info = info.fields()?;
            let mut areas = Vec::new();
            for tai in info.need("tai")?.list()? {
                let tai = tai.fields()?;
                self.plmn(tai.need("plmn_id")?)?;
                areas.extend(tracking(tai.need("tac")?)?);
                tai.done()?;
            }
            for slice in info.need("s_nssai")?.list()? {
                let slice = slice.fields()?;
                let names = slice.need("dnn")?.list()?;
                let data_networks =
                    names.map(|name| name.text().map(str::to_owned)).collect::<Result<_, _>>()?;
                found.push(Info { slice: slice.slice()?, data_networks, tracking: areas.clone() });
                slice.done()?;
            }
            info.done()?;
        }
        Ok(found)
    }

    fn upf(&mut self, root: At<'_>, gateway: &str) -> Result<(), Unread> {
        let upf = section(root, "upf")?;
        let pfcp = upf.need("pfcp")?.fields()?;
        let addresses = servers(&pfcp, false)?;
        pfcp.done()?;
        let gtpu = upf.need("gtpu")?.fields()?;
        if servers(&gtpu, false)? != addresses {
            return root.wrong("`gtpu` listens elsewhere than `pfcp`");
        }
        gtpu.done()?;
        let subnets = upf.need("session")?.list()?.map(subnet).collect::<Result<_, _>>()?;
        self.upfs.push(Upf { gateway: gateway.to_owned(), addresses, subnets });
        upf.done()
    }

    /// The form that is written, and no other.
    fn network(&mut self, path: &str, gateway: &str, text: &str) -> Result<(), Unread> {
        let unread = |line: usize, what: &str| Unread {
            file: path.to_owned(),
            line: u32::try_from(line).unwrap_or(u32::MAX),
            what: what.to_owned(),
        };
        let mut device: Option<String> = None;
        let mut addresses: Vec<(IpAddr, u8)> = Vec::new();
        let mut settings: Vec<&str> = Vec::new();
        for (index, line) in text.lines().enumerate() {
            let number = index + 1;
            match line.split_once('=') {
                Some(("Name", name)) if device.is_none() && !name.contains(['*', '?', '[', '!', ' ']) => {
                    device = Some(name.to_owned());
                }
                Some(("Address", address)) => {
                    let net: IpNet = address
                        .parse()
                        .map_err(|_| unread(number, "an address with its length is expected"))?;
                    addresses.push((net.addr(), net.prefix_len()));
                }
                Some(_) => settings.push(line),
                None if line.is_empty() || line.starts_with("# ") => {}
                None if matches!(line, "[Match]" | "[Network]") => settings.push(line),
                None => return Err(unread(number, "is not known here")),
            }
        }
        if settings != UNIT {
            return Err(unread(0, "has other settings than an interface of a user plane needs"));
        }
        match device {
            Some(device) if !addresses.is_empty() => {
                let own = addresses.into_iter();
                self.interfaces.extend(
                    own.map(|(address, length)| (gateway.to_owned(), device.clone(), address, length)),
                );
                Ok(())
            }
            _ => Err(unread(0, "has no interface, or no address")),
        }
    }

    /// Where a function listens.
    pub(super) fn sbi(&mut self, function: &Fields<'_>) -> Result<Ipv4Addr, Unread> {
        let at = function.need("sbi")?;
        let sbi = at.fields()?;
        let own = servers(&sbi, true)?;
        let client = sbi.need("client")?.fields()?;
        self.uris(client.need("nrf")?)?;
        client.done()?;
        sbi.done()?;
        match own.as_slice() {
            [only] => Ok(*only),
            _ => at.wrong("a function listens at one address"),
        }
    }

    /// It serves the one network; where it is found.
    fn nrf(&mut self, root: At<'_>) -> Result<(), Unread> {
        let nrf = section(root, "nrf")?;
        let serving = nrf.need("serving")?.only()?.fields()?;
        self.plmn(serving.need("plmn_id")?)?;
        serving.done()?;
        let sbi = nrf.need("sbi")?.fields()?;
        let server = sbi.need("server")?.only()?.fields()?;
        let uri = format!("http://{}:{}", server.need("address")?.address()?, server.need("port")?.number()?);
        server.done()?;
        sbi.done()?;
        self.repository = Some(uri);
        nrf.done()
    }

    /// The only NRF of a function.
    fn uris(&mut self, list: At<'_>) -> Result<(), Unread> {
        let uri = list.only()?.fields()?;
        self.clients.push((list.file.to_owned(), uri.need("uri")?.text()?.to_owned()));
        uri.done()
    }

    /// One network for all: another one is another core.
    fn plmn(&mut self, at: At<'_>) -> Result<(), Unread> {
        let fields = at.fields()?;
        let found = (fields.need("mcc")?.text()?.to_owned(), fields.need("mnc")?.text()?.to_owned());
        if self.plmn.get_or_insert_with(|| found.clone()) != &found {
            return at.wrong("is another network than elsewhere");
        }
        fields.done()
    }
}

/// The only key of a file.
pub(super) fn section<'n>(root: At<'n>, name: &str) -> Result<Fields<'n>, Unread> {
    let file = root.fields()?;
    let section = file.need(name)?.fields()?;
    file.done()?;
    Ok(section)
}

fn servers(interface: &Fields<'_>, with_port: bool) -> Result<Vec<Ipv4Addr>, Unread> {
    let mut addresses = Vec::new();
    for server in interface.need("server")?.list()? {
        let server = server.fields()?;
        addresses.push(server.need("address")?.address()?);
        if with_port {
            server.need("port")?.number()?;
        }
        server.done()?;
    }
    Ok(addresses)
}

/// 24 bits each, decimal.
fn tracking(list: At<'_>) -> Result<Vec<u32>, Unread> {
    list.list()?
        .map(|at| match u32::try_from(at.number()?) {
            Ok(number) if number < 1 << 24 => Ok(number),
            _ => at.wrong("a tracking area code has 24 bits"),
        })
        .collect()
}

fn subnet(at: At<'_>) -> Result<Subnet, Unread> {
    let fields = at.fields()?;
    let found = Subnet {
        net: fields.need("subnet")?.any_subnet()?,
        gateway: fields.need("gateway")?.any_address()?,
        data_network: fields.get("dnn").map(At::text).transpose()?.map(str::to_owned),
        device: fields.get("dev").map(At::text).transpose()?.map(str::to_owned),
    };
    fields.done()?;
    Ok(found)
}
