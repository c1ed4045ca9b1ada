//! `weir man`.

use std::{fs, path::Path};

use crate::{console::Console, failure::Failure};

pub(crate) fn run(folder: &Path, console: &Console) -> Result<(), Failure> {
    fs::create_dir_all(folder).map_err(|error| Failure::io("create the folder", folder, &error))?;
    clap_mangen::generate_to(super::description(), folder)
        .map_err(|error| Failure::io("write the manual pages into", folder, &error))?;
    console.status("written", &format!("manual pages in `{}`", folder.display()));
    Ok(())
}
