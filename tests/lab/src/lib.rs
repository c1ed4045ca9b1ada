//! A package in network namespaces: one for each gateway, one for the stations of each segment.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "tests stop at the first surprise and say why they did not run"
)]

pub mod package;
pub mod probe;
pub mod station;
pub mod wires;

use std::{
    fmt::Write as _,
    io::Write as _,
    net::IpAddr,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    sync::atomic::{AtomicU32, Ordering},
};

use package::Package;
use station::Station;
use wires::Map;

/// Whether namespaces and nft are at hand. In CI they must be.
pub fn available() -> bool {
    let able = ["unshare -n nft list ruleset", "ip netns list"].iter().all(|line| {
        let mut words = line.split(' ');
        let program = words.next().unwrap_or_default();
        let status = Command::new(program).args(words).stdout(Stdio::null()).stderr(Stdio::null()).status();
        status.is_ok_and(|status| status.success())
    });
    if !able {
        assert!(
            std::env::var("CI").as_deref() != Ok("true"),
            "CI runs the kernel tests: root, nft and iproute2 are needed"
        );
        println!("SKIPPED: needs root, nft and iproute2");
    }
    able
}

/// What a namespace needs, whoever stands in it.
const PREPARE: &str = "cd /proc/sys/net
for c in all default; do echo 0 >ipv4/conf/$c/rp_filter; echo 0 >ipv6/conf/$c/accept_dad; done
echo '0 2147483647' >ipv4/ping_group_range; echo 1 >ipv6/conf/all/disable_ipv6; echo 0 >ipv6/conf/all/disable_ipv6
ip link set lo up";

/// A namespace, by what stands in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Place {
    Segment(usize),
    Gateway(usize),
    /// A station that is apart from the others of its segment, by the order in which they were made.
    Apart(usize),
}

pub struct Lab {
    name: String,
    pub map: Map,
    stations: Vec<(Place, Station)>,
    directory: tempfile::TempDir,
}

impl Lab {
    /// Builds the namespaces of a package, without any ruleset, and with nobody in them.
    pub fn new(package: &Package) -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let name = format!("weirpkg{}-{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
        let map = Map::new(package);
        // From here on, dropping the lab removes what there is of it.
        let lab = Self { name, map, stations: Vec::new(), directory: tempfile::tempdir().unwrap() };
        lab.build();
        lab
    }

    /// The same, with a process in each namespace that stands for its stations.
    pub fn staffed(package: &Package, program: &str) -> Self {
        let mut lab = Self::new(package);
        for place in lab.map.places() {
            let station = Station::start(&lab.namespace(place), program);
            lab.stations.push((place, station));
        }
        lab
    }

    /// Gives some addresses of a segment's station to one in a namespace of its own, on the same bridge. `gateways` is the way
    /// to everywhere else, by family.
    pub fn apart(
        &mut self,
        segment: usize,
        addresses: &[IpAddr],
        gateways: &[IpAddr],
        program: &str,
    ) -> Place {
        let index = self.stations.iter().filter(|(place, _)| matches!(place, Place::Apart(_))).count();
        let place = Place::Apart(index);
        let namespace = self.namespace(place);
        run(Command::new("ip").args(["netns", "add", &namespace]));
        let length = |address: &IpAddr| if address.is_ipv4() { 32 } else { 128 };
        let mut around = format!(
            "ip link add u{index} type veth peer name eth0 netns {namespace}\nip link set u{index} master br0 up\n"
        );
        let mut inside = PREPARE.to_owned() + "\nip link set eth0 up\n";
        for address in addresses {
            let length = length(address);
            let _ = writeln!(around, "ip address del {address}/{length} dev br0");
            let nodad = if address.is_ipv4() { "" } else { "nodad" };
            let _ = writeln!(inside, "ip address add {address}/{length} dev eth0 {nodad}");
        }
        for net in self.map.prefixes(segment) {
            let family = if net.network().is_ipv4() { 4 } else { 6 };
            let _ = writeln!(inside, "ip -{family} route add {net} dev eth0");
        }
        for gateway in gateways {
            let family = if gateway.is_ipv4() { 4 } else { 6 };
            let _ = writeln!(inside, "ip -{family} route add default via {gateway} dev eth0");
        }
        let station = |lab: &Self| {
            lab.shell(Place::Segment(segment), &around);
            lab.shell(place, &inside);
            Station::start(&namespace, program)
        };
        let station = station(self);
        self.stations.push((place, station));
        place
    }

    /// A program in a namespace.
    pub fn command(&self, place: Place, program: impl AsRef<Path>) -> Command {
        let mut command = Command::new("ip");
        command.args(["netns", "exec", &self.namespace(place)]).arg(program.as_ref());
        command
    }

