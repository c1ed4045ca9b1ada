//! `weir new`.

use std::{fs, path::Path};

use weir_compiler::package::is_package_name;

use crate::{console::Console, failure::Failure};

/// The files of a new package; `@NAME@` stands for its name.
const FILES: &[(&str, &str)] = &[
    ("weir.toml", include_str!("package/weir.toml")),
    ("plant.weir", include_str!("package/plant.weir")),
    ("devices.weir", include_str!("package/devices.weir")),
    ("policy.weir", include_str!("package/policy.weir")),
    (".gitignore", include_str!("package/gitignore")),
];

pub(crate) fn run(place: &Path, console: &Console) -> Result<(), Failure> {
    let name = place.file_name().and_then(|name| name.to_str()).unwrap_or_default();
    if !is_package_name(name) {
        return Err(Failure::usage(format!("`{}` cannot be a package's name", place.display()))
            .with_help("use 1 to 64 letters, digits, `_` and `-`, starting with a letter"));
    }
    if place.symlink_metadata().is_ok() {
        return Err(Failure::environment(format!("`{}` exists", place.display()))
            .with_help("choose another name: nothing is ever overwritten"));
    }
    let parent = place.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let failed = |error: &std::io::Error| Failure::io("create", place, error);
    fs::create_dir_all(parent).map_err(|error| failed(&error))?;
    // Fails where somebody else was faster; nothing of theirs is touched.
    fs::create_dir(place).map_err(|error| failed(&error))?;
    for (path, text) in FILES {
        let at = place.join(path);
        fs::write(&at, text.replace("@NAME@", name)).map_err(|error| Failure::io("write", &at, &error))?;
    }
    console.status("created", &format!("package `{name}`; now run: weir build {}", place.display()));
    Ok(())
}
