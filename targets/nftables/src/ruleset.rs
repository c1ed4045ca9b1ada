//! The ruleset as a whole: names, the policy epoch, and which parts stand in which file.

use std::fmt::{self, Write as _};

use sha2::{Digest as _, Sha256};
use weir_compiler::plan::GatewayPlan;

use crate::bridges::Bridges;
use crate::chains;
use crate::elements;
use crate::error::EmitError;
use crate::marks::{Classes, Marks};
use crate::names::{self, Register};
use crate::normal::{Lookup, NormalForm};
use crate::options::Options;
use crate::redirects;

/// Mark of a connection of which only single operations were permitted, under any policy. It permits nothing: it says
/// that no budget of connections was spent.
pub(crate) const OPERATIONS: u32 = 1;

/// How a part is written.
#[derive(Clone, Copy)]
pub(crate) struct Text<'a> {
    /// Ends the name of every object that belongs to a generation.
    pub(crate) suffix: &'a str,
    pub(crate) comments: bool,
}

/// A plan in normal form with everything its text needs.
pub(crate) struct Ruleset<'a> {
    pub(crate) plan: &'a GatewayPlan,
    pub(crate) options: &'a Options,
    pub(crate) form: NormalForm,
    /// By profile: what stands behind `p_` and `c_`.
    pub(crate) profile_names: Vec<String>,
    /// By verdict: the chain of its profile, or one that tries several; without the suffix of a generation.
    pub(crate) verdicts: Vec<String>,
    pub(crate) marks: Marks,
    pub(crate) classes: Classes,
    pub(crate) bridges: Option<Bridges<'a>>,
    /// A digest of the policy. Connections approved under exactly this policy are marked with what of it the marks have
    /// room for. The top bit is set.
    pub(crate) epoch: u32,
}

impl<'a> Ruleset<'a> {
    pub(crate) fn build(plan: &'a GatewayPlan, options: &'a Options) -> Result<Self, EmitError> {
        options.check()?;
        names::check("package", &plan.package)?;
        names::check("gateway", &plan.name)?;
        for statement in &plan.statements {
            names::check("statement", &statement.id)?;
            names::check("policy", &statement.policy)?;
        }
        let devices =
            plan.bindings.iter().map(|b| &b.device).chain(plan.mac_bindings.iter().map(|m| &m.device));
        for device in devices.chain(plan.interfaces.iter().map(|i| &i.device)) {
            names::check_device(device)?;
        }
        let form = NormalForm::build(plan)?;
        let mut register = Register::default();
        let profile_names = form
            .profiles
            .list
            .iter()
            .map(|profile| register.claim(names::profile(&profile.policy, &profile.action)))
            .collect::<Result<Vec<String>, _>>()?;
        let verdicts = verdicts(&form, &profile_names);
        let marks = options.marks()?;
        let classes = Classes::number(marks, &form)?;
        let bridges = Bridges::build(plan)?;
        let mut set =
            Self { plan, options, form, profile_names, verdicts, marks, classes, bridges, epoch: 0 };
        set.epoch = set.digest();
        Ok(set)
    }

    /// The first 32 bits of the SHA-256 of everything that decides, which is the text without comments. The top bit
    /// is set, so that no mark of [`Ruleset::seen`] meets it, and the others are never all 0 nor [`OPERATIONS`].
    fn digest(&self) -> u32 {
        let mut text = String::with_capacity(self.size());
        // Writing to a string cannot fail.
        let plain = Text { suffix: "", comments: false };
        let _ = self.body(&mut text, plain);
        let _ = self.bridge_body(&mut text, plain);
        let digest = Sha256::digest(&text);
        Marks::WHOLE.epoch(u32::from_be_bytes([digest[0], digest[1], digest[2], digest[3]]))
    }

    /// Mark of a connection that this policy permits.
    pub(crate) fn approved(&self) -> u32 {
        // While the digest is taken, it is not known yet.
        if self.epoch == 0 { 0 } else { self.marks.epoch(self.epoch) }
    }

    /// Mark of a connection that was admitted under an `until`, and is looked up again for each packet.
    pub(crate) fn seen(&self) -> u32 {
        self.approved() & self.marks.largest() >> 1
    }

    /// The generation in object names.
    pub(crate) fn generation(&self) -> String {
        format!("{:08x}", self.epoch)
    }

    /// Everything inside the table, for one transaction.
    pub(crate) fn body(&self, out: &mut String, text: Text<'_>) -> fmt::Result {
        chains::counters(out, self)?;
        self.objects(out, text)?;
        chains::base(out, self, text.suffix, chains::Base::Whole)
    }

    /// Everything inside the bridge table.
    pub(crate) fn bridge_body(&self, out: &mut String, text: Text<'_>) -> fmt::Result {
        let Some(bridges) = &self.bridges else { return Ok(()) };
        bridges.counters(out)?;
        bridges.objects(out, self, text)?;
        bridges.base(out, self, text.suffix, chains::Base::Whole)
    }

    /// What belongs to one generation.
    pub(crate) fn objects(&self, out: &mut String, text: Text<'_>) -> fmt::Result {
        elements::bindings(out, self.plan, text.suffix)?;
        redirects::tables(out, self.plan, text)?;
        chains::classes(out, self, text.suffix)?;
        elements::lookups(out, self, text)?;
        chains::profiles(out, self, text.suffix)?;
        chains::lookups(out, self, text.suffix)
    }

    /// The chain of each verdict in a generation.
    pub(crate) fn verdict_names(&self, suffix: &str) -> Vec<String> {
        self.verdicts.iter().map(|name| format!("{name}{suffix}")).collect()
    }

    /// About how many bytes the text has: a large one should not be copied while it grows.
    pub(crate) fn size(&self) -> usize {
        const ELEMENT: usize = 112;
        const PROFILE: usize = 512;
        let elements = self.form.hooks.iter().flat_map(|form| [&form.v4, &form.v6]).map(Lookup::elements);
        let redirects: usize = self.plan.redirects.iter().map(redirects::elements).sum();
        let bindings = self.plan.bindings.len() + self.plan.mac_bindings.len() + redirects;
        (elements.sum::<usize>() + bindings) * ELEMENT + (self.verdicts.len() + 8) * PROFILE
    }

    /// The comment that starts every file.
    pub(crate) fn header(&self, purpose: &str) -> String {
        format!(
            "# Generated by Weir from the policy; change the policy instead.\n\
             # package {}, gateway {}, policy epoch {:08x}\n# {purpose}\n\n",
            self.plan.package, self.plan.name, self.epoch
        )
    }
}

/// Combined verdicts are numbered after the profiles, without a gap.
fn verdicts(form: &NormalForm, profile_names: &[String]) -> Vec<String> {
    let mut all: Vec<String> = profile_names.iter().map(|name| format!("p_{name}")).collect();
    let mut combined: Vec<_> = form.profiles.combined().collect();
    combined.sort_unstable();
    for verdict in combined {
        let mut hash = Sha256::new();
        for profile in form.profiles.attempts(verdict) {
            hash.update(&profile_names[*profile as usize]);
            hash.update(b"\n");
        }
        let digest = hash.finalize();
        let mut name = String::from("u_");
        for byte in &digest[..8] {
            let _ = write!(name, "{byte:02x}");
        }
        all.push(name);
    }
    all
}