    fn build(&self) {
        for place in self.map.places() {
            run(Command::new("ip").args(["netns", "add", &self.namespace(place)]));
            self.shell(place, PREPARE);
        }
        for (place, lines) in self.map.links(|place| self.namespace(place)) {
            self.batch(place, &lines);
        }
        for (place, lines) in self.map.addresses() {
            self.batch(place, &lines);
            if matches!(place, Place::Gateway(_)) {
                self.shell(
                    place,
                    "cd /proc/sys/net; echo 1 >ipv4/ip_forward; echo 1 >ipv6/conf/all/forwarding",
                );
            }
        }
        for (place, lines) in self.map.routes() {
            self.batch(place, &lines);
        }
    }

    fn namespace(&self, place: Place) -> String {
        match place {
            Place::Segment(index) => format!("{}s{index}", self.name),
            Place::Gateway(index) => format!("{}g{index}", self.name),
            Place::Apart(index) => format!("{}u{index}", self.name),
        }
    }

    fn batch(&self, place: Place, lines: &str) {
        let mut command = Command::new("ip");
        command.args(["-n", &self.namespace(place), "-batch", "-"]);
        feed(&mut command, lines.as_bytes());
    }

    /// Runs a script that must succeed and gives its output.
    pub fn shell(&self, place: Place, script: &str) -> String {
        run(Command::new("ip").args(["netns", "exec", &self.namespace(place), "sh", "-ec", script]))
    }

    /// Loads the single-file form on every gateway.
    pub fn load(&self, package: &Package) {
        for (place, file) in self.rulesets(package, ".nft") {
            let mut command = Command::new("ip");
            command.args(["netns", "exec", &self.namespace(place), "nft", "-f", "-"]);
            feed(&mut command, &file);
        }
    }

    /// Puts the generation of a package into force on every gateway by its own script.
    pub fn switch(&self, package: &Package) {
        for (index, name) in self.map.filters() {
            let artifacts = package.artifacts(&name);
            for artifact in &artifacts {
                let path = self.directory.path().join(&artifact.path);
                std::fs::create_dir_all(path.parent().unwrap()).unwrap();
                std::fs::write(path, &artifact.contents).unwrap();
            }
            let script = artifacts.iter().find(|artifact| artifact.path.ends_with(".d/apply")).unwrap();
            let script: PathBuf = self.directory.path().join(&script.path);
            let state = self.directory.path().join("run");
            self.shell(
                Place::Gateway(index),
                &format!("WEIR_RUN_DIR='{}' sh '{}' --yes", state.display(), script.display()),
            );
        }
    }

    /// What every gateway's kernel holds.
    pub fn listing(&self) -> Vec<String> {
        self.map
            .filters()
            .into_iter()
            .map(|(index, _)| self.shell(Place::Gateway(index), "nft -s list ruleset"))
            .collect()
    }

    /// Packets that a gateway dropped because of their source.
    pub fn spoofed(&self, gateway: usize) -> u64 {
        self.counted(gateway, "n_spoofed")
    }

    /// Packets that a gateway counted under a name.
    pub fn counted(&self, gateway: usize, name: &str) -> u64 {
        let text = self.shell(Place::Gateway(gateway), &format!("nft list counter inet weir {name}"));
        text.split_whitespace().skip_while(|word| *word != "packets").nth(1).unwrap().parse().unwrap()
    }

    fn rulesets(&self, package: &Package, end: &str) -> Vec<(Place, Vec<u8>)> {
        let filters = self.map.filters().into_iter();
        filters
            .map(|(index, name)| {
                let artifact = package
                    .artifacts(&name)
                    .into_iter()
                    .find(|one| one.path.ends_with(end) && !one.path.contains(".d/"));
                (Place::Gateway(index), artifact.unwrap().contents)
            })
            .collect()
    }

    pub fn station(&self, place: Place) -> &Station {
        &self.stations.iter().find(|(there, _)| *there == place).unwrap().1
    }
}

impl Drop for Lab {
    fn drop(&mut self) {
        let apart =
            self.stations.iter().map(|(place, _)| *place).filter(|place| matches!(place, Place::Apart(_)));
        let apart: Vec<Place> = apart.collect();
        self.stations.clear();
        for place in self.map.places().into_iter().chain(apart) {
            let _ = Command::new("ip")
                .args(["netns", "del", &self.namespace(place)])
                .stderr(Stdio::null())
                .status();
        }
    }
}

fn run(command: &mut Command) -> String {
    let out = command.output().unwrap();
    let text = String::from_utf8_lossy(&out.stdout).into_owned();
    assert!(out.status.success(), "{command:?}: {text}{}", String::from_utf8_lossy(&out.stderr));
    text
}

fn feed(command: &mut Command, input: &[u8]) {
    let mut child = command.stdin(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(input).unwrap();
    let out = child.wait_with_output().unwrap();
    assert!(
        out.status.success(),
        "{command:?}: {}\n{}",
        String::from_utf8_lossy(&out.stderr),
        String::from_utf8_lossy(input)
    );
}
