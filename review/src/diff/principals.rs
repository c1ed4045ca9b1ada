//! Principals: who came and went, and by what those of both versions are known on the wire. An artifact knows no names: whom it
//! lets pass under another address, certificate or label is somebody else.

use std::collections::BTreeMap;

use rustc_hash::FxHashMap;
use weir_compiler::{
    model::{Identity, Integrity, Key, Principal, Workload, ZoneId},
    plan::{AddressSet, Ranges},
};

use super::{
    Difference, PlantChange, Verdict,
    identity::Identity as Numbers,
    topology::{addresses, service_name},
};
use crate::Subject;

/// Changes of one kind that are told one by one; beyond, one stands for all of its kind.
const LISTED: usize = 5;

pub(super) fn compare(earlier: &Subject, later: &Subject, numbers: &Numbers, found: &mut Difference) {
    came_and_went(earlier, later, numbers, found);
    let sides = [Side::new(earlier), Side::new(later)];
    // by what changed, and what it comes to: in words, with those of whom it is true
    let mut kinds: BTreeMap<(Vec<&'static str>, Verdict), BTreeMap<String, Vec<u32>>> = BTreeMap::new();
    for old in 0..earlier.model().principals.len() as u32 {
        let new = numbers.of_earlier(old);
        if new >= later.model().principals.len() as u32 {
            continue;
        }
        let mut changes = Changes::default();
        changes.of(&sides[0], old, &sides[1], new);
        if !changes.aspects.is_empty() {
            let alike = kinds.entry((changes.aspects, changes.effect)).or_default();
            alike.entry(changes.details.join("; ")).or_default().push(new);
        }
    }
    let describe = |ids: &[u32]| {
        let set = Ranges::from_unsorted(ids.iter().map(|id| (*id, *id)).collect());
        later.naming().describe(later.model(), &set)
    };
    for ((_, effect), alike) in kinds {
        let mut push = |name: String, detail: String| {
            found.plant.push(PlantChange { what: "principal", name, change: "changed", detail, effect });
        };
        if alike.len() <= LISTED {
            for (detail, ids) in alike {
                push(describe(&ids), detail);
            }
        } else if let Some((detail, [first, ..])) =
            alike.iter().next().map(|(detail, ids)| (detail, ids.as_slice()))
        {
            let all: Vec<u32> = alike.values().flatten().copied().collect();
            push(
                describe(&all),
                format!("{} principals, each in its way; `{}`: {detail}", all.len(), later.name(*first)),
            );
        }
    }
}

fn came_and_went(earlier: &Subject, later: &Subject, numbers: &Numbers, found: &mut Difference) {
    let mut push = |name: String, change, detail: String| {
        found.plant.push(PlantChange { what: "principal", name, change, detail, effect: Verdict::Same });
    };
    let sets = [
        (later, "added", numbers.added.iter().copied().collect::<Ranges<u32>>()),
        (earlier, "removed", numbers.gone().iter().copied().collect()),
    ];
    for (subject, change, set) in sets {
        if !set.is_empty() {
            let name = subject.naming().describe(subject.model(), &set);
            let detail = match set.count() {
                1 => String::new(),
                count => format!("{count} principals"),
            };
            push(name, change, detail);
        }
    }
    for (old, new) in &numbers.renamed {
        let (old, new) = (earlier.name(*old).to_owned(), later.name(*new));
        push(old, "renamed", format!("now `{new}`; the same address, class, zone and services"));
    }
}

/// One version, with what is asked of it for each principal.
struct Side<'s> {
    subject: &'s Subject,
    /// Whoever is an end of what is permitted.
    used: Ranges<u32>,
    workloads: FxHashMap<u32, &'s Workload>,
}

impl<'s> Side<'s> {
    fn new(subject: &'s Subject) -> Self {
        let ends = subject.connections().into_iter();
        let ends = ends.flat_map(|one| one.sources.iter().chain(one.destinations.iter())).collect();
        let workloads = subject.model().clusters.iter().flat_map(|cluster| &cluster.workloads);
        Self {
            subject,
            used: Ranges::from_unsorted(ends),
            workloads: workloads.map(|workload| (workload.principal, workload)).collect(),
        }
    }

    fn zones(&self, principal: &Principal) -> String {
        let name = |zone: &ZoneId| self.subject.model().zone(*zone).name.clone();
        principal.zones.iter().map(name).collect::<Vec<_>>().join(", ")
    }

    fn class(&self, principal: &Principal) -> String {
        principal.details.class.map_or_else(|| "none".to_owned(), |class| self.subject.path(class).to_owned())
    }

    fn safe(&self, principal: &Principal) -> String {
        let services = principal.details.safe.iter().flat_map(|safe| safe.iter());
        let names = services.map(|service| service_name(self.subject, service));
        names.collect::<Vec<_>>().join(", ")
    }
}

/// How one principal differs.
#[derive(Default)]
struct Changes {
    aspects: Vec<&'static str>,
    details: Vec<String>,
    effect: Verdict,
}

impl Changes {
    fn push(&mut self, aspect: &'static str, before: &str, after: &str, effect: Verdict) {
        let word = |text: &str| if text.is_empty() { "none".to_owned() } else { text.to_owned() };
        self.say(aspect, format!("{aspect} {} -> {}", word(before), word(after)), effect);
    }

    fn say(&mut self, aspect: &'static str, detail: String, effect: Verdict) {
        self.aspects.push(aspect);
        self.details.push(detail);
        self.effect = self.effect.max(effect);
    }

