//! The set engine: what lists of rectangles (sources x destinations x services) say together, over the whole space.
//!
//! A question is put as a [`Space`]: rules, each a rectangle of three sets with a *label*. [`Space::visit`] shows every
//! combination of labels that occurs anywhere in the space, with a place where it does. Comparing two lists, finding
//! what is shadowed, and checking an assertion are all a matter of what the labels mean and what the visitor does with
//! a combination; the engine knows neither addresses nor policies.
//!
//! # How
//!
//! 1. *Classes.* The numbers of an axis that lie in exactly the same sets are one class ([`classes`]). Afterwards sets
//!    are short lists of classes, whatever their numbers were: IPv4, IPv6, interfaces and names cost the same.
//! 2. *Sweep.* One class of sources after the other, in an order in which neighbours share most of their sets. Only
//!    the rules of the sets that begin or end are touched, and only the destinations that they touch are looked at
//!    again ([`sweep`]). Cost: the sum over these rules of their destination classes, times the rules that meet there.
//! 3. *Diagram.* Where that sum is too large (many rules that are wide in both directions), a hash-consed interval
//!    decision diagram over the classes answers the same question ([`diagram`]).
//! 4. Both have a budget, counted in steps and not in seconds, so that the answer is the same on every machine. What
//!    exceeds both is *not decided*, and the caller has to say so.

mod classes;
mod diagram;
mod space;
mod sweep;

pub use space::{Axis, Budget, Cell, Method, NotDecided, RuleId, SetId, Space};

/// An inclusive range.
pub type Range = (u128, u128);
