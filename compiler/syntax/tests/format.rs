//! The layout itself: what each rule does to a text.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a failed expectation is the test's result"
)]

use insta::assert_snapshot;
use weir_syntax::format::{FormatError, WIDTH, format, is_formatted};

/// The formatted text, which formatting again must not change.
fn formatted(source: &str) -> String {
    let once = format(source).unwrap_or_else(|error| panic!("{error}"));
    assert!(is_formatted(&once), "{once}");
    once
}

#[test]
fn a_package_of_every_construct() {
    let result = formatted(include_str!("format/package.weir"));
    let code = |line: &str| line.split("  //").next().unwrap_or_default().chars().count();
    assert!(result.lines().all(|line| code(line) <= WIDTH), "{result}");
    assert_snapshot!(result, @r##"
    //! Bottling hall 3: fillers, a palletiser and the way out.
    //! Written by hand for the formatter.
    use std.ot.{modbus, s7 as siemens, goose}
    use std.it.mqtts
    use cells.press_1 as press

    // ---- topology ----
    zone filling { purdue = 1, target_level = SL2 }
    zone cloud { purdue = 5, target_level = SL1, parent = outside }

    network fill_net {
        zone = filling
        subnet = [10.7.0.0/24, 2001:db8:7::/64]
        vlan = 70  // both families
        medium = wifi
        admission = dot1x
        isolated = true
    }
    external erp { prefixes = [192.0.2.0/24], names = ["erp.bottler.example"] }

    gateway fw {
        enforces = [nftables, envoy]
        interface lan0 { network = fill_net, address = 10.7.0.1, device = "eth0.70" }
        interface wan0 { network = uplink }  // the provider's
        route { to = 0.0.0.0/0, via = 10.9.0.1 }
    }
    conduit out between filling, cloud {
        carries = [mqtts, siemens]
        requires = certified
        through = [fw]
    }

    class Filler : Plc {
        vendor = "Siemens"
        firmware = "2.9.4"
        serves = [modbus on tcp/1502, siemens, https on tcp/8443]
        safe = [modbus.write(coil 17 = on)]
        endorses = field -> verified
    }

    /// Twelve fillers, one per lane.
    /// Lane 0 is the spare.
    device filler[1..12] : Filler {
        network = fill_net
        address = fill_net.host(20 + 2 * index - 1)
        mac = 00:1b:44:11:3a:b7
        identity = x509(
            san = "filler-{index:02}.bottler.example",
            key = ref("vault:pki/filler{index}"),
            issuer = "CN=Bottler Root",
        )
    }
    device gateway_less
    cluster k8s { zone = cloud, pods = 10.42.0.0/16.subnet(24, index), range = 10.0.0.10..10.0.0.20 }
    workload broker in k8s { labels = { app = "mosquitto", "app.kubernetes.io/part-of" = "uns" } }

    protocol fins {
        transport = udp/9600 | ethertype/0x88b8
        operation read { effect = observe, codes = [0x01, 0x0101] }
    }
    group old = (Plc & fill_net) - filler[3]
        where vendor == "Siemens" and firmware < "2.8" or not model != "S7"
    role operator { claim = "ot-operators" }

    core plant5g { product = open5gs, mcc = "999" }
    slice control {
        core = plant5g
        snssai = urllc/0x000001
        qos { five_qi = 82, ambr_up = 10 Mbps, period = 8 ms, budget = 2.5 ms }
    }

    template cell(number: int, net: network = fill_net) {
        /// The cell's controller.
        device plc : Plc { network = net, address = net.host(number) }
        allow plc -> broker : mqtts.publish("cell/{number}/#")
        assert isolated plc, broker
        assert never erp ~> plc
    }
    instance line[1..4] = cell(number = index, net = fill_net)
    import stock = csv("inventory.csv") { columns = { name = "Hostname" } }

    policy filling_line {
        owner = "ot@bottler.example"
        allow filler -> broker : mqtts.publish("fill/+/level") | tcp/8883 { limit = 50/s, log = true }
        allow operator <-> filler : siemens.program { until = 2026-11-05T18:00+01:00, via = fw }

        // Nothing else may come in.
        deny erp -> filling : any
    }
    exception service {
        from = 2026-11-01
        until = 2026-11-05
        ticket = "CHG-1"
        allow vendor -> line[2].plc : siemens.program
    }
    assert only operator | line[1].plc -> filler : modbus.write(coils 100..103, registers 0x10..0x20)  // reviewed
    "##);
}

#[test]
fn tokens_are_spaced_in_one_way() {
    assert_snapshot!(formatted(
        "\u{feff}zone   a{b=5ms,c = 50 / s,d=tcp / 502,e=10.0.0.1 .. 10.0.0.9,f=10.0.0.1 / 24,g=x . y [1] (2 , 3)\t}\r\n\
         template t ( n:int , m : network=x ) { device p [ 1 .. 8 ]:Plc in c between u,v{ } }\r\n\
         assert only(a|b)  ~>c:modbus.write (coil 17=on)"
    ), @r##"
    zone a {
        b = 5 ms
        c = 50/s
        d = tcp/502
        e = 10.0.0.1..10.0.0.9
        f = 10.0.0.1 / 24
        g = x.y[1](2, 3)
    }
    template t(n: int, m: network = x) { device p[1..8] : Plc in c between u, v {} }
    assert only (a | b) ~> c : modbus.write(coil 17 = on)
    "##);
}

#[test]
fn blocks_stay_as_the_author_wrote_them() {
    assert_snapshot!(formatted(
        "zone a { purdue = 0  target_level = SL1 }\n\
         zone b { purdue = 0,\n target_level = SL1 }\n\
         zone c {\n\n\n purdue = 0\n\n\n\n target_level = SL1, }\n\
         zone d { }  zone e {\n\n}\n\
         policy p { allow a -> b : c  deny a -> d : any }\n\
         network too_long_for_one_line { zone = field  subnet = 10.20.0.0/16  medium = halow  admission = psk  vlan = 7 }\n\
         template t() { assert isolated a, b  assert isolated c, d }"
    ), @r##"
    zone a { purdue = 0, target_level = SL1 }
    zone b {
        purdue = 0
        target_level = SL1
    }
    zone c {
        purdue = 0

        target_level = SL1
    }
    zone d {}
    zone e {}
    policy p { allow a -> b : c, deny a -> d : any }
    network too_long_for_one_line {
        zone = field
        subnet = 10.20.0.0/16
        medium = halow
        admission = psk
        vlan = 7
    }
    template t() {
        assert isolated a, b
        assert isolated c, d
    }
    "##);
}

#[test]
fn long_flows_break_at_their_arrow() {
    assert_snapshot!(formatted(
        "allow turbine_sensors | gearbox_sensors | generator_sensors -> broker | backup : mqtts.publish(\"turbine/+/vib\")\n\
         allow turbine_sensors | gearbox_sensors | generator_sensors -> broker | backup : mqtts.publish(\"t/+/vib\") { log = true }\n\
         allow turbine_sensors | gearbox_sensors | generator_sensors | nacelle_sensors | yaw_sensors | pitch_sensors_of_all_blades -> broker_of_the_hall | broker_of_the_plant : mqtts.publish(\"turbine/+/vib\") | mqtts.publish(\"gearbox/+/vib\") { limit = 50/s  log = true }\n\
         allow voter -> trip_plc : modbus.write(coils 100..103, coils 200..203, registers 1000..1100, coil 17 = on) { log = true }\n\
         allow short -> head : modbus { limit = 50/s  log = true  reason = \"a block breaks before the head that it belongs to\" }"
    ), @r##"
    allow turbine_sensors | gearbox_sensors | generator_sensors
        -> broker | backup : mqtts.publish("turbine/+/vib")
    allow turbine_sensors | gearbox_sensors | generator_sensors
        -> broker | backup : mqtts.publish("t/+/vib") { log = true }
    allow turbine_sensors
            | gearbox_sensors
            | generator_sensors
            | nacelle_sensors
            | yaw_sensors
            | pitch_sensors_of_all_blades
        -> broker_of_the_hall | broker_of_the_plant
        : mqtts.publish("turbine/+/vib") | mqtts.publish("gearbox/+/vib") { limit = 50/s, log = true }
    allow voter
        -> trip_plc : modbus.write(coils 100..103, coils 200..203, registers 1000..1100, coil 17 = on)
    {
        log = true
    }
    allow short -> head : modbus {
        limit = 50/s
        log = true
        reason = "a block breaks before the head that it belongs to"
    }
    "##);
}

#[test]
fn long_heads_and_chains_break_at_their_loosest_operator() {
    assert_snapshot!(formatted(
        "group old = (Plc & cell_net) where vendor == \"Siemens\" and firmware >= \"2.8\" and not (model == \"S7-1500\" or model == \"S7-1200\")\n\
         group all = first_members_of_all & of_this_network | second_members_of_all - without_those | third_members_of_all\n\
         group nested = (first_members_of_all | second_members_of_all | third_members_of_all | fourth_members) & cell_net\n\
         conduit a_conduit_with_a_long_name between first_of_the_long_zone_names, second_of_the_long_zone_names { carries = [mqtts] }\n\
         assert isolated first_of_the_long_zone_names, second_of_the_long_zone_names, third_of_the_long_zone_names\n\
         group text = \"a text that is longer than a line can be, which the layout has to leave as it is, for it breaks nowhere\""
    ), @r##"
    group old = (Plc & cell_net)
        where vendor == "Siemens"
            and firmware >= "2.8"
            and not (model == "S7-1500" or model == "S7-1200")
    group all = first_members_of_all & of_this_network
        | second_members_of_all - without_those
        | third_members_of_all
    group nested = (
            first_members_of_all | second_members_of_all | third_members_of_all | fourth_members
        )
        & cell_net
    conduit a_conduit_with_a_long_name
        between first_of_the_long_zone_names, second_of_the_long_zone_names { carries = [mqtts] }
    assert isolated first_of_the_long_zone_names,
        second_of_the_long_zone_names,
        third_of_the_long_zone_names
    group text = "a text that is longer than a line can be, which the layout has to leave as it is, for it breaks nowhere"
    "##);
}

#[test]
fn long_lists_take_several_lines() {
    assert_snapshot!(formatted(
        "use std.ot.{modbus, opcua, s7, profinet, ethercat, goose, dnp3, iec104, bacnet, knx, hart_ip, ethernet_ip as eip}\n\
         device x {\n\
         nodes = [10.0.0.1, 10.0.0.2, 10.0.0.3, 10.0.0.4, 10.0.0.5, 10.0.0.6, 10.0.0.7, 10.0.0.8, 10.0.0.9]\n\
         identity = x509(san = \"trip.nord.example.with.a.long.name\", key = hardware, issuer = \"CN=Plant Nord Root\")\n\
         short = [\n a,\n b,\n ]\n\
         apart = [a,\n\n b]\n\
         labels = { app = \"mosquitto\", tier = \"backend\", release = \"2026-11\", \"app.kubernetes.io/name\" = \"broker\" }\n\
         }"
    ), @r##"
    use std.ot.{
        modbus, opcua, s7, profinet, ethercat, goose, dnp3, iec104, bacnet, knx, hart_ip,
        ethernet_ip as eip,
    }
    device x {
        nodes = [
            10.0.0.1, 10.0.0.2, 10.0.0.3, 10.0.0.4, 10.0.0.5, 10.0.0.6, 10.0.0.7, 10.0.0.8, 10.0.0.9,
        ]
        identity = x509(
            san = "trip.nord.example.with.a.long.name",
            key = hardware,
            issuer = "CN=Plant Nord Root",
        )
        short = [a, b]
        apart = [
            a,

            b,
        ]
        labels = {
            app = "mosquitto"
            tier = "backend"
            release = "2026-11"
            "app.kubernetes.io/name" = "broker"
        }
    }
    "##);
}

#[test]
fn comments_keep_their_place() {
    assert_snapshot!(formatted(
        "// first\n\n\n//! file\nzone a { // behind the brace\n purdue = 0 // behind an entry   \n // on its own\n\n // before the end\n }  // after\n\
         zone b { purdue = 0 /// documents the next\n interface c {} }\n\
         /// documents nothing, for a comma stands between\n, zone d {}\n\
         zone e { serves = [ // list\n a // of a\n, // too\n\n b\n // last\n ] }\n\
         group f = x | // why\n y\n // and\n & z\n\
         device g // name\n : Plc // class\n { // body\n }\n// last"
    ), @r##"
    // first

    //! file
    zone a {  // behind the brace
        purdue = 0  // behind an entry
        // on its own

        // before the end
    }  // after
    zone b {
        purdue = 0
        /// documents the next
        interface c {}
    }
    /// documents nothing, for a comma stands between

    zone d {}
    zone e {
        serves = [  // list
            a,  // of a
            // too

            b,
            // last
        ]
    }
    group f = x  // why
        | y
            // and
            & z
    device g  // name
        : Plc  // class
    {  // body
    }
    // last
    "##);
}

#[test]
fn nothing_gives_nothing() {
    assert_eq!(formatted(""), "");
    assert_eq!(formatted("\u{feff} \r\n\t\n"), "");
    assert_eq!(formatted("\n\n// a\t\r\n\n\n"), "// a\n");
}

#[test]
fn a_broken_file_is_left_alone() {
    let Err(FormatError::Syntax(diagnostics)) = format("zone a {\n  purdue = \n}") else {
        panic!("no error")
    };
    assert_eq!(diagnostics.len(), 1);
    assert!(!is_formatted("zone a {"));
    assert!(!is_formatted("zone a {  }\n"));
    assert!(is_formatted("zone a {}\n"));
}
