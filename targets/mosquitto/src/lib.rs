//! The Mosquitto target: `mosquitto.conf` and `dynsec.json` for each point with `enforces = mosquitto`.
//!
//! The broker asks each client for a certificate, takes its common name as user name *and* client id, so that nobody
//! takes over another's session, and holds topics by the dynamic-security plugin: whatever no role permits is refused,
//! the subscription as well as the message.

mod conf;
mod dynsec;
mod error;
mod readme;

use weir_compiler::plan::proxies::ProxyPlan;
use weir_targets::{Artifact, Carried, Emitted, file_name};

pub use error::EmitError;
pub use readme::readme_section;

/// The name of this target in artifacts and on the command line.
pub const TARGET: &str = "mosquitto";

/// Where things are on the broker's host: `[targets.mosquitto]` in `weir.toml`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Options {
    /// Holds a folder for each broker with its artifacts and certificates.
    pub folder: String,
    /// The dynamic-security plugin.
    pub plugin: String,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            folder: "/etc/weir/mosquitto".into(),
            plugin: "/usr/lib/x86_64-linux-gnu/mosquitto_dynamic_security.so".into(),
        }
    }
}

impl From<&weir_compiler::package::MosquittoOptions> for Options {
    fn from(wanted: &weir_compiler::package::MosquittoOptions) -> Self {
        let default = Self::default();
        Self {
            folder: wanted.folder.clone().unwrap_or(default.folder),
            plugin: wanted.plugin.clone().unwrap_or(default.plugin),
        }
    }
}

/// The artifacts of one broker. What Mosquitto cannot hold is an error.
pub fn emit(plan: &ProxyPlan, options: &Options) -> Result<Emitted, EmitError> {
    let folder = format!("{TARGET}/{}", file_name(&plan.name));
    let conf = conf::render(plan, options)?;
    let dynsec = dynsec::render(plan)?;
    let artifact = |name: &str, contents: Vec<u8>| Artifact {
        path: format!("{folder}/{name}"),
        contents,
        target: TARGET,
        executable: false,
    };
    let carried = Carried {
        statements: plan.statements.iter().map(|statement| statement.id.clone()).collect(),
        artifacts: vec![format!("{folder}/dynsec.json")],
    };
    Ok(Emitted {
        point: plan.name.clone(),
        artifacts: vec![artifact("dynsec.json", dynsec), artifact("mosquitto.conf", conf.into_bytes())],
        carried: vec![carried],
    })
}
