//! The broker on a real Mosquitto: who may send and receive what, counted at a subscriber.
#![allow(clippy::unwrap_used, clippy::panic, reason = "tests stop at the first surprise")]

mod support;

use std::{
    net::SocketAddr,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::Duration,
};

use support::{Authority, NOW, Program, Session, available, compile, contents, findings, install, plan};
use weir_compiler::plan::{Plan, proxies::ProxyPlan};
use weir_target_mosquitto::{Options, emit};

const PROGRAMS: &[&str] = &["mosquitto", "mosquitto_pub", "mosquitto_sub", "openssl"];

const RULES: &str = "
    allow vib -> broker : mqtts.publish(\"turbine/+/vib\")
    allow analytics -> broker : mqtts.subscribe(\"turbine/#\")
    allow board -> broker : mqtts.subscribe(\"turbine/1/vib\") | mqtts.publish(\"board/#\")
    allow admin -> broker : mqtts
    deny analytics -> broker : mqtts.subscribe(\"turbine/secret/#\")
    deny vib -> broker : mqtts.publish(\"turbine/9/vib\")
";

fn package(octet: u8, rules: &str) -> String {
    format!(
        "use std.it.{{mqtts}}
         zone edge {{ purdue = 3 }}
         network edge_net {{ zone = edge, subnet = 127.8.{octet}.0/24, accept_gap = \"a bench\" }}
         device broker {{ network = edge_net, address = 127.8.{octet}.2, serves = [mqtts on tcp/18883], enforces = mosquitto }}
         device vib[1..2] {{ network = edge_net, address = edge_net.host(10 + index), identity = x509(cn = \"vib{{index}}\") }}
         device analytics {{ network = edge_net, address = 127.8.{octet}.20, identity = spiffe(\"spiffe://nord.example/edge/analytics\") }}
         device board {{ network = edge_net, address = 127.8.{octet}.21, identity = x509(san = \"board.nord.example\") }}
         device admin {{ network = edge_net, address = 127.8.{octet}.22, identity = x509(cn = \"admin\") }}
         {rules}"
    )
}

fn proxy(plan: &Plan) -> &ProxyPlan {
    plan.proxies.iter().find(|proxy| proxy.name == "broker").unwrap()
}

struct Bench {
    folder: tempfile::TempDir,
    home: PathBuf,
    options: Options,
    authority: Authority,
    broker: Option<Program>,
    place: SocketAddr,
}

impl Bench {
    fn new(octet: u8, plan: &Plan) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let etc = folder.path().join("etc");
        let options = Options { folder: etc.to_string_lossy().into_owned(), ..Options::default() };
        let home = etc.join("broker");
        let authority = Authority::new(&folder.path().join("ca"));
        authority.furnish(&home, "broker.nord.example");
        install(&emit(proxy(plan), &options).unwrap(), &home);
        let place = SocketAddr::from(([127, 8, octet, 2], 18883));
        let mut bench = Self { folder, home, options, authority, broker: None, place };
        bench.start();
        bench
    }

    fn start(&mut self) {
        self.broker = None;
        let open = Command::new("chmod").args(["-R", "a+rwX"]).arg(self.folder.path()).status().unwrap();
        assert!(open.success());
        let mut command = Command::new("mosquitto");
        command.arg("-c").arg(self.home.join("mosquitto.conf"));
        self.broker = Some(Program::start(&mut command, &self.home.join("log"), self.place));
    }

    fn client(&self, program: &str, identity: Option<&Path>, arguments: &[&str]) -> Command {
        self.client_within(&["12"], program, identity, arguments)
    }

    fn client_within(
        &self,
        time: &[&str],
        program: &str,
        identity: Option<&Path>,
        arguments: &[&str],
    ) -> Command {
        let mut command = Command::new("timeout");
        command.args(time).args([program, "-h", &self.place.ip().to_string(), "-p", "18883"]);
        command.args(["-V", "5", "-d", "--insecure", "--cafile"]).arg(self.authority.certificate());
        if let Some(identity) = identity {
            command.arg("--cert").arg(identity.with_extension("crt"));
            command.arg("--key").arg(identity.with_extension("key"));
        }
        command.args(arguments);
        command
    }

    /// Whether a message is taken.
    fn publishes(&self, identity: &Path, topic: &str) -> bool {
        let out = self
            .client("mosquitto_pub", Some(identity), &["-q", "1", "-t", topic, "-m", "1"])
            .output()
            .unwrap();
        let text = String::from_utf8_lossy(&out.stdout).into_owned() + &String::from_utf8_lossy(&out.stderr);
        assert!(text.contains("PUBACK"), "{text}");
        !text.contains("Not authorized")
    }

    /// Whether a subscription is taken.
    fn subscribes(&self, identity: &Path, filter: &str) -> bool {
        let out = self.client("mosquitto_sub", Some(identity), &["-t", filter, "-W", "1"]).output().unwrap();
        let text = String::from_utf8_lossy(&out.stdout).into_owned() + &String::from_utf8_lossy(&out.stderr);
        assert!(text.contains("SUBACK"), "{text}");
        !text.contains("denied")
    }

    /// A subscriber that prints topics as they come, for some seconds.
    fn listens(&self, identity: &Path, filter: &str, seconds: &str) -> Child {
        let mut command =
            self.client("mosquitto_sub", Some(identity), &["-t", filter, "-W", seconds, "-F", "got %t"]);
        let child = command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
        std::thread::sleep(Duration::from_millis(700));
        child
    }
}

fn heard(child: Child) -> Vec<String> {
    let out = child.wait_with_output().unwrap();
    let text = String::from_utf8_lossy(&out.stdout).into_owned();
    text.lines().filter_map(|line| line.strip_prefix("got ")).map(str::to_owned).collect()
}

#[test]
fn what_is_read_back_is_the_policy() {
    let text = package(1, RULES);
    let plan = plan(&text, NOW);
    let emitted = emit(proxy(&plan), &Options::default()).unwrap();
    let file = |name: &str| contents(&emitted, name);
    let found = |changed: Option<(&str, &[u8])>| findings(&text, NOW, proxy, &emitted, changed);
    assert_eq!(found(None), Vec::<String>::new());
    let conf = String::from_utf8(file("mosquitto.conf").to_vec()).unwrap();
    for (from, to) in [
        ("require_certificate true", "require_certificate false"),
        ("use_username_as_clientid true", "use_username_as_clientid false"),
        ("allow_anonymous false", "allow_anonymous true"),
        ("tls_version tlsv1.3", "tls_version tlsv1.2"),
        ("persistence false\n", "persistence false\nacl_file /etc/acl\n"),
        ("persistence false\n", "persistence false\nport 1883\n"),
    ] {
        assert!(conf.contains(from), "{from}");
        let changed = conf.replacen(from, to, 1);
        assert!(!found(Some(("mosquitto.conf", changed.as_bytes()))).is_empty(), "{to}");
    }
    let dynsec = String::from_utf8(file("dynsec.json").to_vec()).unwrap();
    for (from, to) in [
        ("\"subscribe\": false", "\"subscribe\": true"),
        ("turbine/+/vib", "turbine/#"),
        ("\"allow\": false", "\"allow\": true"),
        ("\"priority\": 1", "\"priority\": 0"),
        ("vib2", "vib3"),
        ("\"groups\": []", "\"groups\": [{}]"),
    ] {
        assert!(dynsec.contains(from), "{from}");
        let changed = dynsec.replacen(from, to, 1);
        assert!(!found(Some(("dynsec.json", changed.as_bytes()))).is_empty(), "{to}");
    }
}

#[test]
fn topics_are_held() {
    if !available(PROGRAMS) {
        return;
    }
    let bench = Bench::new(2, &plan(&package(2, RULES), NOW));
    let identity = |name: &str| bench.authority.issue(name, &format!("/O=plant/CN={name}"), "");
    let (vib1, admin, board) = (identity("vib1"), identity("admin"), identity("board.nord.example"));
    let analytics = identity("nord.example:edge:analytics");
    let stranger = identity("stranger");
    let listener = bench.listens(&analytics, "turbine/#", "7");
    let narrow = bench.listens(&board, "turbine/1/vib", "7");
    for (what, who, topic, taken) in [
        ("its own", &vib1, "turbine/1/vib", true),
        ("another topic", &vib1, "turbine/1/temp", false),
        ("below", &vib1, "turbine/1/vib/x", false),
        ("what is denied", &vib1, "turbine/9/vib", false),
        ("what is received only", &analytics, "turbine/1/vib", false),
        ("the broker itself", &vib1, "$CONTROL/dynamic-security/v1", false),
        ("the broker itself, by who may all", &admin, "$CONTROL/dynamic-security/v1", false),
        ("all", &admin, "turbine/secret/x", true),
        ("a stranger", &stranger, "turbine/1/vib", false),
    ] {
        assert_eq!(bench.publishes(who, topic), taken, "{what}");
    }
    assert_eq!(heard(listener), ["turbine/1/vib"], "what is denied is not delivered by a wider subscription");
    assert_eq!(heard(narrow), ["turbine/1/vib"]);
    for (what, who, filter, taken) in [
        ("its own", &analytics, "turbine/#", true),
        ("narrower", &analytics, "turbine/+/vib", true),
        ("everything", &analytics, "#", false),
        ("everything in another way", &analytics, "+/#", false),
        ("the first level open", &analytics, "+/1/vib", false),
        ("what is denied", &analytics, "turbine/secret/x", false),
        ("shared", &analytics, "$share/g/turbine/#", false),
        ("the broker's state", &analytics, "$SYS/#", false),
        ("more than its own", &board, "turbine/+/vib", false),
        ("who only sends", &vib1, "turbine/1/vib", false),
        ("a stranger", &stranger, "turbine/1/vib", false),
    ] {
        assert_eq!(bench.subscribes(who, filter), taken, "{what}");
    }
}

#[test]
fn nobody_takes_over_a_session_or_comes_without_a_certificate() {
    if !available(PROGRAMS) {
        return;
    }
    let bench = Bench::new(3, &plan(&package(3, RULES), NOW));
    let identity = |name: &str| bench.authority.issue(name, &format!("/CN={name}"), "");
    let (vib1, vib2) = (identity("vib1"), identity("vib2"));
    let analytics = identity("nord.example:edge:analytics");
    let listener = bench.listens(&analytics, "turbine/#", "9");
    // the client id of another, given by hand, is not taken
    for id in [&["-i", "nord.example:edge:analytics"][..], &["-i", "vib1"], &[]] {
        let arguments = [&["-q", "1", "-t", "turbine/2/vib", "-m", "1"], id].concat();
        let out = bench.client("mosquitto_pub", Some(&vib2), &arguments).output().unwrap();
        assert!(String::from_utf8_lossy(&out.stdout).contains("received PUBACK"), "{out:?}");
    }
    // nor is a will delivered where nothing may be sent: of two clients that vanish, one is heard
    for topic in ["turbine/1/temp", "turbine/1/vib"] {
        let will = ["-t", "turbine/1/vib", "-l", "--will-topic", topic, "--will-payload", "1"];
        let mut command = bench.client_within(&["-s", "KILL", "1"], "mosquitto_pub", Some(&vib1), &will);
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::null()).spawn().unwrap();
        let open = child.stdin.take();
        child.wait().unwrap();
        drop(open);
    }
    let rogue = Authority::new(&bench.folder.path().join("rogue"));
    let fake = rogue.issue("vib1", "/CN=vib1", "");
    for (what, who) in [("a rogue authority", Some(fake.as_path())), ("no certificate", None)] {
        let out = bench
            .client("mosquitto_pub", who, &["-q", "1", "-t", "turbine/1/vib", "-m", "1"])
            .output()
            .unwrap();
        assert!(!String::from_utf8_lossy(&out.stdout).contains("PUBACK"), "{what}: {out:?}");
    }
    let mut plain = Session::plain(bench.place);
    plain.send(&[0x10, 0x0f, 0, 4, b'M', b'Q', b'T', b'T', 5, 2, 0, 60, 0, 0, 2, b'x', b'y']);
    assert!(!plain.wait(4, Duration::from_secs(2)).starts_with(&[0x20]), "plain text");
    let expected = ["turbine/2/vib", "turbine/2/vib", "turbine/2/vib", "turbine/1/vib"];
    assert_eq!(heard(listener), expected, "the subscriber was never thrown out, and heard one will");
}

#[test]
fn a_withdrawn_permission_ends_with_the_restart() {
    if !available(PROGRAMS) {
        return;
    }
    let mut bench = Bench::new(4, &plan(&package(4, RULES), NOW));
    let vib1 = bench.authority.issue("vib1", "/CN=vib1", "");
    assert!(bench.publishes(&vib1, "turbine/1/vib"));
    let less = plan(&package(4, "allow admin -> broker : mqtts"), NOW);
    install(&emit(proxy(&less), &bench.options).unwrap(), &bench.home);
    bench.start();
    assert!(!bench.publishes(&vib1, "turbine/1/vib"));
}

#[test]
fn names_that_a_broker_cannot_tell_apart_are_errors() {
    let with = |identity: &str, more: &str| {
        let text = package(
            5,
            &format!("device extra {{ network = edge_net, address = 127.8.5.99{identity} }}\n{more}"),
        );
        compile(&text, NOW).0.iter().map(|one| one[..5].to_owned()).collect::<Vec<_>>()
    };
    let rule = "allow extra -> broker : mqtts.publish(\"a\")";
    assert!(with(", identity = x509(cn = \"vib2\")", rule).contains(&"E0607".to_owned()), "twice");
    assert!(
        with(", identity = x509(cn = \"nord.example:edge:analytics\")", rule).contains(&"E0607".to_owned())
    );
    for name in ["a+b", "#", "a/b", "a b", "", "ä"] {
        assert!(
            with(&format!(", identity = x509(cn = \"{name}\")"), rule).contains(&"E0607".to_owned()),
            "{name}"
        );
    }
    assert!(with("", rule).contains(&"W0607".to_owned()), "no certificate");
    assert!(
        with(", identity = x509(cn = \"x\")", "allow extra -> broker : mqtts.publish(\"$CONTROL/x\")")
            .contains(&"E0606".to_owned())
    );
    let ends = "allow extra -> broker : mqtts.publish(\"a\") { until = 2035-01-01 }";
    assert!(with(", identity = x509(cn = \"x\")", ends).contains(&"E0606".to_owned()), "no clock");
    let limited = "allow extra -> broker : mqtts.publish(\"a\") { limit = 1/s }";
    assert!(with(", identity = x509(cn = \"x\")", limited).contains(&"E0601".to_owned()), "nobody counts");
}
