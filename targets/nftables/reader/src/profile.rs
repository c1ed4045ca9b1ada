//! What a chain does to a packet that a lookup sends there: outcomes and their steps.

use rustc_hash::FxHashMap;

use crate::evaluate::Outcomes;
use crate::literal::ESTABLISHED;
use crate::model::{Limit, OutcomeId, Step};
use crate::names::{Names, Symbol, without_generation};
use crate::operations::{Conjunction, Judge};
use crate::place::Place;
use crate::rule::{Field, Header, Match, Operand, Part, Rate, Rule, Values, Verdict};
use crate::shape::{self, Mask};
use crate::state::{Chain, Outcome, Table};

/// Chains may try chains that try chains; the kernel stops at 16.
const DEEPEST: u32 = 16;

/// The chains that lookups lead to.
pub(crate) struct Profiles<'a> {
    table: &'a Table,
    names: &'a Names,
    mask: Mask,
    epoch: u32,
    /// As [`crate::Marks`] says; where first seen.
    pub(crate) timed: Option<(u32, Place)>,
    pub(crate) operations: Option<(u32, Place)>,
    pub(crate) outcomes: Vec<crate::model::Outcome>,
    known: FxHashMap<Symbol, OutcomeId>,
    steps: FxHashMap<Symbol, Step>,
    /// All chains that were read, those of operations too.
    pub(crate) read: Vec<Symbol>,
}

impl Outcomes for Profiles<'_> {
    fn outcome(&mut self, place: Place, chain: Symbol) -> Outcome<OutcomeId> {
        if let Some(id) = self.known.get(&chain) {
            return Ok(*id);
        }
        let mut steps = Vec::new();
        self.steps(place, chain, 0, &mut steps)?;
        let id = self.outcomes.len() as OutcomeId;
        self.outcomes.push(crate::model::Outcome { chain: self.name(chain), steps });
        self.known.insert(chain, id);
        Ok(id)
    }
}

/// The rules of a chain, one after the other.
struct Rules<'a> {
    chain: &'a Chain,
    at: usize,
    parts: Vec<Part>,
}

impl<'a> Rules<'a> {
    fn new(chain: &'a Chain) -> Self {
        let parts = chain.rules.first().map(shape::parts).unwrap_or_default();
        Self { chain, at: 0, parts }
    }

    /// The next rule, if it has this shape.
    fn take<T>(&mut self, read: impl FnOnce(&[Part]) -> Option<T>) -> Option<T> {
        if self.at >= self.chain.rules.len() {
            return None;
        }
        let found = read(&self.parts)?;
        self.at += 1;
        self.parts = self.chain.rules.get(self.at).map(shape::parts).unwrap_or_default();
        Some(found)
    }

    /// The next rule; behind the last one that, and if there is none the chain.
    fn place(&self) -> Place {
        let rules = &self.chain.rules;
        rules.get(self.at).or(rules.last()).map_or(self.chain.place, |rule| rule.place)
    }

    fn wanted(&self, what: &str) -> (Place, String) {
        (self.place(), format!("{what} was expected here"))
    }

    fn end(&self) -> Outcome<()> {
        if self.at < self.chain.rules.len() {
            return Err((self.place(), "a rule where the chain should have ended".into()));
        }
        Ok(())
    }
}

impl<'a> Profiles<'a> {
    pub(crate) fn new(table: &'a Table, names: &'a Names, mask: Mask, epoch: u32) -> Self {
        Self {
            table,
            names,
            mask,
            epoch,
            timed: None,
            operations: None,
            outcomes: Vec::new(),
            known: FxHashMap::default(),
            steps: FxHashMap::default(),
            read: Vec::new(),
        }
    }

    fn name(&self, chain: Symbol) -> String {
        without_generation(self.names.get(chain)).to_owned()
    }

    /// What a chain tries: itself, or the chains that it jumps to and does nothing else.
    fn steps(&mut self, from: Place, name: Symbol, depth: u32, out: &mut Vec<Step>) -> Outcome<()> {
        let table = self.table;
        let Some(chain) = table.chains.get(&name) else {
            return Err((from, format!("there is no chain `{}`", self.names.get(name))));
        };
        if depth > DEEPEST || out.len() > table.chains.len() {
            return Err((chain.place, "a chain that leads on and on".into()));
        }
        if !self.steps.contains_key(&name) {
            self.read.push(name);
        }
        let jump = |rule: &Rule| match rule.parts[..] {
            [Part::Verdict(Verdict::Jump(to))] => Some(to),
            _ => None,
        };
        if !chain.rules.is_empty() && chain.rules.iter().all(|rule| jump(rule).is_some()) {
            for rule in &chain.rules {
                if let Some(to) = jump(rule) {
                    self.steps(rule.place, to, depth + 1, out)?;
                }
            }
            return Ok(());
        }
        if let Some(step) = self.steps.get(&name) {
            out.push(step.clone());
            return Ok(());
        }
        let step = self.step(name, chain)?;
        self.steps.insert(name, step.clone());
        out.push(step);
        Ok(())
    }

