//! Reads what a 5G core is told, as that core does, and says which session every subscription gets: behind which interface
//! of which user plane, with which address. Shares no code with what writes it, nor with the compiler.
//!
//! - [`read`] takes the files of one core to a [`CoreModel`]. A key that the core does not know, a value that it would take
//!   for another, a text that is not quoted where it has to be: an error with its line, never skipped.
//! - [`open5gs`] has the selection rules of Open5GS as its code has them: an SMF without `info` serves everybody, a subnet
//!   without `dnn` is for every data network, the first policy whose range has the SUPI wins, and who shares a subnet of a
//!   user plane reaches each other inside of it.
//! - [`sdcore`] has what SD-Core makes of its rules.
//! - [`compare`] holds the model against what a policy requires, both ways.

mod compare;
mod decode;
mod documents;
mod isolation;
mod lab;
pub mod open5gs;
pub mod sdcore;
mod values;
mod yaml;

pub use compare::{
    Difference, Expected, ExpectedFlow, ExpectedRadio, ExpectedSession, ExpectedSlice, FilterKey, Filters,
    Permission, RuleQuality, compare,
};
pub use documents::{DocumentPolicy, DocumentSession, DocumentSlice, Documents};
pub use isolation::{Isolation, IsolationPair, IsolationSlice, Risk, RiskKind};
pub use lab::{Device, Lab, Radio};
pub use values::{Families, Protection, Quality, Rate, SliceKey};
pub use weir_reading::Unread;

/// Which core the files are for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Product {
    Open5gs,
    SdCore,
}

/// All that was read of one core.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CoreModel {
    pub open5gs: Option<open5gs::Core>,
    pub sdcore: Option<sdcore::Core>,
    pub documents: Documents,
    pub lab: Lab,
    pub isolation: Option<Isolation>,
}

/// Reads the files of one core by their path below its folder. A file that belongs nowhere is an error.
pub fn read(product: Product, files: &[(&str, &str)]) -> Result<CoreModel, Unread> {
    let mut model = CoreModel::default();
    let mut own = Vec::new();
    for (path, text) in files {
        match path.split_once('/') {
            Some(("3gpp", name)) => model.documents.take(path, name, text)?,
            Some(("lab", name)) => model.lab.take(path, name, text)?,
            Some(("open5gs", name)) if product == Product::Open5gs => own.push((*path, name, *text)),
            Some(("sdcore", name)) if product == Product::SdCore => own.push((*path, name, *text)),
            None if *path == "isolation.json" => {
                model.isolation = Some(decode::with(path, text, isolation::read)?);
            }
            _ => {
                return Err(Unread {
                    file: (*path).to_owned(),
                    line: 0,
                    what: "belongs to no function".into(),
                });
            }
        }
    }
    match product {
        Product::Open5gs => model.open5gs = Some(open5gs::Core::read(&own)?),
        Product::SdCore => model.sdcore = Some(sdcore::Core::read(&own)?),
    }
    Ok(model)
}
