//! Edits are applied in their order, and no answer is older than the edits before it.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::needless_for_each,
    reason = "tests stop at the first surprise"
)]

mod support;

use serde_json::{Value, json};
use support::{Client, copy_of, uri};

const EDITS: usize = 3_000;

/// Each edit writes its number into a declaration's documentation; each tenth is followed by a question, which has to see
/// it, and no question waits for another.
#[tokio::test]
async fn thousands_of_edits_and_questions_stay_in_order() {
    let folder = copy_of("water_works");
    let file = folder.path().join("counted.weir");
    std::fs::write(&file, "").expect("written");
    let (mut client, _) = Client::start(&[folder.path()], json!({}), json!({ "analysisDelay": 20 })).await;
    client.open(&file, "zone counted {\n    name = \"n0\"\n}\n").await;
    let mut questions = Vec::new();
    let mut width = "n0".len();
    for number in 1..=EDITS {
        let text = format!("n{number}");
        let range =
            json!({ "start": { "line": 1, "character": 12 }, "end": { "line": 1, "character": 12 + width } });
        client.change(&file, i32::try_from(number).unwrap() + 1, Some(range), &text).await;
        width = text.len();
        if number % 10 == 0 {
            let place =
                json!({ "textDocument": { "uri": uri(&file) }, "position": { "line": 0, "character": 6 } });
            questions.push((client.send("textDocument/hover", place).await, number));
        }
    }
    let mut answered = 0;
    let mut modified = 0;
    for _ in 0..questions.len() {
        let answer = client.any_answer().await;
        let number = questions.iter().find(|(id, _)| answer["id"] == *id).expect("a question").1;
        if let Some(error) = answer.get("error") {
            // given up for the edits behind it: never for another reason, and never with a stale answer
            assert_eq!(error["code"], -32801, "{answer}");
            modified += 1;
            continue;
        }
        let text = answer["result"]["contents"]["value"].as_str().unwrap_or_default().to_owned();
        assert!(text.contains(&format!("\"n{number}\"")), "asked after {number}: {text}");
        answered += 1;
    }
    assert_eq!(answered + modified, EDITS / 10);
    assert!(answered > modified, "{answered} answered, {modified} given up");
    // the last state is the right one
    let place = json!({ "textDocument": { "uri": uri(&file) }, "position": { "line": 0, "character": 6 } });
    let last = client.ask("textDocument/hover", place).await;
    assert!(
        last["contents"]["value"].as_str().is_some_and(|text| text.contains(&format!("\"n{EDITS}\""))),
        "{last}"
    );
    client.stop().await;
}

#[tokio::test]
async fn what_is_cancelled_is_answered_once_and_the_rest_goes_on() {
    let folder = copy_of("turbine_hall");
    let (mut client, _) = Client::start(&[folder.path()], json!({}), Value::Null).await;
    let file = folder.path().join("topology.weir");
    let text = client.open_file(&file).await;
    let mut ids = Vec::new();
    for number in 0..100 {
        let place = support::at(&file, &text, "zone", number % 5, 6);
        let params = json!({ "textDocument": place["textDocument"], "position": place["position"], "context": { "includeDeclaration": true } });
        let id = client.send("textDocument/references", params).await;
        client.notify("$/cancelRequest", json!({ "id": id })).await;
        ids.push(id);
    }
    let mut seen = Vec::new();
    for _ in 0..ids.len() {
        let answer = client.any_answer().await;
        if let Some(error) = answer.get("error") {
            assert_eq!(error["code"], -32800, "{answer}");
        }
        seen.push(answer["id"].as_i64().expect("an id"));
    }
    seen.sort_unstable();
    assert_eq!(seen, ids, "each exactly once");
    let symbols = client.ask("workspace/symbol", json!({ "query": "voter" })).await;
    assert!(!symbols.as_array().expect("symbols").is_empty());
    client.stop().await;
}
