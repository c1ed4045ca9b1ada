//! What each feature answers, on small packages; `$0` is the place that is asked about.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::needless_for_each,
    reason = "tests stop at the first surprise"
)]

mod support;

use support::{analyze, analyzed, completions, package, texts};
use weir_ide::RenameError;

const PLANT: &str = "use std.ot.modbus\nuse std.devices.Plc\n\
    zone control { purdue = 1 }\n\
    network cell { zone = control, subnet = 10.0.0.0/24 }\n\
    /// Stamps parts.\n\
    device press[1..4] : Plc { network = cell, address = cell.host(10 + index), serves = [modbus] }\n\
    device station { network = cell, address = 10.0.0.100 }\n\
    group presses = press - press[1]\n\
    policy operation {\n    allow station -> presses : modbus\n}\n\
    assert allow station -> presses : modbus.write(coils 1..4)\n";

fn labels_at(before: &str) -> Vec<String> {
    completions(&format!("{PLANT}{before}$0"))
}

#[test]
fn completion_knows_where_it_is() {
    let has = |labels: &[String], wanted: &str| labels.iter().any(|label| label == wanted);
    let top = labels_at("");
    assert!(
        has(&top, "device") && has(&top, "allow") && has(&top, "use") && !has(&top, "station"),
        "{top:?}"
    );
    let source = labels_at("allow sta");
    assert!(has(&source, "station") && !has(&source, "modbus") && !has(&source, "device"), "{source:?}");
    let destination = labels_at("allow station -> pr");
    assert!(has(&destination, "press") && has(&destination, "presses"), "{destination:?}");
    let more = labels_at("allow station | ");
    assert!(has(&more, "press"), "{more:?}");
    let service = labels_at("allow station -> press : mod");
    assert!(has(&service, "modbus") && !has(&service, "press"), "{service:?}");
    let operation = labels_at("allow station -> press : modbus.");
    assert!(
        has(&operation, "read") && has(&operation, "write") && !has(&operation, "station"),
        "{operation:?}"
    );
    let argument = labels_at("allow station -> press : modbus.write(");
    assert!(has(&argument, "coils") && has(&argument, "register"), "{argument:?}");
    let attribute = labels_at("device other { ");
    assert!(
        has(&attribute, "network") && has(&attribute, "serves") && !has(&attribute, "purdue"),
        "{attribute:?}"
    );
    let rest = labels_at("device other {\n    network = cell\n    ");
    assert!(!has(&rest, "network") && has(&rest, "address"), "what is given is not offered: {rest:?}");
    let value = labels_at("device other { network = ");
    assert_eq!(value, ["cell"]);
    let word = labels_at("network other { zone = control, medium = ");
    assert!(has(&word, "ethernet") && has(&word, "halow"), "{word:?}");
    let class = labels_at("device other : ");
    assert!(has(&class, "Plc") && has(&class, "Sensor"), "those of std, too: {class:?}");
    let ends = labels_at("conduit c between ");
    assert!(has(&ends, "control") && has(&ends, "internet") && !has(&ends, "cell"), "{ends:?}");
    let module = labels_at("use std.");
    assert!(has(&module, "ot") && has(&module, "devices"), "{module:?}");
    let imported = labels_at("use std.ot.{modbus, s");
    assert!(has(&imported, "s7"), "{imported:?}");
    let claim = labels_at("assert ");
    assert!(has(&claim, "never") && has(&claim, "only"), "{claim:?}");
    let flow = labels_at("allow station -> press : modbus { ");
    assert!(has(&flow, "limit") && has(&flow, "log"), "{flow:?}");
    let predicate = labels_at("group old = Plc where ");
    assert!(has(&predicate, "vendor") && has(&predicate, "firmware"), "{predicate:?}");
    assert_eq!(labels_at("// allow "), Vec::<String>::new(), "nothing in comments");
    assert_eq!(labels_at("device x { name = \"all"), Vec::<String>::new(), "nothing in texts");
    assert_eq!(labels_at("device "), Vec::<String>::new(), "a new name is the author's");
}

