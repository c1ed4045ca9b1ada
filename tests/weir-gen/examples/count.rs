fn main() {
    let mut files = Vec::new();
    let folder = std::path::PathBuf::from(std::env::args().nth(1).unwrap());
    let mut todo = vec![folder.clone()];
    while let Some(d) = todo.pop() { for e in std::fs::read_dir(d).unwrap() { let p = e.unwrap().path(); if p.is_dir() { todo.push(p) } else if p.extension().is_some_and(|x| x=="weir") { files.push((p.strip_prefix(&folder).unwrap().to_string_lossy().into_owned(), std::fs::read(&p).unwrap())) } } }
    let s = weir_compiler::Sources::new("[package]\nname = \"x\"\n", files);
    let a = weir_compiler::analyze(&s, 1_767_225_600);
    let plan = a.plan.unwrap(); let f = a.facts.unwrap();
    let mut rules: Vec<(usize, String)> = plan.gateways.iter().map(|g| (g.rules.len(), g.name.clone())).collect();
    rules.sort(); rules.reverse();
    println!("gateways {} rectangles {} rules {} top {:?} median {:?}", plan.gateways.len(), f.rectangles.len(), rules.iter().map(|r| r.0).sum::<usize>(), &rules[..4], rules[rules.len()/2]);
    let mut by: std::collections::BTreeMap<(bool,bool), usize> = Default::default();
    let mut by_st: std::collections::HashMap<String, usize> = Default::default();
    for g in &plan.gateways { for r in &g.rules { let one = |s: &weir_compiler::plan::AddressSet| { let mut i = s.v4.iter(); matches!((i.next(), i.next()), (Some((a,b)), None) if a==b) }; *by.entry((one(&r.sources), one(&r.destinations))).or_default() += 1; *by_st.entry(g.statements[r.statement as usize].id.clone()).or_default() += 1; } }
    println!("(single source, single destination) -> rules: {by:?}");
    let mut top: Vec<_> = by_st.into_iter().map(|(a,b)|(b,a)).collect(); top.sort(); top.reverse();
    for (n, id) in top.iter().take(3) { let s = plan.statements.iter().find(|s| &s.id == id).unwrap(); println!("{n} {}", s.text); }
    let mut pairs = 0usize; for t in &top { pairs += usize::from(t.0 > 100) * t.0; } println!("rules from statements with > 100 rules: {pairs}");
}
