//! What the user may choose: `initializationOptions`, or the section `weir` of the client's settings.

use serde::Deserialize;
use serde_json::Value;

#[derive(Clone, Debug, Deserialize, PartialEq, Eq)]
#[serde(default, rename_all = "camelCase")]
pub(crate) struct Configuration {
    pub(crate) inlay_hints: Switch,
    pub(crate) code_lens: Switch,
    /// Milliseconds without a change before the whole package is analyzed.
    pub(crate) analysis_delay: u64,
    /// Whether the client shows texts of the schemes `weir-std` and `weir-artifact`; files in a cache otherwise.
    pub(crate) virtual_documents: bool,
}

#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq)]
#[serde(default)]
pub(crate) struct Switch {
    pub(crate) enable: bool,
}

impl Default for Switch {
    fn default() -> Self {
        Self { enable: true }
    }
}

impl Default for Configuration {
    fn default() -> Self {
        Self {
            inlay_hints: Switch::default(),
            code_lens: Switch::default(),
            analysis_delay: 150,
            virtual_documents: false,
        }
    }
}

impl Configuration {
    /// Reads settings, with or without the section's name around them. What has the wrong type is an error, said to the
    /// user; unknown keys are other versions' and are passed over.
    pub(crate) fn read(settings: &Value) -> Result<Self, String> {
        let section = settings.get("weir").unwrap_or(settings);
        if section.is_null() {
            return Ok(Self::default());
        }
        Self::deserialize(section)
            .map_err(|error| format!("the settings of Weir are not understood: {error}"))
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn settings_are_read_with_and_without_their_section() {
        let plain = json!({ "codeLens": { "enable": false } });
        let section = json!({ "weir": { "codeLens": { "enable": false }, "later": 1 } });
        let read = Configuration::read(&plain).unwrap();
        assert!(!read.code_lens.enable && read.inlay_hints.enable);
        assert_eq!(Configuration::read(&section).unwrap(), read);
        assert_eq!(Configuration::read(&Value::Null).unwrap(), Configuration::default());
        assert!(Configuration::read(&json!({ "analysisDelay": "soon" })).is_err());
    }
}
