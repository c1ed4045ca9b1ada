//! `weir import kubernetes`, what holds of every import, and packages that are held against manifests.

#![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]

mod common;

use std::fmt::Write as _;

use common::{Folder, json};

const PLANT: &str = r#"zone edge { purdue = 3 }
network edge_net { zone = edge, subnet = 10.40.0.0/24 }
cluster edge1 { zone = edge, nodes = edge_net, pods = 10.42.0.0/16, accept_gap = "hardened nodes" }
"#;

/// A Deployment whose pods nothing is wrong with.
fn deployment(namespace: &str, name: &str, port: &str) -> String {
    format!(
        "apiVersion: apps/v1
kind: Deployment
metadata:
  name: {name}
  namespace: {namespace}
spec:
  selector:
    matchLabels: {{ app: {name} }}
  template:
    metadata:
      labels: {{ app: {name}, app.kubernetes.io/part-of: plant }}
    spec:
      serviceAccountName: {name}
      containers:
        - name: main
          image: registry.example/{name}@sha256:4f53cda18c2baa0c0354bb5f9a3ecbe5
          ports: [{port}]
          securityContext: {{ capabilities: {{ drop: [ALL] }} }}
"
    )
}

#[test]
fn imported_manifests_are_a_package_that_holds_against_them() {
    let folder = Folder::package();
    folder.write("plant.weir", PLANT);
    let manifests = [
        deployment("telemetry", "broker", "{ name: mqtts, containerPort: 8883 }"),
        deployment("telemetry", "vib-analytics", "{ containerPort: 9000, protocol: UDP }"),
        deployment("view", "web", "{ name: https, containerPort: 8443 }"),
        deployment("back", "web", "{ name: core, containerPort: 38412, protocol: SCTP }"),
    ];
    folder.write("manifests/all.yaml", manifests.join("---\n"));
    folder.write("manifests/more/list.json", r#"{"kind": "List", "apiVersion": "v1", "items": [
        {"kind": "ConfigMap", "apiVersion": "v1", "metadata": {"name": "{x}\"; allow internet -> web : any"}}]}"#);
    let run =
        folder.weir(&["import", "kubernetes", "manifests", "--cluster", "edge1", "-o", "workloads.weir"]);
    assert_eq!(run.code, 0, "{}", run.stderr);
    assert!(
        run.stderr.contains("2 protocols, 4 workloads from 5 objects in 2 files; 1 not said"),
        "{}",
        run.stderr
    );
    let text = folder.read("workloads.weir");
    for part in [
        "use std.it.{https, mqtts}",
        "workload vib_analytics in edge1 {",
        "workload view_web in edge1 {",
        "workload back_web in edge1 {",
        "serves = [mqtts]",
        "serves = [https on tcp/8443]",
        "transport = udp/9000",
        "transport = sctp/38412",
        "(manifests/all.yaml:4)",
        "// Not said in Weir (1):\n// - manifests/more/list.json:2: ConfigMap `default/{x}\"; allow internet -> web : any`",
    ] {
        assert!(text.contains(part), "{part}\n{text}");
    }
    assert!(text.ends_with('\n'), "{text:?}");
    folder.write("import.weir", "import deployed { format = kubernetes, file = \"manifests\" }\n");
    let run = folder.weir(&["check", "--deny-warnings"]);
    assert_eq!(run.code, 0, "{}", run.stderr);
    let run = folder.weir(&["fmt", "--check", "workloads.weir"]);
    assert_eq!(run.code, 0, "{}", run.stderr);
}

#[test]
fn a_file_that_is_there_stays() {
    let folder = Folder::new();
    folder.write("a.yaml", deployment("a", "a", "{ containerPort: 1 }"));
    folder.write("out.weir", "mine");
    let run = folder.weir(&["import", "kubernetes", "a.yaml", "-o", "out.weir"]);
    assert_eq!((run.code, folder.read("out.weir").as_str()), (1, "mine"), "{}", run.stderr);
    assert!(run.stderr.contains("--force"), "{}", run.stderr);
    let run = folder.weir(&["import", "kubernetes", "a.yaml", "-o", "out.weir", "--force"]);
    assert_eq!(run.code, 0, "{}", run.stderr);
    assert!(folder.read("out.weir").contains("workload a in cluster1"));
    let run = folder.weir(&["import", "kubernetes", "a.yaml", "--cluster", "a b { }"]);
    assert_eq!(run.code, 2, "{}", run.stderr);
}

