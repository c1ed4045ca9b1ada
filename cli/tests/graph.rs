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
  const before = document.querySelector('#stage svg').getAttribute('viewBox');
  key('+');
  check('plus zooms', document.querySelector('#stage svg').getAttribute('viewBox') !== before);
  document.title = said.length === 0 ? 'FINE' : 'WRONG: ' + said.join('; ');
});
window.addEventListener('error', event => { document.title = 'ERROR: ' + event.message; });
</script>
";

#[test]
fn a_browser_finds_filters_and_answers_the_keyboard() {
    let Some(browser) = common::browser() else {
        assert_ne!(std::env::var("CI").as_deref(), Ok("true"), "CI has a browser");
        eprintln!("SKIPPED: needs chromium");
        return;
    };
    let folder = Folder::new();
    let page = drawn("html");
    let (head, script) = page.rsplit_once("<script>").unwrap();
    folder.write("page.html", format!("{head}{VISITOR}<script>{script}"));
    let url = format!("file://{}", folder.path("page.html").display());
    let run = Command::new(browser)
        .args([
            "--headless",
            "--no-sandbox",
            "--disable-gpu",
            "--enable-logging=stderr",
            "--virtual-time-budget=5000",
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
