//! Identifiers and quantities of 5G, each with the form that 3GPP gives it (TS 23.003, TS 29.571). One typed value each:
//! how a target spells it is the target's affair.

use std::fmt;

use smol_str::SmolStr;

/// Which slice: a slice/service type, and a differentiator that may be missing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Snssai {
    /// 1 to 255; 1 eMBB, 2 URLLC, 3 MIoT, 4 V2X, 5 HMTC.
    pub sst: u8,
    sd: Option<u32>,
}

/// The differentiator that says that there is none (TS 23.003, 28.4.2).
const NO_SD: u32 = 0xff_ffff;

impl Snssai {
    /// `FFFFFF` is no differentiator: the two spellings are one value.
    pub fn new(sst: u8, sd: Option<u32>) -> Self {
        Self { sst, sd: sd.map(|sd| sd & NO_SD).filter(|sd| *sd != NO_SD) }
    }

    /// 24 bits; nothing, where the slice has none.
    pub fn sd(self) -> Option<u32> {
        self.sd
    }

    /// Six hexadecimal digits, as TS 29.571 has them.
    pub fn sd_text(self) -> Option<String> {
        self.sd.map(|sd| format!("{sd:06x}"))
    }
}

/// The key of maps in TS 29.503: `2-000001`, or `2`.
impl fmt::Display for Snssai {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.sd {
            Some(sd) => write!(formatter, "{}-{sd:06x}", self.sst),
            None => write!(formatter, "{}", self.sst),
        }
    }
}

/// A mobile network: digits, of which leading zeros count (`01` is not `001`).
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Plmn {
    /// Three digits.
    pub mcc: SmolStr,
    /// Two or three digits.
    pub mnc: SmolStr,
}

impl Plmn {
    pub fn digits(&self) -> String {
        format!("{}{}", self.mcc, self.mnc)
    }
}

/// A subscription, by its IMSI: 5 to 15 digits that begin with those of its PLMN.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Supi(SmolStr);

impl Supi {
    /// Reads `imsi-999700000000001`.
    pub fn parse(text: &str) -> Option<Self> {
        let digits = text.strip_prefix("imsi-")?;
        let fits = (5..=15).contains(&digits.len()) && digits.bytes().all(|byte| byte.is_ascii_digit());
        fits.then(|| Self(digits.into()))
    }

    /// The IMSI.
    pub fn digits(&self) -> &str {
        &self.0
    }

    pub fn is_of(&self, plmn: &Plmn) -> bool {
        self.0.strip_prefix(plmn.mcc.as_str()).is_some_and(|rest| rest.starts_with(plmn.mnc.as_str()))
    }
}

impl fmt::Display for Supi {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "imsi-{}", self.0)
    }
}

/// Why a text is no data network name; nothing, where it is one.
pub fn dnn_fault(dnn: &str) -> Option<&'static str> {
    let label = |label: &str| {
        (1..=63).contains(&label.len())
            && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    if dnn == "*" {
        return Some("the wildcard stands for every data network");
    }
    // one byte of length before each label (TS 23.003, 9.1)
    if dnn.len() + 1 > 100 {
        return Some("it is longer than 100 octets on the wire");
    }
    if !dnn.split('.').all(label) {
        return Some("its labels are 1 to 63 letters, digits and inner `-`, with dots between them");
    }
    let lower = dnn.to_ascii_lowercase();
    if lower.strip_suffix(".gprs").is_some() {
        return Some("`.gprs` is what operators add");
    }
    let reserved = ["rac", "lac", "sgsn", "rnc"];
    if reserved.iter().any(|start| lower.starts_with(start)) {
        return Some("`rac`, `lac`, `sgsn` and `rnc` begin names of network nodes (TS 23.003, 9.1.1)");
    }
    None
}

/// Bits per second.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct BitRate(pub u64);

impl BitRate {
    /// The largest unit in which it is a whole number, as a power of 1000: 0 bps to 4 Tbps.
    pub fn scaled(self) -> (u64, u8) {
        let (mut value, mut unit) = (self.0, 0);
        while unit < 4 && value > 0 && value.is_multiple_of(1000) {
            value /= 1000;
            unit += 1;
        }
        (value, unit)
    }

