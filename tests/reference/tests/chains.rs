//! Chains of flows and what cuts them, against the reference, on random packages.
#![allow(clippy::unwrap_used, reason = "tests stop at the first surprise")]

mod packages;

use packages::{
    analyze,
    blueprint::{Blueprint, blueprint},
    checks::wires,
    config,
    text::{Layout, files},
};
use proptest::{collection::vec, prelude::*};
use weir_compiler::{
    flows::reach::{Assumptions, By, Cut, Goal, Hop, Reach},
    model::{PrincipalSet, Service, TransportMatch},
    plan::{PortMatch, Ranges, Transport},
};
use weir_reference::{Wire, chains::Pairs};

/// Some ids, chosen by random bits.
fn chosen(bits: &[bool], count: usize, or: u32) -> Vec<u32> {
    let ids: Vec<u32> = (0..count as u32).filter(|id| bits[*id as usize % bits.len()]).collect();
    if ids.is_empty() { vec![or % count as u32] } else { ids }
}

fn set(ids: &[u32]) -> PrincipalSet {
    ids.iter().copied().collect::<Ranges<u32>>().into()
}

/// The service of one wire, where it has ports.
fn service(wire: Wire) -> Option<Service> {
    let (transport, port) = match wire {
        Wire::Tcp(port) => (Transport::Tcp, port),
        Wire::Udp(port) => (Transport::Udp, port),
        _ => return None,
    };
    Some(Service::Transport(TransportMatch::Ports(PortMatch { transport, first: port, last: port })))
}

/// Which of the package's wires a question is about: all, or a few.
fn some_wires(all: &[Wire], picks: Option<&Vec<usize>>) -> (Vec<Wire>, Option<Vec<Service>>) {
    let Some(picks) = picks else { return (all.to_vec(), None) };
    let mut few: Vec<Wire> =
        picks.iter().map(|pick| all[pick % all.len()]).filter(|wire| service(*wire).is_some()).collect();
    few.sort_unstable();
    few.dedup();
    let services = few.iter().filter_map(|wire| service(*wire)).collect();
    (few, Some(services))
}

#[derive(Clone, Debug)]
struct Question {
    from: Vec<bool>,
    to: Vec<bool>,
    one: u32,
    isolated: Vec<bool>,
    pivots: Option<Vec<usize>>,
    last: Option<Vec<usize>>,
}

fn question() -> impl Strategy<Value = Question> {
    let few = || vec(proptest::bool::weighted(0.15), 1..24);
    let wires = || proptest::option::weighted(0.4, vec(0..200usize, 0..6));
    (few(), few(), any::<u32>(), vec(any::<bool>(), 1..6), wires(), wires()).prop_map(
        |(from, to, one, isolated, pivots, last)| Question { from, to, one, isolated, pivots, last },
    )
}

/// Each hop is one that the reference knows, and each begins where the one before ended.
fn replay(pairs: &Pairs, chain: &[Hop], from: &[u32], to: &[u32]) -> Result<(), String> {
    let mut at = None;
    for (index, hop) in chain.iter().enumerate() {
        let is_last = index + 1 == chain.len();
        if at.map_or(!from.contains(&hop.source), |at| at != hop.source) {
            return Err(format!("{hop:?} starts elsewhere"));
        }
        let holds = match hop.by {
            By::Flow(statement) => {
                let (pivot, last) = pairs.step(statement, hop.source, hop.destination);
                if is_last { last } else { pivot }
            }
            _ => pairs.beside(hop.source, hop.destination),
        };
        if !holds {
            return Err(format!("nothing permits {hop:?}"));
        }
        at = Some(hop.destination);
    }
    if at.is_none_or(|at| !to.contains(&at)) {
        return Err("ends elsewhere".into());
    }
    Ok(())
}

/// No fewer than `size` of the statements cut every chain.
fn needs(pairs: &Pairs, allows: &[u32], from: &[u32], to: &[u32], size: usize) -> bool {
    (0..1u32 << allows.len()).filter(|set| (set.count_ones() as usize) < size).all(|set| {
        let removed = |statement: u32| {
            allows.iter().position(|allow| *allow == statement).is_some_and(|bit| set >> bit & 1 == 1)
        };
        pairs.length(from, to, &removed).is_some()
    })
}

