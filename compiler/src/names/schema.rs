//! What each kind of declaration may say: its attributes, their types, its inner blocks. The one table behind checking,
//! completion and the reference in the book.

/// The kinds of declaration, in the order of [`weir_syntax::ast::DECLARATION_KEYWORDS`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Kind {
    Zone,
    Conduit,
    Network,
    Gateway,
    Cluster,
    Workload,
    Class,
    Device,
    External,
    Role,
    Group,
    Protocol,
    Core,
    Radio,
    Slice,
    Template,
    Instance,
    Import,
    Policy,
    Exception,
}

/// The type of an attribute's value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Type {
    Boolean,
    Integer {
        min: u64,
        max: u64,
    },
    /// Any text; never pasted into an artifact.
    Text,
    /// Text compared by numbers: `"2.10" > "2.9"`.
    Version,
    /// One of these words.
    Word(&'static [&'static str]),
    /// One of these words, or a list of them.
    Words(&'static [&'static str]),
    /// `SL1` to `SL4` (IEC 62443-3-3).
    Level,
    /// `none` to `attested`.
    Assurance,
    /// `untrusted` to `safety`.
    Integrity,
    /// An address, a range, a prefix, or a list of those.
    Addresses,
    /// A prefix or a list of prefixes.
    Prefixes,
    Address,
    /// A MAC address, or a text that is one.
    Mac,
    /// Group MAC addresses and ranges of them.
    Groups,
    /// Numbers of 16 bits and ranges of them.
    Numbers,
    /// A declaration of one of these kinds.
    Reference(&'static [Kind]),
    References(&'static [Kind]),
    /// A set expression over principals.
    Set,
    /// `tcp/502`, `[tcp/44818, udp/44818]`, `ethertype/0x88b8`.
    Transports,
    /// Protocols, each with `on PORT` where it is not the default.
    Serves,
    /// Services: protocols, operations with arguments, transports.
    Services,
    /// `psk`, `x509(san = "…", key = hardware)`, `spiffe("spiffe://…")`, `sim(supi = "…", key = ref("…"))`, `oidc(…)`.
    Identity,
    /// `field -> verified`.
    Endorsement,
    Duration,
    DataRate,
    DataSize,
    /// `50/s`, `6/min`.
    EventRate,
    /// A date or a time with its zone.
    Time,
    /// `urllc/0x000001`.
    Snssai,
    /// `dedicated(upf)` or `shared(upf)`.
    UserPlane,
    /// Words or text as keys, text as values.
    Labels,
    Texts,
    Integers,
    /// A block of its own as a value: `qos = { … }`.
    Record(&'static [Attribute]),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Attribute {
    pub name: &'static str,
    pub kind: Type,
    pub required: bool,
    pub documentation: &'static str,
}

#[derive(Clone, Copy, Debug)]
pub struct InnerBlock {
    pub keyword: &'static str,
    /// Whether it has a name of its own, as `interface lan0` has.
    pub named: bool,
    pub attributes: &'static [Attribute],
    pub blocks: &'static [InnerBlock],
    pub documentation: &'static str,
}

/// The parts of a declaration's head that a kind has.
#[derive(Clone, Copy, Debug, Default)]
pub struct Head {
    pub array: bool,
    pub class: bool,
    pub cluster: bool,
    pub between: bool,
    pub value: bool,
}

#[derive(Clone, Copy, Debug)]
pub struct Schema {
    pub kind: Kind,
    pub keyword: &'static str,
    pub head: Head,
    pub attributes: &'static [Attribute],
    pub blocks: &'static [InnerBlock],
    /// Whether `allow` and `deny` may stand in it.
    pub flows: bool,
    pub documentation: &'static str,
}

const fn optional(name: &'static str, kind: Type, documentation: &'static str) -> Attribute {
    Attribute { name, kind, required: false, documentation }
}

const fn required(name: &'static str, kind: Type, documentation: &'static str) -> Attribute {
    Attribute { name, kind, required: true, documentation }
}

const NO_HEAD: Head = Head { array: false, class: false, cluster: false, between: false, value: false };

pub const MEDIA: &[&str] = &["ethernet", "wifi", "halow", "nr5g", "lte", "vpn", "serial", "fibre"];
pub const ADMISSIONS: &[&str] = &["open", "psk", "dot1x", "sim"];
pub const ENFORCERS: &[&str] = &["nftables", "envoy", "modbus", "mosquitto", "upf"];
pub const EFFECTS: &[&str] = &["observe", "actuate", "publish", "subscribe", "manage"];
pub const ASSURANCES: &[&str] = &["none", "address", "shared", "certified", "hardware", "attested"];
pub const INTEGRITIES: &[&str] = &["untrusted", "field", "verified", "safety"];
pub const LEVELS: &[&str] = &["SL1", "SL2", "SL3", "SL4"];
pub const MODES: &[&str] = &["enforce", "audit"];

const NAME: Attribute = optional(
    "name",
    Type::Text,
    "Name on the wire or in asset lists; any text, always escaped or refused in artifacts.",
);
const SERVES: Attribute = optional(
    "serves",
    Type::Serves,
    "Protocols it accepts connections for, `on PORT` where it is not the default one.",
);
const IDENTITY: Attribute = optional("identity", Type::Identity, "How it proves who it is.");
const INTEGRITY: Attribute = optional(
    "integrity",
    Type::Integrity,
    "How far its data can be trusted (Biba): untrusted, field, verified, safety.",
);
const ENDORSES: Attribute = optional(
    "endorses",
    Type::Endorsement,
    "Raises the integrity of what it passes on: `field -> verified`.",
);
const ENFORCES: Attribute =
    optional("enforces", Type::Words(ENFORCERS), "What it enforces with: one word or a list.");
const ZONE: Attribute = optional("zone", Type::Reference(&[Kind::Zone]), "The IEC 62443 zone it belongs to.");
const SAFE: Attribute = optional(
    "safe",
    Type::Services,
    "Writes that lead to its safe state; a flow of only these needs a `limit`.",
);

const QOS: &[Attribute] = &[
    optional("five_qi", Type::Integer { min: 0, max: 255 }, "5QI (TS 23.501, table 5.7.4-1)."),
    optional(
        "arp",
        Type::Integer { min: 1, max: 15 },
        "Allocation and retention priority; 1 is the highest.",
    ),
    optional("ambr_up", Type::DataRate, "Session AMBR, uplink."),
    optional("ambr_down", Type::DataRate, "Session AMBR, downlink."),
    optional("gfbr", Type::DataRate, "Guaranteed flow bit rate."),
    optional("mfbr", Type::DataRate, "Maximum flow bit rate."),
    optional("period", Type::Duration, "Period of a cyclic flow."),
    optional("size", Type::DataSize, "Size of one message of a cyclic flow."),
];

/// Attributes of `allow` and `deny`.
pub const FLOW: &[Attribute] = &[
    optional(
        "limit",
        Type::EventRate,
        "At most so many events; at a packet filter an event is a new connection.",
    ),
    optional("log", Type::Boolean, "Log each event, rate-limited."),
    optional(
        "via",
        Type::Reference(&[Kind::Gateway, Kind::Slice, Kind::Workload, Kind::Device]),
        "The gateway or slice it has to go through.",
    ),
    optional(
        "requires",
        Type::Assurance,
        "The assurance of the source that some enforcement point has to verify.",
    ),
    optional("until", Type::Time, "The end of the permission, enforced by the data plane's clock."),
    optional("mode", Type::Word(MODES), "`audit` permits and logs what enforcement would refuse."),
    optional("reason", Type::Text, "Why."),
    optional("qos", Type::Record(QOS), "5G quality of service of the flow."),
];

/// Attributes of assertions.
pub const ASSERTION: &[Attribute] = &[
    optional("reason", Type::Text, "Why it must hold."),
    optional(
        "pivot",
        Type::Services,
        "For `never` and `isolated`: the services through which an intruder gets onto a principal and goes on from it; all, if not given.",
    ),
];

const POLICY: &[Attribute] = &[
    optional("owner", Type::Text, "Who answers for it."),
    optional("reason", Type::Text, "Why it exists."),
    optional("ticket", Type::Text, "The change it came with."),
    optional("mode", Type::Word(MODES), "`audit` for all its flows."),
    optional("log", Type::Boolean, "Log for all its flows."),
];

const EXCEPTION: &[Attribute] = &[
    optional("owner", Type::Text, "Who answers for it."),
    optional("reason", Type::Text, "Why it exists."),
    optional("from", Type::Time, "When it begins."),
    required("until", Type::Time, "When it ends."),
    required("ticket", Type::Text, "The change it belongs to."),
    optional("approved_by", Type::Text, "Who approved it."),
    optional("log", Type::Boolean, "Log for all its flows."),
];

/// Attributes of a device, which classes may set for all their devices.
const DEVICE: &[Attribute] = &[
    optional("network", Type::References(&[Kind::Network]), "The segment, or segments, it stands on."),
    optional("slice", Type::References(&[Kind::Slice]), "The 5G slice, or slices, it attaches to."),
    ZONE,
    optional("address", Type::Addresses, "Its addresses, each inside of one of its networks or pools."),
    optional("mac", Type::Mac, "Its MAC address: a gateway on the segment then binds the address to it."),
    SERVES,
    IDENTITY,
    INTEGRITY,
    ENDORSES,
    SAFE,
    ENFORCES,
    optional("capability", Type::Level, "The security level it can reach (IEC 62443-4-2, SL-C)."),
    optional("requires", Type::Assurance, "The assurance that every flow to it must have."),
    NAME,
    optional("vendor", Type::Text, "Who made it."),
    optional("model", Type::Text, "What it is."),
    optional("firmware", Type::Version, "Its firmware's version."),
    optional("serial", Type::Text, "Its serial number."),
    optional("location", Type::Text, "Where it stands."),
    optional("owner", Type::Text, "Who answers for it."),
    optional("criticality", Type::Word(&["low", "medium", "high"]), "What its loss costs."),
];

const ARGUMENT: InnerBlock = InnerBlock {
    keyword: "argument",
    named: true,
    attributes: &[
        required(
            "type",
            Type::Word(&["range", "assignment", "topic", "path", "text"]),
            "`range`: numbers; `assignment`: a number and a value; `topic`: an MQTT filter; `path`: an HTTP path; `text`.",
        ),
        optional("positional", Type::Boolean, "Given without its name: `publish(\"a/b\")`."),
        optional(
            "functions",
            Type::Integers,
            "The function codes that it narrows; all of the operation's, if not given.",
        ),
        optional("max", Type::Integer { min: 0, max: u64::MAX }, "The largest number."),
    ],
    blocks: &[],
    documentation: "What narrows an operation.",
};

const OPERATION: InnerBlock = InnerBlock {
    keyword: "operation",
    named: true,
    attributes: &[
        required("effect", Type::Word(EFFECTS), "The direction of data, for the integrity analysis."),
        optional("functions", Type::Integers, "Function or service codes on the wire."),
        optional("methods", Type::Texts, "Method names on the wire."),
    ],
    blocks: &[ARGUMENT],
    documentation: "What a client can ask of a server.",
};

macro_rules! kinds {
    ($($kind:ident $keyword:literal $documentation:literal $head:expr, $attributes:expr, $blocks:expr, $flows:expr;)*) => {
        /// Every kind's schema.
        pub const SCHEMAS: &[Schema] = &[$(Schema {
            kind: Kind::$kind,
            keyword: $keyword,
            head: $head,
            attributes: $attributes,
            blocks: $blocks,
            flows: $flows,
            documentation: $documentation,
        }),*];
    };
}

kinds! {
    Zone "zone" "An IEC 62443 zone." NO_HEAD, &[
        optional("purdue", Type::Integer { min: 0, max: 5 }, "Level of the Purdue model, 0 to 5; 3.5 is a DMZ between 3 and 4: give it a zone of its own."),
        optional("target_level", Type::Level, "Target security level (SL-T)."),
        optional("parent", Type::Reference(&[Kind::Zone]), "The zone around it."),
        optional("isolated", Type::Boolean, "No flow in or out."),
        NAME,
    ], &[], false;
    Conduit "conduit" "The only way between two zones." Head { between: true, ..NO_HEAD }, &[
        required("carries", Type::Services, "What may flow through it."),
        optional("requires", Type::Assurance, "The assurance that every flow through it must have."),
        optional("through", Type::References(&[Kind::Gateway]), "Gateways that every flow through it has to cross."),
        NAME,
    ], &[], false;
    Network "network" "A segment." NO_HEAD, &[
        required("zone", Type::Reference(&[Kind::Zone]), "The zone it belongs to."),
        optional("subnet", Type::Prefixes, "Its prefix, or a list of prefixes."),
        optional("vlan", Type::Integer { min: 1, max: 4094 }, "IEEE 802.1Q VLAN id."),
        optional("medium", Type::Word(MEDIA), "What it runs over."),
        optional("admission", Type::Word(ADMISSIONS), "What a station has to show to get on it."),
        optional("isolated", Type::Boolean, "Stations reach each other only through a gateway."),
        optional("accept_gap", Type::Text, "Why it is accepted that its stations reach each other."),
        NAME,
    ], &[], false;
    Gateway "gateway" "A host that forwards, enforces, or both." NO_HEAD, &[
        ENFORCES,
        ZONE,
        optional("masquerade", Type::References(&[Kind::Network]), "Networks into which it hides sources behind its own address."),
        optional("transparent", Type::Boolean, "It takes Modbus connections that are addressed to the destination behind it, from clients that are known by their address."),
        SERVES,
        IDENTITY,
        INTEGRITY,
        NAME,
    ], &[
        InnerBlock {
            keyword: "interface",
            named: true,
            attributes: &[
                required("network", Type::Reference(&[Kind::Network, Kind::Slice]), "The segment it is on."),
                optional("address", Type::Addresses, "The gateway's own address, or addresses, there."),
                optional("device", Type::Text, "The interface's name on the host, if it is not the block's."),
                optional("bridge", Type::Text, "The host's bridge that it is a port of: frames and packets between its ports pass the gateway."),
                optional("stations", Type::Set, "Who stands behind this port of a bridge: a set expression."),
            ],
            blocks: &[],
            documentation: "One interface; its name is the host's name for it.",
        },
        InnerBlock {
            keyword: "route",
            named: false,
            attributes: &[
                required("to", Type::Prefixes, "What lies beyond."),
                required("via", Type::Address, "The next hop, on one of the gateway's networks."),
            ],
            blocks: &[],
            documentation: "A static route, as to a provider's router.",
        },
    ], false;
    Cluster "cluster" "A Kubernetes cluster." NO_HEAD, &[
        required("zone", Type::Reference(&[Kind::Zone]), "The zone of its pods."),
        required("nodes", Type::Reference(&[Kind::Network]), "The network of its nodes."),
        required("pods", Type::Prefixes, "The pods' addresses."),
        optional("services", Type::Prefixes, "The services' addresses."),
        optional("egress", Type::Word(&["routed", "masquerade"]), "Whether pods keep their addresses outside."),
        optional("cni", Type::Text, "The CNI plug-in."),
        optional("dns", Type::Text, "Where its pods ask for names: `namespace/app`, `namespace/label=value`, or the address of a cache on the nodes."),
        optional("accept_gap", Type::Text, "Why it is accepted that its nodes reach its pods, whatever policy says."),
        NAME,
    ], &[], false;
    Workload "workload" "Pods of one Kubernetes workload." Head { cluster: true, ..NO_HEAD }, &[
        required("namespace", Type::Text, "Its Kubernetes namespace."),
        optional("labels", Type::Labels, "The labels that select its pods."),
        optional("service_account", Type::Text, "Its service account."),
        optional("host_network", Type::Boolean, "Its pods use the node's network."),
        SERVES, IDENTITY, INTEGRITY, ENDORSES, SAFE, ENFORCES, NAME,
    ], &[], false;
    Class "class" "A class of devices; it inherits from one other." Head { class: true, ..NO_HEAD }, DEVICE, &[
        InnerBlock {
            keyword: "attribute",
            named: true,
            attributes: &[
                optional("type", Type::Word(&["text", "integer", "boolean", "version", "address"]), "The attribute's type; `text`, if not given."),
                optional("required", Type::Boolean, "Every device of the class has to have it."),
            ],
            blocks: &[],
            documentation: "An attribute that devices of the class have; naming a common one can make it required.",
        },
    ], false;
    Device "device" "A device, or an array of them." Head { array: true, class: true, ..NO_HEAD }, DEVICE, &[], false;
    External "external" "What lies outside of the plant." NO_HEAD, &[
        optional("prefixes", Type::Prefixes, "Its addresses."),
        optional("dns", Type::Texts, "Its DNS names."),
        optional("network", Type::References(&[Kind::Network]), "The network beyond which it lies, where no gateway's route says so."),
        ZONE, SERVES, IDENTITY, INTEGRITY, NAME,
    ], &[], false;
    Role "role" "People; may only be a source." NO_HEAD, &[
        required("identity", Type::Identity, "`oidc(issuer = …, group = …)` or `x509(ou = …)`."),
        optional("network", Type::References(&[Kind::Network]), "Where they come from."),
        ZONE, INTEGRITY, NAME,
    ], &[], false;
    Group "group" "A named set." Head { value: true, ..NO_HEAD }, &[], &[], false;
    Protocol "protocol" "Transports and operations." NO_HEAD, &[
        optional("transport", Type::Transports, "Default transport, or a list."),
        optional("dynamic_port", Type::Boolean, "Servers choose the port: `serves` has to say it."),
        optional("groups", Type::Groups, "Group MAC addresses that its frames go to, where it has any: addresses and ranges."),
        optional("frame_ids", Type::Numbers, "The 16 bits after the ethertype (APPID, FrameID) in its frames: numbers and ranges; any, if not given."),
        optional("client_speaks_first", Type::Boolean, "The client sends the first byte; true, if not given."),
    ], &[OPERATION], false;
    Core "core" "A 5G core." NO_HEAD, &[
        required("product", Type::Word(&["open5gs", "sdcore", "free5gc"]), "Which core it is."),
        optional("version", Type::Version, "Its version."),
        required("mcc", Type::Text, "Mobile country code: three digits."),
        required("mnc", Type::Text, "Mobile network code: two or three digits."),
        optional("functions", Type::Reference(&[Kind::Device]), "The device that AMF, NRF, NSSF and PCF run on; with the slices' `session_management`, or loopback addresses of one host, if not given."),
        NAME,
    ], &[], false;
    Radio "radio" "A gNB." NO_HEAD, &[
        required("core", Type::Reference(&[Kind::Core]), "Its core."),
        required("tac", Type::Integer { min: 1, max: 0xff_fffd }, "Tracking area code; 0, FFFFFE and FFFFFF are reserved (TS 23.003, 19.4.2.3)."),
        optional("capacity", Type::DataRate, "The rate that it can guarantee to all flows together."),
        NAME,
    ], &[], false;
    Slice "slice" "A 5G network slice with its data network." NO_HEAD, &[
        required("core", Type::Reference(&[Kind::Core]), "Its core."),
        required("snssai", Type::Snssai, "SST by name (embb, urllc, miot, v2x, hmtc) or number, then SD with six hex digits."),
        required("dnn", Type::Text, "Its data network name."),
        required("pool", Type::Prefixes, "The UEs' addresses."),
        required("zone", Type::Reference(&[Kind::Zone]), "The zone of its UEs."),
        optional("area", Type::References(&[Kind::Radio]), "The gNBs that offer it."),
        required("user_plane", Type::UserPlane, "`dedicated(g)` or `shared(g)`: the gateway that is its UPF."),
        optional("session_management", Type::Reference(&[Kind::Device]), "The device that its SMF runs on."),
        optional("dns", Type::Address, "Where its UEs ask for names; the user plane's address, if not given. Needs a flow of its own."),
        optional("exclusive_with", Type::References(&[Kind::Slice]), "Slices that no device may be in as well."),
        optional("max_ues", Type::Integer { min: 1, max: 1 << 24 }, "The most UEs at a time."),
        optional("isolated", Type::Boolean, "No flow in or out."),
        optional("accept_gap", Type::Text, "Why it is accepted that its UEs reach each other inside of the UPF."),
        NAME,
    ], &[
        InnerBlock { keyword: "qos", named: false, attributes: QOS, blocks: &[], documentation: "Default quality of service." },
        InnerBlock {
            keyword: "security",
            named: false,
            attributes: &[
                optional("integrity", Type::Word(&["required", "preferred", "not_needed"]), "User-plane integrity protection."),
                optional("confidentiality", Type::Word(&["required", "preferred", "not_needed"]), "User-plane ciphering."),
            ],
            blocks: &[],
            documentation: "User-plane security (TS 23.501, 5.10.3).",
        },
    ], false;
    Template "template" "A parametric module." NO_HEAD, &[], &[], false;
    Instance "instance" "A template with its parameters: a module." Head { array: true, class: true, ..NO_HEAD }, &[], &[], false;
    Import "import" "Declarations from other formats." NO_HEAD, &[
        required("format", Type::Word(&["inventory", "mud", "aerleon", "kubernetes"]), "What the file holds."),
        required("file", Type::Text, "Its path, from the package's folder; or that of a folder, for every file of the format below it."),
        optional("cluster", Type::Reference(&[Kind::Cluster]), "The cluster that Kubernetes manifests are applied to; the package's only one, if not given."),
        optional("namespace", Type::Text, "The namespace of manifests that say none; `default`, if not given."),
        optional("mapping", Type::Text, "Of an inventory: the path of the file that says what its columns mean."),
        optional("bind", Type::Labels, "Of MUD files: who somebody is here, `{ \"local-networks\" = \"office_net\" }`; of Aerleon, what a definition is: `{ INTERNAL = \"plant_net\" }`."),
        optional("hosts", Type::Text, "Of MUD files: the path of a file with the addresses of names, as /etc/hosts."),
        optional("outside", Type::Reference(&[Kind::Zone]), "Of MUD files and Aerleon: the zone of what lies outside."),
        optional("accept_unsaid", Type::Text, "Why it may stay as it is that some of the file is not said in Weir."),
    ], &[], false;
    Policy "policy" "Flows that belong together." NO_HEAD, POLICY, &[], true;
    Exception "exception" "Permissions with an end." NO_HEAD, EXCEPTION, &[], true;
}

/// The schema of a kind.
pub fn of(kind: Kind) -> &'static Schema {
    SCHEMAS.get(kind as usize).unwrap_or(&SCHEMAS[0])
}

/// The schema behind a keyword.
pub fn by_keyword(keyword: &str) -> Option<&'static Schema> {
    SCHEMAS.iter().find(|schema| schema.keyword == keyword)
}
