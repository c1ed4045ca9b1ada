//! Markdown, as far as these tests read it: headings and fenced blocks.

/// Line numbers count from 1.
#[derive(Debug, Default)]
pub struct Document {
    pub sections: Vec<Section>,
    /// What is wrong with the document itself, as `:line: message`.
    pub problems: Vec<String>,
}

/// A heading and what stands below it, up to the next heading of any level.
#[derive(Debug, Default)]
pub struct Section {
    pub title: String,
    pub line: usize,
    pub blocks: Vec<Block>,
}

#[derive(Debug, Default)]
pub struct Block {
    pub language: String,
    /// The words after the language.
    pub words: Vec<String>,
    /// The line of the block's first line of text.
    pub line: usize,
    pub text: String,
}

impl Block {
    pub fn has(&self, word: &str) -> bool {
        self.words.iter().any(|other| other == word)
    }

    /// The value of `key=value`.
    pub fn value(&self, key: &str) -> Option<&str> {
        self.words.iter().find_map(|word| word.strip_prefix(key)?.strip_prefix('='))
    }
}

impl Document {
    pub fn parse(text: &str) -> Self {
        let mut document =
            Self { sections: vec![Section { line: 1, ..Section::default() }], problems: Vec::new() };
        let mut open: Option<(Block, usize, usize)> = None;
        for (index, line) in text.lines().enumerate() {
            let number = index + 1;
            let indent = line.len() - line.trim_start().len();
            let ticks = line.trim_start().bytes().take_while(|byte| *byte == b'`').count();
            match &mut open {
                Some((block, fence, _)) if ticks >= *fence && line.trim().len() == ticks => {
                    let block = std::mem::take(block);
                    if let Some(section) = document.sections.last_mut() {
                        section.blocks.push(block);
                    }
                    open = None;
                }
                Some((block, _, fence_indent)) => {
                    block.text.push_str(line.get((*fence_indent).min(indent)..).unwrap_or(line));
                    block.text.push('\n');
                }
                None if ticks >= 3 => {
                    let mut words = line.trim().trim_start_matches('`').split_whitespace().map(str::to_owned);
                    let language = words.next().unwrap_or_default();
                    let block =
                        Block { language, words: words.collect(), line: number + 1, text: String::new() };
                    open = Some((block, ticks, indent));
                }
                None if is_heading(line) => document.sections.push(Section {
                    title: line.trim_start_matches('#').trim().to_owned(),
                    line: number,
                    blocks: Vec::new(),
                }),
                None => {}
            }
        }
        if let Some((block, ..)) = open {
            document.problems.push(format!(":{}: this block is not closed", block.line - 1));
        }
        document
    }
}

fn is_heading(line: &str) -> bool {
    let rest = line.trim_start_matches('#');
    rest.len() < line.len() && rest.starts_with(' ')
}
