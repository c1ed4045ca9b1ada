//! Identifiers and rates, whatever they were spelled like.

use std::fmt;

/// An S-NSSAI. `FFFFFF` is no differentiator.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct SliceKey {
    pub sst: u8,
    pub sd: Option<u32>,
}

impl SliceKey {
    pub fn new(sst: u8, sd: Option<u32>) -> Self {
        Self { sst, sd: sd.filter(|sd| *sd != 0xff_ffff) }
    }
}

impl fmt::Display for SliceKey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.sd {
            Some(sd) => write!(formatter, "{}-{sd:06x}", self.sst),
            None => write!(formatter, "{}", self.sst),
        }
    }
}

/// Whether the radio protects what it carries.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Protection {
    Required,
    Preferred,
    NotNeeded,
}

/// Families of a session's addresses.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Families {
    pub v4: bool,
    pub v6: bool,
}

/// Bits per second.
pub type Rate = u64;

/// What a session gets.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Quality {
    pub five_qi: u8,
    /// 1 to 15.
    pub priority: u8,
    /// Whether others may push it out.
    pub preemptable: bool,
    pub uplink: Rate,
    pub downlink: Rate,
}

impl fmt::Display for Quality {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            formatter,
            "5QI {} at priority {}, {} bps up and {} bps down",
            self.five_qi, self.priority, self.uplink, self.downlink
        )
    }
}

/// `10 Mbps`, as TS 29.571 has it.
pub(crate) fn bit_rate(text: &str) -> Option<Rate> {
    let (value, unit) = text.split_once(' ')?;
    scaled(
        value.parse().ok()?,
        ["bps", "Kbps", "Mbps", "Gbps", "Tbps"].iter().position(|known| *known == unit)?,
    )
}

/// A value in units of powers of 1000.
pub(crate) fn scaled(value: u64, unit: usize) -> Option<Rate> {
    if unit > 4 {
        return None;
    }
    value.checked_mul(1000u64.pow(unit as u32))
}
