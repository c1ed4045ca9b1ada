//! The grammar reads what the compiler reads, token by token, and its words are the compiler's.

#![allow(clippy::unwrap_used, clippy::panic, reason = "tests stop at the first surprise")]

use std::{
    collections::BTreeSet,
    fs,
    ops::Range,
    path::{Path, PathBuf},
};

use tree_sitter::{Language, Node, Parser, Query, QueryCursor, StreamingIterator as _, Tree};
use weir_syntax::{
    FileId,
    ast::DECLARATION_KEYWORDS,
    lexer::{TokenKind, UNITS, lex},
    parse,
};

/// Words that are tokens of their own.
const RESERVED: [&str; 13] =
    ["use", "as", "template", "allow", "deny", "assert", "in", "between", "where", "and", "or", "not", "on"];

fn language() -> Language {
    tree_sitter_weir::LANGUAGE.into()
}

fn tree(text: &str) -> Tree {
    let mut parser = Parser::new();
    parser.set_language(&language()).unwrap();
    parser.parse(text, None).unwrap()
}

fn files(folder: &Path, end: &str, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap().flatten() {
        let path = entry.path();
        if path.is_dir() {
            files(&path, end, found);
        } else if path.extension().is_some_and(|of| of == end) {
            found.push(path);
        }
    }
}

/// Every text of the repository that the compiler's grammar reads, with where it stands.
fn texts() -> Vec<(String, String)> {
    let repository = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let mut texts = Vec::new();
    let mut paths = Vec::new();
    for folder in ["examples", "stdlib"] {
        files(&repository.join(folder), "weir", &mut paths);
    }
    for path in paths {
        texts.push((path.display().to_string(), fs::read_to_string(path).unwrap()));
    }
    let mut pages = Vec::new();
    files(&repository.join("book/src"), "md", &mut pages);
    for page in pages {
        let text = fs::read_to_string(&page).unwrap();
        for (at, block) in text.split("\n```weir").skip(1).enumerate() {
            let Some((_, body)) = block.split_once('\n') else { continue };
            let body = body.split("\n```").next().unwrap();
            texts.push((format!("{}, block {}", page.display(), at + 1), format!("{body}\n")));
        }
    }
    let read = |text: &str| parse(text, FileId(0)).diagnostics.is_empty();
    texts.retain(|(_, text)| read(text));
    texts
}

/// What is wrong with a tree, and where.
fn faults(node: Node<'_>, found: &mut Vec<String>) {
    if node.is_error() || node.is_missing() {
        found.push(format!(
            "{}:{}: {}",
            node.start_position().row + 1,
            node.start_position().column + 1,
            node.to_sexp()
        ));
    } else if node.has_error() {
        (0..node.child_count() as u32).for_each(|at| faults(node.child(at).unwrap(), found));
    }
}

/// The tokens of a tree. Strings and quantities have parts here, and are one token there.
fn leaves(node: Node<'_>, found: &mut Vec<Range<usize>>) {
    if node.child_count() == 0 || ["string", "quantity"].contains(&node.kind()) {
        if !node.byte_range().is_empty() {
            found.push(node.byte_range());
        }
        return;
    }
    (0..node.child_count() as u32).for_each(|at| leaves(node.child(at).unwrap(), found));
}

#[test]
fn what_the_compiler_reads_is_read_with_the_same_tokens() {
    let texts = texts();
    assert!(texts.len() > 250, "examples, library and book: {}", texts.len());
    for (name, text) in texts {
        let tree = tree(&text);
        let mut found = Vec::new();
        faults(tree.root_node(), &mut found);
        assert!(found.is_empty(), "{name}: {found:#?}\n{text}");
        let mut ours = Vec::new();
        leaves(tree.root_node(), &mut ours);
        let space = [TokenKind::Space, TokenKind::Newline];
        let theirs = lex(&text).into_iter().filter(|token| !space.contains(&token.kind));
        let theirs: Vec<Range<usize>> =
            theirs.map(|token| token.span.start as usize..token.span.end as usize).collect();
        let differ = ours.iter().zip(&theirs).find(|(a, b)| a != b);
        assert!(
            differ.is_none() && ours.len() == theirs.len(),
            "{name}: {:?}",
            differ.map(|(a, b)| (text.get(a.clone()), text.get(b.clone())))
        );
    }
}

