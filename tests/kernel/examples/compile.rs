fn main() {
    for arg in std::env::args().skip(1) {
        let mut files = Vec::new();
        collect(std::path::Path::new(&arg), "", &mut files);
        let manifest = std::fs::read_to_string(format!("{arg}/weir.toml")).unwrap();
        let sources = weir_compiler::Sources::new(&manifest, files);
        let start = std::time::Instant::now();
        let analysis = weir_compiler::analyze(&sources, 1_790_000_000);
        println!("{arg}: {:?}", start.elapsed());
        for d in &analysis.diagnostics {
            println!("{:?} {} {:?}", d.code.id, d.message, d.position());
        }
        if let Some(plan) = analysis.plan {
            for g in &plan.gateways {
                match weir_target_nftables::emit(g, &weir_target_nftables::Options::default()) { Ok(e) => println!("{} rules {} artifacts {}", g.name, g.rules.len(), e.artifacts.len()), Err(e) => println!("{} {e:?}", g.name) }
            }
        }
    }
}
fn collect(dir: &std::path::Path, prefix: &str, out: &mut Vec<(String, Vec<u8>)>) {
    for e in std::fs::read_dir(dir).unwrap() {
        let p = e.unwrap().path();
        let n = format!("{prefix}{}", p.file_name().unwrap().to_string_lossy());
        if p.is_dir() { collect(&p, &format!("{n}/"), out) } else if n.ends_with(".weir") { out.push((n, std::fs::read(&p).unwrap())) }
    }
}