#[test]
fn what_is_not_brought_in_comes_with_its_use() {
    let (host, place) = package(&[("plant.weir", "use std.ot.modbus\ndevice a { serves = [mq$0] }\n")]);
    let (file, at) = place.unwrap();
    let list = host.ide().complete(file, at);
    let mqtts = list.items.iter().find(|one| one.label == "mqtts").expect("mqtts");
    assert_eq!(mqtts.more.len(), 1);
    assert_eq!(mqtts.more[0].text, "\nuse std.it.mqtts");
    assert_eq!(mqtts.more[0].span.start as usize, "use std.ot.modbus".len());
    let (host, place) = package(&[("plant.weir", "use std.it.{https, ssh}\ndevice a { serves = [mq$0] }\n")]);
    let (file, at) = place.unwrap();
    let list = host.ide().complete(file, at);
    let mqtts = list.items.iter().find(|one| one.label == "mqtts").expect("mqtts");
    assert_eq!(mqtts.more[0].text, ", mqtts", "a list of the same module grows");
}

#[test]
fn a_name_is_renamed_in_all_files_and_nothing_else() {
    let policies = "policy p {\n    allow sta$0tion -> press : any // station stays in comments\n}\n\
        zone station_zone {}\n";
    let (host, place) = package(&[("plant.weir", PLANT), ("policies/p.weir", policies)]);
    let (file, at) = place.unwrap();
    let ide = host.ide();
    let edits = ide.rename(file, at, "desk").unwrap();
    let places = texts(&ide, edits.iter().map(|edit| (edit.file, edit.span)));
    let plant = "plant.weir:station";
    assert_eq!(
        places,
        [plant, plant, plant, "policies/p.weir:station"],
        "declaration, rule, assertion; the other file"
    );
    assert!(edits.iter().all(|edit| edit.text == "desk"));
    assert!(matches!(ide.rename(file, at, "press"), Err(RenameError::Taken(..))));
    assert!(matches!(ide.rename(file, at, "allow"), Err(RenameError::NoName(_))));
    assert!(matches!(ide.rename(file, at, "a b"), Err(RenameError::NoName(_))));
    assert!(matches!(ide.rename(file, at, ""), Err(RenameError::NoName(_))));
}

#[test]
fn an_attribute_of_a_class_is_renamed_with_its_devices_and_predicates() {
    let text = "class Drive {\n    attribute ra$0ck { type = integer }\n    attribute firmware { required = true }\n}\nclass Servo : Drive {}\n\
        zone z {}\nnetwork n { zone = z, subnet = 10.0.0.0/24 }\n\
        device d : Servo { network = n, address = 10.0.0.1, rack = 3, firmware = \"2.8\" }\n\
        group old = (Servo & n) where rack < 2 and not rack == 7\n\
        class Valve { attribute firm { type = text } }\n";
    let (host, place) = package(&[("plant.weir", text)]);
    let (file, at) = place.unwrap();
    let ide = host.ide();
    let edits = ide.rename(file, at, "shelf").unwrap();
    assert_eq!(edits.len(), 4, "declaration, device, twice in the predicate: {edits:?}");
    assert!(matches!(ide.rename(file, at, "address"), Err(RenameError::Taken(..))), "devices have one");
    assert!(matches!(ide.rename(file, at, "firm"), Err(RenameError::Taken(..))), "another class has one");
    let common = text.replace("$0", "").find("firmware").unwrap() as u32;
    assert_eq!(ide.rename(file, common, "release"), Err(RenameError::Nothing), "every device has it");
    // which class is meant is not said: nothing is renamed, for the predicate would come to nothing
    let (host, place) = package(&[("plant.weir", &text.replace("(Servo & n)", "n"))]);
    let (file, at) = place.unwrap();
    assert!(matches!(host.ide().rename(file, at, "shelf"), Err(RenameError::Unclear(..))));
}

#[test]
fn names_of_the_library_stay() {
    let (host, place) =
        package(&[("plant.weir", &PLANT.replacen("serves = [modbus", "serves = [mod$0bus", 1))]);
    let (file, at) = place.unwrap();
    assert_eq!(host.ide().rename(file, at, "fieldbus"), Err(RenameError::Standard));
}

#[test]
fn parameters_are_renamed_with_their_holes() {
    let text = "zone z {}\nnetwork n { zone = z, subnet = 10.0.0.0/16 }\n\
        template cell(num$0ber: integer) {\n    device plc { network = n, address = n.host(number), name = \"PLC-{number:02}\" }\n}\n\
        instance first : cell(number = 3)\nallow first.plc -> internet : any\n";
    let (host, place) = package(&[("plant.weir", text)]);
    let (file, at) = place.unwrap();
    let edits = host.ide().rename(file, at, "ordinal").unwrap();
    assert_eq!(edits.len(), 4, "parameter, use, hole, argument: {edits:?}");
    // what is inside of an instance is found through its template
    let plc = text.replace("$0", "").find("first.plc").unwrap() as u32 + 7;
    let (_, location) = host.ide().definition(file, plc).unwrap();
    assert_eq!(location.span.of(host.ide().text(file).unwrap()), "plc");
}

