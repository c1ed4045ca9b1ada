//! What clients and disks do that they should not: the server serves or refuses, and lives on.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "tests stop at the first surprise"
)]

mod support;

use std::fs;

use serde_json::{Value, json};
use support::{Client, at, copy_of, position, uri};

/// The server still knows the package.
async fn lives(client: &mut Client) {
    let found = client.ask("workspace/symbol", json!({ "query": "" })).await;
    assert!(found.is_array());
}

#[tokio::test]
async fn files_that_vanish_or_are_not_text_are_said_and_survived() {
    let folder = copy_of("turbine_hall");
    let file = folder.path().join("edge.weir");
    let (mut client, _) = Client::start(&[folder.path()], json!({}), json!({ "analysisDelay": 10 })).await;
    let other = folder.path().join("policies/vibration.weir");
    let text = client.open_file(&other).await;
    client.diagnostics(&other, |all| all.iter().all(|one| one["severity"] != 1)).await;
    // deleted under the server: what was in it is no longer known
    fs::remove_file(&file).unwrap();
    client
        .notify("workspace/didChangeWatchedFiles", json!({ "changes": [{ "uri": uri(&file), "type": 3 }] }))
        .await;
    client.diagnostics(&other, |all| all.iter().any(|one| one["code"] == "E0202")).await;
    let gone = client.request("textDocument/definition", at(&other, &text, "-> broker", 0, 4)).await;
    assert!(gone["result"].is_null(), "{gone}");
    // back again, and not UTF-8
    fs::write(&file, b"zone \xff\xfe").unwrap();
    client
        .notify("workspace/didChangeWatchedFiles", json!({ "changes": [{ "uri": uri(&file), "type": 1 }] }))
        .await;
    client.diagnostics(&file, |all| all.iter().any(|one| one["code"] == "E0002")).await;
    // an editor opens it and saves it as text
    client.open(&file, "// empty for now\n").await;
    client.diagnostics(&file, |all| all.iter().all(|one| one["code"] != "E0002")).await;
    lives(&mut client).await;
    client.stop().await;
}

#[tokio::test]
async fn a_line_of_a_megabyte_and_deep_nesting_are_answered() {
    let folder = copy_of("water_works");
    let file = folder.path().join("long.weir");
    let (mut client, _) = Client::start(&[folder.path()], json!({}), Value::Null).await;
    let long = format!("group g = {}\n", "missing | ".repeat(100_000) + "missing");
    client.open(&file, &long).await;
    let tokens = client
        .ask("textDocument/semanticTokens/full", json!({ "textDocument": { "uri": uri(&file) } }))
        .await;
    assert!(tokens["data"].is_array());
    let at =
        json!({ "textDocument": { "uri": uri(&file) }, "position": { "line": 0, "character": 900_000 } });
    client.ask("textDocument/hover", at.clone()).await;
    client.ask("textDocument/completion", at).await;
    client.change(&file, 2, None, &"(".repeat(100_000)).await;
    client.diagnostics(&file, |all| all.iter().any(|one| one["code"] == "E0106")).await;
    client.change(&file, 3, None, &"\"".repeat(10_000)).await;
    lives(&mut client).await;
    client.stop().await;
}

