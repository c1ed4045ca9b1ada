//! Every capability that the server claims answers, with something, on a real package.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::needless_for_each,
    reason = "tests stop at the first surprise"
)]

mod support;

use serde_json::{Value, json};
use support::{Client, at, examples, position, range, uri};

/// For each method: its parameters, and whether the answer has something in it.
#[tokio::test]
async fn each_claimed_capability_answers() {
    let root = examples().join("turbine_hall");
    let capabilities = json!({ "textDocument": { "definition": { "linkSupport": true } } });
    let (mut client, result) = Client::start(&[&root], capabilities, Value::Null).await;
    let claimed = result["capabilities"].as_object().expect("capabilities").clone();
    let file = root.join("policies/vibration.weir");
    let text = client.open_file(&file).await;
    let gateways = root.join("gateways.weir");
    let gateway_text = client.open_file(&gateways).await;
    let turbine = root.join("turbine.weir");
    let turbine_text = client.open_file(&turbine).await;
    // the analysis is through when a lens speaks
    let document = json!({ "textDocument": { "uri": uri(&file) } });
    let mut lens = Value::Null;
    for _ in 0..600 {
        let lenses = client.ask("textDocument/codeLens", document.clone()).await;
        lens = client.ask("codeLens/resolve", lenses[0].clone()).await;
        if lens["command"]["title"].as_str().is_some_and(|title| title.starts_with("permits")) {
            break;
        }
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
    let title = lens["command"]["title"].as_str().unwrap_or_default().to_owned();
    assert!(title.contains(" -> ") && title.contains("enforcement point"), "{title}");

    let whole = range(&text, 0, text.len());
    let with = |place: Value, more: Value| {
        let mut place = place;
        place.as_object_mut().expect("an object").extend(more.as_object().expect("an object").clone());
        place
    };
    let broker = at(&file, &text, "-> broker", 0, 4);
    let device = at(&turbine, &turbine_text, "device ", 0, 8);
    let cases: Vec<(&str, &str, Value)> = vec![
        ("hoverProvider", "textDocument/hover", broker.clone()),
        ("definitionProvider", "textDocument/definition", broker.clone()),
        ("declarationProvider", "textDocument/declaration", broker.clone()),
        ("typeDefinitionProvider", "textDocument/typeDefinition", device.clone()),
        ("implementationProvider", "textDocument/implementation", broker.clone()),
        (
            "referencesProvider",
            "textDocument/references",
            with(broker.clone(), json!({ "context": { "includeDeclaration": true } })),
        ),
        ("documentHighlightProvider", "textDocument/documentHighlight", broker.clone()),
        ("documentSymbolProvider", "textDocument/documentSymbol", document.clone()),
        ("workspaceSymbolProvider", "workspace/symbol", json!({ "query": "voter" })),
        ("completionProvider", "textDocument/completion", broker.clone()),
        ("signatureHelpProvider", "textDocument/signatureHelp", at(&file, &text, "publish(", 0, 8)),
        ("codeLensProvider", "textDocument/codeLens", document.clone()),
        (
            "documentFormattingProvider",
            "textDocument/formatting",
            with(document.clone(), json!({ "options": { "tabSize": 4, "insertSpaces": true } })),
        ),
        (
            "documentRangeFormattingProvider",
            "textDocument/rangeFormatting",
            with(
                document.clone(),
                json!({ "range": whole, "options": { "tabSize": 4, "insertSpaces": true } }),
            ),
        ),
        (
            "documentOnTypeFormattingProvider",
            "textDocument/onTypeFormatting",
            with(broker.clone(), json!({ "ch": "}", "options": { "tabSize": 4, "insertSpaces": true } })),
        ),
        ("renameProvider", "textDocument/prepareRename", broker.clone()),
        (
            "renameProvider",
            "textDocument/rename",
            with(broker.clone(), json!({ "newName": "message_broker" })),
        ),
        ("documentLinkProvider", "textDocument/documentLink", document.clone()),
        ("foldingRangeProvider", "textDocument/foldingRange", document.clone()),
        (
            "selectionRangeProvider",
            "textDocument/selectionRange",
            with(document.clone(), json!({ "positions": [position(&text, 300)] })),
        ),
        ("semanticTokensProvider", "textDocument/semanticTokens/full", document.clone()),
        (
            "semanticTokensProvider",
            "textDocument/semanticTokens/range",
            with(document.clone(), json!({ "range": whole })),
        ),
        ("inlayHintProvider", "textDocument/inlayHint", with(document.clone(), json!({ "range": whole }))),
        ("diagnosticProvider", "textDocument/diagnostic", document.clone()),
        ("diagnosticProvider", "workspace/diagnostic", json!({ "previousResultIds": [] })),
        (
            "codeActionProvider",
            "textDocument/codeAction",
            with(document.clone(), json!({ "range": whole, "context": { "diagnostics": [] } })),
        ),
        (
            "callHierarchyProvider",
            "textDocument/prepareCallHierarchy",
            at(&gateways, &gateway_text, "gateway gw_turbine", 0, 9),
        ),
        (
            "executeCommandProvider",
            "workspace/executeCommand",
            json!({ "command": "weir.explainFlow", "arguments": [uri(&file), position(&text, text.find("allow").unwrap_or(0) + 2)] }),
        ),
        (
            "executeCommandProvider",
            "workspace/executeCommand",
            json!({ "command": "weir.graph", "arguments": [] }),
        ),
    ];
    // a formatted file without mistakes or links has none of these
    let may_be_empty = [
        "textDocument/formatting",
        "textDocument/rangeFormatting",
        "textDocument/onTypeFormatting",
        "textDocument/codeAction",
        "textDocument/documentLink",
    ];
    for (_, method, params) in &cases {
        let answer = client.ask(method, params.clone()).await;
        let is_empty = answer.is_null() || answer.as_array().is_some_and(Vec::is_empty);
        assert!(!is_empty || may_be_empty.contains(method), "{method} answers nothing");
    }
    let not_requests = ["positionEncoding", "textDocumentSync", "workspace"];
    for name in claimed.keys() {
        assert!(
            not_requests.contains(&name.as_str()) || cases.iter().any(|(claim, ..)| claim == name),
            "{name} is claimed and not tried"
        );
    }

    // who may reach the broker, and whom it may reach
    let items = client.ask("textDocument/prepareCallHierarchy", broker.clone()).await;
    let incoming = client.ask("callHierarchy/incomingCalls", json!({ "item": items[0] })).await;
    let names: Vec<&str> =
        incoming.as_array().expect("calls").iter().filter_map(|call| call["from"]["name"].as_str()).collect();
    assert!(names.contains(&"analytics") && names.contains(&"voter"), "{names:?}");
    let item = client.ask("textDocument/prepareCallHierarchy", at(&file, &text, "analytics", 0, 1)).await;
    let outgoing = client.ask("callHierarchy/outgoingCalls", json!({ "item": item[0] })).await;
    assert!(
        outgoing.as_array().expect("calls").iter().any(|call| call["to"]["name"] == "broker"),
        "{outgoing}"
    );
    client.stop().await;
}

#[tokio::test]
async fn hover_says_who_reaches_what_and_what_a_rule_becomes() {
    let root = examples().join("turbine_hall");
    let (mut client, _) = Client::start(&[&root], json!({}), Value::Null).await;
    let file = root.join("policies/vibration.weir");
    let text = client.open_file(&file).await;
    let mut hover = String::new();
    for _ in 0..600 {
        let found = client.ask("textDocument/hover", at(&file, &text, "-> broker", 0, 4)).await;
        hover = found["contents"]["value"].as_str().unwrap_or_default().to_owned();
        if hover.contains("May be reached by") {
            break;
        }
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
    assert!(hover.contains("workload broker in edge1"), "{hover}");
    assert!(hover.contains("**May be reached by**") && hover.contains("mqtts.publish"), "{hover}");
    let rule = client.ask("textDocument/hover", at(&file, &text, "allow", 0, 2)).await;
    let rule = rule["contents"]["value"].as_str().unwrap_or_default().to_owned();
    assert!(rule.contains("permits") && rule.contains("tcp/8883"), "{rule}");
    assert!(rule.contains("nftables/") || rule.contains("kubernetes/"), "{rule}");

    // from the rule to its artifacts, and from their lines back
    let place = at(&file, &text, "allow", 0, 2);
    let arguments = json!([uri(&file), place["position"]]);
    let artifacts = client
        .ask("workspace/executeCommand", json!({ "command": "weir.artifacts", "arguments": arguments }))
        .await;
    let found = artifacts.as_array().expect("artifacts");
    assert!(!found.is_empty());
    assert!(
        found.iter().all(|one| one["lines"].as_array().is_some_and(|lines| !lines.is_empty())),
        "{artifacts}"
    );
    client.stop().await;
}

#[tokio::test]
async fn artifacts_are_documents_with_the_way_back() {
    let root = examples().join("turbine_hall");
    let options = json!({ "virtualDocuments": true });
    let (mut client, _) = Client::start(&[&root], json!({}), options).await;
    let file = root.join("policies/vibration.weir");
    let text = client.open_file(&file).await;
    let place = at(&file, &text, "allow", 0, 2);
    let arguments = json!([uri(&file), place["position"]]);
    let mut artifacts = Value::Null;
    for _ in 0..600 {
        artifacts = client
            .ask("workspace/executeCommand", json!({ "command": "weir.artifacts", "arguments": arguments }))
            .await;
        if artifacts.as_array().is_some_and(|all| !all.is_empty()) {
            break;
        }
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
    let (document, line) = (artifacts[0]["uri"].clone(), artifacts[0]["lines"][0].clone());
    assert!(document.as_str().is_some_and(|uri| uri.starts_with("weir-artifact:/")), "{artifacts}");
    let contents = client.ask("weir/virtualDocument", json!({ "uri": document })).await;
    let named = usize::try_from(line.as_u64().expect("a line")).expect("small");
    let shown = contents.as_str().and_then(|text| text.lines().nth(named)).unwrap_or_default();
    assert!(shown.contains("policies.vibration."), "the line names its rule: {shown}");
    let back = client
        .ask(
            "textDocument/definition",
            json!({ "textDocument": { "uri": document }, "position": { "line": line, "character": 0 } }),
        )
        .await;
    let found = back.as_array().expect("places");
    assert!(found.iter().any(|one| one["uri"] == uri(&file)), "{back}");

    // the standard library is a document, too
    let serves = root.join("edge.weir");
    let edge = client.open_file(&serves).await;
    let protocol = client.ask("textDocument/definition", at(&serves, &edge, "serves = [mqtts]", 0, 11)).await;
    let library = protocol[0]["uri"].as_str().unwrap_or_default().to_owned();
    assert_eq!(library, "weir-std:/it/messaging.weir", "{protocol}");
    let contents = client.ask("weir/virtualDocument", json!({ "uri": library })).await;
    assert!(contents.as_str().is_some_and(|text| text.contains("protocol mqtts")));
    client.stop().await;
}
