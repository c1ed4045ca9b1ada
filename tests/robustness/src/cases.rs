//! What the fuzz targets do with a text. They live here so that the tests replay the corpus without a fuzzer.

#![allow(clippy::panic, reason = "a broken promise is what a fuzzer looks for")]

use weir_nftables_reader::{Family, Hook, Packet, Ruleset, Unread};
use weir_syntax::{
    FileId,
    format::{self, FormatError},
    lexer, parse,
};

use crate::Package;

/// Tokens cover the text without gaps; each diagnostic and each item lies in it.
pub fn lexer_parser(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    let mut end = 0;
    for token in lexer::lex(text) {
        assert!(token.span.start == end && token.span.end > end, "tokens are adjacent: {token:?}");
        assert!(text.get(token.span.range()).is_some(), "tokens hold whole characters: {token:?}");
        end = token.span.end;
    }
    assert_eq!(end as usize, text.len(), "tokens cover the text");
    let parsed = parse(text, FileId(0));
    for item in &parsed.file.items {
        assert!(text.get(item.span.range()).is_some(), "items lie in the text: {:?}", item.span);
    }
    for label in parsed.diagnostics.iter().flat_map(|diagnostic| &diagnostic.labels) {
        assert!(text.get(label.span.range()).is_some(), "labels lie in the text: {label:?}");
    }
}

/// What the formatter made it leaves alone, and it reads without new mistakes.
pub fn format_round_trip(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    let once = match format::format(text) {
        Ok(once) => once,
        Err(FormatError::Syntax(_)) => return,
        Err(FormatError::Internal(defect)) => panic!("the formatter would lose something: {defect:?}"),
    };
    match format::format(&once) {
        Ok(twice) => assert_eq!(once, twice, "formatting is idempotent"),
        Err(error) => panic!("the formatter's own text is refused: {error:?}\n{once}"),
    }
}

/// From text to artifacts.
pub fn compile(bytes: &[u8]) {
    if let Err(broken) = Package::of(bytes).compile() {
        panic!("{broken}");
    }
}

/// A script of nft commands, read back.
pub fn read_script(bytes: &[u8]) {
    let lines = bytes.split(|b| *b == b'\n').count();
    check_ruleset(Ruleset::default().apply("script", bytes), lines);
}

/// A kernel's listing, read back.
pub fn read_listing(bytes: &[u8]) {
    check_ruleset(Ruleset::listed("listing", bytes), usize::MAX);
}

/// One file of a configuration, read back in the place of each that a point has, among others that are sound.
pub fn read_configuration(bytes: &[u8]) {
    const POLICY: &[u8] = include_bytes!("../../../fuzz/corpus/read_configuration/policy.json");
    const CONF: &[u8] = include_bytes!("../../../fuzz/corpus/read_configuration/nginx.conf");
    const BOOTSTRAP: &[u8] = include_bytes!("../../../fuzz/corpus/read_configuration/bootstrap.yaml");
    const LISTENERS: &[u8] = include_bytes!("../../../fuzz/corpus/read_configuration/listeners.yaml");
    const CLUSTERS: &[u8] = include_bytes!("../../../fuzz/corpus/read_configuration/clusters.yaml");
    const DYNSEC: &[u8] = include_bytes!("../../../fuzz/corpus/read_configuration/dynsec.json");
    const BROKER: &[u8] = include_bytes!("../../../fuzz/corpus/read_configuration/mosquitto.conf");
    let script = weir_target_modbus::SCRIPT.as_bytes();
    let lines = bytes.split(|byte| *byte == b'\n').count();
    let mut places = Vec::new();
    for (conf, policy) in [(bytes, POLICY), (CONF, bytes)] {
        places.extend(
            weir_modbus_reader::read(conf, policy, script).err().map(|error| (error.file, error.line)),
        );
    }
    for (bootstrap, listeners, clusters) in
        [(bytes, LISTENERS, CLUSTERS), (BOOTSTRAP, bytes, CLUSTERS), (BOOTSTRAP, LISTENERS, bytes)]
    {
        let read = weir_envoy_reader::read(bootstrap, listeners, clusters);
        places.extend(read.err().map(|error| (error.file, error.line)));
    }
    for (conf, dynsec) in [(bytes, DYNSEC), (BROKER, bytes)] {
        places.extend(weir_mosquitto_reader::read(conf, dynsec).err().map(|error| (error.file, error.line)));
    }
    // a reader may point behind the last line end
    for (file, line) in places {
        let longest = [POLICY, CONF, BOOTSTRAP, LISTENERS, CLUSTERS, DYNSEC, BROKER]
            .map(|file| file.split(|byte| *byte == b'\n').count());
        let most = longest.into_iter().max().unwrap_or_default().max(lines) + 1;
        assert!(line as usize <= most, "{file}:{line} lies behind the end");
    }
}

