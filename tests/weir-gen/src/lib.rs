//! Writes valid packages of any size, for scale: a plant with halls, cells and gateways, and the rules between them. The
//! same options give the same bytes.

mod classes;
mod flows;
mod pairs;
mod plant;
mod random;
mod services;
mod template;
mod text;
mod topology;
mod write;

pub mod hosts;

use std::{io, path::Path};

use weir_compiler::Sources;

/// What the rules of a package are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shape {
    /// Each rule joins two hosts that no other rule joins by the same service.
    Pairs,
    /// Mostly pairs; hosts to zones, zones to hosts, zones to zones, everybody to servers, and denies.
    Mixed,
    /// As `Pairs`, with the cells made from a template that has rules of its own.
    Templates,
    /// Two networks and a gateway: as many rules as given, each with a source and a destination of its own. For comparison
    /// with tools that know no topology.
    Hosts,
}

impl Shape {
    pub const ALL: [(&'static str, Self); 4] = [
        ("pairs", Self::Pairs),
        ("mixed", Self::Mixed),
        ("templates", Self::Templates),
        ("hosts", Self::Hosts),
    ];
}

/// What to write.
#[derive(Clone, Copy, Debug)]
pub struct Options {
    pub shape: Shape,
    /// Devices; at least [`LEAST_DEVICES`]. With [`Shape::Hosts`] there are two for each rule instead.
    pub devices: u32,
    /// Statements (`allow`, `deny`); those of a template count once for each instance.
    pub rules: u32,
    pub seed: u64,
}

/// Fewer devices make no plant.
pub const LEAST_DEVICES: u32 = 40;

/// A package as text.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Package {
    pub manifest: String,
    /// Path from the package's folder, and text.
    pub files: Vec<(String, String)>,
}

impl Package {
    /// As the compiler takes it.
    pub fn sources(&self) -> Sources {
        Sources::new(
            &self.manifest,
            self.files.iter().map(|(path, text)| (path.clone(), text.clone().into_bytes())).collect(),
        )
    }

    /// Writes it to a folder, which is made where it is missing.
    pub fn write(&self, folder: &Path) -> io::Result<()> {
        std::fs::create_dir_all(folder)?;
        std::fs::write(folder.join("weir.toml"), &self.manifest)?;
        for (path, text) in &self.files {
            let path = folder.join(path);
            if let Some(parent) = path.parent() {
                std::fs::create_dir_all(parent)?;
            }
            std::fs::write(path, text)?;
        }
        Ok(())
    }
}

/// Makes a package.
pub fn generate(options: &Options) -> Package {
    if options.shape == Shape::Hosts {
        return hosts::package(options.rules);
    }
    let mut random = random::Random::new(options.seed);
    let plant = plant::Plant::new(options, &mut random);
    let rules = flows::choose(options, &plant, &mut random);
    write::package(options, &plant, &rules)
}