    /// The next rate that is a number of at most 31 bits in some unit: this one, in most cases.
    #[must_use]
    pub fn rounded_up(self) -> Self {
        let mut unit = 1u64;
        while self.0.div_ceil(unit) > i32::MAX as u64 && unit < 1_000_000_000_000 {
            unit *= 1000;
        }
        Self(if self.scaled().0 > i32::MAX as u64 {
            self.0.div_ceil(unit).saturating_mul(unit)
        } else {
            self.0
        })
    }
}

/// As TS 29.571 spells a `BitRate`.
impl fmt::Display for BitRate {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (value, unit) = self.scaled();
        let unit = ["bps", "Kbps", "Mbps", "Gbps", "Tbps"][usize::from(unit)];
        write!(formatter, "{value} {unit}")
    }
}

/// Both directions of a rate.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Rates {
    pub uplink: BitRate,
    pub downlink: BitRate,
}

/// Allocation and retention priority. The language gives the level; that nobody is pushed out, and that who runs the
/// process cannot be, follows from the slice.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Arp {
    /// 1 to 15; 1 is the highest.
    pub priority: u8,
    pub may_preempt: bool,
    pub preemptable: bool,
}

/// Whether the radio protects what it carries (TS 23.501, 5.10.3).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Protection {
    Required,
    #[default]
    Preferred,
    NotNeeded,
}

impl Protection {
    pub(super) fn of(word: &str) -> Self {
        match word {
            "required" => Self::Required,
            "not_needed" => Self::NotNeeded,
            _ => Self::Preferred,
        }
    }
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct UserPlaneSecurity {
    pub integrity: Protection,
    pub confidentiality: Protection,
    /// Whether the package says anything about it.
    pub given: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum PduSessionType {
    Ipv4,
    Ipv6,
    Ipv4v6,
}

impl PduSessionType {
    /// By the families that a session has an address of.
    pub fn of(v4: bool, v6: bool) -> Self {
        match (v4, v6) {
            (true, true) => Self::Ipv4v6,
            (false, true) => Self::Ipv6,
            (_, false) => Self::Ipv4,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ffffff_is_no_differentiator() {
        assert_eq!(Snssai::new(1, Some(0xff_ffff)), Snssai::new(1, None));
        assert_ne!(Snssai::new(1, Some(0)), Snssai::new(1, None));
        assert_eq!(Snssai::new(2, Some(0xa)).to_string(), "2-00000a");
        assert_eq!(Snssai::new(2, None).to_string(), "2");
    }

    #[test]
    fn a_supi_has_five_to_fifteen_digits() {
        for wrong in
            ["", "imsi-", "imsi-9997", "imsi-9997000000000012", "imsi-99970x", "nai-a@b", "999700000000001"]
        {
            assert_eq!(Supi::parse(wrong), None, "{wrong}");
        }
        let plmn = |mnc: &str| Plmn { mcc: "999".into(), mnc: mnc.into() };
        let supi = Supi::parse("imsi-999700000000001");
        assert!(supi.as_ref().is_some_and(|supi| supi.is_of(&plmn("70"))));
        assert!(supi.as_ref().is_some_and(|supi| supi.is_of(&plmn("700"))));
        assert!(!supi.as_ref().is_some_and(|supi| supi.is_of(&plmn("71"))));
    }

    #[test]
    fn names_of_data_networks() {
        for right in ["ot-control", "a", "plant.nord", "0x"] {
            assert_eq!(dnn_fault(right), None, "{right}");
        }
        let long = "a".repeat(64);
        let longest = ["a".repeat(50), "b".repeat(50)].join(".");
        for wrong in
            ["", "*", "a..b", "-a", "a-", "a b", "a\"b", "mnc070.mcc999.gprs", "rac1", &long, &longest]
        {
            assert!(dnn_fault(wrong).is_some(), "{wrong}");
        }
    }

    #[test]
    fn rates_are_whole_numbers_of_the_largest_unit() {
        assert_eq!(BitRate(10_000_000).to_string(), "10 Mbps");
        assert_eq!(BitRate(1_500_000).scaled(), (1500, 1));
        assert_eq!(BitRate(0).to_string(), "0 bps");
        assert_eq!(BitRate(7).to_string(), "7 bps");
        assert_eq!(BitRate(5_000_000_000_000_000).scaled(), (5000, 4));
        assert_eq!(BitRate(10_000_000_000).rounded_up(), BitRate(10_000_000_000));
        assert_eq!(BitRate(3_000_000_002).rounded_up(), BitRate(3_000_001_000));
    }
}
