//! The book's pages of commands have the command line's own words: what `--help` says is written into them, and held against
//! them. `UPDATE=1` writes it.

#![allow(clippy::unwrap_used, reason = "tests")]

use std::{fmt::Write as _, fs, path::PathBuf};

use clap::{Arg, Command, CommandFactory as _};
use weir_literate::paths;

use crate::arguments::Arguments;

/// Around what is made from the command line.
const START: &str = "<!-- from the command line: -->\n";
const END: &str = "<!-- up to here -->\n";

fn folder() -> PathBuf {
    paths::book().join("reference/commands")
}

/// The whole command line, with every command's full name.
fn command_line() -> Command {
    let mut weir = Arguments::command();
    weir.build();
    weir
}

fn commands(weir: &Command) -> impl Iterator<Item = &Command> {
    weir.get_subcommands().filter(|command| command.get_name() != "help" && !command.is_hide_set())
}

/// What clap writes for terminals, as Markdown: bars end a cell.
fn cell(text: &str) -> String {
    text.replace('\n', " ").replace('|', "\\|")
}

fn about(command: &Command) -> String {
    command.get_about().map(ToString::to_string).unwrap_or_default()
}

/// `-o`, `--output OUT`
fn spelled(argument: &Arg) -> String {
    let values = argument.get_value_names().unwrap_or_default().join(" ");
    if argument.is_positional() {
        return format!("`{values}`");
    }
    let mut spelled = argument.get_short().map_or_else(String::new, |short| format!("`-{short}`, "));
    let takes = argument.get_action().takes_values();
    let value = if takes { format!(" {values}") } else { String::new() };
    let _ = write!(spelled, "`--{}{value}`", argument.get_long().unwrap_or_default());
    spelled
}

/// What an argument does, with the values that it may have.
fn meaning(command: &Command, argument: &Arg) -> String {
    let help = argument.get_help().map(ToString::to_string).unwrap_or_default();
    assert!(
        !help.is_empty(),
        "`{}` has an argument without a word: {}",
        command.get_name(),
        argument.get_id()
    );
    let mut meaning = help;
    if !meaning.ends_with('.') {
        meaning.push('.');
    }
    let shown = argument.get_action().takes_values();
    let values: Vec<_> =
        argument.get_possible_values().into_iter().filter(|value| shown && !value.is_hide_set()).collect();
    if !values.is_empty() {
        let one = |value: &clap::builder::PossibleValue| match value.get_help() {
            Some(help) => format!("`{}` ({help})", value.get_name()),
            None => format!("`{}`", value.get_name()),
        };
        let _ = write!(meaning, " One of {}.", values.iter().map(one).collect::<Vec<_>>().join(", "));
    }
    if shown && !argument.get_default_values().is_empty() {
        let defaults: Vec<_> =
            argument.get_default_values().iter().map(|value| value.to_string_lossy()).collect();
        let _ = write!(meaning, " `{}`, if not given.", defaults.join(" "));
    }
    cell(&meaning)
}

fn table(command: &Command, out: &mut String) {
    let usage = command.clone().render_usage().to_string();
    let _ = writeln!(out, "```text\n{}\n```\n", usage.trim_start_matches("Usage: "));
    let own = command.get_arguments().filter(|argument| {
        !argument.is_hide_set()
            && !argument.is_global_set()
            && !matches!(argument.get_id().as_str(), "help" | "version")
    });
    let rows: Vec<String> = own
        .map(|argument| format!("| {} | {} |\n", cell(&spelled(argument)), meaning(command, argument)))
        .collect();
    if !rows.is_empty() {
        let _ = writeln!(out, "| argument | meaning |\n| --- | --- |\n{}", rows.concat());
    }
    if let Some(more) = command.get_after_help() {
        let _ = writeln!(out, "{more}\n");
    }
}

fn generated(command: &Command) -> String {
    let mut out = format!("{START}{}.\n\n", about(command));
    if command.has_subcommands() {
        for format in commands(command) {
            let _ = writeln!(out, "## {}\n\n{}.\n", format.get_name(), about(format));
            table(format, &mut out);
        }
    } else {
        table(command, &mut out);
    }
    out.push_str(END);
    out
}

/// A page with what is made for it in its place; a new page begins with its heading.
fn page(text: &str, title: &str, generated: &str) -> String {
    match (text.find(START), text.find(END)) {
        (Some(start), Some(end)) if start < end => {
            format!("{}{generated}{}", &text[..start], &text[end + END.len()..])
        }
        _ => format!("# {title}\n\n{generated}"),
    }
}

#[test]
fn every_command_has_a_page_with_its_own_words() {
    for command in commands(&command_line()) {
        let path = folder().join(format!("{}.md", command.get_name()));
        let text = fs::read_to_string(&path).unwrap_or_default();
        let title = format!("weir {}", command.get_name());
        paths::same_or_update(&path, &page(&text, &title, &generated(command))).unwrap();
        let rest = &text[text.find(END).unwrap_or(0)..];
        assert!(
            paths::updates() || command.has_subcommands() || rest.contains("```console"),
            "{}: no example",
            path.display()
        );
    }
}

#[test]
fn the_index_lists_all_commands_and_no_other_page_is_there() {
    let weir = command_line();
    let mut list = String::from(START);
    list.push_str("| command | does |\n| --- | --- |\n");
    for command in commands(&weir) {
        let name = command.get_name();
        let _ = writeln!(list, "| [`weir {name}`]({name}.md) | {} |", cell(&about(command)));
    }
    let _ = writeln!(list, "\nEvery command has these, too:\n\n| option | meaning |\n| --- | --- |");
    for argument in weir.get_arguments().filter(|argument| argument.is_global_set()) {
        let _ = writeln!(list, "| {} | {} |", cell(&spelled(argument)), meaning(&weir, argument));
    }
    list.push_str("| `-h`, `--help` | Print help; of a command with `weir COMMAND --help`. |\n");
    list.push_str(END);
    let path = folder().join("index.md");
    let text = fs::read_to_string(&path).unwrap_or_default();
    paths::same_or_update(&path, &page(&text, "Commands", &list)).unwrap();
    for (name, _) in paths::files(&folder(), ".md").unwrap() {
        let stem = name.trim_end_matches(".md");
        assert!(
            stem == "index" || commands(&weir).any(|command| command.get_name() == stem),
            "{name} is no command's"
        );
    }
}
