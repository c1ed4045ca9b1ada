//! An explanation for a terminal.

use super::{Answer, Decision, Denial, Explanation, Leg, Permit};
use crate::diff::render::{Line, Paint};

pub fn text(explanation: &Explanation) -> Vec<Line> {
    let mut out = Lines(Vec::new());
    let (paint, verdict) = match explanation.answer {
        Answer::Permitted => (Paint::Added, "permitted"),
        Answer::Partly => (Paint::Changed, "permitted in part"),
        Answer::Denied => (Paint::Removed, "denied"),
    };
    out.line(paint, format!("{verdict}: {}", explanation.question));
    for note in &explanation.notes {
        out.line(Paint::Plain, format!("  {note}"));
    }
    for permit in &explanation.permits {
        out.permit(permit);
    }
    for denial in &explanation.denials {
        out.denial(denial, explanation.answer == Answer::Partly);
    }
    out.0
}

struct Lines(Vec<Line>);

impl Lines {
    fn line(&mut self, paint: Paint, text: String) {
        self.0.push(Line { paint, text });
    }

    fn permit(&mut self, permit: &Permit) {
        self.line(Paint::Plain, String::new());
        self.line(
            Paint::Added,
            format!("+ {} -> {} : {}", permit.sources, permit.destinations, permit.service),
        );
        self.line(Paint::Plain, format!("  rule     {}  {}", permit.rule.place, permit.rule.text));
        if !permit.terms.is_empty() {
            self.line(Paint::Plain, format!("  terms    {}", permit.terms));
        }
        if !permit.conduits.is_empty() {
            self.line(Paint::Plain, format!("  conduit  {}", permit.conduits.join(", ")));
        }
        for leg in &permit.legs {
            self.leg(leg, &permit.witness.service, true);
        }
        let seen: Vec<&str> = permit
            .legs
            .iter()
            .flat_map(|leg| &leg.points)
            .flat_map(|point| &point.lines)
            .filter_map(|line| line.rsplit_once(':').map(|(file, _)| file))
            .collect();
        for file in permit.artifacts.iter().filter(|file| !seen.contains(&file.as_str())).take(6) {
            self.line(Paint::Faint, format!("  also in  {file}"));
        }
    }

    fn leg(&mut self, leg: &Leg, service: &str, is_permitted: bool) {
        self.line(Paint::Plain, format!("  path     {} -> {} : {service}", leg.from, leg.to));
        let way =
            if leg.segments.is_empty() { String::new() } else { format!("over {}", leg.segments.join(", ")) };
        // what is said of one network names it
        if !way.is_empty() && (leg.remark.is_none() || leg.segments.len() > 1) {
            self.line(Paint::Plain, format!("           {way}"));
        }
        if let Some(remark) = &leg.remark {
            self.line(Paint::Plain, format!("           {remark}"));
        }
        for point in &leg.points {
            let alternative = if point.is_alternative { " (another way)" } else { "" };
            let what = match (point.enforces.is_empty(), point.hook) {
                (true, _) => "filters nothing".to_owned(),
                (false, "end") => format!("{}, ends the connection", point.enforces.join(", ")),
                (false, "pods") => format!("{}, network policies of its pods", point.enforces.join(", ")),
                (false, hook) => format!("{}, {hook}", point.enforces.join(", ")),
            };
            let verb = match point.decision {
                _ if is_permitted => "",
                Decision::Accepts => ", accepts the connection",
                Decision::Refuses => ", refuses it",
                Decision::NotReached => ", is not reached",
                Decision::Unfiltered | Decision::Unknown => "",
            };
            self.line(Paint::Plain, format!("           at {}{alternative}: {what}{verb}", point.gateway));
            for line in &point.lines {
                self.line(Paint::Faint, format!("             {line}"));
            }
        }
    }

    fn denial(&mut self, denial: &Denial, is_part: bool) {
        self.line(Paint::Plain, String::new());
        if is_part {
            self.line(
                Paint::Removed,
                format!("- {} -> {} : {}", denial.sources, denial.destinations, denial.service),
            );
        }
        match &denial.deny {
            Some(deny) => self.line(Paint::Plain, format!("  denied by  {}  {}", deny.place, deny.text)),
            None => {
                self.line(
                    Paint::Plain,
                    "  no rule permits it, and what no rule permits is denied".to_owned(),
                );
            }
        }
        for near in &denial.near {
            self.line(Paint::Plain, format!("  near       {}  {}", near.rule.place, near.rule.text));
            self.line(Paint::Faint, format!("             {}", near.but));
        }
        if let Some(gap) = &denial.gap {
            self.line(Paint::Changed, format!("  but        {gap}"));
        }
        self.leg(&denial.leg, &denial.witness.service, false);
        self.line(Paint::Plain, "  to permit it:".to_owned());
        for need in &denial.needs {
            self.line(Paint::Plain, format!("    - {need}"));
        }
    }
}