#[test]
fn half_typed_text_keeps_everything_else_alive() {
    for broken in [
        "allow station -> ",
        "device half { network = ",
        "zone {",
        "use std.",
        "group g = (",
        "}",
        "allow \u{1F600}",
    ] {
        let text = format!("{PLANT}{broken}\n");
        let (host, _) = package(&[("plant.weir", &text)]);
        let ide = host.ide();
        let file = ide.find("plant.weir").unwrap();
        let at = text.find("-> presses").unwrap() as u32 + 4;
        let (_, location) = ide.definition(file, at).unwrap_or_else(|| panic!("definition with `{broken}`"));
        assert_eq!(location.span.of(&text), "presses", "{broken}");
        assert!(!ide.shape(file).is_empty(), "`{broken}` is a mistake");
        assert!(ide.outline(file).iter().any(|item| item.name == "press"), "{broken}");
    }
}

#[test]
fn diagnostics_of_now_and_of_the_last_analysis_meet() {
    let text = format!("{PLANT}policy q {{\n    allow nobody -> press : modbus\n}}\n");
    let (mut host, _) = analyzed(&[("plant.weir", &text)]);
    let file = host.ide().find("plant.weir").unwrap();
    let codes = |host: &weir_ide::Host| -> Vec<(&str, String)> {
        let ide = host.ide();
        let text = ide.text(file).unwrap().clone();
        let found = ide.diagnostics(file);
        found.iter().map(|one| (one.code.id, one.labels[0].span.of(&text).to_owned())).collect()
    };
    assert!(codes(&host).contains(&("E0202", "nobody".to_owned())), "{:?}", codes(&host));
    // a line before it: the finding moves along, and is there at once
    host.set_text("plant.weir", format!("zone added {{}}\n{text}").into(), true);
    assert!(codes(&host).contains(&("E0202", "nobody".to_owned())), "{:?}", codes(&host));
    // what was changed is not blamed for what it was
    host.set_text("plant.weir", text.replace("nobody", "station").into(), true);
    assert!(codes(&host).iter().all(|(code, _)| *code != "E0202"), "{:?}", codes(&host));
    // a mistake of form is there without an analysis
    host.set_text("plant.weir", format!("{text}network bad {{ purdue = 1 }}\n").into(), true);
    assert!(codes(&host).iter().any(|(code, _)| *code == "E0207"), "{:?}", codes(&host));
    host.set_text("plant.weir", PLANT.into(), true);
    analyze(&mut host);
    assert!(codes(&host).iter().all(|(code, _)| code.starts_with('W')), "{:?}", codes(&host));
}

#[test]
fn lenses_and_hints_say_what_is_permitted() {
    let (host, _) = analyzed(&[("plant.weir", PLANT)]);
    let ide = host.ide();
    let file = ide.find("plant.weir").unwrap();
    let facts = ide.facts().unwrap();
    assert!(facts.relation().is_some(), "{:?}", ide.diagnostics(file));
    let titles: Vec<String> =
        ide.lenses(file).iter().filter_map(|lens| ide.lens_title(file, lens.span, lens.kind)).collect();
    assert!(titles.iter().any(|title| title.starts_with("permits 1 -> 3")), "{titles:?}");
    assert!(titles.iter().any(|title| title == "reached by 1 · reaches 0"), "{titles:?}");
    let whole = weir_syntax::Span::new(0, u32::MAX);
    let hints: Vec<String> = ide.hints(file, whole).into_iter().map(|hint| hint.label).collect();
    assert!(hints.contains(&"3 members".to_owned()), "{hints:?}");
    assert!(hints.contains(&"10.0.0.11..10.0.0.14".to_owned()), "{hints:?}");
    assert!(hints.contains(&"tcp/502".to_owned()), "{hints:?}");
    let peers = ide.peers("press", true);
    assert_eq!(peers.iter().map(|peer| peer.item.name.as_str()).collect::<Vec<_>>(), ["station"]);
}

#[test]
fn signature_help_names_the_argument() {
    let text = format!("{PLANT}allow station -> press : modbus.write(coil$0");
    let (host, place) = package(&[("plant.weir", &text)]);
    let (file, at) = place.unwrap();
    let signature = host.ide().signature(file, at).expect("a signature");
    assert!(
        signature.label.starts_with("modbus.write(coils FIRST..LAST, coil NUMBER = VALUE"),
        "{}",
        signature.label
    );
    assert_eq!(signature.parameters[signature.active.unwrap() as usize].0, "coil NUMBER = VALUE");
}

