//! What the package may choose about the emitted ruleset: `[targets.nftables]` in `weir.toml`.

use serde::{Deserialize, Serialize};
use weir_compiler::package::NftablesOptions;

use crate::error::EmitError;
use crate::marks::Marks;

/// Settings of the target. The defaults are what most plants want.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub struct Options {
    /// Where log lines go.
    pub log: LogDestination,
    /// At most this many log lines for refused packets, per hook.
    pub deny_log: LogRate,
    /// At most this many log lines for each statement that logs or is in audit mode.
    pub allow_log: LogRate,
    /// The bits of connection and packet marks that the ruleset may use; all, if not given. Other bits are neither read
    /// nor changed.
    pub mark_mask: Option<u32>,
}

/// Where log lines go.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum LogDestination {
    /// The kernel log. Silent in a network namespace other than the first, unless `net.netfilter.nf_log_all_netns` is set.
    #[default]
    Kernel,
    /// An NFLOG group, which a logging daemon reads.
    Nflog(u16),
}

/// A rate of log lines.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub struct LogRate {
    pub per_second: u32,
    pub burst: u32,
}

impl Default for LogRate {
    fn default() -> Self {
        Self { per_second: 10, burst: 20 }
    }
}

impl From<&NftablesOptions> for Options {
    fn from(wanted: &NftablesOptions) -> Self {
        let mut options = Self::default();
        if let Some(group) = wanted.log_group {
            options.log = LogDestination::Nflog(group);
        }
        if let Some(rate) = wanted.deny_log_rate {
            options.deny_log.per_second = rate;
        }
        options.mark_mask = wanted.mark_mask;
        options
    }
}

impl Options {
    /// Refuses what the kernel would misread: a rate of nothing, or one beyond its resolution.
    pub(crate) fn check(&self) -> Result<(), EmitError> {
        for (option, rate) in [("deny-log", self.deny_log), ("allow-log", self.allow_log)] {
            if !(1..=1_000_000).contains(&rate.per_second) || !(1..=1_000_000).contains(&rate.burst) {
                return Err(EmitError::BadOption { option, why: "a rate lies between 1 and 1,000,000" });
            }
        }
        self.marks().map(|_| ())
    }

    pub(crate) fn marks(&self) -> Result<Marks, EmitError> {
        self.mark_mask.map_or(Ok(Marks::WHOLE), Marks::new)
    }
}