#[tokio::test]
async fn a_client_that_lies_is_served_or_refused() {
    let folder = copy_of("water_works");
    let file = folder.path().join("plant.weir");
    let (mut client, _) = Client::start(&[folder.path()], json!({}), Value::Null).await;
    // changes of what was never opened
    client.change(&folder.path().join("never.weir"), 5, None, "zone a {}").await;
    client.wait_for("a warning", |message| message["method"] == "window/showMessage").await;
    client.open_file(&file).await;
    // versions that go back, ranges that end before they start and lie outside
    client.change(&file, 7, None, "zone a {}\n").await;
    let backwards = json!({ "start": { "line": 9, "character": 9 }, "end": { "line": 0, "character": 0 } });
    client.change(&file, 3, Some(backwards), "zone b {}\n").await;
    let outside = json!({ "start": { "line": 4_000_000_000_u32, "character": 4_000_000_000_u32 }, "end": { "line": 4_000_000_001_u32, "character": 0 } });
    client.change(&file, 3, Some(outside), "zone c {}\n").await;
    let symbols =
        client.ask("textDocument/documentSymbol", json!({ "textDocument": { "uri": uri(&file) } })).await;
    let names: Vec<&str> =
        symbols.as_array().unwrap().iter().filter_map(|one| one["name"].as_str()).collect();
    assert_eq!(names, ["b", "c"]);
    // documents that are none
    for document in [
        "file:///nowhere/at/all.weir",
        "weir-std:/../../etc/passwd",
        "weir-artifact:/x/../../y",
        "untitled:Untitled-1",
        "http://example.com/a.weir",
    ] {
        let params =
            json!({ "textDocument": { "uri": document }, "position": { "line": 0, "character": 0 } });
        let answer = client.request("textDocument/hover", params).await;
        assert!(answer["result"].is_null(), "{answer}");
    }
    // methods and parameters that are none
    let answer = client.request("textDocument/notAMethod", json!({})).await;
    assert_eq!(answer["error"]["code"], -32601, "{answer}");
    let answer = client.request("textDocument/hover", json!({ "position": "here" })).await;
    assert_eq!(answer["error"]["code"], -32602, "{answer}");
    let answer =
        client.request("workspace/executeCommand", json!({ "command": "rm", "arguments": [1, null] })).await;
    assert!(answer["error"]["message"].as_str().is_some_and(|text| text.contains("no command")), "{answer}");
    let answer = client.request("codeLens/resolve", json!({ "range": { "start": { "line": 0, "character": 0 }, "end": { "line": 0, "character": 0 } }, "data": { "uri": 5 } })).await;
    assert!(answer.get("error").is_none(), "{answer}");
    lives(&mut client).await;
    client.stop().await;
}

#[tokio::test]
async fn texts_without_a_package_are_packages_of_their_own() {
    let folder = tempfile::tempdir().unwrap();
    let (mut client, _) = Client::start(&[folder.path()], json!({}), json!({ "analysisDelay": 10 })).await;
    let file = folder.path().join("alone.weir");
    fs::write(&file, "").unwrap();
    let text = "use std.ot.modbus\nzone a {}\nnetwork n { zone = a, subnet = 10.0.0.0/24 }\n\
        device d { network = n, address = n.host(9), serves = [modbos] }\n";
    client.open(&file, text).await;
    client.diagnostics(&file, |all| all.iter().any(|one| one["code"] == "E0202")).await;
    let place = client.ask("textDocument/definition", at(&file, text, "network = n", 0, 10)).await;
    assert_eq!(place[0]["range"]["start"], position(text, text.find("n {").unwrap()), "{place}");
    // one that has no file at all
    let document = json!({ "uri": "untitled:Untitled-1", "languageId": "weir", "version": 1, "text": "zone b { purdue = 9 }\n" });
    client.notify("textDocument/didOpen", json!({ "textDocument": document })).await;
    client
        .wait_for("diagnostics", |message| {
            message["params"]["uri"] == "untitled:Untitled-1"
                && message["params"]["diagnostics"].as_array().is_some_and(|all| !all.is_empty())
        })
        .await;
    client.notify("textDocument/didClose", json!({ "textDocument": { "uri": "untitled:Untitled-1" } })).await;
    // a manifest makes a package of the folder
    fs::write(
        folder.path().join("weir.toml"),
        "[package]\nname = \"alone\"\nversion = \"1\"\nedition = \"2026\"\n",
    )
    .unwrap();
    fs::write(folder.path().join("more.weir"), "zone more {}\n").unwrap();
    let manifest = folder.path().join("weir.toml");
    client
        .notify(
            "workspace/didChangeWatchedFiles",
            json!({ "changes": [{ "uri": uri(&manifest), "type": 1 }] }),
        )
        .await;
    let found = client.ask("workspace/symbol", json!({ "query": "more" })).await;
    assert_eq!(found.as_array().map(Vec::len), Some(1), "{found}");
    client.stop().await;
}