/// Where each file of a core lies.
const CORE_FILES: [(weir_5g_reader::Product, &str); 20] = {
    use weir_5g_reader::Product::{Open5gs, SdCore};
    [
        (Open5gs, "open5gs/nrf.yaml"),
        (Open5gs, "open5gs/nssf.yaml"),
        (Open5gs, "open5gs/amf.yaml"),
        (Open5gs, "open5gs/pcf.yaml"),
        (Open5gs, "open5gs/subscribers.json"),
        (Open5gs, "open5gs/keys.json"),
        (Open5gs, "open5gs/slices/one/smf.yaml"),
        (Open5gs, "open5gs/user-planes/one/upf.yaml"),
        (Open5gs, "open5gs/user-planes/one/10-one.network"),
        (SdCore, "sdcore/webui.yaml"),
        (SdCore, "sdcore/device-group/one.json"),
        (SdCore, "sdcore/network-slice/one.json"),
        (SdCore, "3gpp/slice-nrm.json"),
        (SdCore, "3gpp/sm-policies.json"),
        (SdCore, "3gpp/subscriptions.json"),
        (SdCore, "lab/ueransim/gnb-one.yaml"),
        (SdCore, "lab/ueransim/ue-one.yaml"),
        (SdCore, "lab/srsran/one.yaml"),
        (SdCore, "isolation.json"),
        (SdCore, "elsewhere"),
    ]
};

/// One file of a 5G core, read back in the place of each. What is read is not what nobody requires.
pub fn read_core(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    let lines = text.lines().count() + 1;
    for (product, path) in CORE_FILES {
        match weir_5g_reader::read(product, &[(path, text)]) {
            Err(error) => assert!(error.line as usize <= lines, "{error} lies behind the end"),
            Ok(model) => {
                let found = weir_5g_reader::compare(&weir_5g_reader::Expected::default(), &model);
                assert!(!found.is_empty(), "nothing is missing beside {path}");
                let Some(core) = &model.open5gs else { continue };
                for subscription in &core.subscriptions {
                    for (slice, _) in &subscription.slices {
                        let _ = core.session(&subscription.imsi, slice.slice, &slice.data_network, 1);
                    }
                }
            }
        }
    }
}

/// What is read has a model or a place where it has none; every attempt of the model lets its own packets to the rules.
fn check_ruleset(set: Result<Ruleset, Unread>, lines: usize) {
    let model = match set.and_then(|set| Ok((set.model()?, set))) {
        Ok(model) => model,
        Err(error) => return assert!(error.line as usize <= lines, "{error} lies behind the end"),
    };
    let (model, set) = model;
    assert_eq!(model.canonical(), model.canonical());
    for hook in Hook::ALL {
        let both = model.hook(hook);
        let v4 = both.v4.iter().map(|attempt| (Family::V4, attempt));
        let v6 = both.v6.iter().map(|attempt| (Family::V6, attempt));
        for (family, attempt) in v4.chain(v6).take(100) {
            let steps = model.outcome(attempt).map_or(0, |outcome| outcome.steps.len());
            assert!(steps > 0, "an attempt leads somewhere");
            let Some((source, _)) = attempt.sources.first() else { panic!("an attempt has sources") };
            let mut packet = Packet::first(hook, 0, family, *source, attempt.destinations.0);
            packet.protocol = attempt.protocol;
            packet.port = attempt.ports.0;
            let _ = set.judge(&packet);
        }
    }
}
