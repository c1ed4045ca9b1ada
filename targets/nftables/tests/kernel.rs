//! Rulesets in a real kernel, with real packets. Every test has network namespaces of its own.
#![allow(clippy::unwrap_used, reason = "tests stop at the first surprise")]

mod support;

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use support::lab::{Lab, available};
use support::{plain, plan, rule, sampler};
use weir_compiler::plan::{Action, GatewayPlan, Hook, Limit, MacBinding};
use weir_target_nftables::{Emission, Options, emit};

const CLIENT: &str = "10.1.0.2 2001:db8:1::2";
const SERVER: &str = "10.2.0.2 2001:db8:2::2";

/// The process that the lab starts in a namespace; does nothing unless it is one.
#[test]
#[ignore = "started by the other tests"]
fn helper() {
    support::lab::helper_main();
}

fn lab_plan() -> GatewayPlan {
    plan(&[("in0", "10.1.0.2 10.1.0.4/30 2001:db8:1::2"), ("out0", "10.2.0.0/24 2001:db8:2::/64")])
}

fn files(plan: &GatewayPlan) -> Emission {
    emit(plan, &Options::default()).unwrap()
}

fn file<'a>(emission: &'a Emission, end: &str) -> &'a [u8] {
    &emission.artifacts.iter().find(|artifact| artifact.path.ends_with(end)).unwrap().contents
}

fn whole(plan: &GatewayPlan) -> Vec<u8> {
    file(&files(plan), "gw_turbine.nft").to_vec()
}

/// Writes the `.d` folder and gives its path.
fn folder(emission: &Emission, name: &str) -> std::path::PathBuf {
    use std::os::unix::fs::PermissionsExt as _;
    let dir =
        std::path::Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("{}-{name}", std::process::id()));
    std::fs::create_dir_all(&dir).unwrap();
    for artifact in emission.artifacts.iter().filter(|artifact| artifact.path.contains(".d/")) {
        let path = dir.join(artifact.path.rsplit('/').next().unwrap());
        std::fs::write(&path, &artifact.contents).unwrap();
        let mode = if artifact.executable { 0o755 } else { 0o644 };
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(mode)).unwrap();
    }
    dir
}

fn now() -> i64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs().cast_signed()
}

#[test]
fn loads_and_loads_again() {
    if !available() {
        return;
    }
    let lab = Lab::new();
    for plan in [sampler(), plan(&[])] {
        let emission = files(&plan);
        lab.run('g', "nft add table ip other");
        lab.load(file(&emission, "gw_turbine.nft"));
        let once = lab.run('g', "nft -s list ruleset");
        lab.load(file(&emission, "gw_turbine.nft"));
        assert_eq!(once, lab.run('g', "nft -s list ruleset"));
        assert!(once.contains("table ip other"));
        // What the kernel lists loads again and lists the same: nothing was lost in translation.
        lab.run('g', "nft -s list ruleset >/tmp/$$; nft flush ruleset; TZ=UTC nft -f /tmp/$$; rm /tmp/$$");
        assert_eq!(once, lab.run('g', "nft -s list ruleset"));

        lab.run('g', "nft flush ruleset");
        for part in ["base.nft", "stage.nft", "stage.nft", "switch.nft", "stage.nft"] {
            lab.load(file(&emission, part));
        }
        let staged = lab.run('g', "nft -s list ruleset").replace(&format!("/g{:08x}", emission.epoch), "");
        let lines = |text: &str| -> Vec<String> {
            let mut lines: Vec<String> = text.lines().map(str::trim).map(str::to_owned).collect();
            lines.retain(|line| *line != "table ip other {");
            lines.sort();
            lines.dedup();
            lines
        };
        assert_eq!(lines(&once), lines(&staged), "both forms hold the same");
        lab.run('g', "nft flush ruleset");
    }
}

