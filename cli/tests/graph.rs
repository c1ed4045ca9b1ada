//! `weir graph`, looked at by a real browser: the page draws without an error, finds, filters and answers the keyboard.

#![allow(clippy::unwrap_used, reason = "tests stop at the first surprise")]

mod common;

use std::process::Command;

use common::{Folder, json};

fn drawn(format: &str) -> String {
    let folder = Folder::new();
    let example = concat!(env!("CARGO_MANIFEST_DIR"), "/../examples/turbine_hall");
    let file = format!("plant.{format}");
    let run = folder.weir(&["graph", example, "-o", &file]);
    assert_eq!(run.code, 0, "{}", run.stderr);
    folder.read(&file)
}

#[test]
fn the_drawing_is_whole() {
    let graph = json(&drawn("json"));
    let (containers, nodes) = (graph["containers"].as_array().unwrap(), graph["nodes"].as_array().unwrap());
    let named = |name: &str| containers.iter().find(|one| one["name"] == name).unwrap();
    let number = |value: &serde_json::Value, key: &str| value[key].as_f64().unwrap();
    // levels are rows: the office above the control room's machines, the field at the bottom
    assert!(number(named("office"), "y") < number(named("field"), "y"));
    let total: u64 = nodes.iter().map(|node| node["count"].as_u64().unwrap()).sum();
    assert_eq!(total, graph["principals"].as_u64().unwrap(), "everybody is drawn");
    // what is inside of a box lies inside of it
    for node in nodes {
        let Some(container) = node["container"].as_u64() else { continue };
        let outer = &containers[container as usize];
        for (key, size) in [("x", "width"), ("y", "height")] {
            assert!(number(node, key) >= number(outer, key), "{node} {outer}");
            let end = number(outer, key) + number(outer, size);
            assert!(number(node, key) + number(node, size) <= end + 0.1, "{node} {outer}");
        }
    }
    let overlap = |a: &serde_json::Value, b: &serde_json::Value| {
        number(a, "x") < number(b, "x") + number(b, "width")
            && number(b, "x") < number(a, "x") + number(a, "width")
            && number(a, "y") < number(b, "y") + number(b, "height")
            && number(b, "y") < number(a, "y") + number(a, "height")
    };
    for (index, one) in nodes.iter().enumerate() {
        for other in &nodes[index + 1..] {
            assert!(!overlap(one, other), "{one} and {other}");
        }
    }
    let trip = graph["edges"].as_array().unwrap().iter().find(|edge| {
        edge["to"]["node"].as_u64().is_some_and(|node| nodes[node as usize]["label"] == "trip_plc")
            && edge["from"]["node"].as_u64().is_some_and(|node| nodes[node as usize]["label"] == "voter")
    });
    assert_eq!(trip.unwrap()["access"], "actuate");
}

/// A plant whose devices are declared one by one, 25 to a cell. With `numbers`, names of cells differ in nothing else.
fn inventory(folder: &Folder, devices: usize, numbers: bool) {
    let mut text = String::from(
        "use std.ot.modbus\nuse std.devices.{Plc, Drive, Sensor}\nzone ops { purdue = 3 }\n\
         network ops_net { zone = ops, subnet = 10.200.0.0/16, accept_gap = \"x\" }\n",
    );
    let mut policy = String::from("policy p {\n    owner = \"a@b.example\"\n");
    for cell in 0..devices.div_ceil(25) {
        let letters: String =
            [cell / 26, cell % 26].map(|digit| char::from(b'a' + digit as u8)).into_iter().collect();
        let name = if numbers { format!("cell{cell}") } else { format!("hall_{letters}") };
        let net = format!("10.{}.{}", cell / 250, cell % 250);
        text.push_str(&format!(
            "zone {name} {{ purdue = 1 }}\n\
             network {name}_net {{ zone = {name}, subnet = {net}.0/24, accept_gap = \"x\" }}\n\
             gateway gw_{name} {{ enforces = nftables\n\
             interface a {{ network = {name}_net, address = {net}.1 }}\n\
             interface b {{ network = ops_net, address = 10.200.{}.{} }} }}\n\
             device {name}_plc : Plc {{ network = {name}_net, address = {net}.10 }}\n",
            1 + cell / 250,
            cell % 250 + 1
        ));
        for index in 0..24 {
            let class = ["Drive", "Sensor"][index % 2];
            let at = 20 + index;
            text.push_str(&format!(
                "device {name}_d{index} : {class} {{ network = {name}_net, address = {net}.{at}, serves = [modbus] }}\n"
            ));
        }
        policy.push_str(&format!("    allow {name}_plc -> (Drive | Sensor) & {name}_net : modbus\n"));
    }
    folder.write("plant/weir.toml", "[package]\nname = \"plant\"\nversion = \"0.1.0\"\nedition = \"2026\"\n");
    folder.write("plant/plant.weir", format!("{text}{policy}}}\n"));
}