fn compare(plant: &Blueprint, question: &Question) -> Result<(), String> {
    let analysis = analyze(&files(plant, &Layout::default()));
    let Some(mut facts) = analysis.facts else { return Ok(()) };
    for (segment, isolated) in facts.model.segments.iter_mut().zip(question.isolated.iter().cycle()) {
        segment.isolated = *isolated;
    }
    let all = wires(&facts);
    let (pivot_wires, pivots) = some_wires(&all, question.pivots.as_ref());
    let (last_wires, last) = some_wires(&all, question.last.as_ref());
    let count = facts.model.principals.len();
    let from = chosen(&question.from, count, question.one);
    let mut to = chosen(&question.to, count, question.one / 7);
    if last.is_none() {
        to.retain(|id| !from.contains(id)); // who is there already needs no chain
    }
    if to.is_empty() {
        return Ok(());
    }
    let pairs = Pairs::new(&facts.model, &facts.statements, &pivot_wires, &last_wires);
    let rectangles: Vec<_> = facts.rectangles.iter().collect();
    let assumptions = Assumptions { pivots: pivots.as_deref(), ..Assumptions::default() };
    let reach = Reach::new(&facts.model, &rectangles, assumptions);
    let (sources, destinations) = (set(&from), set(&to));
    let goal = Goal::new(&facts.model, &destinations, last.as_deref());
    let chain = reach.chain(&sources, &goal);
    let expected = pairs.length(&from, &to, &|_| false);
    if chain.as_ref().map(Vec::len) != expected {
        return Err(format!("{chain:?} instead of {expected:?} steps from {from:?} to {to:?}"));
    }
    if question.last.is_none() {
        reached(&reach, &pairs, &sources, &from, count)?;
    }
    let Some(chain) = chain else { return Ok(()) };
    replay(&pairs, &chain, &from, &to)?;
    match reach.cut(&sources, &goal) {
        Cut::Unseparated(chain) => {
            if chain.iter().any(|hop| matches!(hop.by, By::Flow(_))) {
                return Err("a flow among what nothing separates".into());
            }
            replay(&pairs, &chain, &from, &to)
        }
        Cut::Statements { statements, fewest } => {
            let removed = |statement: u32| statements.contains(&statement);
            if let Some(length) = pairs.length(&from, &to, &removed) {
                return Err(format!("without {statements:?} there is a chain of {length}"));
            }
            let mut allows: Vec<u32> = facts.rectangles.iter().map(|rectangle| rectangle.statement).collect();
            allows.sort_unstable();
            allows.dedup();
            if fewest && !needs(&pairs, &allows, &from, &to, statements.len()) {
                return Err(format!("fewer than {statements:?} do"));
            }
            Ok(())
        }
        Cut::Many(_) => Ok(()),
    }
}

/// Whom a set reaches, and who reaches it.
fn reached(
    reach: &Reach<'_>,
    pairs: &Pairs,
    sources: &PrincipalSet,
    from: &[u32],
    count: usize,
) -> Result<(), String> {
    let found = reach.reached_from(sources);
    let reversed = reach.reversed();
    let back = reversed.reached_from(sources);
    let pivots_alone = |a: &[u32], b: u32| {
        // a chain all of whose steps let an intruder on
        let mut seen = a.to_vec();
        let mut place = 0;
        while let Some(at) = seen.get(place).copied() {
            place += 1;
            for next in (0..count as u32).filter(|next| !seen.contains(next)).collect::<Vec<_>>() {
                if pairs.beside(at, next) || pairs.leads(at, next) {
                    seen.push(next);
                }
            }
        }
        seen.contains(&b)
    };
    for id in 0..count as u32 {
        if found.contains(id) != pivots_alone(from, id) {
            return Err(format!("{id} is reached: {}", found.contains(id)));
        }
        let back_expected = from.iter().any(|target| pivots_alone(&[id], *target));
        if back.contains(id) != back_expected {
            return Err(format!("{id} reaches: {}", back.contains(id)));
        }
        let length = found.chain_to(id).map(|chain| chain.len());
        if length.is_some() != found.contains(id) {
            return Err(format!("no chain to {id}"));
        }
    }
    Ok(())
}

proptest! {
    #![proptest_config(config(1_500))]

    #[test]
    fn chains_and_cuts_agree_with_the_pairs(plant in blueprint(), question in question()) {
        prop_assert_eq!(compare(&plant, &question), Ok(()));
    }
}