#[test]
fn permitted_passes_and_nothing_else() {
    if !available() {
        return;
    }
    let mut lab = Lab::new();
    let mut plan = lab_plan();
    rule(&mut plan, "a.1", Hook::Forward, CLIENT, SERVER, "tcp/80 udp/53 echo", plain());
    rule(&mut plan, "a.2", Hook::Forward, "10.1.0.2", "10.2.0.0/24", "tcp/1000-1100", plain());
    rule(
        &mut plan,
        "a.3",
        Hook::Forward,
        "10.1.0.0/24",
        "10.2.0.2",
        "udp/2000-2001",
        Action { audit: true, ..plain() },
    );
    // Nobody may come from an address that is not bound, whatever rules say.
    rule(&mut plan, "a.4", Hook::Forward, "10.1.0.66", "10.2.0.2", "udp/53", plain());
    rule(&mut plan, "b.1", Hook::Input, CLIENT, "10.1.0.1 2001:db8:1::1", "tcp/22 echo", plain());
    rule(&mut plan, "b.2", Hook::Output, "10.2.0.1 2001:db8:2::1", SERVER, "udp/53 echo", plain());
    lab.serve('s', "80 81 53 999 1000 1050 1100 1101 2000 2001 2002");
    lab.serve('c', "80 53");
    lab.serve('g', "22 23");
    assert!(lab.reaches('c', "tcp 10.2.0.2:81"), "the lab is open without a ruleset");
    lab.load(&whole(&plan));
    let passes = [
        "tcp 10.2.0.2:80",
        "tcp [2001:db8:2::2]:80",
        "udp 10.2.0.2:53",
        "udp [2001:db8:2::2]:53",
        "tcp 10.2.0.2:1000",
        "tcp 10.2.0.2:1050",
        "tcp 10.2.0.2:1100",
        "udp 10.2.0.2:2000",
        "udp 10.2.0.2:2001",
        "tcp 10.1.0.1:22",
        "tcp [2001:db8:1::1]:22",
    ];
    for what in passes {
        assert!(lab.reaches('c', what), "{what} is permitted");
    }
    let refused = [
        "tcp 10.2.0.2:81",
        "tcp [2001:db8:2::2]:81",
        "udp 10.2.0.2:80",
        "udp [2001:db8:2::2]:999",
        "tcp 10.2.0.2:999",
        "tcp 10.2.0.2:1101",
        "tcp [2001:db8:2::2]:1050",
        "udp 10.2.0.2:2002",
        "tcp 10.2.0.2:2000",
        "tcp 10.1.0.1:23",
        "tcp 10.2.0.1:22",
    ];
    for what in refused {
        assert!(!lab.reaches('c', what), "{what} is not permitted");
    }
    for (from, what) in [
        ('s', "tcp 10.1.0.2:80"),
        ('s', "udp [2001:db8:1::2]:53"),
        ('s', "tcp 10.2.0.1:22"),
        ('g', "tcp 10.2.0.2:80"),
    ] {
        assert!(!lab.reaches(from, what), "{what} is not permitted from {from}");
    }
    assert!(lab.ping('c', "10.2.0.2") && lab.ping('c', "2001:db8:2::2"));
    assert!(lab.ping('c', "10.1.0.1") && lab.ping('c', "2001:db8:1::1"));
    assert!(!lab.ping('s', "10.1.0.2") && !lab.ping('s', "2001:db8:1::2"));
    assert!(lab.ping('g', "10.2.0.2") && lab.reaches('g', "udp [2001:db8:2::2]:53"));
    assert!(lab.reaches('g', "tcp 127.0.0.1:22"), "loopback is open");
    assert!(lab.counter("n_denied_forward") > 0 && lab.counter("c_a/audit") == 2);

    assert_eq!(lab.counter("n_spoofed"), 0);
    lab.run('c', "ip addr add 10.1.0.66/24 dev eth0; ip addr add 2001:db8:1::66/64 dev eth0 nodad");
    assert!(!lab.reaches('c', "udp 10.2.0.2:53 10.1.0.66:0"));
    let after_v4 = lab.counter("n_spoofed");
    assert!(after_v4 > 0);
    assert!(!lab.reaches('c', "udp [2001:db8:2::2]:53 [2001:db8:1::66]:0"));
    assert!(lab.counter("n_spoofed") > after_v4);
    // An address of the other side.
    lab.run('s', "ip addr add 10.1.0.2/32 dev lo");
    assert!(!lab.reaches('s', "udp 10.1.0.1:22 10.1.0.2:0"));
}