#[test]
fn what_is_wrong_with_a_file_is_said_in_that_file() {
    let folder = Folder::new();
    let whole = deployment("a", "b", "{ containerPort: 1 }");
    for (file, text, place, part) in [
        ("cut.json", "{\"kind\": \"Pod\"", "cut.json:1:15", "the file is cut off"),
        ("tab.yaml", "kind: Pod\nmetadata:\n\tname: x\n", "tab.yaml:3:", "E0415"),
        ("bomb.yaml", "a: &a [x, x]\nb: &b [*a, *a]\n", "bomb.yaml:1:", "anchors are not read"),
        ("twice.yaml", "kind: Pod\nkind: Pod\n", "twice.yaml:2:1", "`kind` is given twice"),
        ("nameless.yaml", "kind: Pod\napiVersion: v1\nmetadata: {}\n", "nameless.yaml:3:11", "no `name`"),
        ("number.yaml", &whole.replace("app: b,", "app: 1,"), "number.yaml:11:", "double quotes"),
        (
            "port.yaml",
            &whole.replace("containerPort: 1", "containerPort: 70000"),
            "port.yaml:17:",
            "1 to 65535",
        ),
        ("deep.json", &"[".repeat(10_000), "deep.json:1:", "nest deeper"),
        ("same.yaml", &format!("{whole}---\n{whole}"), "same.yaml:", "is defined twice"),
    ] {
        folder.write(file, text);
        let run = folder.weir(&["import", "kubernetes", file]);
        assert_eq!(run.code, 1, "{file}: {}", run.stderr);
        assert!(run.stderr.contains(place) && run.stderr.contains(part), "{file}: {}", run.stderr);
        assert!(run.stderr.contains("= help: ") && run.stdout.is_empty(), "{file}: {}", run.stderr);
    }
    folder.write("latin.yaml", b"kind: \xe4\n");
    for file in ["latin.yaml", "missing.yaml"] {
        let run = folder.weir(&["import", "kubernetes", file]);
        assert_eq!(run.code, 1, "{}", run.stderr);
        assert!(run.stderr.contains(file), "{}", run.stderr);
    }
}

#[test]
fn what_a_live_import_cannot_find_is_an_error() {
    for (path, part) in [
        ("nowhere.yaml", "there is no such file"),
        ("../outside.yaml", "no path inside of the package"),
        ("/etc/passwd", "no path inside of the package"),
        ("", "no path inside of the package"),
    ] {
        let folder = Folder::package();
        folder
            .write("plant.weir", format!("{PLANT}import all {{ format = kubernetes, file = \"{path}\" }}\n"));
        let run = folder.weir(&["check", "--format", "json"]);
        let report = json(&run.stdout);
        let first = &report["diagnostics"][0];
        assert_eq!(first["code"], "E0001", "{path}: {}", run.stdout);
        assert!(first["message"].as_str().unwrap().contains(part), "{path}: {}", run.stdout);
        assert_eq!(first["spans"][0]["file"], "plant.weir");
    }
}

#[test]
fn findings_stand_in_the_certificate() {
    let folder = Folder::package();
    let workload = "workload web in edge1 { namespace = \"shop\", labels = { app = \"web\" } }\n";
    let import = "import all { format = kubernetes, file = \"deploy\" }\n";
    folder.write("plant.weir", format!("{PLANT}{import}{workload}"));
    folder.write(
        "deploy/web.yaml",
        deployment("shop", "web", "").replace("@sha256:4f53cda18c2baa0c0354bb5f9a3ecbe5", ":1"),
    );
    let run = folder.weir(&["build", "--format", "json"]);
    assert_eq!(run.code, 0, "{}", run.stderr);
    let report = json(&run.stdout);
    assert_eq!(report["diagnostics"][0]["code"], "W0219", "{report}");
    assert_eq!(report["diagnostics"][0]["spans"][0]["file"], "deploy/web.yaml");
    let certificate = json(&folder.read("out/certificate.json"));
    let assumptions: Vec<&str> =
        certificate["assumptions"].as_array().unwrap().iter().map(|text| text.as_str().unwrap()).collect();
    assert!(assumptions.contains(&"kubernetes: cluster `edge1` runs what deploy says"), "{assumptions:?}");
    let image = "kubernetes: Deployment `shop/web`: container `main` has an image without a digest";
    assert!(assumptions.contains(&image), "{assumptions:?}");
    let inputs = certificate["inputs"].as_array().unwrap();
    assert!(inputs.iter().any(|input| input["path"] == "deploy/web.yaml"), "{inputs:?}");
}

#[test]
fn many_manifests_cost_what_they_are() {
    let folder = Folder::package();
    folder.write("plant.weir", PLANT);
    let mut all = String::new();
    for number in 0..3_000 {
        let _ = writeln!(all, "{}---", deployment("many", &format!("w{number}"), "{ containerPort: 8883 }"));
    }
    folder.write("all.yaml", all);
    let run =
        folder.weir(&["import", "kubernetes", "all.yaml", "--cluster", "edge1", "-o", "workloads.weir"]);
    assert_eq!(run.code, 0, "{}", run.stderr);
    folder.write("import.weir", "import deployed { format = kubernetes, file = \"all.yaml\" }\n");
    let run = folder.weir(&["check", "--deny-warnings"]);
    assert_eq!(run.code, 0, "{}", run.stderr);
}