#[test]
fn semantic_tokens_cover_the_text_in_order() {
    let (host, _) = package(&[("plant.weir", PLANT)]);
    let ide = host.ide();
    let file = ide.find("plant.weir").unwrap();
    let tokens = ide.semantic_tokens(file, None);
    assert!(tokens.windows(2).all(|pair| pair[0].span.end <= pair[1].span.start));
    let text = ide.text(file).unwrap();
    let of = |word: &str| tokens.iter().find(|token| token.span.of(text) == word).map(|token| token.kind);
    assert_eq!(of("Plc"), Some(weir_ide::TokenType::Class));
    assert_eq!(of("write"), Some(weir_ide::TokenType::Method));
    assert_eq!(of("allow"), Some(weir_ide::TokenType::Keyword));
    assert_eq!(of("subnet"), Some(weir_ide::TokenType::Property));
}

#[test]
fn unused_names_and_any_can_be_mended() {
    let text = format!("use std.it.ssh\n{PLANT}policy q {{\n    allow station -> press : any\n}}\n");
    let (host, _) = analyzed(&[("plant.weir", &text)]);
    let ide = host.ide();
    let file = ide.find("plant.weir").unwrap();
    let at = text.find("any").unwrap() as u32;
    let actions = ide.actions(file, weir_syntax::Span::new(at, at));
    let narrow = actions.iter().find(|action| action.title.contains("narrow")).expect("narrow `any`");
    assert_eq!(narrow.edits[0].text, "modbus");
    let unused = ide.actions(file, weir_syntax::Span::new(12, 12));
    let remove = unused.iter().find(|action| action.title == "remove the `use`").expect("remove the `use`");
    assert_eq!(remove.edits[0].span, weir_syntax::Span::new(0, 15), "the whole line");
}

#[test]
fn fixing_all_corrects_and_never_decides() {
    // a word that was mistyped, and a protocol that the destination does not serve
    let text = PLANT
        .replace("purdue = 1", "purdeu = 1")
        .replace("-> presses : modbus\n", "-> presses : modbus | s7\n");
    let text = format!("use std.ot.s7\n{text}");
    let (host, _) = analyzed(&[("plant.weir", &text)]);
    let ide = host.ide();
    let file = ide.find("plant.weir").unwrap();
    let edits = ide.fix_all(file);
    assert_eq!(edits.iter().map(|edit| edit.text.as_str()).collect::<Vec<_>>(), ["purdue"]);
    let whole = weir_syntax::Span::new(0, text.len() as u32);
    assert!(
        ide.actions(file, whole).iter().any(|action| action.title == "write `purdue`" && action.preferred)
    );
}

#[test]
fn the_drawing_has_everybody_and_where_they_are_declared() {
    let (host, _) = analyzed(&[("plant.weir", PLANT)]);
    let drawing = host.ide().job().drawing(0).unwrap();
    for name in ["press", "station"] {
        assert!(drawing.page.contains(&format!("\"label\":\"{name}")), "{name}: {}", drawing.page);
    }
    assert!(drawing.page.contains("plant.weir:"), "places are in it");
    let (host, _) = analyzed(&[("plant.weir", &PLANT.replace("zone control", "zone contrl"))]);
    assert_eq!(host.ide().job().drawing(0), None, "what is not understood is not drawn");
}

