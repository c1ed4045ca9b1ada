//! Assurance and integrity against the reference evaluator, on random packages of their own.
#![allow(clippy::unwrap_used, reason = "tests stop at the first surprise")]

mod packages;

use std::{collections::BTreeSet, fmt::Write as _};

use packages::{analyze, config, errors};
use proptest::{collection::vec, prelude::*};
use weir_compiler::{
    Analysis, Facts,
    flows::integrity::ViolationKind,
    model::{Assurance, Service},
};
use weir_reference::{assurance, trust};

#[derive(Clone, Debug)]
struct Device {
    network: usize,
    /// 0 is none; see `INTEGRITIES`.
    integrity: usize,
    endorses: usize,
    safe: bool,
    identity: usize,
    requires: usize,
    enforces: usize,
}

#[derive(Clone, Debug)]
struct Flow {
    deny: bool,
    sources: Vec<usize>,
    destinations: Vec<usize>,
    service: usize,
    limit: bool,
    requires: usize,
}

#[derive(Clone, Debug)]
struct Plant {
    admissions: [usize; 3],
    /// The second gateway filters nothing.
    plain: bool,
    conduit: usize,
    devices: Vec<Device>,
    flows: Vec<Flow>,
}

const INTEGRITIES: [&str; 5] = ["", "untrusted", "field", "verified", "safety"];
const ENDORSEMENTS: [&str; 5] =
    ["", "untrusted -> field", "field -> verified", "untrusted -> safety", "verified -> safety"];
const IDENTITIES: [&str; 5] = ["", "mac", "psk", "x509(san = \"a\")", "x509(san = \"a\", key = hardware)"];
const REQUIREMENTS: [&str; 5] = ["", "address", "shared", "certified", "hardware"];
const ADMISSIONS: [&str; 4] = ["", "open", "psk", "dot1x"];
const ENFORCERS: [&str; 3] = ["", "modbus", "mosquitto"];
/// Those with arguments need a destination that parses Modbus.
const SERVICES: [&str; 9] =
    ["look", "tell", "act", "setup", "tool", "modbus", "mqtts", "modbus.read", "modbus.write(coils 1..4)"];

fn device() -> impl Strategy<Value = Device> {
    let rarely = |count: usize| prop_oneof![2 => Just(0), 1 => 0..count];
    (
        0..3usize,
        0..INTEGRITIES.len(),
        rarely(ENDORSEMENTS.len()),
        any::<bool>(),
        0..IDENTITIES.len(),
        rarely(REQUIREMENTS.len()),
        prop_oneof![3 => Just(0), 1 => 0..ENFORCERS.len()],
    )
        .prop_map(|(network, integrity, endorses, safe, identity, requires, enforces)| Device {
            network,
            integrity,
            endorses,
            safe,
            identity,
            requires,
            enforces,
        })
}

fn flow() -> impl Strategy<Value = Flow> {
    (
        proptest::bool::weighted(0.1),
        vec(0..8usize, 1..3),
        vec(0..8usize, 1..3),
        0..SERVICES.len(),
        any::<bool>(),
        prop_oneof![2 => Just(0), 1 => 0..REQUIREMENTS.len()],
    )
        .prop_map(|(deny, sources, destinations, service, limit, requires)| Flow {
            deny,
            sources,
            destinations,
            service,
            limit,
            requires,
        })
}

fn plant() -> impl Strategy<Value = Plant> {
    let admission = || 0..ADMISSIONS.len();
    let admissions = (admission(), admission(), admission()).prop_map(|(a, b, c)| [a, b, c]);
    let conduit = prop_oneof![2 => Just(0), 1 => 0..REQUIREMENTS.len()];
    (admissions, proptest::bool::weighted(0.3), conduit, vec(device(), 2..7), vec(flow(), 1..9)).prop_map(
        |(admissions, plain, conduit, devices, flows)| Plant { admissions, plain, conduit, devices, flows },
    )
}