    fn of(&mut self, earlier: &Side<'_>, old: u32, later: &Side<'_>, new: u32) {
        let (was, is) = (earlier.subject.principal(old), later.subject.principal(new));
        let (used_before, used_after) = (earlier.used.contains(old), later.used.contains(new));
        // somebody else may be meant where somebody is
        let another = if used_after { Verdict::Widened } else { Verdict::Same };
        self.addresses((&was.addresses(), used_before), (&is.addresses(), used_after));
        if was.mac != is.mac {
            let effect = match (was.mac, used_after) {
                (None, true) => Verdict::Narrowed,
                _ => another,
            };
            self.push("MAC address", &mac(was.mac), &mac(is.mac), effect);
        }
        let (one, other) = (&was.details.identity, &is.details.identity);
        if one != other {
            self.push("identity", &identity(one.as_deref()), &identity(other.as_deref()), another);
        }
        if let (Some(old), Some(new)) = (earlier.workloads.get(&old), later.workloads.get(&new)) {
            // a cluster-wide deny chooses by them as well
            let is_denied = later.subject.sources.manifest.targets.kubernetes.guard_rails.is_some();
            self.workload(old, new, used_after, is_denied);
        }
        let zones = (earlier.zones(was), later.zones(is));
        if zones.0 != zones.1 {
            self.push("zone", &zones.0, &zones.1, Verdict::Same);
        }
        let classes = (earlier.class(was), later.class(is));
        if classes.0 != classes.1 {
            self.push("class", &classes.0, &classes.1, Verdict::Same);
        }
        self.trust(earlier, was, later, is);
    }

    fn addresses(
        &mut self,
        (before, used_before): (&AddressSet, bool),
        (after, used_after): (&AddressSet, bool),
    ) {
        if before == after {
            return;
        }
        let (came, went) = (after.difference(before), before.difference(after));
        let effect = match (came.is_empty(), went.is_empty()) {
            (false, _) if used_after => Verdict::Widened,
            (_, false) if used_before => Verdict::Narrowed,
            _ => Verdict::Same,
        };
        let detail = match (came.is_empty(), went.is_empty()) {
            (false, false) => format!("address {} -> {}", addresses(&went), addresses(&came)),
            (false, true) => format!("address {} too", addresses(&came)),
            _ => format!("no longer address {}", addresses(&went)),
        };
        self.say("address", detail, effect);
    }

    fn workload(&mut self, was: &Workload, is: &Workload, is_used: bool, is_denied: bool) {
        let another = if is_used { Verdict::Widened } else { Verdict::Same };
        if was.pods.namespace != is.pods.namespace {
            self.push("namespace", &was.pods.namespace, &is.pods.namespace, another);
        }
        if was.pods.labels != is.pods.labels {
            let text = |workload: &Workload| {
                let labels = workload.pods.labels.iter().map(|(key, value)| format!("{key}={value}"));
                labels.collect::<Vec<_>>().join(",")
            };
            let fewer_pods =
                was.pods.labels.iter().all(|(key, value)| is.pods.labels.get(key) == Some(value));
            let effect = match (is_denied, fewer_pods && is_used) {
                (true, _) => Verdict::Widened,
                (false, true) => Verdict::Narrowed,
                (false, false) => another,
            };
            self.push("labels", &text(was), &text(is), effect);
        }
        if was.service_account != is.service_account {
            let text = |workload: &Workload| workload.service_account.as_deref().unwrap_or("").to_owned();
            self.push("service account", &text(was), &text(is), Verdict::Same);
        }
        if was.host_network != is.host_network {
            let word = |workload: &Workload| if workload.host_network { "yes" } else { "no" };
            let effect = if is.host_network { Verdict::Widened } else { Verdict::Same };
            self.push("host network", word(was), word(is), effect);
        }
    }

    /// What flows are judged by, and artifacts do not know.
    fn trust(&mut self, earlier: &Side<'_>, was: &Principal, later: &Side<'_>, is: &Principal) {
        let (old, new) = (&was.details, &is.details);
        let level = |level: Option<Integrity>| level.map_or("", Integrity::word);
        if old.integrity != new.integrity {
            self.push("integrity", level(old.integrity), level(new.integrity), Verdict::Same);
        }
        if old.endorses != new.endorses {
            let word = |endorses: Option<(Integrity, Integrity)>| {
                endorses.map_or_else(String::new, |(from, to)| format!("{} to {}", from.word(), to.word()))
            };
            self.push("endorses", &word(old.endorses), &word(new.endorses), Verdict::Same);
        }
        let safe = (earlier.safe(was), later.safe(is));
        if safe.0 != safe.1 {
            self.push("safe", &safe.0, &safe.1, Verdict::Same);
        }
        if old.requires != new.requires {
            self.push("requires", old.requires.word(), new.requires.word(), Verdict::Same);
        }
    }
}

fn mac(mac: Option<[u8; 6]>) -> String {
    let digits = mac.iter().flatten().map(|byte| format!("{byte:02x}"));
    digits.collect::<Vec<_>>().join(":")
}

fn identity(identity: Option<&Identity>) -> String {
    let Some(identity) = identity else { return String::new() };
    let mut parts: Vec<String> =
        identity.parts.iter().map(|(name, value)| format!("{name} = {value:?}")).collect();
    parts.extend(identity.key.as_ref().map(|key| match key {
        Key::Hardware => "key = hardware".to_owned(),
        Key::Software => "key = software".to_owned(),
        Key::Reference(place) => format!("key = ref({place:?})"),
    }));
    if parts.is_empty() {
        return identity.scheme.to_owned();
    }
    format!("{}({})", identity.scheme, parts.join(", "))
}