#[test]
fn plants_of_every_size_have_the_proportions_of_a_screen() {
    for (devices, numbers, most) in [(25, true, 40), (300, true, 60), (5_000, true, 12), (5_000, false, 810)]
    {
        let folder = Folder::new();
        inventory(&folder, devices, numbers);
        let run = folder.weir(&["graph", "plant", "--format", "json"]);
        assert_eq!(run.code, 0, "{}", run.stderr);
        let graph = json(&run.stdout);
        let size = |key: &str| graph[key].as_f64().unwrap();
        let proportion = size("width") / size("height");
        if devices > 25 {
            assert!((0.8..2.2).contains(&proportion), "{devices}: {proportion}");
        }
        let nodes = graph["nodes"].as_array().unwrap();
        assert!(nodes.len() <= most, "{devices} {numbers}: {} nodes", nodes.len());
        // nobody is lost in what is drawn as one
        let mut names: Vec<&str> = Vec::new();
        for node in nodes {
            match node["members"].as_array() {
                Some(members) => {
                    assert_eq!(node["count"], members.len());
                    names.extend(members.iter().map(|member| member["name"].as_str().unwrap()));
                }
                None => names.push(node["label"].as_str().unwrap()),
            }
        }
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len() as u64, graph["principals"].as_u64().unwrap());
    }
}

#[test]
fn cells_lie_in_the_order_of_their_numbers() {
    let folder = Folder::new();
    inventory(&folder, 300, true);
    let graph = json(&folder.weir(&["graph", "plant", "--format", "json"]).stdout);
    let mut cells: Vec<(i64, i64, &str)> = graph["containers"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|one| one["kind"] == "zone" && one["purdue"] == 1)
        .map(|one| {
            (
                one["y"].as_f64().unwrap() as i64,
                one["x"].as_f64().unwrap() as i64,
                one["name"].as_str().unwrap(),
            )
        })
        .collect();
    cells.sort_unstable();
    let names: Vec<&str> = cells.into_iter().map(|(.., name)| name).collect();
    let wanted: Vec<String> = (0..12).map(|number| format!("cell{number}")).collect();
    assert_eq!(names, wanted);
}

#[test]
fn a_bridge_lies_in_its_network_and_a_set_has_the_addresses_of_all() {
    let graph = json(&drawn("json"));
    let (containers, nodes) = (graph["containers"].as_array().unwrap(), graph["nodes"].as_array().unwrap());
    let node = |label: &str| nodes.iter().find(|node| node["label"] == label).unwrap();
    let bridge = node("cells.bus_bridge")["container"].as_u64().unwrap();
    assert_eq!(containers[bridge as usize]["name"], "cells.process_bus");
    let desk = node("desk");
    assert_eq!(desk["address"], "10.70.0.21..10.70.0.60, 2001:db8:70::15..2001:db8:70::3c");
    assert_eq!(desk["members"][11]["name"], "desk[12]");
    assert_eq!(desk["members"][12]["address"], "10.70.0.33, 2001:db8:70::21");
}

#[test]
fn a_package_with_errors_is_not_drawn() {
    let folder = Folder::new();
    inventory(&folder, 25, true);
    let text = folder.read("plant/plant.weir");
    // a flow that cannot be built, in a package whose rules are all understood
    let rule = "    allow cell0_d0 -> gw_cell0 : modbus\n}\n";
    folder.write("plant/plant.weir", format!("{}{rule}", text.strip_suffix("}\n").unwrap()));
    let run = folder.weir(&["graph", "plant", "-o", "plant.svg"]);
    assert_eq!(run.code, 1, "{}", run.stderr);
    assert!(run.stderr.contains("error[E0"), "{}", run.stderr);
    assert!(!folder.path("plant.svg").exists());
}

