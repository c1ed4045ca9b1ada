//! User planes and session management: who shares them, and what joins slices behind them.

use rustc_hash::FxHashMap;
use weir_syntax::{Diagnostic, FileId, Span, diagnostic::codes};

use super::{
    super::{
        super::{Attachment, SegmentId, build::attribute_place},
        Slice,
    },
    Checker,
};

impl Checker<'_, '_> {
    /// Session management and user plane have to share a network, and the core's other functions an address.
    pub(super) fn functions(&mut self, slice: &Slice) {
        let core = &self.mobile.cores[slice.core];
        let broken = |what: String, (file, span): (FileId, Span), label: &str, help: &str| {
            Diagnostic::new(&codes::E0725, what).primary(file, span, label).help(help)
        };
        match (slice.session_management, core.functions) {
            (None, None) => {}
            (Some(smf), Some(_)) => {
                let joined = |segment: SegmentId| {
                    let plane = self.model.gateway(slice.user_plane);
                    plane.interfaces.iter().any(|one| one.segment == segment && !one.addresses.v4.is_empty())
                };
                let smf = self.model.principal(smf);
                let meets = |at: &Attachment| joined(at.segment) && !at.addresses.v4.is_empty();
                if !smf.attachments.iter().any(meets) {
                    self.diagnostics.push(broken(
                        format!(
                            "`{}` and `{}` share no network",
                            smf.name,
                            self.model.gateway(slice.user_plane).name
                        ),
                        attribute_place(self.universe, slice.entity, "session_management"),
                        "cannot set up sessions there (N4)",
                        "put the device onto a network on which the UPF has an IPv4 address",
                    ));
                }
            }
            (Some(_), None) => self.diagnostics.push(broken(
                format!("session management of `{}` cannot find the core's other functions", slice.name),
                attribute_place(self.universe, slice.entity, "session_management"),
                "has a host, and they have none",
                "give the core `functions = …`, the device that AMF, NRF, NSSF and PCF run on",
            )),
            (None, Some(_)) => self.diagnostics.push(broken(
                format!(
                    "the functions of `{}` cannot find session management of `{}`",
                    core.name, slice.name
                ),
                self.universe.name_span(slice.entity),
                "has no host, and they have one",
                "give the slice `session_management = …`, the device that its SMF runs on",
            )),
        }
    }

    /// Session management of two slices would want the same ports of one host.
    pub(super) fn hosts(&mut self) {
        let mut first_at: FxHashMap<u32, usize> = FxHashMap::default();
        for (index, slice) in self.mobile.slices.iter().enumerate() {
            let Some(host) = slice.session_management else { continue };
            let Some(other) = first_at.insert(host, index) else { continue };
            let (file, span) = attribute_place(self.universe, slice.entity, "session_management");
            let other = self.mobile.slices[other].entity;
            let (other_file, other_span) = attribute_place(self.universe, other, "session_management");
            self.diagnostics.push(
                Diagnostic::new(
                    &codes::E0725,
                    format!("`{}` is session management of two slices", self.model.principal(host).name),
                )
                .primary(file, span, "again here")
                .secondary(other_file, other_span, "first here")
                .help("give each slice an SMF of its own: one that serves both may choose either's pool"),
            );
        }
    }