#[tokio::test]
async fn two_roots_of_one_name_stay_apart() {
    let folder = tempfile::tempdir().unwrap();
    let manifest = "[package]\nname = \"same\"\nversion = \"1\"\nedition = \"2026\"\n";
    let mut files = Vec::new();
    for (place, zone) in [("one/same", "first"), ("two/same", "second")] {
        let root = folder.path().join(place);
        fs::create_dir_all(&root).unwrap();
        fs::write(root.join("weir.toml"), manifest).unwrap();
        fs::write(root.join("plant.weir"), format!("zone {zone} {{}}\ngroup g = {zone}\n")).unwrap();
        files.push((root, zone));
    }
    let roots: Vec<_> = files.iter().map(|(root, _)| root.as_path()).collect();
    let (mut client, _) = Client::start(&roots, json!({}), Value::Null).await;
    for (root, zone) in &files {
        let file = root.join("plant.weir");
        let text = client.open_file(&file).await;
        let params = at(&file, &text, zone, 1, 1);
        let params = json!({ "textDocument": params["textDocument"], "position": params["position"], "context": { "includeDeclaration": true } });
        let found = client.ask("textDocument/references", params).await;
        let places = found.as_array().unwrap();
        assert_eq!(places.len(), 2, "{found}");
        assert!(places.iter().all(|one| one["uri"] == uri(&file)), "{found}");
    }
    let all = client.ask("workspace/symbol", json!({ "query": "g" })).await;
    assert_eq!(all.as_array().unwrap().iter().filter(|one| one["name"] == "g").count(), 2, "{all}");
    // one leaves
    client
        .notify(
            "textDocument/didClose",
            json!({ "textDocument": { "uri": uri(&files[0].0.join("plant.weir")) } }),
        )
        .await;
    let event = json!({ "event": { "added": [], "removed": [{ "uri": uri(&files[0].0), "name": "ws" }] } });
    client.notify("workspace/didChangeWorkspaceFolders", event).await;
    let rest = client.ask("workspace/symbol", json!({ "query": "g" })).await;
    assert_eq!(rest.as_array().unwrap().iter().filter(|one| one["name"] == "g").count(), 1, "{rest}");
    client.stop().await;
}

#[tokio::test]
async fn columns_are_in_the_units_that_the_client_wants() {
    let folder = copy_of("water_works");
    let file = folder.path().join("wide.weir");
    let text = "/* \u{1F600} */ zone b {} // \u{1F600}\n";
    let text = text.replace("/* ", "zone a { name = \"").replace(" */ zone", "\" }\nzone")
        + "group g = a // \u{e4}\u{1F600}\nzone c { name = \"\u{1F600}\" } zone d {}\n";
    for (offer, units) in
        [(json!(["utf-8", "utf-16"]), "utf-8"), (json!(["utf-16"]), "utf-16"), (Value::Null, "utf-16")]
    {
        let capabilities = json!({ "general": { "positionEncodings": offer } });
        let (mut client, result) = Client::start(&[folder.path()], capabilities, Value::Null).await;
        assert_eq!(result["capabilities"]["positionEncoding"], units);
        client.open(&file, &text).await;
        let symbols =
            client.ask("textDocument/documentSymbol", json!({ "textDocument": { "uri": uri(&file) } })).await;
        let d = symbols.as_array().unwrap().iter().find(|one| one["name"] == "d").expect("d").clone();
        let before = "zone c { name = \"\u{1F600}\" } zone ";
        let expected = if units == "utf-8" { before.len() } else { before.encode_utf16().count() };
        assert_eq!(d["selectionRange"]["start"]["character"], expected, "{units}");
        client.stop().await;
    }
}

#[tokio::test]
async fn diagnostics_are_pulled_where_the_client_pulls() {
    let folder = copy_of("water_works");
    let file = folder.path().join("plant.weir");
    let capabilities = json!({
        "textDocument": { "diagnostic": {} },
        "workspace": { "diagnostics": { "refreshSupport": true } },
    });
    let (mut client, _) = Client::start(&[folder.path()], capabilities, Value::Null).await;
    client.open_file(&file).await;
    client.change(&file, 2, None, "zone broken { purdue = }\n").await;
    let params = json!({ "textDocument": { "uri": uri(&file) } });
    let first = client.ask("textDocument/diagnostic", params.clone()).await;
    assert_eq!(first["kind"], "full");
    assert!(
        first["items"].as_array().is_some_and(|items| items.iter().any(|one| one["code"] == "E0101")),
        "{first}"
    );
    let href = &first["items"][0]["codeDescription"]["href"];
    assert!(href.as_str().is_some_and(|href| href.ends_with("/E0101.md")), "{first}");
    let all = client.ask("workspace/diagnostic", json!({ "previousResultIds": [] })).await;
    assert!(
        all["items"].as_array().is_some_and(|items| items.iter().any(|one| one["uri"] == uri(&file))),
        "{all}"
    );
    client.change(&file, 3, None, "zone broken {}\n").await;
    let second = client.ask("textDocument/diagnostic", params).await;
    assert!(
        second["items"].as_array().is_some_and(|items| items.iter().all(|one| one["code"] != "E0101")),
        "{second}"
    );
    assert!(
        client.notifications.iter().all(|one| one["method"] != "textDocument/publishDiagnostics"),
        "never both"
    );
    client.stop().await;
}
