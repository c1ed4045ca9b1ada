//! `isolation.json`: slice by slice, what is permitted between them, by which line, held where, and what stays open.

use std::collections::BTreeMap;

use serde::Serialize;
use weir_compiler::plan::{
    CorePlan, Gap, GapKind,
    cores::{SlicePair, SlicePlan},
};

#[derive(Serialize)]
pub(crate) struct Report<'p> {
    core: &'p str,
    product: &'static str,
    slices: Vec<SliceReport<'p>>,
    /// Every ordered pair, a slice with itself among them.
    pairs: Vec<PairReport<'p>>,
}

#[derive(Serialize)]
struct SliceReport<'p> {
    slice: &'p str,
    s_nssai: String,
    dnn: &'p str,
    pools: Vec<String>,
    user_plane: &'p str,
    interface: &'p str,
    dedicated: bool,
    exclusive_with: &'p [String],
    subscriptions: u64,
}

#[derive(Serialize)]
struct PairReport<'p> {
    from: &'p str,
    to: &'p str,
    /// Ids of the statements that permit something from UEs of one to UEs of the other; `sourcemap.json` has their lines.
    permitted_by: Vec<&'p str>,
    /// Packet filters on every way between the two.
    enforced_at: Vec<&'p str>,
    residual_risks: Vec<Risk<'p>>,
}

/// What neither the core nor a packet filter of its user planes holds.
#[derive(Clone, Copy, Serialize)]
#[serde(rename_all = "snake_case")]
enum RiskKind {
    /// UEs of one pool, inside of the UPF.
    Hairpin,
    /// The user plane's host forwards and filters nothing.
    UnfilteredUserPlane,
    /// One process has the sessions of both.
    SharedUserPlane,
    /// Devices with sessions in both.
    DeviceInBoth,
}

#[derive(Serialize)]
struct Risk<'p> {
    kind: RiskKind,
    /// How many devices it is about.
    devices: u64,
    /// The same in words.
    what: String,
    /// Why the package accepts it; `null`, if it does not.
    accepted: Option<&'p str>,
}

/// Gaps by what they are about.
type Gaps<'p> = BTreeMap<(GapKind, &'p str), Vec<&'p Gap>>;

pub(crate) fn report<'p>(plan: &'p CorePlan, gaps: &'p [Gap]) -> Report<'p> {
    let mut by_place: Gaps<'p> = BTreeMap::new();
    for gap in gaps {
        by_place.entry((gap.kind, &gap.place)).or_default().push(gap);
    }
    let plane = |slice: &SlicePlan| plan.user_planes.get(slice.user_plane);
    let mut subscriptions = vec![0; plan.slices.len()];
    for session in plan.subscribers.iter().flat_map(|one| &one.sessions) {
        if let Some(count) = subscriptions.get_mut(session.slice) {
            *count += 1;
        }
    }
    let slices = plan.slices.iter().zip(&subscriptions).map(|(slice, subscriptions)| SliceReport {
        slice: &slice.name,
        s_nssai: slice.snssai.to_string(),
        dnn: &slice.dnn,
        pools: slice.pools.iter().map(|pool| pool.net.to_string()).collect(),
        user_plane: plane(slice).map_or("", |plane| plane.name.as_str()),
        interface: &slice.device,
        dedicated: slice.dedicated,
        exclusive_with: &slice.exclusive_with,
        subscriptions: *subscriptions,
    });
    // the first device that is in both, and how many are
    let mut joining: BTreeMap<(usize, usize), (&str, u64)> = BTreeMap::new();
    for subscriber in &plan.subscribers {
        for one in &subscriber.sessions {
            for other in subscriber.sessions.iter().filter(|other| other.slice != one.slice) {
                joining.entry((one.slice, other.slice)).or_insert((&subscriber.device, 0)).1 += 1;
            }
        }
    }
    let permitted: BTreeMap<(usize, usize), &SlicePair> =
        plan.between.iter().map(|pair| ((pair.from, pair.to), pair)).collect();
    let mut pairs = Vec::new();
    for (index, from) in plan.slices.iter().enumerate() {
        for (other, to) in plan.slices.iter().enumerate() {
            let by = permitted.get(&(index, other)).map_or(&[][..], |pair| pair.statements.as_slice());
            let statement = |id: &u32| plan.statements.get(*id as usize).map(|one| one.id.as_str());
            // inside of a pool, no packet filter sees what the user plane sends straight back
            let filters = |slice: &'p SlicePlan| plane(slice).filter(|plane| plane.filters && index != other);
            let mut held: Vec<&str> =
                [from, to].into_iter().filter_map(filters).map(|plane| plane.name.as_str()).collect();
            held.sort_unstable();
            held.dedup();
            let mut residual_risks =
                risks(plan, &by_place, (from, subscriptions[index]), (to, subscriptions[other]));
            if let Some((first, count)) = joining.get(&(index, other)) {
                let what = match count {
                    1 => format!("`{first}` is in both slices: what it forwards, no gateway sees"),
                    _ => format!(
                        "`{first}` and {} more are in both slices: what they forward, no gateway sees",
                        count - 1
                    ),
                };
                residual_risks.push(Risk {
                    kind: RiskKind::DeviceInBoth,
                    devices: *count,
                    what,
                    accepted: Some("the devices name both slices"),
                });
            }
            pairs.push(PairReport {
                from: &from.name,
                to: &to.name,
                permitted_by: by.iter().filter_map(statement).collect(),
                enforced_at: held,
                residual_risks,
            });
        }
    }
    Report { core: &plan.name, product: plan.product.name(), slices: slices.collect(), pairs }
}

/// Slices with the number of their subscriptions.
fn risks<'p>(
    plan: &'p CorePlan,
    gaps: &Gaps<'p>,
    (from, of_from): (&'p SlicePlan, u64),
    (to, of_to): (&'p SlicePlan, u64),
) -> Vec<Risk<'p>> {
    let same = from.name == to.name;
    let plane =
        |slice: &SlicePlan| plan.user_planes.get(slice.user_plane).map_or("", |plane| plane.name.as_str());
    let mut places = vec![(GapKind::UserPlane, plane(from))];
    if same {
        places.insert(0, (GapKind::Hairpin, from.name.as_str()));
    } else if plane(to) != plane(from) {
        places.push((GapKind::UserPlane, plane(to)));
    }
    let mut risks: Vec<Risk<'p>> = places
        .iter()
        .filter_map(|place| gaps.get(place))
        .flatten()
        .map(|gap| Risk {
            kind: if gap.kind == GapKind::Hairpin {
                RiskKind::Hairpin
            } else {
                RiskKind::UnfilteredUserPlane
            },
            devices: gap.who.count(),
            what: gap.message().to_owned(),
            accepted: gap.accepted.as_deref(),
        })
        .collect();
    if !same && from.user_plane == to.user_plane {
        let what = format!("one process, `{}`, holds the sessions of both slices", plane(from));
        risks.push(Risk {
            kind: RiskKind::SharedUserPlane,
            devices: of_from + of_to,
            what,
            accepted: Some("user_plane = shared(…)"),
        });
    }
    risks
}
