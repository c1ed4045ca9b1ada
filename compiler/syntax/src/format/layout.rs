//! Writes the tree: on one line what fits and may, else broken at the loosest joint, then inside of brackets.
//!
//! Widths are known before (`tree`), and each node is looked at a bounded number of times: once per rank.

use crate::format::{
    INDENT, WIDTH,
    gap::Comment,
    rank::Rank,
    tree::{Body, Content, Entry, Group, Node, Shape, row_width},
};

/// Elements up to this wide stand several on a line.
const SHORT: usize = 20;

pub(super) fn print(file: &Body<'_>, size: usize) -> String {
    let mut printer = Printer { out: String::with_capacity(size + size / 8), column: 0 };
    printer.entries(file, 0, false);
    if !printer.out.is_empty() {
        printer.out.push('\n');
    }
    printer.out
}

struct Printer {
    out: String,
    column: usize,
}

/// Where a row stands.
#[derive(Clone, Copy)]
struct Place {
    /// The indentation of its first line, and of brackets that it closes.
    base: usize,
    /// The indentation of its further lines.
    hang: usize,
    /// The width of what follows on its last line.
    reserve: usize,
}

/// How the last line of a row is indented.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Ends {
    AtBase,
    Hanging,
}

impl Printer {
    /// Starts a line, after an empty one where `blank` says so.
    fn line(&mut self, indent: usize, blank: bool) {
        if !self.out.is_empty() {
            self.out.push_str(if blank { "\n\n" } else { "\n" });
        }
        self.out.extend(std::iter::repeat_n(' ', indent));
        self.column = indent;
    }

    fn write(&mut self, text: &str, width: usize) {
        self.out.push_str(text);
        self.column += width;
    }

    fn space(&mut self) {
        self.write(" ", 1);
    }

    fn fits(&self, width: usize) -> bool {
        self.column + width <= WIDTH
    }

    /// A comment behind what stands on the line. A new line must follow.
    fn trailing(&mut self, comment: Option<&Comment<'_>>) {
        if let Some(comment) = comment {
            self.out.push_str("  ");
            self.out.push_str(comment.text);
        }
    }

