//! Operations in a real kernel: what the payload matches let through and what they do not.
#![allow(clippy::unwrap_used, reason = "tests stop at the first surprise")]

mod support;

use support::lab::{Lab, available};
use support::{only, operations, plain, plan, rule};
use weir_compiler::plan::{
    Action, GatewayPlan, Hook, Limit,
    PayloadProtocol::{BacnetIp, Coap, ModbusTcp},
};
use weir_target_nftables::{EmitError, Options, emit};

const CLIENT: &str = "10.1.0.2 2001:db8:1::2";
const SERVER: &str = "10.2.0.2 2001:db8:2::2";

/// The process that the lab starts in a namespace; does nothing unless it is one.
#[test]
#[ignore = "started by the other tests"]
fn helper() {
    support::lab::helper_main();
}

fn lab_plan(service: &str, actions: &[Action]) -> GatewayPlan {
    let mut plan = plan(&[("in0", "10.1.0.2 2001:db8:1::2"), ("out0", "10.2.0.0/24 2001:db8:2::/64")]);
    for (index, action) in actions.iter().enumerate() {
        rule(&mut plan, &format!("a.{index}"), Hook::Forward, CLIENT, SERVER, service, action.clone());
    }
    plan
}

fn whole(plan: &GatewayPlan) -> Vec<u8> {
    let emission = emit(plan, &Options::default()).unwrap();
    emission
        .artifacts
        .iter()
        .find(|artifact| artifact.path.ends_with("gw_turbine.nft"))
        .unwrap()
        .contents
        .clone()
}

/// The `c_…/other` counters of a lab together.
fn others(lab: &Lab) -> u64 {
    let text = lab.run('g', "nft list counters table inet weir | grep -A1 '/other' | grep packets");
    text.lines().map(|line| line.split_whitespace().nth(1).unwrap().parse::<u64>().unwrap()).sum()
}

/// An NPDU with some control octet around an APDU, in a BVLL.
fn bacnet(function: &str, control: &str, apdu: &str) -> String {
    format!("81{function}{:04x}01{control}{apdu}", 6 + apdu.len() / 2)
}

#[test]
fn loads_and_lists_the_same() {
    if !available() {
        return;
    }
    let lab = Lab::new();
    lab.load(&whole(&operations()));
    let once = lab.run('g', "nft -s list ruleset");
    lab.load(&whole(&operations()));
    assert_eq!(once, lab.run('g', "nft -s list ruleset"));
    lab.run('g', "nft -s list ruleset >/tmp/$$; nft flush ruleset; TZ=UTC nft -f /tmp/$$; rm /tmp/$$");
    assert_eq!(once, lab.run('g', "nft -s list ruleset"));
    // The hitless form: staged, taken away again, staged and switched to.
    lab.run('g', "nft flush ruleset");
    let emission = emit(&operations(), &Options::default()).unwrap();
    for part in ["base.nft", "stage.nft", "stage.nft", "sweep.nft", "stage.nft", "switch.nft"] {
        let file = emission.artifacts.iter().find(|artifact| artifact.path.ends_with(part)).unwrap();
        lab.load(&file.contents);
    }
    assert!(lab.run('g', "nft list ruleset").contains("goto o_air/bacnet-"));
}

