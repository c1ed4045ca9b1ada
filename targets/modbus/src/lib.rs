//! The Modbus gateway's target: `nginx.conf`, `policy.json` and `modbus.js` for each point with `enforces = modbus`.
//!
//! nginx ends each connection, asks for a certificate where its clients have them, and runs the script, which reads the
//! stream request by request: segments that are split, joined or overlap come out of the host's own TCP as the one
//! stream that the destination would have seen. The script is the same everywhere; what it permits is in `policy.json`.

mod conf;
mod error;
mod policy;
mod readme;

use weir_compiler::plan::proxies::ProxyPlan;
use weir_targets::{Artifact, Carried, Emitted, file_name};

pub use error::EmitError;
pub use readme::readme_section;

/// The name of this target in artifacts and on the command line.
pub const TARGET: &str = "modbus";

/// What runs inside of nginx: reviewed, and the same for all gateways.
pub const SCRIPT: &str = include_str!("modbus.js");

/// Where things are on the gateway: `[targets.modbus]` in `weir.toml`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Options {
    /// Holds a folder for each gateway with its artifacts and certificates.
    pub folder: String,
    /// Holds a folder for each gateway in which its worker counts limited operations; memory is enough.
    pub state: String,
    /// nginx's modules.
    pub modules: String,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            folder: "/etc/weir/modbus".into(),
            state: "/run/weir/modbus".into(),
            modules: "/usr/lib/nginx/modules".into(),
        }
    }
}

impl From<&weir_compiler::package::ModbusOptions> for Options {
    fn from(wanted: &weir_compiler::package::ModbusOptions) -> Self {
        let default = Self::default();
        Self {
            folder: wanted.folder.clone().unwrap_or(default.folder),
            state: wanted.state.clone().unwrap_or(default.state),
            modules: wanted.modules.clone().unwrap_or(default.modules),
        }
    }
}

/// The artifacts of one gateway. What nginx cannot hold is an error.
pub fn emit(plan: &ProxyPlan, options: &Options) -> Result<Emitted, EmitError> {
    let folder = format!("{TARGET}/{}", file_name(&plan.name));
    let conf = conf::render(plan, options)?;
    let policy = policy::render(plan)?;
    let artifact = |name: &str, contents: Vec<u8>| Artifact {
        path: format!("{folder}/{name}"),
        contents,
        target: TARGET,
        executable: false,
    };
    let carried = Carried {
        statements: plan.statements.iter().map(|statement| statement.id.clone()).collect(),
        artifacts: vec![format!("{folder}/policy.json")],
    };
    Ok(Emitted {
        point: plan.name.clone(),
        artifacts: vec![
            artifact("modbus.js", SCRIPT.as_bytes().to_vec()),
            artifact("nginx.conf", conf.into_bytes()),
            artifact("policy.json", policy),
        ],
        carried: vec![carried],
    })
}