    fn step(&mut self, name: Symbol, chain: &Chain) -> Outcome<Step> {
        let place = chain.rules.first().map_or(chain.place, |rule| rule.place);
        let mut rules = Rules::new(chain);
        let until = rules.take(shape::ends);
        let judges =
            chain.rules.iter().any(|rule| matches!(rule.parts.last(), Some(Part::Verdict(Verdict::Goto(_)))));
        let mut step = Step {
            chain: self.name(name),
            until,
            limit: None,
            operations: None,
            log: None,
            audit: false,
            counter: String::new(),
            place,
        };
        if judges {
            self.judges(&mut rules, &mut step)?;
        } else {
            self.whole(name, &mut rules, &mut step)?;
        }
        rules.end()?;
        Ok(step)
    }

    /// A connection as a whole is accepted.
    fn whole(&mut self, name: Symbol, rules: &mut Rules<'_>, step: &mut Step) -> Outcome<()> {
        let mask = self.mask;
        let mut admitted = self.epoch;
        if step.until.is_some() {
            // Admitted before: not limited, logged or counted again.
            let seen = rules.take(|parts| match parts {
                [Part::Match(one), rest @ ..] if mask.accepts(rest) => {
                    mask.compared(one).filter(|(equal, _)| *equal).map(|(_, mark)| mark)
                }
                _ => None,
            });
            let seen = seen.ok_or_else(|| rules.wanted("accepting what was admitted before"))?;
            admitted = seen;
            self.timed(seen, rules.place())?;
        }
        let rate = rules.take(|parts| match parts {
            [state, rest @ ..] if shape::starts(state) => shape::refuses_over(rest),
            _ => None,
        });
        if let Some(rate) = rate {
            step.limit = Some(self.limit(rate, name));
        } else {
            // What is no new connection spends nothing, unless only operations of it were permitted so far.
            let resumed = rules.take(|parts| match parts {
                [state, Part::Match(one), rest @ ..] if shape::goes_on(state) => {
                    Some((mask.compared(one).filter(|(equal, _)| !equal)?.1, mask.admits(rest)?))
                }
                _ => None,
            });
            if let Some((operations, (_, mark))) = resumed {
                let here = rules.place();
                self.operations(operations, here)?;
                if mark != admitted {
                    return Err((here, "a connection mark that is not that of the policy".into()));
                }
                let rate = rules.take(shape::refuses_over).ok_or_else(|| rules.wanted("a limit"))?;
                step.limit = Some(self.limit(rate, name));
            }
        }
        let prefix = rules.take(|parts| match parts {
            [state, rest @ ..] if shape::starts(state) => shape::logs(rest),
            _ => None,
        });
        self.log(prefix, step);
        let here = rules.place();
        let (counter, mark) = rules.take(|parts| mask.admits(parts)).ok_or_else(|| {
            rules.wanted("accepting, with a counter, the packet's mark cleared and the connection's set")
        })?;
        if mark != admitted {
            return Err((here, "a connection mark that is not that of the policy".into()));
        }
        self.names.get(counter).clone_into(&mut step.counter);
        Ok(())
    }

    fn limit(&self, rate: Rate, bucket: Symbol) -> Limit {
        Limit { count: rate.count, seconds: rate.seconds, burst: rate.burst, budget: self.name(bucket) }
    }

    fn log(&self, prefix: Option<Symbol>, step: &mut Step) {
        if let Some(prefix) = prefix {
            let prefix = self.names.get(prefix);
            step.audit = prefix.starts_with("weir-audit ");
            step.log = Some(prefix.to_owned());
        }
    }