    /// Who shares a UPF with whom.
    pub(super) fn user_planes(&mut self) {
        let mut first_on: FxHashMap<u32, usize> = FxHashMap::default();
        let mut pools_on: FxHashMap<u32, usize> = FxHashMap::default();
        for (index, slice) in self.mobile.slices.iter().enumerate() {
            self.pools(slice, pools_on.entry(slice.user_plane.0).or_default());
            let Some(other) = first_on.get(&slice.user_plane.0).copied() else {
                first_on.insert(slice.user_plane.0, index);
                continue;
            };
            let other = &self.mobile.slices[other];
            let plane = self.model.gateway(slice.user_plane);
            let (file, span) = attribute_place(self.universe, slice.entity, "user_plane");
            let (other_file, other_span) = attribute_place(self.universe, other.entity, "user_plane");
            let cannot_share = |slice: &Slice| {
                let known = self.mobile.cores[slice.core].capabilities();
                known.filter(|known| !known.shares_user_planes)
            };
            if slice.dedicated || other.dedicated {
                let (whose, place, again) = if other.dedicated {
                    (other, (other_file, other_span), (file, span))
                } else {
                    (slice, (file, span), (other_file, other_span))
                };
                self.diagnostics.push(
                    Diagnostic::new(
                        &codes::E0715,
                        format!("`{}` is dedicated to `{}` and serves another slice", plane.name, whose.name),
                    )
                    .primary(again.0, again.1, "used again here")
                    .secondary(place.0, place.1, "dedicated here")
                    .help("give each slice a gateway of its own, or write `shared(…)` in both"),
                );
            } else if let Some(known) = cannot_share(slice).or_else(|| cannot_share(other)) {
                self.diagnostics.push(
                    Diagnostic::new(
                        &codes::E0718,
                        format!("a user plane of {} serves one slice", known.product.name()),
                    )
                    .primary(file, span, "the second here")
                    .secondary(other_file, other_span, "the first")
                    .help("give each slice a UPF of its own: `user_plane = dedicated(…)`"),
                );
            } else if !plane.filters() {
                self.diagnostics.push(
                    Diagnostic::new(
                        &codes::E0716,
                        format!("`{}` joins `{}` and `{}` and filters nothing", plane.name, other.name, slice.name),
                    )
                    .primary(file, span, "routes to the other slice")
                    .secondary(other_file, other_span, "and back")
                    .help("write `enforces = [upf, nftables]` in the gateway: what a core is told of flows sorts packets by quality, and drops none"),
                );
            } else if slice.exclusive_with.iter().any(|one| self.mobile.slices[*one].entity == other.entity) {
                self.diagnostics.push(
                    Diagnostic::new(
                        &codes::W0711,
                        format!(
                            "`{}` and `{}` exclude each other and share `{}`",
                            other.name, slice.name, plane.name
                        ),
                    )
                    .primary(file, span, "one process holds both")
                    .secondary(other_file, other_span, "shared here too")
                    .help("give each a UPF of its own: `user_plane = dedicated(…)`"),
                );
            }
        }
    }

    /// A UPF takes a number of pools, and ends at the next.
    fn pools(&mut self, slice: &Slice, before: &mut usize) {
        let own = self.model.segment(slice.segment).prefixes.len();
        let known = self.mobile.cores[slice.core].capabilities().filter(|known| known.shares_user_planes);
        if let Some(known) = known
            && *before <= known.pools_per_user_plane
            && *before + own > known.pools_per_user_plane
        {
            let (file, span) = attribute_place(self.universe, slice.entity, "user_plane");
            let what = format!(
                "a user plane of {} takes {} pools",
                known.product.name(),
                known.pools_per_user_plane
            );
            self.diagnostics.push(
                Diagnostic::new(&codes::E0718, what)
                    .primary(file, span, "one too many")
                    .help("give some of its slices another UPF"),
            );
        }
        *before += own;
    }

    /// Slices whose user planes meet, and everything on a way between them forwards and filters nothing.
    pub(super) fn joined(&mut self) {
        let mut parts = Parts::new(self.model.segments.len());
        for gateway in self.model.gateways.iter().filter(|one| !one.filters() && !one.terminates()) {
            for pair in gateway.interfaces.windows(2) {
                parts.join(pair[0].segment.index(), pair[1].segment.index());
            }
        }
        let mut first_in: FxHashMap<usize, &Slice> = FxHashMap::default();
        let mobile = self.mobile;
        for slice in &mobile.slices {
            let part = parts.of(slice.segment.index());
            let other = *first_in.entry(part).or_insert(slice);
            // of one user plane, that was said
            if other.user_plane == slice.user_plane {
                continue;
            }
            let (file, span) = attribute_place(self.universe, slice.entity, "user_plane");
            let (other_file, other_span) = attribute_place(self.universe, other.entity, "user_plane");
            let plane = |slice: &Slice| &self.model.gateway(slice.user_plane).name;
            let what = format!(
                "nothing filters between `{}` behind `{}` and `{}` behind `{}`",
                other.name,
                plane(other),
                slice.name,
                plane(slice)
            );
            self.diagnostics.push(
                Diagnostic::new(&codes::E0716, what)
                    .primary(file, span, "routes to the other slice")
                    .secondary(other_file, other_span, "and back")
                    .help("write `enforces = [upf, nftables]` in the gateways: a slice of its own separates no traffic behind the user plane"),
            );
        }
    }
}

/// Segments that are joined, by a representative of each part.
struct Parts(Vec<usize>);

impl Parts {
    fn new(count: usize) -> Self {
        Self((0..count).collect())
    }

    fn of(&mut self, mut one: usize) -> usize {
        while self.0[one] != one {
            self.0[one] = self.0[self.0[one]];
            one = self.0[one];
        }
        one
    }

    fn join(&mut self, a: usize, b: usize) {
        let (a, b) = (self.of(a), self.of(b));
        self.0[a.max(b)] = a.min(b);
    }
}
