//! The layout of examples: what `weir fmt` makes of them.

use weir_syntax::format::format;

use crate::document::Document;

/// The page with every block of Weir formatted. Blocks that do not parse stay as they are.
pub fn formatted(page: &str) -> String {
    let mut lines: Vec<String> = page.lines().map(str::to_owned).collect();
    let document = Document::parse(page);
    let blocks = document.sections.iter().flat_map(|section| &section.blocks);
    let weir: Vec<_> = blocks.filter(|block| block.language == "weir").collect();
    // from the last to the first: the lines before a block stay where they are
    for block in weir.into_iter().rev() {
        let Ok(text) = format(&block.text) else { continue };
        if text == block.text {
            continue;
        }
        let start = block.line - 1;
        let indent: String = lines[start - 1].chars().take_while(|character| *character == ' ').collect();
        let new =
            text.lines().map(|line| if line.is_empty() { String::new() } else { format!("{indent}{line}") });
        lines.splice(start..start + block.text.lines().count(), new);
    }
    let mut out = lines.join("\n");
    out.push('\n');
    out
}
