//! Emits large plans and says what it took: `measure <pairs|mixed|groups> <devices> <output file>`.
#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "a tool for measuring")]

use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;

use weir_compiler::plan::{
    Action, AddressSet, Binding, GatewayPlan, Hook, PlanRule, PortMatch, Statement, Transport,
};
use weir_target_nftables::{Options, emit};

/// Sources, destinations, services.
type Flow = (Arc<AddressSet>, Arc<AddressSet>, Arc<[PortMatch]>);

fn main() {
    let args: Vec<String> = std::env::args().collect();
    let count: u32 = args[2].parse().unwrap();
    let one = |base: u32, n: u32| -> Arc<AddressSet> {
        Arc::new(std::iter::once(IpAddr::V4(Ipv4Addr::from_bits(base + n))).collect())
    };
    let range = |first: u32, count: u32| -> Arc<AddressSet> {
        let end = |n: u32| IpAddr::V4(Ipv4Addr::from_bits(n));
        Arc::new(std::iter::once((end(first), end(first + count - 1))).collect())
    };
    let (devices, servers) = (0x0a00_0000, 0x0b00_0000);
    let port = |first: u16, last: u16| -> Arc<[PortMatch]> {
        Arc::new([PortMatch { transport: Transport::Tcp, first, last }])
    };
    let modbus = port(502, 502);
    let mut rules: Vec<Flow> = Vec::new();
    for n in 0..count {
        // Neighbours with the same server would be one group: scatter them.
        rules.push((one(devices, n), one(servers, n.wrapping_mul(7919) % count), Arc::clone(&modbus)));
    }
    match args[1].as_str() {
        "pairs" => {}
        "mixed" => {
            // All devices to 20 servers apart from each other, zones to zones, a range of ports.
            let everyone = range(devices, count);
            let twenty =
                Arc::new((0..20).map(|n| IpAddr::V4(Ipv4Addr::from_bits(0x0c00_0000 + n * 3))).collect());
            rules.push((Arc::clone(&everyone), twenty, port(443, 443)));
            for zone in 0..count / 10_000 {
                let fifty = Arc::new(
                    (0..50)
                        .map(|n| IpAddr::V4(Ipv4Addr::from_bits(0x0d00_0000 + zone * 256 + n * 2)))
                        .collect(),
                );
                rules.push((range(devices + zone * 10_000, 10_000), fifty, port(4840, 4840)));
            }
            rules.push((everyone, range(0x0e00_0000, 65_536), port(1000, 2000)));
        }
        other => unreachable!("{other}"),
    }
    let plan = GatewayPlan {
        package: "measure".into(),
        name: "gw".into(),
        interfaces: Vec::new(),
        statements: (0..rules.len())
            .map(|n| Statement { id: format!("control.{n:06x}").into(), policy: "control".into() })
            .collect(),
        rules: (0..)
            .zip(rules)
            .map(|(statement, (sources, destinations, services))| PlanRule {
                statement,
                hook: Hook::Forward,
                sources,
                destinations,
                services,
                action: Action::default(),
            })
            .collect(),
        bindings: vec![Binding { device: "in0".into(), sources: (*range(devices, 0x0100_0000)).clone() }],
        mac_bindings: Vec::new(),
        redirects: Vec::new(),
        bridges: Vec::new(),
    };
    let peak = || {
        let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
        status.lines().find(|line| line.starts_with("VmHWM")).unwrap_or_default().to_owned()
    };
    println!("before: {}", peak());
    let start = std::time::Instant::now();
    let emission = emit(&plan, &Options::default()).unwrap();
    println!("emit: {:?}, {}", start.elapsed(), peak());
    let file = emission.artifacts.last().unwrap();
    println!("{} bytes", file.contents.len());
    std::fs::write(&args[3], &file.contents).unwrap();
    // The hitless form beside it.
    let folder = std::path::Path::new(&args[3]).with_extension("d");
    std::fs::create_dir_all(&folder).unwrap();
    for artifact in emission.artifacts.iter().filter(|artifact| artifact.path.contains(".d/")) {
        std::fs::write(folder.join(artifact.path.rsplit('/').next().unwrap()), &artifact.contents).unwrap();
    }
}