#[test]
fn svg_and_page_need_nothing_else() {
    let svg = drawn("svg");
    assert!(svg.starts_with("<svg xmlns=\"http://www.w3.org/2000/svg\"") && svg.ends_with("</svg>\n"));
    let page = drawn("html");
    for text in [svg.replace("http://www.w3.org/2000/svg", ""), page] {
        assert!(!text.contains("http://") && !text.contains("https://"), "a link to somewhere else");
        assert!(!text.contains("src="), "a part that is somewhere else");
    }
}

/// Does in the page what a person would, and leaves what it saw in the document.
const VISITOR: &str = r"<script>
const said = [];
const check = (what, is) => { if (!is) said.push(what); };
window.addEventListener('load', () => {
  const type = text => { search.value = text; search.dispatchEvent(new Event('input')); };
  const key = (name, target = document.body) => target.dispatchEvent(new KeyboardEvent('keydown', { key: name, bubbles: true, cancelable: true }));
  const visible = () => document.querySelectorAll('.edge[data-edge]:not(.hidden)').length;
  const all = visible();
  check('edges are drawn', all > 20);
  type('trip_plc');
  check('search finds one', document.querySelectorAll('.node.match').length === 1);
  check('search lists it', list.children.length === 1 && list.textContent === 'trip_plc');
  list.querySelector('button').click();
  check('a click shows flows', detail.textContent.includes('may be reached by') && detail.textContent.includes('modbus.write(coils 100..103)'));
  check('a click shows the rule', detail.textContent.includes('policies/vibration.weir:'));
  check('edges are lit', document.querySelectorAll('.edge.lit').length >= 1 && document.querySelectorAll('.edge.faded').length > 10);
  key('Escape');
  check('escape clears', document.querySelectorAll('.faded, .chosen, .match').length === 0 && detail.textContent === '');
  type('no such thing');
  check('nothing is found', found.textContent === '0 found' && list.children.length === 0);
  key('Escape');
  const actuate = document.querySelector('input[data-access=actuate]');
  actuate.click();
  check('a filter hides', visible() < all && document.querySelectorAll('.edge.actuate[data-edge].hidden').length > 0);
  actuate.click();
  check('and shows again', visible() === all);
  const zone = document.getElementById('zone');
  zone.value = [...zone.options].find(option => option.textContent === 'safety').value;
  zone.dispatchEvent(new Event('change'));
  check('a zone narrows', visible() < all && visible() > 0);
  zone.value = ''; zone.dispatchEvent(new Event('change'));
  key('/');
  check('slash searches', document.activeElement === search);
  search.blur();
  const node = document.querySelector('.node[data-node]');
  check('nodes take the focus', node.getAttribute('tabindex') === '0' && node.getAttribute('role') === 'button');
  key('Enter', node);
  check('enter chooses', node.classList.contains('chosen') && detail.textContent !== '');
  key('Escape', node);
  for (const [text, member] of [['10.70.0.33', 'desk[13]'], ['desk[12]', 'desk[12]']]) {
    type(text);
    check('a member of an array is found: ' + text, found.textContent === '1 found' && list.textContent.includes(member + ' (of desk ×40)'));
  }
  key('Enter', search);
  check('enter in the search chooses', detail.textContent.includes('desk[12]') && detail.textContent.includes('10.70.0.32'));
  key('Escape');
  type('10.42.3.4');
  check('an address inside of a range is found', list.textContent.includes('voter'));
  key('Escape');
  const before = document.querySelector('#stage svg').getAttribute('viewBox');
  key('+');
  check('plus zooms', document.querySelector('#stage svg').getAttribute('viewBox') !== before);
  document.title = said.length === 0 ? 'FINE' : 'WRONG: ' + said.join('; ');
});
window.addEventListener('error', event => { document.title = 'ERROR: ' + event.message; });
</script>
";