    /// Each packet is judged by what it asks for.
    fn judges(&mut self, rules: &mut Rules<'_>, step: &mut Step) -> Outcome<()> {
        let mask = self.mask;
        rules
            .take(|parts| {
                let (condition, rest) = parts.split_at_checked(2)?;
                (shape::errors(condition) && mask.accepts(rest)).then_some(())
            })
            .ok_or_else(|| rules.wanted("accepting ICMP errors about the connection"))?;
        let mut judge = Judge::default();
        loop {
            let place = rules.place();
            let Some(answer) = rules.take(|parts| match parts {
                [direction, rest @ ..] if shape::is(direction, Field::Direction, 1) => {
                    let (conditions, rest) = rest.split_at_checked(rest.len().checked_sub(2)?)?;
                    mask.accepts(rest).then(|| Conjunction::of(conditions))
                }
                _ => None,
            }) else {
                break;
            };
            judge.answers.push((place, answer));
        }
        judge.datagrams = rules
            .take(|parts| match parts {
                [direction, Part::Counter(_), Part::Verdict(Verdict::Return)] => {
                    shape::is(direction, Field::Direction, 1).then_some(())
                }
                _ => None,
            })
            .is_some();
        let mut chain = None;
        loop {
            let place = rules.place();
            let Some((request, to)) = rules.take(|parts| match parts {
                [conditions @ .., Part::Verdict(Verdict::Goto(to))] => {
                    Some((Conjunction::of(conditions), *to))
                }
                _ => None,
            }) else {
                break;
            };
            if chain.is_some_and(|chain| chain != to) {
                return Err((place, "requests of one profile lead to two chains".into()));
            }
            chain = Some(to);
            judge.requests.push((place, request));
        }
        loop {
            let place = rules.place();
            let Some(upkeep) = rules.take(|parts| match parts {
                [state, rest @ ..] if shape::is(state, Field::State, ESTABLISHED) => {
                    let (conditions, rest) = rest.split_at_checked(rest.len().checked_sub(2)?)?;
                    mask.accepts(rest).then(|| Conjunction::of(conditions))
                }
                _ => None,
            }) else {
                break;
            };
            judge.upkeep.push((place, upkeep));
        }
        if judge.datagrams {
            rules
                .take(|parts| matches!(parts, [Part::Counter(_)]).then_some(()))
                .ok_or_else(|| rules.wanted("counting what asks for something else"))?;
        } else {
            rules
                .take(|parts| match parts {
                    [Part::Match(one), Part::Counter(_), Part::Verdict(Verdict::Return)] => {
                        any_data(one).then_some(())
                    }
                    _ => None,
                })
                .ok_or_else(|| rules.wanted("refusing all other data"))?;
            let here = rules.place();
            let mark = rules
                .take(|parts| mask.accepts_and_marks(parts))
                .ok_or_else(|| rules.wanted("accepting segments without data"))?;
            self.operations(mark, here)?;
        }
        let Some(to) = chain else { return Err(rules.wanted("a request")) };
        step.operations = Some(judge.read(step.place)?);
        self.accepted_requests(to, step)
    }

    /// The chain of the requests that pass.
    fn accepted_requests(&mut self, name: Symbol, step: &mut Step) -> Outcome<()> {
        let table = self.table;
        let Some(chain) = table.chains.get(&name) else {
            return Err((step.place, format!("there is no chain `{}`", self.names.get(name))));
        };
        self.read.push(name);
        let mask = self.mask;
        let mut rules = Rules::new(chain);
        step.limit = rules.take(shape::refuses_over).map(|rate| self.limit(rate, name));
        let prefix = rules.take(shape::logs);
        self.log(prefix, step);
        let here = rules.place();
        let (counter, mark) = rules.take(|parts| mask.admits(parts)).ok_or_else(|| {
            rules.wanted("accepting, with a counter, the packet's mark cleared and the connection's set")
        })?;
        self.operations(mark, here)?;
        self.names.get(counter).clone_into(&mut step.counter);
        rules.end()
    }

    /// One mark for all connections under an `until`.
    fn timed(&mut self, mark: u32, place: Place) -> Outcome<()> {
        same(&mut self.timed, mark, place, self.epoch, self.operations)
    }

    /// One mark for all connections of which operations were permitted.
    fn operations(&mut self, mark: u32, place: Place) -> Outcome<()> {
        same(&mut self.operations, mark, place, self.epoch, self.timed)
    }
}

/// Marks of different meaning differ, and from 0, which new connections have.
fn same(
    known: &mut Option<(u32, Place)>,
    mark: u32,
    place: Place,
    epoch: u32,
    other: Option<(u32, Place)>,
) -> Outcome<()> {
    if mark == 0 || mark == epoch || other.is_some_and(|(other, _)| other == mark) {
        return Err((place, "a connection mark that means something else already".into()));
    }
    match known {
        Some((there, _)) if *there != mark => {
            Err((place, "a connection mark that differs from that of other chains of its kind".into()))
        }
        _ => {
            *known = Some((mark, place));
            Ok(())
        }
    }
}

/// `@ih,0,8 >= 0`: there is a byte behind the transport's header.
fn any_data(one: &Match) -> bool {
    let field = Field::Payload { base: Header::Inner, offset: 0, bits: 8 };
    one.key == [Operand { field, mask: None }]
        && !one.negated
        && one.values == Values::Boxes(vec![Box::from([(0, 255)])])
}