#[test]
fn words_are_those_of_the_lexer() {
    for word in RESERVED {
        assert!(lex(word)[0].kind != TokenKind::Identifier, "`{word}` is not reserved any more");
    }
    let language = language();
    let is_word = |id: &u16| language.node_kind_is_visible(*id) && !language.node_kind_is_named(*id);
    let words = (0..language.node_kind_count() as u16).filter(is_word);
    let words = words.filter_map(|id| language.node_kind_for_id(id));
    let starts = |word: &&str| word.starts_with(|one: char| one.is_ascii_alphabetic());
    let words: BTreeSet<&str> = words.filter(|word| starts(word) && *word != "end").collect();
    assert_eq!(words, RESERVED.iter().chain(UNITS).copied().collect());
}

/// The strings behind `#any-of?` in the pattern of declarations.
#[test]
fn every_word_that_starts_a_declaration_is_coloured() {
    let list =
        tree_sitter_weir::HIGHLIGHTS.split("(#any-of? @keyword").nth(1).unwrap().split("))").next().unwrap();
    let words: Vec<&str> = list.split('"').skip(1).step_by(2).collect();
    assert_eq!(words, DECLARATION_KEYWORDS);
}

#[test]
fn a_string_is_one_whatever_stands_in_it() {
    for text in [r#""a // b""#, r#""{index:02} {{x}} \" \\ {""#, r#""//""#, r#""""#, r#""}{""#] {
        let source = format!("group g = {text}\n");
        let tree = tree(&source);
        assert!(!tree.root_node().has_error(), "{source} {}", tree.root_node().to_sexp());
        let mut ours = Vec::new();
        leaves(tree.root_node(), &mut ours);
        assert_eq!(ours.last().map(|range| &source[range.clone()]), Some(text));
    }
}

#[test]
fn numbers_and_units_are_apart_from_names() {
    let source = "class Plc { limit = 3 security = 2 wait = 5 ms rate = 50/s\n size = 4KiB }\n";
    let tree = tree(source);
    assert!(!tree.root_node().has_error(), "{}", tree.root_node().to_sexp());
    let body = tree.root_node().child(0).unwrap().child_by_field_name("body").unwrap();
    assert_eq!(body.named_child_count(), 5, "{}", body.to_sexp());
}

/// What is typed at the end costs nothing above it.
#[test]
fn what_is_half_typed_leaves_the_rest() {
    let source = "zone b {}\nzone c { purdue = 1 }\nallow x -> \n";
    let tree = tree(source);
    let query = Query::new(&language(), "(declaration name: (identifier) @name)").unwrap();
    let mut cursor = QueryCursor::new();
    let mut matches = cursor.matches(&query, tree.root_node(), source.as_bytes());
    let mut names = Vec::new();
    while let Some(found) = matches.next() {
        names.push(source[found.captures[0].node.byte_range()].to_owned());
    }
    assert!(names.contains(&"b".to_owned()) && names.contains(&"c".to_owned()), "{names:?}");
}

#[test]
fn queries_fit_the_grammar() {
    for text in [
        tree_sitter_weir::HIGHLIGHTS,
        tree_sitter_weir::FOLDS,
        tree_sitter_weir::INDENTS,
        tree_sitter_weir::LOCALS,
    ] {
        Query::new(&language(), text).unwrap_or_else(|error| panic!("{error}"));
    }
    let source = "/// Doc.\ndevice plc[1..4] : Plc { network = cell }\nallow plc -> hmi : modbus.read(registers 0..3)\n";
    let tree = tree(source);
    let query = Query::new(&language(), tree_sitter_weir::HIGHLIGHTS).unwrap();
    let mut cursor = QueryCursor::new();
    let mut captures = cursor.captures(&query, tree.root_node(), source.as_bytes());
    let mut coloured = BTreeSet::new();
    while let Some((found, at)) = captures.next() {
        let capture = found.captures[*at];
        let name = query.capture_names()[capture.index as usize];
        coloured.insert((source[capture.node.byte_range()].to_owned(), name));
    }
    for (text, name) in [
        ("/// Doc.", "comment.documentation"),
        ("device", "keyword"),
        ("plc", "type"),
        ("Plc", "type"),
        ("network", "property"),
        ("allow", "keyword.control"),
        ("read", "function"),
        ("4", "number"),
        ("->", "operator"),
    ] {
        assert!(coloured.contains(&(text.to_owned(), name)), "{text} is no {name}: {coloured:?}");
    }
}
