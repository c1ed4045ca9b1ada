//! Kinds of devices in a generated plant.

use crate::services::{HTTPS, MODBUS, OPCUA, S7, Service};

#[derive(Debug)]
pub(crate) struct Class {
    pub(crate) name: &'static str,
    /// The class of `std.devices` behind it.
    pub(crate) base: &'static str,
    /// Start of its devices' names.
    pub(crate) stem: &'static str,
    pub(crate) vendor: &'static str,
    pub(crate) documentation: &'static str,
    /// What all its devices serve.
    pub(crate) serves: &'static [Service],
    /// Whether devices add protocols of their own.
    pub(crate) extends: bool,
    /// Of 100 devices of its kind of network.
    pub(crate) share: u32,
    /// Devices of one declaration; 1 for single ones.
    pub(crate) array: u32,
}

pub(crate) const CELL: &[Class] = &[
    Class {
        name: "CellPlc",
        base: "Plc",
        stem: "plc",
        vendor: "Siemens",
        documentation: "Controls a station of a cell.",
        serves: &[OPCUA, S7],
        extends: true,
        share: 20,
        array: 1,
    },
    Class {
        name: "CellPanel",
        base: "Hmi",
        stem: "hmi",
        vendor: "Beijer",
        documentation: "The panel of a station.",
        serves: &[OPCUA],
        extends: true,
        share: 10,
        array: 1,
    },
    Class {
        name: "CellDrive",
        base: "Drive",
        stem: "drive",
        vendor: "SEW",
        documentation: "Moves an axis.",
        serves: &[MODBUS],
        extends: true,
        share: 30,
        array: 1,
    },
    Class {
        name: "CellRobot",
        base: "Robot",
        stem: "robot",
        vendor: "KUKA",
        documentation: "Loads and unloads.",
        serves: &[OPCUA],
        extends: true,
        share: 16,
        array: 1,
    },
    Class {
        name: "CellIo",
        base: "RemoteIo",
        stem: "io",
        vendor: "Phoenix Contact",
        documentation: "Signals of a station.",
        serves: &[MODBUS],
        extends: false,
        share: 24,
        array: 8,
    },
];

pub(crate) const ROOM: &[Class] = &[
    Class {
        name: "RoomServer",
        base: "ScadaServer",
        stem: "scada",
        vendor: "Dell",
        documentation: "Runs halls.",
        serves: &[HTTPS, OPCUA],
        extends: true,
        share: 60,
        array: 1,
    },
    Class {
        name: "RoomHistorian",
        base: "Historian",
        stem: "historian",
        vendor: "Dell",
        documentation: "Keeps ten years of values.",
        serves: &[HTTPS, OPCUA],
        extends: true,
        share: 40,
        array: 1,
    },
];

pub(crate) const OFFICE: &[Class] = &[Class {
    name: "OfficeDesk",
    base: "Workstation",
    stem: "desk",
    vendor: "Lenovo",
    documentation: "A managed desk of the office.",
    serves: &[],
    extends: false,
    share: 100,
    array: 1,
}];
