//! `README.md` of the tree: what it holds and how to deploy, check and roll it back.

use serde::Serialize;
use tera::{Context, Tera};
use weir_compiler::plan::Plan;

use crate::{Emitted, TargetGuide};

const TEMPLATE: &str = include_str!("readme.md.tera");

#[derive(Serialize)]
struct Section<'a> {
    #[serde(flatten)]
    guide: &'a TargetGuide,
    points: Vec<Point<'a>>,
}

#[derive(Serialize)]
struct Point<'a> {
    name: String,
    artifacts: Vec<&'a str>,
}

pub(crate) fn render(
    plan: &Plan,
    emitted: &[Emitted],
    guides: &[TargetGuide],
) -> Result<String, tera::Error> {
    let sections: Vec<Section<'_>> = guides
        .iter()
        .map(|guide| Section { guide, points: points(emitted, guide.target) })
        .filter(|section| !section.points.is_empty())
        .collect();
    let mut context = Context::new();
    context.insert("package", &code(&plan.package));
    context.insert("version", &if plan.version.is_empty() { String::new() } else { code(&plan.version) });
    context.insert("weir", env!("CARGO_PKG_VERSION"));
    context.insert("sections", &sections);
    Tera::one_off(TEMPLATE, &context, false)
}

fn points<'a>(emitted: &'a [Emitted], target: &str) -> Vec<Point<'a>> {
    let mut points: Vec<Point<'a>> = emitted
        .iter()
        .map(|one| {
            let of_target = one.artifacts.iter().filter(|artifact| artifact.target == target);
            let mut artifacts: Vec<&str> = of_target.map(|artifact| artifact.path.as_str()).collect();
            artifacts.sort_unstable();
            Point { name: code(&one.point), artifacts }
        })
        .filter(|point| !point.artifacts.is_empty())
        .collect();
    points.sort_by(|a, b| a.name.cmp(&b.name));
    points
}

/// A text that comes from the package, as Markdown code on one line: nothing in it is markup.
fn code(text: &str) -> String {
    let inner: String = text
        .chars()
        .map(|character| match character {
            '`' => '\'',
            _ if character.is_control() => ' ',
            _ => character,
        })
        .collect();
    format!("`{inner}`")
}