#[test]
fn an_imported_inventory_has_names_as_any_file() {
    let plant = "use std.ot.{modbus}\n\
        zone cell { purdue = 1 }\n\
        network cell_net { zone = cell, subnet = 10.10.1.0/24, accept_gap = \"one machine\" }\n\
        import assets { format = inventory, file = \"assets.csv\", mapping = \"mapping.yaml\" }\n\
        allow hmi_01 -> plc_$001 : modbus\n";
    let (mut host, place) = package(&[("plant.weir", plant)]);
    let assets =
        "Asset,IP address,Art,Open ports\nPLC-01,10.10.1.10,Steuerung,Modbus/TCP\nHMI-01,10.10.1.20,Panel,\n";
    host.set_text("assets.csv", assets.into(), false);
    let mapping =
        "columns: { name: Asset, class: Art }\nclasses: { Steuerung: Plc, Panel: Hmi }\nnetwork: cell_net\n";
    host.set_text("mapping.yaml", mapping.into(), false);
    analyze(&mut host);
    let ide = host.ide();
    assert_eq!(ide.facts().unwrap().analysis.diagnostics, [], "the package is right");
    let (file, at) = place.unwrap();
    let (_, location) = ide.definition(file, at).unwrap();
    assert_eq!(ide.path(location.file), Some("assets.csv"));
    assert!(location.full.of(ide.text(location.file).unwrap()).contains("PLC-01"));
    assert!(ide.hover(file, at).unwrap().markdown.contains("10.10.1.10"));
    let found = ide.references(&ide.occurrence_at(file, at).unwrap().symbol);
    assert_eq!(
        found.iter().map(|one| ide.path(one.file).unwrap()).collect::<Vec<_>>(),
        ["plant.weir", "assets.csv"]
    );
    assert_eq!(ide.rename(file, at, "mill"), Err(RenameError::Imported("assets.csv".into())));
    drop(ide);
    let more = format!("{}allow plc_", plant.replace("$0", ""));
    host.set_text("plant.weir", more.as_str().into(), true);
    let ide = host.ide();
    let offered = ide.complete(file, more.len() as u32).items;
    assert!(offered.iter().any(|one| one.label == "plc_01"));
    drop(ide);
    host.set_text("assets.csv", assets.replace("PLC-01", "PLC-02").into(), false);
    assert!(host.ide().definition(file, at).is_none(), "it is gone from the inventory");
}

#[test]
fn imported_filters_have_names_as_any_file() {
    let plant = "use std.it.{https}\n\
        zone site { purdue = 3 }\n\
        zone outside { purdue = 5 }\n\
        network plant_net { zone = site, subnet = 10.1.0.0/24, isolated = true }\n\
        network uplink { zone = outside, subnet = 203.0.113.0/30 }\n\
        gateway gw {\n\
        enforces = nftables\n\
        interface lan0 { network = plant_net, address = 10.1.0.1 }\n\
        interface wan0 { network = uplink, address = 203.0.113.1 }\n\
        route { to = 0.0.0.0/0, via = 203.0.113.2 }\n\
        }\n\
        conduit out between site, outside { carries = [any] }\n\
        device hmi { network = plant_net, address = 10.1.0.20, integrity = untrusted }\n\
        import acl { format = aerleon, file = \"acl\", bind = { INTERNAL = \"plant_net\" }, outside = outside }\n\
        assert allow hmi -> clo$0ud : https\n";
    let (mut host, place) = package(&[("plant.weir", plant)]);
    host.set_text("acl/site.net", "INTERNAL = 10.1.0.0/24\nCLOUD = 192.0.2.0/28\n".into(), false);
    host.set_text("acl/site.svc", "HTTPS = 443/tcp\n".into(), false);
    let filter = "header { target:: demo }\nterm web {\n  source-address:: INTERNAL\n  destination-address:: CLOUD\n  \
        destination-port:: HTTPS\n  protocol:: tcp\n  action:: accept\n}\n";
    host.set_text("acl/edge.pol", filter.into(), false);
    analyze(&mut host);
    let ide = host.ide();
    let errors: Vec<_> = ide
        .facts()
        .unwrap()
        .analysis
        .diagnostics
        .iter()
        .filter(|one| one.severity() == weir_syntax::Severity::Error)
        .collect();
    assert!(errors.is_empty(), "{errors:#?}");
    let (file, at) = place.unwrap();
    let (_, location) = ide.definition(file, at).unwrap();
    assert_eq!(ide.path(location.file), Some("acl/site.net"));
    assert_eq!(location.full.of(ide.text(location.file).unwrap()), "CLOUD");
    let shown = ide.hover(file, at).unwrap().markdown;
    assert!(shown.contains("CLOUD (acl/site.net:2)"), "{shown}");
    let found = ide.references(&ide.occurrence_at(file, at).unwrap().symbol);
    let files: Vec<_> = found.iter().map(|one| ide.path(one.file).unwrap()).collect();
    assert!(files.contains(&"plant.weir") && files.contains(&"acl/edge.pol"), "{files:?}");
    drop(ide);
    let asked = format!("{}import more {{ format = ", plant.replace("$0", ""));
    host.set_text("plant.weir", asked.as_str().into(), true);
    let offered = host.ide().complete(file, asked.len() as u32).items;
    assert!(
        offered.iter().any(|one| one.label == "aerleon"),
        "{:?}",
        offered.iter().map(|one| &one.label).collect::<Vec<_>>()
    );
}
