//! The protocols of a generated plant: 48 of the standard library, 16 of its own, no two on the same port.

/// A protocol: the module of the standard library, or none, and its name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct Service(pub(crate) u8);

const OT: &[&str] = &[
    "opcua",
    "s7",
    "modbus",
    "modbus_security",
    "opcua_tls",
    "dnp3",
    "dnp3_secure",
    "coap",
    "coaps",
    "ethernet_ip",
    "ethernet_ip_tls",
    "cip_io",
    "iec104",
    "iec104_secure",
    "profinet_cm",
    "hart_ip",
    "bacnet",
    "ge_srtp",
    "fins",
    "ethercat_udp",
    "mms_tls",
];

const IT: &[&str] = &[
    "https",
    "dns",
    "ntp",
    "ssh",
    "syslog_tls",
    "syslog",
    "snmp",
    "snmp_trap",
    "metrics",
    "otlp",
    "rdp",
    "vnc",
    "mqtts",
    "mqtt",
    "amqps",
    "amqp",
    "kafka",
    "postgres",
    "mssql",
    "mysql",
    "influxdb",
    "smb",
    "nfs",
    "rtsps",
    "ldaps",
    "radsec",
    "ipfix",
];

/// Protocols that the plant declares itself.
pub(crate) const OWN: &[&str] = &[
    "recipe",
    "torque_log",
    "weld_log",
    "press_curve",
    "paint_batch",
    "leak_test",
    "label_print",
    "tool_life",
    "camera_job",
    "kanban",
    "batch_report",
    "oven_profile",
    "axis_trace",
    "lot_tracking",
    "shift_book",
    "energy_report",
];

/// The port of a protocol of the plant's own.
pub(crate) fn own_port(index: usize) -> usize {
    21_001 + index
}

pub(crate) const OPCUA: Service = Service(0);
pub(crate) const S7: Service = Service(1);
pub(crate) const MODBUS: Service = Service(2);
pub(crate) const HTTPS: Service = Service(OT.len() as u8);
pub(crate) const SSH: Service = Service(OT.len() as u8 + 3);
/// How many there are.
pub(crate) const COUNT: u32 = (OT.len() + IT.len() + OWN.len()) as u32;

impl Service {
    pub(crate) fn name(self) -> &'static str {
        let index = usize::from(self.0);
        let found = OT
            .get(index)
            .or_else(|| IT.get(index - OT.len()))
            .or_else(|| OWN.get(index - OT.len() - IT.len()));
        found.copied().unwrap_or("https")
    }

    /// The module that a file has to `use` it from; the plant's own are visible everywhere.
    pub(crate) fn module(self) -> Option<&'static str> {
        match usize::from(self.0) {
            index if index < OT.len() => Some("std.ot"),
            index if index < OT.len() + IT.len() => Some("std.it"),
            _ => None,
        }
    }
}