#[test]
fn a_station_is_its_mac_address() {
    if !available() {
        return;
    }
    let mut lab = Lab::new();
    let mut plan = lab_plan();
    rule(&mut plan, "a.1", Hook::Forward, CLIENT, SERVER, "udp/53", plain());
    for address in ["10.1.0.2", "2001:db8:1::2"] {
        plan.mac_bindings.push(MacBinding {
            device: "in0".into(),
            mac: [2, 0, 0, 0, 0, 2],
            address: address.parse().unwrap(),
        });
    }
    lab.serve('s', "53");
    lab.load(&whole(&plan));
    assert!(lab.reaches('c', "udp 10.2.0.2:53") && lab.reaches('c', "udp [2001:db8:2::2]:53"));
    lab.run('c', "ip link set eth0 address 02:00:00:00:00:99");
    lab.run('c', "ip route replace default via 2001:db8:1::1");
    assert!(!lab.reaches('c', "udp 10.2.0.2:53") && !lab.reaches('c', "udp [2001:db8:2::2]:53"));
    assert!(lab.counter("n_spoofed") > 0);
}

#[test]
fn revoked_connections_die_and_kept_ones_live() {
    if !available() {
        return;
    }
    let mut lab = Lab::new();
    let mut before = lab_plan();
    rule(&mut before, "a.1", Hook::Forward, CLIENT, SERVER, "tcp/80", plain());
    rule(&mut before, "b.1", Hook::Forward, CLIENT, SERVER, "tcp/81", plain());
    rule(&mut before, "c.1", Hook::Input, CLIENT, "10.1.0.1", "tcp/22", plain());
    let mut after = before.clone();
    after.rules.remove(1);
    lab.serve('s', "80 81");
    lab.serve('g', "22");
    lab.load(&whole(&before));
    let mut kept = lab.hold('c', "10.2.0.2:80");
    let mut kept6 = lab.hold('c', "[2001:db8:2::2]:80");
    let mut local = lab.hold('c', "10.1.0.1:22");
    let mut revoked = lab.hold('c', "10.2.0.2:81");
    assert!(kept.alive() && kept6.alive() && local.alive() && revoked.alive());
    lab.load(&whole(&after));
    assert!(kept.alive() && kept6.alive() && local.alive());
    assert!(!revoked.alive() && !lab.reaches('c', "tcp 10.2.0.2:81"));
    assert!(kept.alive() && local.alive());

    // Permitted again, in the other form, where the old generation has to make room.
    let state = folder(&files(&before), "run");
    let run = format!("export WEIR_RUN_DIR={}", state.display());
    let (old, new) = (folder(&files(&after), "old"), folder(&files(&before), "new"));
    let apply = |dir: &std::path::Path, how: &str| format!("{run}; {}/apply {how}", dir.display());
    lab.run('g', &apply(&old, "--yes"));
    lab.run('g', &apply(&old, "--yes"));
    lab.run('g', &apply(&old, "status"));
    assert!(
        !lab.run('g', "nft -t list table inet weir").contains("chain p_a {"),
        "the unsuffixed form is swept"
    );
    assert!(kept.alive() && !lab.reaches('c', "tcp 10.2.0.2:81"));
    let counted = lab.counter("c_a");
    assert!(counted > 0);
    lab.run('g', &apply(&new, "--yes"));
    assert!(kept.alive() && lab.reaches('c', "tcp 10.2.0.2:81"));
    assert!(lab.counter("c_a") > counted, "counters outlive a generation");
    let listing = lab.run('g', "nft list table inet weir");
    assert!(!listing.contains(&format!("/g{:08x}", files(&after).epoch)), "the older generation is swept");
    for dir in [old, new, state] {
        let _ = std::fs::remove_dir_all(dir);
    }
}