#[test]
fn bacnet_reads_and_does_not_write() {
    if !available() {
        return;
    }
    let mut lab = Lab::new();
    let plan = lab_plan("udp/47808 udp/47809", &[only(BacnetIp, &[(&[12, 14, 0x1008], None, None)])]);
    // A simple acknowledgement; behind the other port, a device that itself asks to write.
    lab.answer('s', 47808, "810a00090100200112");
    lab.answer('s', 47809, &bacnet("0a", "04", "0005010f0c"));
    let to = "10.2.0.2:47808";
    let asks = |lab: &Lab, payload: &str| lab.asks('c', to, payload);
    assert!(asks(&lab, &bacnet("0a", "04", "0005010f0c")), "the lab is open without a ruleset");
    lab.load(&whole(&plan));
    for (what, payload) in [
        ("ReadProperty", bacnet("0a", "04", "0005010c0c")),
        ("ReadPropertyMultiple", bacnet("0a", "00", "0205010e0c")),
        ("with priority", bacnet("0a", "07", "0005010c0c")),
        ("Who-Is to all", bacnet("0b", "00", "1008")),
    ] {
        assert!(asks(&lab, &payload), "{what}");
        assert!(lab.asks('c', "[2001:db8:2::2]:47808", &payload), "{what}");
    }
    let before = others(&lab);
    let refused = [
        ("WriteProperty", bacnet("0a", "04", "0005010f0c")),
        (
            "a segment of WriteProperty, its number 12 where the service would be",
            bacnet("0a", "04", "0c05010c040f"),
        ),
        ("the first segment of ReadProperty", bacnet("0a", "04", "0c050100040c")),
        ("ReinitializeDevice", bacnet("0a", "04", "000501140c")),
        ("I-Am", bacnet("0b", "00", "1000c4")),
        ("WriteGroup", bacnet("0b", "00", "100a0c")),
        ("unconfirmed 12", bacnet("0b", "00", "100c0c")),
        ("routed on", bacnet("0a", "24", "0005010c0c")),
        ("routed from", bacnet("0a", "0c", "0005010c0c")),
        ("a network message", bacnet("0a", "80", "0005010c0c")),
        ("a reserved bit", bacnet("0a", "40", "0005010c0c")),
        ("another version", bacnet("0a", "04", "0005010c0c").replacen("0104", "0204", 1)),
        ("forwarded", bacnet("04", "04", "0005010c0c")),
        ("to the table of broadcasts", "81010004".into()),
        ("the BVLL of IPv6", bacnet("0a", "04", "0005010c0c").replacen("81", "82", 1)),
        ("too short", "810a00090104000501".into()),
        ("nothing", String::new()),
        ("an answer out of nowhere", bacnet("0a", "00", "30010c")),
        ("the end of a request that never was", bacnet("0a", "00", "700100")),
    ];
    for (what, payload) in &refused {
        assert!(!asks(&lab, payload), "{what}");
    }
    assert_eq!(others(&lab) - before, refused.len() as u64);
    assert_eq!(lab.counter("n_denied_forward"), refused.len() as u64);

    let long = |service: &str| bacnet("0a", "04", &format!("000501{service}{}", "0c".repeat(4000)));
    assert!(asks(&lab, &long("0e")), "a request in fragments");
    assert!(!asks(&lab, &long("10")));
    lab.run('c', "ip link set eth0 mtu 68");
    assert!(asks(&lab, &bacnet("0a", "04", &format!("0005010e{}", "0c".repeat(200)))));
    assert!(!asks(&lab, &bacnet("0a", "04", &format!("00050110{}", "0c".repeat(200)))));
    assert!(!lab.asks('c', "10.2.0.2:47809", &bacnet("0a", "04", "0005010c0c")), "a reply is no request");
}

#[test]
fn coap_gets_and_does_not_put() {
    if !available() {
        return;
    }
    let mut lab = Lab::new();
    let plan = lab_plan("udp/5683 udp/5684", &[only(Coap, &[(&[1, 5], None, None)])]);
    lab.answer('s', 5683, "6045000101");
    lab.answer('s', 5684, "4003000101");
    lab.load(&whole(&plan));
    let asks = |to: &str, payload: &str| lab.asks('c', to, payload);
    for to in ["10.2.0.2:5683", "[2001:db8:2::2]:5683"] {
        for passes in ["40010001", "4801000100010203040506070861", "51050001ff", "4001000163616263"] {
            assert!(asks(to, passes), "{to} {passes}");
        }
        for refused in [
            "40030001",
            "40020001",
            "40040001",
            "40060001", // PUT, POST, DELETE, PATCH
            "60010001",
            "70010001", // no acknowledgement has a method
            "80010001",
            "c0010001",
            "00010001", // no other version
            "49010001",
            "4f010001", // no such token
            "400100",
            "40",
            "", // cut off
            "40000001",
            "60000001",
            "6045000101", // ping; acknowledgement, answer of nothing
        ] {
            assert!(!asks(to, refused), "{to} {refused}");
        }
    }
    assert!(!asks("10.2.0.2:5684", "40010001"), "a PUT is no reply");
}

/// A request with a transaction number, for unit 1.
fn modbus(pdu: &str) -> String {
    format!("00010000{:04x}01{pdu}", pdu.len() / 2 + 1)
}