impl Plant {
    fn text(&self) -> String {
        let mut text = String::from(
            "use std.ot.{modbus}\nuse std.it.{mqtts}\n\
             protocol look { transport = tcp/7000\n operation read { effect = observe } }\n\
             protocol tell { transport = tcp/7001\n operation publish { effect = publish } }\n\
             protocol act { transport = tcp/7002\n operation write { effect = actuate } }\n\
             protocol setup { transport = tcp/7003\n operation program { effect = manage } }\n\
             protocol tool { transport = tcp/7004 }\n\
             zone z0 { purdue = 1 }\nzone z1 { purdue = 4 }\n",
        );
        let given = |name: &str, word: &str| {
            if word.is_empty() { String::new() } else { format!(", {name} = {word}") }
        };
        let _ = writeln!(
            text,
            "conduit c between z0, z1 {{ carries = [any]{} }}",
            given("requires", REQUIREMENTS[self.conduit])
        );
        for (index, admission) in self.admissions.iter().enumerate() {
            let _ = writeln!(
                text,
                "network net{index} {{ zone = z{}, subnet = 10.{index}.0.0/24, accept_gap = \"flat\"{} }}",
                index % 2,
                given("admission", ADMISSIONS[*admission])
            );
        }
        for (index, enforces) in
            ["enforces = nftables", if self.plain { "" } else { "enforces = nftables" }].iter().enumerate()
        {
            let other = index + 1;
            let _ = writeln!(
                text,
                "gateway gw{index} {{\n{enforces}\n\
                 interface eth0 {{ network = net{index}, address = 10.{index}.0.{other} }}\n\
                 interface eth1 {{ network = net{other}, address = 10.{other}.0.{other} }}\n}}"
            );
        }
        for (index, device) in self.devices.iter().enumerate() {
            let safe = if device.safe { ", safe = [modbus.write(coils 0..9)]" } else { "" };
            let _ = writeln!(
                text,
                "device d{index} {{ network = net{0}, address = 10.{0}.0.{1}, \
                 serves = [look, tell, act, setup, tool, modbus, mqtts]{2}{3}{4}{5}{6}{safe} }}",
                device.network,
                10 + index,
                given("integrity", INTEGRITIES[device.integrity]),
                given("endorses", ENDORSEMENTS[device.endorses]),
                given("identity", &IDENTITIES[device.identity].replace("\"a\"", &format!("\"d{index}\""))),
                given("requires", REQUIREMENTS[device.requires]),
                given("enforces", ENFORCERS[device.enforces]),
            );
        }
        for flow in &self.flows {
            text.push_str(&self.line(flow).unwrap_or_default());
        }
        text
    }

    /// A flow as a statement; none, where no filter lies between its ends, or nobody holds its operation.
    fn line(&self, flow: &Flow) -> Option<String> {
        let device = |number: &usize| &self.devices[number % self.devices.len()];
        let names = |list: &[usize]| {
            list.iter()
                .map(|number| format!("d{}", number % self.devices.len()))
                .collect::<Vec<_>>()
                .join(" | ")
        };
        let (sources, destinations) = (names(&flow.sources), names(&flow.destinations));
        if flow.deny {
            return Some(format!("deny {sources} -> {destinations} : any\n"));
        }
        let behind = |number: &usize| device(number).network > 0;
        let apart = |a: &usize, b: &usize| {
            self.plain && behind(a) && behind(b) && device(a).network != device(b).network
        };
        if flow.sources.iter().any(|a| flow.destinations.iter().any(|b| apart(a, b))) {
            return None;
        }
        let parses = flow.destinations.iter().all(|number| device(number).enforces == 1);
        let operation = flow.service >= 7;
        let service = if operation && !parses { "modbus" } else { SERVICES[flow.service] };
        let mut conditions = Vec::new();
        if flow.limit && operation && parses {
            conditions.push("limit = 6/min".to_owned());
        }
        if flow.requires > 0 {
            conditions.push(format!("requires = {}", REQUIREMENTS[flow.requires]));
        }
        let block =
            if conditions.is_empty() { String::new() } else { format!(" {{ {} }}", conditions.join(", ")) };
        Some(format!("allow {sources} -> {destinations} : {service}{block}\n"))
    }

    fn analysis(&self) -> Analysis {
        analyze(&[("plant.weir".to_owned(), self.text())])
    }
}

impl Plant {
    /// What the compiler knows of it, if nothing but assurance and integrity is wrong.
    fn facts(&self) -> Option<(Analysis, Facts)> {
        let mut analysis = self.analysis();
        let others = |error: &String| !["E0515", "E0516", "E0602"].iter().any(|code| error.starts_with(code));
        let wrong: Vec<String> = errors(&analysis).into_iter().filter(others).collect();
        // a proxy that was chosen may have two destinations behind one port, no filter before it, or clients that it cannot
        // tell apart
        let by_proxy =
            |error: &String| ["E0513", "E0505", "E0606", "E0607"].iter().any(|code| error.starts_with(code));
        assert!(wrong.iter().all(by_proxy), "{wrong:?}\n{}", self.text());
        let facts = analysis.facts.take().filter(|_| wrong.is_empty())?;
        Some((analysis, facts))
    }
}

/// Texts of the statements with a command that the compiler refuses.
fn refused(facts: &Facts, untrusted: bool) -> BTreeSet<usize> {
    let violations = facts.integrity.violations.iter();
    violations
        .filter(|violation| (violation.kind != ViolationKind::Unlimited) == untrusted)
        .map(|violation| facts.rectangles[violation.rectangle as usize].statement as usize)
        .collect()
}

fn texts(facts: &Facts, statements: &BTreeSet<usize>) -> BTreeSet<String> {
    statements.iter().map(|index| facts.statements[*index].text.to_string()).collect()
}