#[test]
fn marks_of_others_survive() {
    if !available() {
        return;
    }
    let mut lab = Lab::new();
    let options = Options { mark_mask: Some(0x0fff_f000), ..Options::default() };
    let masked = |plan: &GatewayPlan| emit(plan, &options).unwrap();
    let mut before = lab_plan();
    let two = "10.1.0.2 10.1.0.5 2001:db8:1::2 2001:db8:1::5";
    rule(&mut before, "a.1", Hook::Forward, two, SERVER, "tcp/80 udp/80", plain());
    rule(&mut before, "b.1", Hook::Forward, "10.1.0.0/24 2001:db8:1::/64", SERVER, "tcp/81", plain());
    let until = Action { until: Some(now() + 3600), log: true, ..plain() };
    rule(&mut before, "c.1", Hook::Forward, CLIENT, SERVER, "tcp/82", until);
    rule(&mut before, "d.1", Hook::Forward, two, "10.2.0.0/24 2001:db8:2::/64", "udp/1000-2000", plain());
    let mut after = before.clone();
    after.rules.remove(1);
    lab.serve('s', "80 81 82 83 1500");
    // Other software marks what comes in, and counts what has lost its mark when it leaves.
    lab.run(
        'g',
        "nft 'table inet other {
            counter lost_packet {
            }
            counter lost_connection {
            }
            counter kept {
            }
            chain come { type filter hook prerouting priority mangle; policy accept;
                meta mark set 0xa0000123 ct mark set ct mark and 0x0ffff000 or 0x50000456
            }
            chain go { type filter hook postrouting priority mangle; policy accept;
                meta l4proto != { tcp, udp } return
                meta mark and 0xf0000fff != 0xa0000123 counter name lost_packet
                ct mark and 0xf0000fff != 0x50000456 counter name lost_connection
                meta mark and 0xf0000fff == 0xa0000123 ct mark and 0xf0000fff == 0x50000456 counter name kept
            }
        }'",
    );
    lab.load(file(&masked(&before), "gw_turbine.nft"));
    let once = lab.run('g', "nft -s list table inet weir");
    lab.load(file(&masked(&before), "gw_turbine.nft"));
    assert_eq!(once, lab.run('g', "nft -s list table inet weir"));
    let reachable = |lab: &Lab, revoked: bool| {
        for to in ["10.2.0.2", "[2001:db8:2::2]"] {
            assert!(lab.reaches('c', &format!("tcp {to}:80")) && lab.reaches('c', &format!("udp {to}:80")));
            assert!(lab.reaches('c', &format!("tcp {to}:82")) && lab.reaches('c', &format!("udp {to}:1500")));
            assert_eq!(lab.reaches('c', &format!("tcp {to}:81")), !revoked);
            assert!(!lab.reaches('c', &format!("tcp {to}:83")) && !lab.reaches('c', &format!("udp {to}:81")));
        }
    };
    reachable(&lab, false);
    let mut kept = lab.hold('c', "10.2.0.2:80");
    let mut revoked = lab.hold('c', "[2001:db8:2::2]:81");
    assert!(kept.alive() && revoked.alive());
    let state = folder(&masked(&before), "run3");
    let next = folder(&masked(&after), "masked");
    lab.run('g', &format!("export WEIR_RUN_DIR={}; {}/apply --yes", state.display(), next.display()));
    assert!(kept.alive() && !revoked.alive());
    reachable(&lab, true);
    let counted = |name: &str| {
        let text = lab.run('g', &format!("nft list counter inet other {name}"));
        text.split_whitespace().skip_while(|word| *word != "packets").nth(1).unwrap().parse::<u64>().unwrap()
    };
    assert!(counted("kept") > 40);
    assert_eq!((counted("lost_packet"), counted("lost_connection")), (0, 0));
    for dir in [state, next] {
        let _ = std::fs::remove_dir_all(dir);
    }
}