#[test]
fn modbus_reads_and_trips() {
    if !available() {
        return;
    }
    let mut lab = Lab::new();
    let plan = lab_plan(
        "tcp/502",
        &[
            only(ModbusTcp, &[(&[3, 16], Some((100, 103)), None), (&[20, 22], None, None)]),
            only(ModbusTcp, &[(&[5], Some((17, 17)), Some(0xff00))]),
        ],
    );
    lab.serve('s', "502");
    lab.load(&whole(&plan));
    let read = modbus("0300640004");
    for to in ["10.2.0.2:502", "[2001:db8:2::2]:502"] {
        let passes = |pdu: &str| lab.streams('c', to, &modbus(pdu));
        for pdu in [
            "0300640001",
            "0300640004",
            "0300670001",
            "0300660002", // registers 100 to 103
            "100064000408aabbccddeeff0011",
            "10006700010200ff", // written
            "140706000100000002",
            &format!("14f5{}", "06000100000002".repeat(35)), // files
            "16000500ff00ff",
            "050011ff00", // a mask; the trip
        ] {
            assert!(passes(pdu), "{to} {pdu}");
        }
        for pdu in [
            "0300630001",
            "0300640005",
            "0300670002",
            "0300680001",
            "0300640000",
            "030064ffff", // beyond, nothing, overflow
            "0100640001",
            "0400640001",
            "0600640001",
            "10006400050a00000000000000000000", // others
            "0500110000",
            "050012ff00",
            "05001100ff", // off, another coil, no value
            "2b0e0100",
            "5a0000",
            "11",
        ] {
            assert!(!passes(pdu), "{to} {pdu}");
        }
        let write = modbus("0600640001");
        assert!(lab.streams('c', to, &format!("{read} {read}")), "one after the other");
        assert!(!lab.streams('c', to, &format!("{read}{read}")), "pipelined");
        assert!(!lab.streams('c', to, &format!("{read}{write}")), "pipelined write");
        assert!(!lab.streams('c', to, &format!("{read} {write}")), "established");
        assert!(!lab.streams('c', to, &format!("{} {}", &write[..14], &write[14..])), "in two parts");
        assert!(!lab.streams('c', to, &read[..22]), "cut off");
        assert!(!lab.streams('c', to, &format!("{read}00")), "too long");
        assert!(!lab.streams('c', to, &read.replacen("0006", "0007", 1)), "a wrong length");
        assert!(!lab.streams('c', to, &read.replacen("00010000", "00010001", 1)), "another protocol");
    }
    // No shorter segment passes for a longer one by its IP options, nor with urgent data.
    let script = |how: &str| {
        format!(
            "python3 -c \"import socket; s = socket.create_connection(('10.2.0.2', 502), 0.4)\ns.settimeout(0.4)\n{how}; s.recv(1)\""
        )
    };
    let send = |payload: &str| format!("s.send(bytes.fromhex('{payload}'))");
    assert!(lab.succeeds('c', &script(&send(&read))));
    let options = "s.setsockopt(0, 4, bytes([1, 1, 1, 0]))";
    assert!(!lab.succeeds('c', &script(&format!("{options}; {}", send(&modbus("16000500ff00ff")[..20])))));
    assert!(!lab.succeeds('c', &script(&format!("s.send(bytes.fromhex('{read}'), socket.MSG_OOB)"))));
}

#[test]
fn a_limit_counts_operations() {
    if !available() {
        return;
    }
    let mut lab = Lab::new();
    let limited = Action {
        limit: Some(Limit { count: 3, seconds: 3600 }),
        ..only(ModbusTcp, &[(&[5], Some((17, 17)), Some(0xff00))])
    };
    let reads = only(ModbusTcp, &[(&[3], None, None)]);
    lab.serve('s', "502");
    lab.load(&whole(&lab_plan("tcp/502", &[limited, reads.clone()])));
    let (trip, read) = (modbus("050011ff00"), modbus("0300640004"));
    let to = "10.2.0.2:502";
    assert!(lab.streams('c', to, &format!("{trip} {read} {trip}")) && lab.streams('c', to, &trip));
    assert!(lab.streams('c', to, &read), "reads have no limit");
    assert!(!lab.streams('c', to, &format!("{read} {trip}")), "the fourth trip");

    // A connection that started with a read does not get around a limit on connections.
    let once = Action { limit: Some(Limit { count: 1, seconds: 3600 }), ..plain() };
    lab.load(&whole(&lab_plan("tcp/502", &[once, reads.clone()])));
    let write = modbus("0600640001");
    assert!(lab.streams('c', to, &format!("{read} {write} {write}{write}")));
    assert!(!lab.streams('c', to, &format!("{read} {write}")) && lab.streams('c', to, &read));

    // A permission of everything wins, and one that is withdrawn ends.
    lab.load(&whole(&lab_plan("tcp/502", &[plain(), reads.clone()])));
    let mut held = lab.hold('c', to);
    assert!(held.alive() && lab.streams('c', to, &format!("{write}{write}")));
    lab.load(&whole(&lab_plan("tcp/502", &[reads])));
    assert!(!held.alive() && lab.streams('c', to, &read));
}

#[test]
fn what_cannot_be_exact_is_refused() {
    let refused = |service: &str, action: Action| {
        matches!(
            emit(&lab_plan(service, &[action]), &Options::default()),
            Err(EmitError::UnsupportedOperation { statement, .. }) if statement == "a.0"
        )
    };
    assert!(refused("tcp/47808", only(BacnetIp, &[(&[12], None, None)])));
    assert!(refused("udp/502", only(ModbusTcp, &[(&[3], None, None)])));
    assert!(refused("udp/47808", only(BacnetIp, &[])));
    assert!(refused("udp/47808", only(BacnetIp, &[(&[], None, None)])));
    assert!(refused("udp/47808", only(BacnetIp, &[(&[0x2000], None, None)])));
    assert!(refused("udp/47808", only(BacnetIp, &[(&[12], Some((1, 2)), None)])));
    assert!(refused("udp/5683", only(Coap, &[(&[0], None, None)])));
    assert!(refused("udp/5683", only(Coap, &[(&[69], None, None)])));
    assert!(refused("tcp/502", only(ModbusTcp, &[(&[128], None, None)])));
    assert!(refused("tcp/502", only(ModbusTcp, &[(&[3], Some((2, 1)), None)])));
    assert!(refused("tcp/502", only(ModbusTcp, &[(&[3, 23], Some((1, 2)), None)])));
    assert!(refused("tcp/502", only(ModbusTcp, &[(&[5, 15], Some((1, 2)), Some(0))])));
}
