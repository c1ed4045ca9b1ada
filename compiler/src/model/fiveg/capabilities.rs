//! What each core does with what it is told, by product and version. A demand beyond it is an error, and never dropped.

use super::{
    BitRate,
    five_qi::{ResourceType, TABLE},
};

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Product {
    Open5gs,
    SdCore,
    Free5gc,
}

impl Product {
    pub(super) fn of(word: &str) -> Self {
        match word {
            "sdcore" => Self::SdCore,
            "free5gc" => Self::Free5gc,
            _ => Self::Open5gs,
        }
    }

    /// As its makers spell it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Open5gs => "Open5GS",
            Self::SdCore => "SD-Core",
            Self::Free5gc => "free5GC",
        }
    }

    /// As the language and the output tree spell it.
    pub fn word(self) -> &'static str {
        match self {
            Self::Open5gs => "open5gs",
            Self::SdCore => "sdcore",
            Self::Free5gc => "free5gc",
        }
    }
}

/// One row of the table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Capabilities {
    pub product: Product,
    /// Versions that begin with this are of this row.
    pub version: &'static str,
    /// Whether Weir writes its settings.
    pub settings: bool,
    /// Slices, and so sessions, of one subscription.
    pub slices_per_ue: usize,
    /// The largest rate in bits per second that it keeps as it was given.
    pub largest_rate: u64,
    /// Whether it tells the radio that user-plane protection is required.
    pub user_plane_security: bool,
    /// Guaranteed flows.
    pub guaranteed: bool,
    /// The highest 5QI that it knows.
    pub highest_five_qi: u8,
    /// Packet filters of one flow, each of which is there for both directions; and rules of one session.
    pub filters_per_flow: usize,
    pub rules_per_session: usize,
    /// Whether what it is told of flows is what it lets pass.
    pub flows_are_filters: bool,
    /// UEs of one pool reach each other inside of the user plane, whatever it is told.
    pub hairpins: bool,
    /// Whether a slice can have its user plane for itself only; it has exactly one in any case.
    pub shares_user_planes: bool,
    /// Pools of all slices that share a user plane.
    pub pools_per_user_plane: usize,
    /// Whether UEs have IPv6, alone or beside IPv4: a prefix of 64 bits each.
    pub ipv6: bool,
}

/// Sources: Open5GS 2.7.7 (`lib/proto/types.h`, `src/upf/gtp-path.c`, `lib/pfcp`), SD-Core 1.x/2.x (`webconsole`
/// `backend/nfconfig`, `smf/context`; its UPF has IPv4 only, omec-project/upf#314), free5GC 3.4/4.x (`smf/internal/context`).
pub const TABLE_OF_CORES: &[Capabilities] = &[
    Capabilities {
        product: Product::Open5gs,
        version: "2.7",
        settings: true,
        slices_per_ue: 4,
        largest_rate: u64::MAX,
        user_plane_security: true,
        guaranteed: true,
        highest_five_qi: 86,
        // 15 of both directions together, or the process ends (`OGS_MAX_NUM_OF_FLOW_IN_PCC_RULE`)
        filters_per_flow: 7,
        rules_per_session: 8,
        flows_are_filters: false,
        hairpins: true,
        shares_user_planes: true,
        // `OGS_MAX_NUM_OF_SUBNET`
        pools_per_user_plane: 16,
        ipv6: true,
    },
    Capabilities {
        product: Product::SdCore,
        version: "",
        settings: true,
        // provisioning one device group after the other keeps the S-NSSAI of the last one only
        slices_per_ue: 1,
        largest_rate: 0x7fff_ffff,
        user_plane_security: false,
        guaranteed: false,
        highest_five_qi: 80,
        filters_per_flow: usize::MAX,
        rules_per_session: usize::MAX,
        flows_are_filters: true,
        hairpins: false,
        shares_user_planes: false,
        pools_per_user_plane: 1,
        ipv6: false,
    },
    Capabilities {
        product: Product::Free5gc,
        version: "",
        settings: false,
        slices_per_ue: 8,
        largest_rate: u64::MAX,
        user_plane_security: true,
        guaranteed: true,
        highest_five_qi: 254,
        filters_per_flow: usize::MAX,
        rules_per_session: usize::MAX,
        flows_are_filters: false,
        hairpins: false,
        shares_user_planes: true,
        pools_per_user_plane: usize::MAX,
        ipv6: false,
    },
];

/// The row of a product and version; the newest that is known, where no version is given.
pub fn capabilities(product: Product, version: Option<&str>) -> Option<&'static Capabilities> {
    let fits = |row: &&Capabilities| {
        let known = row.version;
        row.product == product
            && version.is_none_or(|version| {
                known.is_empty()
                    || version == known
                    || version.strip_prefix(known).is_some_and(|rest| rest.starts_with('.'))
            })
    };
    TABLE_OF_CORES.iter().find(fits)
}

impl Capabilities {
    /// Whether it keeps a rate as it was given: within its limit, and as a number of 31 bits in some unit.
    pub fn keeps(&self, rate: BitRate) -> bool {
        rate.0 <= self.largest_rate && i32::try_from(rate.scaled().0).is_ok()
    }

    /// Whether it takes this 5QI.
    pub fn takes(&self, five_qi: u8) -> bool {
        let guaranteed =
            TABLE.iter().any(|row| row.five_qi == five_qi && row.resource != ResourceType::NonGuaranteed);
        five_qi <= self.highest_five_qi && (self.guaranteed || !guaranteed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_compared_by_their_parts() {
        let known = |version| capabilities(Product::Open5gs, version).is_some();
        assert!(known(None) && known(Some("2.7")) && known(Some("2.7.7")));
        assert!(!known(Some("2.6")) && !known(Some("2.70")) && !known(Some("3")));
    }
}