#[test]
fn an_unconfirmed_change_is_taken_back() {
    if !available() {
        return;
    }
    let mut lab = Lab::new();
    let mut before = lab_plan();
    rule(&mut before, "a.1", Hook::Forward, CLIENT, SERVER, "udp/80", plain());
    let mut after = lab_plan();
    rule(
        &mut after,
        "a.1",
        Hook::Forward,
        CLIENT,
        SERVER,
        "udp/81",
        Action { log: true, until: Some(now() + 3600), ..plain() },
    );
    lab.serve('s', "80 81");
    let state = folder(&files(&before), "run2");
    let run = format!("export WEIR_RUN_DIR={}", state.display());
    let (first, second) = (folder(&files(&before), "first"), folder(&files(&after), "second"));
    let apply = |dir: &std::path::Path, how: &str| format!("{run}; {}/apply {how}", dir.display());

    // The very first one: taken back means no table at all.
    assert!(!lab.succeeds('g', &apply(&first, "--timeout 0")));
    assert_eq!(lab.run('g', "nft list ruleset"), "");
    lab.run('g', &apply(&first, "--yes"));
    let listing = lab.run('g', "nft -s list ruleset");
    assert!(!lab.succeeds('g', &apply(&second, "confirm")), "nothing waits");
    assert!(!lab.succeeds('g', &apply(&second, "--timeout 0")));
    let strip = |text: String| {
        text.lines()
            .filter(|l| !l.contains("counter c_a/") && *l != "\t}" && !l.is_empty())
            .map(str::to_owned)
            .collect::<Vec<_>>()
    };
    assert_eq!(strip(listing), strip(lab.run('g', "nft -s list ruleset")));
    assert!(lab.reaches('c', "udp 10.2.0.2:80") && !lab.reaches('c', "udp 10.2.0.2:81"));
    // Confirmed from somewhere else.
    lab.run('g', &format!(
        "{}>/dev/null 2>&1 & n=0; until {} 2>/dev/null; do n=$((n+1)); [ $n -lt 50 ]; sleep 0.1; done; wait $!",
        apply(&second, "--timeout 20").replace("export", ": ; export"), apply(&second, "confirm >/dev/null")
    ));
    assert!(!lab.reaches('c', "udp 10.2.0.2:80") && lab.reaches('c', "udp 10.2.0.2:81"));
    for dir in [first, second, state] {
        let _ = std::fs::remove_dir_all(dir);
    }
}

