//! Random edits over every example: whatever is asked of the broken text, nothing panics and every place lies in it.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::needless_for_each,
    reason = "tests stop at the first surprise"
)]

mod support;

use support::{analyze, examples, host_of};
use weir_syntax::{FileId, Span};

/// A small generator of our own: the same numbers on every machine.
struct Random(u64);

impl Random {
    fn below(&mut self, limit: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 % limit.max(1) as u64) as usize
    }
}

const PIECES: &[&str] = &[
    "",
    " ",
    "\n",
    "{",
    "}",
    "(",
    ")",
    "[",
    "]",
    "\"",
    ".",
    ",",
    ":",
    "=",
    "->",
    "|",
    "allow ",
    "device ",
    "use std.",
    "template t(",
    "group g = ",
    "\u{1F600}",
    "//",
    "///",
    "{index",
    "10.0.0.",
    "where ",
    "assert ",
    "instance i : ",
    "policy p {\n",
    "\r\n",
    "\u{202e}",
];

#[test]
fn random_edits_break_nothing() {
    for (example, seed) in examples().iter().zip(1_u64..) {
        let mut random = Random(0x9e37_79b9_7f4a_7c15 ^ seed);
        let mut host = host_of(example);
        analyze(&mut host);
        let files: Vec<String> = {
            let ide = host.ide();
            ide.own_files().filter_map(|file| ide.path(file).map(str::to_owned)).collect()
        };
        let originals: Vec<String> =
            files.iter().map(|path| std::fs::read_to_string(example.join(path)).unwrap()).collect();
        for round in 0..60 {
            let at = random.below(files.len());
            // most edits go on from the broken text; some start anew
            let ide = host.ide();
            let now = ide.find(&files[at]).and_then(|file| ide.text(file).cloned());
            drop(ide);
            let mut text = match now {
                Some(now) if random.below(5) > 0 => now.to_string(),
                _ => originals[at].clone(),
            };
            for _ in 0..=random.below(3) {
                let from = text.floor_char_boundary(random.below(text.len() + 1));
                let length = [0, 0, 1, 5, 80][random.below(5)];
                let to = text.floor_char_boundary((from + length).min(text.len())).max(from);
                text.replace_range(from..to, PIECES[random.below(PIECES.len())]);
            }
            host.set_text(&files[at], text.into(), true);
            if round % 20 == 19 {
                analyze(&mut host);
            }
            ask_everything(&host, &files[at], &mut random);
        }
    }
}

fn ask_everything(host: &weir_ide::Host, path: &str, random: &mut Random) {
    let ide = host.ide();
    let file = ide.find(path).unwrap();
    let text = ide.text(file).unwrap().clone();
    let inside = |span: Span, of: FileId| {
        let text = ide.text(of).unwrap();
        assert!(
            span.start <= span.end && text.get(span.range()).is_some(),
            "{span:?} cuts a character or lies outside of {:?}",
            ide.path(of)
        );
    };
    for diagnostic in ide.diagnostics(file) {
        diagnostic.labels.iter().for_each(|label| inside(label.span, label.file));
        diagnostic.fixes.iter().flat_map(|fix| &fix.edits).for_each(|edit| inside(edit.span, edit.file));
    }
    for token in ide.semantic_tokens(file, None) {
        inside(token.span, file);
    }
    ide.folds(file).iter().for_each(|fold| inside(fold.span, file));
    ide.links(file).iter().for_each(|link| inside(link.span, file));
    ide.format(file).iter().for_each(|edit| inside(edit.span, file));
    ide.fix_all(file).iter().for_each(|edit| inside(edit.span, edit.file));
    let whole = Span::new(0, text.len() as u32);
    ide.hints(file, whole).iter().for_each(|hint| inside(Span::new(hint.offset, hint.offset), file));
    for lens in ide.lenses(file).iter().take(4) {
        inside(lens.span, file);
        let _ = ide.lens_title(file, lens.span, lens.kind);
    }
    let _ = ide.outline(file);
    for _ in 0..6 {
        let at = text.floor_char_boundary(random.below(text.len() + 1)) as u32;
        for item in ide.complete(file, at).items {
            inside(item.replace, file);
            item.more.iter().for_each(|edit| inside(edit.span, edit.file));
        }
        if let Some(hover) = ide.hover(file, at) {
            inside(hover.span, file);
        }
        if let Some((from, to)) = ide.definition(file, at) {
            inside(from, file);
            inside(to.span, to.file);
            inside(to.full, to.file);
        }
        let _ = ide.type_definition(file, at);
        ide.implementations(file, at).iter().for_each(|one| inside(one.span, one.file));
        ide.highlights(file, at).iter().for_each(|one| inside(one.span, one.file));
        if let Ok(edits) = ide.rename(file, at, "renamed_by_test") {
            edits.iter().for_each(|edit| inside(edit.span, edit.file));
        }
        let selections = ide.selections(file, at);
        assert!(
            selections.windows(2).all(|pair| pair[1].start <= pair[0].start && pair[0].end <= pair[1].end)
        );
        ide.actions(file, Span::new(at, at))
            .iter()
            .flat_map(|one| &one.edits)
            .for_each(|edit| inside(edit.span, edit.file));
        let _ = ide.signature(file, at);
        let _ = ide.explain(file, at);
        let _ = ide.principal_items(file, at);
        ide.format_typed(file, at).iter().for_each(|edit| inside(edit.span, file));
    }
    let _ = ide.search("plc");
}