/// The statements whose source is not known well enough, by the reference evaluator.
fn unknown(plant: &Plant, facts: &Facts) -> BTreeSet<usize> {
    let model = &facts.model;
    let mut unknown = BTreeSet::new();
    for connection in trust::connections(facts) {
        let statement = &facts.statements[connection.statement];
        let (source, destination) = (connection.source, connection.destination);
        let zone = |id: u32| model.principals[id as usize].zones.clone();
        let conduit = match plant.conduit {
            0 => Assurance::None,
            _ if zone(source) == zone(destination) => Assurance::None,
            _ => model.conduits[0].requires,
        };
        let required = statement
            .conditions
            .requires
            .max(model.principals[destination as usize].details.requires)
            .max(conduit);
        let protocol = match connection.service {
            Service::Protocol { protocol, .. } => &model.protocols.list[*protocol as usize].name,
            _ => "",
        };
        let carries = |word: &str| match word {
            "modbus" => protocol == "std.ot.modbus",
            "mosquitto" => protocol == "std.it.mqtts",
            _ => false,
        };
        if assurance::effective(model, source, destination, connection.proxy, carries) < required {
            unknown.insert(connection.statement);
        }
    }
    unknown
}

proptest! {
    #![proptest_config(config(600))]

    #[test]
    fn levels_and_refusals_agree_with_the_evaluator(plant in plant()) {
        let Some((analysis, facts)) = plant.facts() else { return Err(TestCaseError::reject("a proxy")) };
        prop_assert_eq!(&facts.integrity.levels.emitted, &trust::emitted(&facts), "{}", plant.text());
        let (untrusted, unlimited) = trust::refused(&facts);
        prop_assert_eq!(&refused(&facts, true), &untrusted, "untrusted in\n{}", plant.text());
        prop_assert_eq!(&refused(&facts, false), &unlimited, "unlimited in\n{}", plant.text());
        let all = errors(&analysis);
        let said = |code: &str| all.iter().any(|error| error.starts_with(code));
        prop_assert_eq!(said("E0515"), !untrusted.is_empty(), "{:?}\n{}", all, plant.text());
        prop_assert_eq!(said("E0516"), !unlimited.is_empty());
    }

    #[test]
    fn who_is_not_known_well_enough_agrees_with_the_evaluator(plant in plant()) {
        let Some((analysis, facts)) = plant.facts() else { return Err(TestCaseError::reject("a proxy")) };
        let reported: BTreeSet<usize> = analysis
            .diagnostics
            .iter()
            .filter(|diagnostic| diagnostic.code.id == "E0602")
            .flat_map(|diagnostic| {
                let at = diagnostic.labels[0].span;
                let around = facts.statements.iter().enumerate();
                around.filter(move |(_, one)| one.span.start <= at.start && at.end <= one.span.end)
            })
            .map(|(index, _)| index)
            .collect();
        prop_assert_eq!(reported, unknown(&plant, &facts), "{:?}\n{}", errors(&analysis), plant.text());
    }

    #[test]
    fn a_better_identity_adds_no_error(plant in plant(), device in 0..7usize) {
        let Some((_, before)) = plant.facts() else { return Err(TestCaseError::reject("a proxy")) };
        let mut better = plant.clone();
        let count = better.devices.len();
        let device = &mut better.devices[device % count];
        // without one, it counts as whatever its network asks for
        if device.identity == 0 || device.identity + 1 == IDENTITIES.len() {
            return Ok(());
        }
        device.identity += 1;
        let Some((_, after)) = better.facts() else { return Ok(()) };
        let (was, is) = (texts(&before, &unknown(&plant, &before)), texts(&after, &unknown(&better, &after)));
        prop_assert!(is.is_subset(&was), "{:?} and then {:?}\n{}", was, is, better.text());
    }

    #[test]
    fn better_data_adds_no_error_but_at_its_own_sink(plant in plant(), device in 0..7usize) {
        let Some((_, before)) = plant.facts() else { return Err(TestCaseError::reject("a proxy")) };
        let mut better = plant.clone();
        let index = device % better.devices.len();
        let device = &mut better.devices[index];
        if device.integrity == 0 || device.integrity + 1 == INTEGRITIES.len() {
            return Ok(());
        }
        device.integrity += 1;
        let Some((_, after)) = better.facts() else { return Ok(()) };
        let raised = after.model.principals.iter().position(|one| one.name == format!("d{index}")).unwrap() as u32;
        let mut new = refused(&after, true);
        new.retain(|statement| !after.statements[*statement].destinations.contains(raised));
        let (was, new) = (texts(&before, &refused(&before, true)), texts(&after, &new));
        prop_assert!(new.is_subset(&was), "{:?} and then {:?}\n{}", was, new, better.text());
    }

    #[test]
    fn another_flow_removes_no_error(plant in plant(), more in flow()) {
        let Some((_, before)) = plant.facts() else { return Err(TestCaseError::reject("a proxy")) };
        let mut wider = plant;
        wider.flows.push(Flow { deny: false, ..more });
        let Some((_, after)) = wider.facts() else { return Ok(()) };
        let (was, is) = (texts(&before, &refused(&before, true)), texts(&after, &refused(&after, true)));
        prop_assert!(was.is_subset(&is), "{:?} and then {:?}\n{}", was, is, wider.text());
    }
}
