//! What every target shares: the artifacts it hands over and how they are described.

/// One file of the output tree.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Artifact {
    /// Path below the output folder, `/` between parts: `nftables/gw_turbine.nft`. Every part matches
    /// `[A-Za-z0-9_.~-]+` and is neither `.` nor `..`.
    pub path: String,
    pub contents: Vec<u8>,
    /// The target's name: `nftables`.
    pub target: &'static str,
    pub executable: bool,
}

/// A name of the package (`press[3].gw`) as a part of a file name. Injective: what is not `[A-Za-z0-9_-]` or an inner
/// `.` becomes `~` and two hex digits per byte, so two names never meet in one file.
pub fn file_name(name: &str) -> String {
    let mut out = String::with_capacity(name.len());
    for (index, byte) in name.bytes().enumerate() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'_' | b'-' => out.push(char::from(byte)),
            b'.' if index > 0 => out.push('.'),
            _ => out.push_str(&format!("~{byte:02x}")),
        }
    }
    out
}