#[test]
fn until_ends_established_connections() {
    if !available() {
        return;
    }
    let mut lab = Lab::new();
    let until = |seconds| Action { until: Some(now() + seconds), ..plain() };
    let mut plan = lab_plan();
    rule(&mut plan, "past.1", Hook::Forward, CLIENT, SERVER, "tcp/80 udp/80", until(-1));
    rule(&mut plan, "soon.1", Hook::Forward, CLIENT, SERVER, "tcp/81 echo", until(4));
    rule(&mut plan, "later.1", Hook::Forward, CLIENT, SERVER, "tcp/82", until(3600));
    // Either of two suffices, at any time.
    rule(&mut plan, "soon.2", Hook::Forward, CLIENT, SERVER, "tcp/83", until(4));
    let one = Limit { count: 1, seconds: 604_800 };
    rule(
        &mut plan,
        "some.1",
        Hook::Forward,
        CLIENT,
        SERVER,
        "tcp/83",
        Action { limit: Some(one), ..plain() },
    );
    rule(&mut plan, "soon.3", Hook::Input, CLIENT, "10.1.0.1", "tcp/22", until(4));
    lab.serve('s', "80 81 82 83");
    lab.serve('g', "22");
    // Whoever loads it may live in another time zone.
    let text = whole(&plan);
    let path =
        std::path::Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("{}-until.nft", std::process::id()));
    std::fs::write(&path, text).unwrap();
    lab.run('g', &format!("TZ=Asia/Tokyo nft -f {}", path.display()));
    let _ = std::fs::remove_file(path);
    let start = std::time::Instant::now();
    let mut soon = lab.hold('c', "10.2.0.2:81");
    let mut later = lab.hold('c', "[2001:db8:2::2]:82");
    let mut local = lab.hold('c', "10.1.0.1:22");
    assert!(soon.alive() && later.alive() && local.alive());
    for _ in 0..2 {
        assert!(lab.reaches('c', "tcp 10.2.0.2:83"), "unlimited while `until` lasts");
    }
    assert!(!lab.reaches('c', "tcp 10.2.0.2:80") && !lab.reaches('c', "udp [2001:db8:2::2]:80"));
    assert!(start.elapsed() < Duration::from_secs(3), "too slow a machine for this test");
    std::thread::sleep(Duration::from_secs(5).saturating_sub(start.elapsed()));
    assert!(!soon.alive() && !local.alive() && later.alive());
    assert!(!lab.ping('c', "10.2.0.2") && lab.reaches('c', "tcp 10.2.0.2:82"));
    assert!(lab.reaches('c', "tcp 10.2.0.2:83"), "the limited one is left");
    assert!(!lab.reaches('c', "tcp 10.2.0.2:83"), "and used up");
    assert!(later.alive());
}

#[test]
fn limits_count_connections() {
    if !available() {
        return;
    }
    let mut lab = Lab::new();
    let limit = |count| Action { limit: Some(Limit { count, seconds: 3600 }), ..plain() };
    let mut plan = lab_plan();
    rule(&mut plan, "few.1", Hook::Forward, CLIENT, SERVER, "tcp/80 udp/80", limit(3));
    rule(&mut plan, "free.1", Hook::Forward, CLIENT, SERVER, "tcp/81", plain());
    rule(&mut plan, "few.2", Hook::Forward, "10.1.0.0/24", "10.2.0.0/24", "tcp/1-100", limit(4));
    lab.serve('s', "80 81");
    lab.load(&whole(&plan));
    let mut held = lab.hold('c', "[2001:db8:2::2]:80");
    assert!(lab.reaches('c', "udp [2001:db8:2::2]:80") && lab.reaches('c', "udp [2001:db8:2::2]:80"));
    assert!(!lab.reaches('c', "udp [2001:db8:2::2]:80") && !lab.reaches('c', "tcp [2001:db8:2::2]:80"));
    for _ in 0..5 {
        assert!(held.alive(), "a connection counts once");
        assert!(lab.reaches('c', "tcp 10.2.0.2:81"), "no limit beats a limit");
    }
    for _ in 0..4 {
        assert!(lab.reaches('c', "tcp 10.2.0.2:80"), "the other statement has a budget of its own");
    }
    assert!(!lab.reaches('c', "tcp 10.2.0.2:80"));
    assert!(lab.counter("c_few/limit-3-hour/over") > 0 && lab.counter("c_few/limit-4-hour/over") > 0);
    // Reloaded with another policy: what is established is no new connection.
    rule(&mut plan, "other.1", Hook::Forward, CLIENT, SERVER, "tcp/9", plain());
    plan.rules[0].action = limit(1);
    lab.load(&whole(&plan));
    assert!(lab.reaches('c', "udp [2001:db8:2::2]:80") && held.alive());
}