/// Searches a plant of 5,000 devices, as a person would.
const SEARCHER: &str = r"<script>
const said = [];
const check = (what, is) => { if (!is) said.push(what); };
window.addEventListener('load', () => {
  const type = text => { search.value = text; search.dispatchEvent(new Event('input')); };
  const key = (name, target = document.body) => target.dispatchEvent(new KeyboardEvent('keydown', { key: name, bubbles: true, cancelable: true }));
  const seen = () => {
    const place = document.querySelector('.node.chosen').getBoundingClientRect(), stage = document.getElementById('stage').getBoundingClientRect();
    const letters = document.querySelector('.node.chosen text').getBoundingClientRect().height;
    return place.left >= stage.left && place.right <= stage.right && place.top >= stage.top && place.bottom <= stage.bottom && letters >= 10;
  };
  const far = () => svg.classList.contains('far');
  check('from afar, names of zones are large', !FAR || (far() && [...document.querySelectorAll('.far-name')].filter(name => name.getBoundingClientRect().height >= 8).length > 100));
  type('HIT_plc');
  check('search finds a member', found.textContent === '1 found' && list.textContent.includes('HIT_plc'));
  key('Enter', search);
  check('enter chooses and shows the first', detail.textContent.includes('HIT_plc') && seen() && !far());
  check('its address is shown', detail.textContent.includes('10.0.77.10') && !detail.textContent.includes('10.0.0.10'));
  key('Escape');
  type('10.0.77.25');
  check('an address is found', found.textContent === '1 found' && list.textContent.includes('HIT_d5'));
  list.querySelector('button').click();
  check('and shown', seen() && detail.textContent.includes('10.0.77.25'));
  document.getElementById('all').click();
  type('drive');
  list.querySelector('button').click();
  check('a set says the range', /10\.0\.\d+\.20/.test(detail.textContent) && detail.textContent.includes('members'));
  document.title = said.length === 0 ? 'FINE' : 'WRONG: ' + said.join('; ');
});
window.addEventListener('error', event => { document.title = 'ERROR: ' + event.message; });
</script>
";

#[test]
fn a_browser_finds_one_of_5000_devices() {
    for (numbers, hit) in [(true, "cell77"), (false, "hall_cz")] {
        let folder = Folder::new();
        inventory(&folder, 5_000, numbers);
        let run = folder.weir(&["graph", "plant", "-o", "plant.html"]);
        assert_eq!(run.code, 0, "{}", run.stderr);
        let visitor = SEARCHER.replace("HIT", hit).replace("FAR", if numbers { "false" } else { "true" });
        visit(&folder, &folder.read("plant.html"), &visitor);
    }
}

#[test]
fn a_browser_finds_filters_and_answers_the_keyboard() {
    visit(&Folder::new(), &drawn("html"), VISITOR);
}

/// Opens a page with a visitor in it, who leaves what was wrong in the title.
fn visit(folder: &Folder, page: &str, visitor: &str) {
    let Some(browser) = common::browser() else {
        assert_ne!(std::env::var("CI").as_deref(), Ok("true"), "CI has a browser");
        eprintln!("SKIPPED: needs chromium");
        return;
    };
    let (head, script) = page.rsplit_once("<script>").unwrap();
    folder.write("page.html", format!("{head}{visitor}<script>{script}"));
    let url = format!("file://{}", folder.path("page.html").display());
    let run = Command::new(browser)
        .args([
            "--headless",
            "--no-sandbox",
            "--disable-gpu",
            "--enable-logging=stderr",
            "--virtual-time-budget=5000",
            "--window-size=1600,1000",
        ])
        .arg(format!("--user-data-dir={}", folder.path("profile").display()))
        .args(["--dump-dom", &url])
        .output()
        .unwrap();
    let (dom, log) = (String::from_utf8_lossy(&run.stdout), String::from_utf8_lossy(&run.stderr));
    let title = dom.split("<title>").nth(1).and_then(|rest| rest.split("</title>").next());
    assert_eq!(title, Some("FINE"), "{log}");
    assert!(!log.contains("CONSOLE"), "the console says something: {log}");
}