    /// Comments in the middle of an entry, and the start of the line after them.
    fn gap(&mut self, comments: &[Comment<'_>], indent: usize) {
        for comment in comments {
            if comment.own_line {
                self.line(indent, false);
                self.out.push_str(comment.text);
            } else {
                self.trailing(Some(comment));
            }
        }
        self.line(indent, false);
    }

    /// Entries and comments, each on a line of its own. The cursor stays at the end of the last one.
    fn entries(&mut self, body: &Body<'_>, indent: usize, is_list: bool) {
        let commas = is_list && body.entries.len() > 1;
        // What stands alone in brackets needs no deeper second line to be told from its neighbours.
        let hang = if is_list && !commas { indent } else { indent + INDENT };
        let mut first = true;
        for entry in &body.entries {
            for comment in &entry.leading {
                self.own_line(comment, indent, &mut first);
            }
            self.line(indent, entry.blank_before && !first);
            first = false;
            self.entry(entry, Place { base: indent, hang, reserve: usize::from(commas) });
            if commas {
                self.write(",", 1);
            }
            self.trailing(entry.trailing.as_ref());
        }
        for comment in &body.closing {
            self.own_line(comment, indent, &mut first);
        }
    }

    fn own_line(&mut self, comment: &Comment<'_>, indent: usize, first: &mut bool) {
        self.line(indent, comment.blank_before && !*first);
        *first = false;
        self.out.push_str(comment.text);
    }

    fn entry(&mut self, entry: &Entry<'_>, place: Place) {
        match entry.nodes.split_last() {
            Some((Node { content: Content::Group(block), gap, .. }, head)) if entry.has_body => {
                self.head_and_body(head, gap, block, place);
            }
            _ => {
                self.row(&entry.nodes, place);
            }
        }
    }

    /// A block's brace stands behind its head; under it, where the head's last line is indented as the block would be.
    fn head_and_body(&mut self, head: &[Node<'_>], gap: &[Comment<'_>], block: &Group<'_>, place: Place) {
        let brace = 1 + if block.body.is_empty() { 2 } else { 1 };
        let ends = self.row(head, Place { reserve: brace + place.reserve, ..place });
        let fits =
            |at: &Self, space: usize| block.width.is_some_and(|width| at.fits(space + width + place.reserve));
        let on_one_line = if !gap.is_empty() {
            self.gap(gap, place.base);
            fits(self, 0)
        } else if fits(self, 1) {
            self.space();
            true
        } else if ends == Ends::AtBase {
            self.space();
            false
        } else {
            self.line(place.base, false);
            false
        };
        if on_one_line {
            self.flat_group(block);
        } else {
            self.broken_group(block, place.base);
        }
    }

    /// Nodes on one line if they fit, else one line for each part between the loosest joints.
    fn row(&mut self, nodes: &[Node<'_>], place: Place) -> Ends {
        if row_width(nodes).is_some_and(|width| self.fits(width + place.reserve)) {
            self.flat_row(nodes);
            return Ends::AtBase;
        }
        let ranks = || nodes.iter().skip(1).filter_map(|node| node.rank);
        let loosest = ranks().min();
        let Some(loosest) = loosest.filter(|_| !self.opens_last(nodes, place)) else {
            return self.operands(nodes, place);
        };
        // A flow's service stays on the line of its destination, if there is room.
        let mut tightest = loosest;
        if loosest == Rank::Arrow && ranks().any(|rank| rank == Rank::Head) {
            let arrow = nodes.iter().rposition(|node| node.rank == Some(Rank::Arrow)).unwrap_or(0);
            if !fits_hanging(nodes.get(arrow..).unwrap_or(&[]), place) {
                tightest = Rank::Head;
            }
        }
        let mut rest = nodes;
        let mut first = true;
        while let Some(start) = rest.first() {
            if !first {
                self.gap(&start.gap, place.hang);
            }
            first = false;
            let breaks = |node: &Node<'_>| node.rank.is_some_and(|rank| (loosest..=tightest).contains(&rank));
            let length = rest.iter().skip(1).position(breaks).map_or(rest.len(), |at| at + 1);
            let (part, others) = rest.split_at(length);
            let reserve = if others.is_empty() { place.reserve } else { 0 };
            self.row(part, Place { base: place.hang, hang: place.hang + INDENT, reserve });
            rest = others;
        }
        Ends::Hanging
    }

    /// Whether the brackets at the end are better broken than the joints before them: the part that they end would not
    /// fit on a line of its own, and what comes before them fits on this one.
    fn opens_last(&self, nodes: &[Node<'_>], place: Place) -> bool {
        let Some((Node { content: Content::Group(group), gap, .. }, before)) = nodes.split_last() else {
            return false;
        };
        let joint = nodes.iter().rposition(|node| node.rank.is_some()).unwrap_or(0);
        !group.body.is_empty()
            && gap.is_empty()
            && nodes.iter().skip(1).filter_map(|node| node.rank).all(|rank| rank <= Rank::Head)
            && row_width(before).is_some_and(|width| self.fits(width + 2))
            && !fits_hanging(nodes.get(joint..).unwrap_or(&[]), place)
    }

    /// Nodes without a joint that gives way: brackets do, where what is in them does not fit.
    fn operands(&mut self, nodes: &[Node<'_>], mut place: Place) -> Ends {
        let base = place.base;
        for (index, node) in nodes.iter().enumerate() {
            if index > 0 && !node.gap.is_empty() {
                self.gap(&node.gap, place.hang);
                place.base = place.hang;
            } else if index > 0 && node.space {
                self.space();
            }
            match &node.content {
                Content::Token { text, width } => self.write(text, *width),
                Content::Group(group) => {
                    let after = after_group(nodes.get(index + 1..).unwrap_or(&[]), place.reserve);
                    if group.width.is_some_and(|width| self.fits(width + after)) {
                        self.flat_group(group);
                    } else {
                        self.broken_group(group, place.base);
                    }
                }
            }
        }
        if place.base == base { Ends::AtBase } else { Ends::Hanging }
    }

    fn flat_row(&mut self, nodes: &[Node<'_>]) {
        for (index, node) in nodes.iter().enumerate() {
            if index > 0 && node.space {
                self.space();
            }
            match &node.content {
                Content::Token { text, width } => self.write(text, *width),
                Content::Group(group) => self.flat_group(group),
            }
        }
    }

    fn flat_group(&mut self, group: &Group<'_>) {
        self.write(group.open, 1);
        self.write(group.padding(), group.padding().len());
        for (index, entry) in group.body.entries.iter().enumerate() {
            if index > 0 {
                self.write(", ", 2);
            }
            self.flat_row(&entry.nodes);
        }
        self.write(group.padding(), group.padding().len());
        self.write(group.close, 1);
    }

    fn broken_group(&mut self, group: &Group<'_>, base: usize) {
        self.write(group.open, 1);
        if !group.body.is_empty() {
            self.trailing(group.body.opening.as_ref());
            let short = |widest| widest <= SHORT || group.shape == Shape::Imports;
            if group.body.entries.len() > 1 && group.widest().is_some_and(short) {
                self.filled(&group.body, base + INDENT);
            } else {
                self.entries(&group.body, base + INDENT, group.shape != Shape::Block);
            }
            self.line(base, false);
        }
        self.write(group.close, 1);
    }

    /// Elements on as few lines as they fit on.
    fn filled(&mut self, body: &Body<'_>, indent: usize) {
        self.line(indent, false);
        for (index, entry) in body.entries.iter().enumerate() {
            if index > 0 {
                if entry.width.is_some_and(|width| self.fits(1 + width + 1)) {
                    self.space();
                } else {
                    self.line(indent, false);
                }
            }
            self.flat_row(&entry.nodes);
            self.write(",", 1);
        }
    }
}

/// Whether nodes fit on one further line.
fn fits_hanging(nodes: &[Node<'_>], place: Place) -> bool {
    row_width(nodes).is_some_and(|width| place.hang + width + place.reserve <= WIDTH)
}

/// The width of what follows a group on its line, up to where the next one can be broken.
fn after_group(nodes: &[Node<'_>], reserve: usize) -> usize {
    let mut sum = 0;
    for node in nodes {
        if !node.gap.is_empty() {
            return sum;
        }
        sum += usize::from(node.space);
        match &node.content {
            Content::Token { width, .. } => sum += width,
            Content::Group(_) => return sum + 1,
        }
    }
    sum + reserve
}
