//! Reads nftables rulesets back: from scripts of nft commands and from a kernel's `nft -j list ruleset`.
//!
//! Nothing here knows how Weir writes a ruleset: the crate depends neither on the target nor on the compiler. A
//! [`Ruleset`] is what the kernel would hold; [`Ruleset::model`] says what it permits, by symbolic evaluation, and that it
//! keeps its promises about state; [`interpret`] decides single packets, rule by rule, to check the model with. What is
//! not understood is an [`Unread`] with its line, never skipped.

mod bridge;
mod build;
mod cursor;
mod evaluate;
mod hitless;
mod interpret;
mod json;
mod lemma;
mod listing;
mod literal;
mod load;
mod model;
mod names;
mod operations;
mod place;
mod profile;
mod redirects;
mod rule;
mod rule_json;
mod rule_text;
mod script;
mod shape;
mod state;

pub use interpret::{Judgement, Packet};
pub use literal::{
    ESTABLISHED, Family, INVALID, NEW, RELATED, Range, Type, UNTRACKED, address_name, device_name,
    device_number,
};
pub use model::{
    Arrivals, Assumption, Attempt, Binding, Bound, BridgeModel, Canonical, CanonicalAttempt, Dead,
    FilterModel, FrameAttempt, FrameOutcome, FrameStep, Hook, HookModel, Limit, Marks, Operations, Outcome,
    OutcomeId, Pair, Port, Protocol, Redirect, Request, Station, Step,
};
pub use names::{Names, Symbol, without_generation};
pub use place::Place;
pub use rule::{Bits, Field, Header, Match, Operand, Part, Rate, Rule, Values, Verdict};
pub use state::{
    BaseChain, Chain, Data, DataType, Elements, Foreign, ForeignChain, HookPoint, Ruleset, Set, Table,
    TableFamily,
};
pub use weir_reading::Unread;
