//! A client, a gateway and a server in network namespaces of their own, joined by veth pairs.
#![allow(
    dead_code,
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "tests stop at the first surprise and say why they did not run"
)]

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

/// How long a packet that is let through may take.
const PATIENCE: Duration = Duration::from_millis(400);

/// Whether namespaces and nft are at hand. In CI they must be.
pub(crate) fn available() -> bool {
    let able = ["unshare -n nft list ruleset", "ip netns list"].iter().all(|line| {
        let mut words = line.split(' ');
        Command::new(words.next().unwrap_or_default())
            .args(words)
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .status()
            .is_ok_and(|status| status.success())
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

/// Namespaces `<lab>c`, `<lab>g`, `<lab>s`. The client is 10.1.0.2 and 2001:db8:1::2 behind `in0`, the server 10.2.0.2
/// and 2001:db8:2::2 behind `out0`; the gateway is `.1`.
pub(crate) struct Lab {
    name: String,
    children: Vec<Child>,
}

impl Lab {
    pub(crate) fn new() -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let name = format!("weirtest{}-{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
        let lab = Self { name, children: Vec::new() };
        let (c, g, s) = (lab.ns('c'), lab.ns('g'), lab.ns('s'));
        Self::host(&format!(
            "ip netns add {c}; ip netns add {g}; ip netns add {s}
             ip link add in0 netns {g} type veth peer name eth0 address 02:00:00:00:00:02 netns {c}
             ip link add out0 netns {g} type veth peer name eth0 netns {s}"
        ));
        for (ns, side) in [('c', 1), ('s', 2)] {
            lab.run(
                ns,
                &format!(
                    "echo 0 >/proc/sys/net/ipv6/conf/eth0/accept_dad
                 ip link set lo up; ip link set eth0 up
                 ip addr add 10.{side}.0.2/24 dev eth0; ip addr add 2001:db8:{side}::2/64 dev eth0 nodad
                 ip route add default via 10.{side}.0.1; ip route add default via 2001:db8:{side}::1"
                ),
            );
        }
        lab.run(
            'g',
            "for d in in0 out0; do echo 0 >/proc/sys/net/ipv6/conf/$d/accept_dad; done
             ip link set lo up; ip link set in0 up; ip link set out0 up
             ip addr add 10.1.0.1/24 dev in0; ip addr add 2001:db8:1::1/64 dev in0 nodad
             ip addr add 10.2.0.1/24 dev out0; ip addr add 2001:db8:2::1/64 dev out0 nodad
             echo 1 >/proc/sys/net/ipv4/ip_forward; echo 1 >/proc/sys/net/ipv6/conf/all/forwarding",
        );
        lab
    }

    fn ns(&self, which: char) -> String {
        format!("{}{which}", self.name)
    }

    fn host(script: &str) {
        let out = Command::new("sh").args(["-ec", script]).output().unwrap();
        assert!(out.status.success(), "{script}: {}", String::from_utf8_lossy(&out.stderr));
    }

    fn command(&self, which: char, program: &str) -> Command {
        let mut command = Command::new("ip");
        command.args(["netns", "exec", &self.ns(which), program]);
        command
    }

    /// Runs a script that must succeed and gives its output.
    pub(crate) fn run(&self, which: char, script: &str) -> String {
        let out = self.command(which, "sh").args(["-ec", script]).output().unwrap();
        let text = String::from_utf8_lossy(&out.stdout).into_owned();
        assert!(out.status.success(), "{script}: {text}{}", String::from_utf8_lossy(&out.stderr));
        text
    }

    pub(crate) fn succeeds(&self, which: char, script: &str) -> bool {
        self.command(which, "sh").args(["-c", script]).output().unwrap().status.success()
    }

    /// Loads a ruleset on the gateway.
    pub(crate) fn load(&self, text: &[u8]) {
        let mut nft = self
            .command('g', "nft")
            .args(["-f", "-"])
            .stdin(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        nft.stdin.take().unwrap().write_all(text).unwrap();
        let out = nft.wait_with_output().unwrap();
        assert!(out.status.success(), "{}", String::from_utf8_lossy(&out.stderr));
    }

    /// This very test binary in a namespace, as `helper` below.
    fn helper(&self, which: char, order: &str) -> Command {
        let mut command = self.command(which, std::env::current_exe().unwrap().to_str().unwrap());
        command.args(["--exact", "helper", "--nocapture", "--ignored"]).env("WEIR_LAB_ORDER", order);
        command
    }

    /// Echo servers on all addresses, TCP and UDP.
    pub(crate) fn serve(&mut self, which: char, ports: &str) {
        let mut child = self
            .helper(which, &format!("serve {ports}"))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut out = BufReader::new(child.stdout.take().unwrap());
        wait_for(&mut out, "READY");
        self.children.push(child);
    }

    /// Does `tcp 10.2.0.2:80` or `udp [2001:db8:2::2]:53` get an answer? A third word is the source address.
    pub(crate) fn reaches(&self, which: char, what: &str) -> bool {
        self.helper(which, what).stdout(Stdio::null()).stderr(Stdio::null()).status().unwrap().success()
    }

    /// A UDP server that answers every datagram with the same bytes.
    pub(crate) fn answer(&mut self, which: char, port: u16, answer: &str) {
        let mut child = self
            .helper(which, &format!("answer {port} {answer}"))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        wait_for(&mut BufReader::new(child.stdout.take().unwrap()), "READY");
        self.children.push(child);
    }

    /// Does a datagram of these bytes get an answer?
    pub(crate) fn asks(&self, which: char, to: &str, payload: &str) -> bool {
        self.reaches(which, &format!("ask {to} {payload}"))
    }

    /// Sends segments over one TCP connection, one after the other: is each of them echoed?
    pub(crate) fn streams(&self, which: char, to: &str, segments: &str) -> bool {
        self.reaches(which, &format!("stream {to} {segments}"))
    }

    pub(crate) fn ping(&self, which: char, to: &str) -> bool {
        // Checksums are the kernel's business: it fills them in for a datagram socket.
        let family = if to.contains(':') {
            "AF_INET6, socket.SOCK_DGRAM, socket.IPPROTO_ICMPV6"
        } else {
            "AF_INET, socket.SOCK_DGRAM, socket.IPPROTO_ICMP"
        };
        let kind = if to.contains(':') { 128 } else { 8 };
        self.run(which, "echo 0 2147483647 >/proc/sys/net/ipv4/ping_group_range");
        let script = format!(
            "import socket; s = socket.socket(socket.{family}); s.settimeout(0.4)
\
             s.sendto(bytes([{kind}]) + bytes(7) + b'weir', ('{to}', 0)); s.recv(64)"
        );
        self.command(which, "python3").args(["-c", &script]).output().unwrap().status.success()
    }

    /// A connection that stays open.
    pub(crate) fn hold(&self, which: char, to: &str) -> Held {
        let mut child = self
            .helper(which, &format!("hold {to}"))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let (input, mut output) = (child.stdin.take().unwrap(), BufReader::new(child.stdout.take().unwrap()));
        wait_for(&mut output, "READY");
        Held { child, input, output }
    }

    /// Packets of a counter.
    pub(crate) fn counter(&self, name: &str) -> u64 {
        let text = self.run('g', &format!("nft list counter inet weir {name}"));
        text.split_whitespace().skip_while(|word| *word != "packets").nth(1).unwrap().parse().unwrap()
    }
}

impl Drop for Lab {
    fn drop(&mut self) {
        for child in &mut self.children {
            let _ = child.kill();
            let _ = child.wait();
        }
        for which in ['c', 'g', 's'] {
            let _ = Command::new("ip").args(["netns", "del", &self.ns(which)]).status();
        }
    }
}

/// See [`Lab::hold`].
pub(crate) struct Held {
    child: Child,
    input: ChildStdin,
    output: BufReader<ChildStdout>,
}

impl Held {
    /// Sends and waits for the echo.
    pub(crate) fn alive(&mut self) -> bool {
        self.input.write_all(b"go\n").unwrap();
        let mut line = String::new();
        loop {
            line.clear();
            assert!(self.output.read_line(&mut line).unwrap() > 0, "the helper ended");
            match line.trim() {
                "ALIVE" => return true,
                "DEAD" => return false,
                _ => {}
            }
        }
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn wait_for(out: &mut impl BufRead, word: &str) {
    let mut line = String::new();
    while line.trim() != word {
        line.clear();
        assert!(out.read_line(&mut line).unwrap() > 0, "the helper ended before {word}");
    }
}

/// What the helper process does, by the order in its environment. Ends the process.
pub(crate) fn helper_main() {
    let Ok(order) = std::env::var("WEIR_LAB_ORDER") else { return };
    let words: Vec<&str> = order.split(' ').collect();
    let done = match words[0] {
        "serve" => serve(&words[1..]),
        "tcp" => connect(words[1]).is_some_and(|mut stream| echoes(&mut stream)),
        "udp" => udp(words[1], words.get(2).copied()),
        "hold" => hold(words[1]),
        "answer" => answer(words[1], &bytes(words[2])),
        "ask" => ask(words[1], &bytes(words[2])),
        "stream" => stream(words[1], &words[2..]),
        other => panic!("{other}"),
    };
    std::process::exit(i32::from(!done));
}

fn serve(ports: &[&str]) -> bool {
    for port in ports {
        let listener = TcpListener::bind(format!("[::]:{port}")).unwrap();
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let mut stream = stream.unwrap();
                std::thread::spawn(move || {
                    let mut buffer = [0; 64];
                    while let Ok(count @ 1..) = stream.read(&mut buffer) {
                        if stream.write_all(&buffer[..count]).is_err() {
                            break;
                        }
                    }
                });
            }
        });
        let socket = UdpSocket::bind(format!("[::]:{port}")).unwrap();
        std::thread::spawn(move || {
            let mut buffer = [0; 64];
            while let Ok((count, from)) = socket.recv_from(&mut buffer) {
                let _ = socket.send_to(&buffer[..count], from);
            }
        });
    }
    println!("\nREADY");
    // Until the other end of the pipe is closed.
    let _ = std::io::stdin().read(&mut [0]);
    true
}

fn connect(to: &str) -> Option<TcpStream> {
    let to: SocketAddr = to.parse().unwrap();
    let stream = TcpStream::connect_timeout(&to, PATIENCE).ok()?;
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    Some(stream)
}

fn echoes(stream: &mut TcpStream) -> bool {
    stream.write_all(b"ping").is_ok() && stream.read_exact(&mut [0; 4]).is_ok()
}

fn udp(to: &str, from: Option<&str>) -> bool {
    let to: SocketAddr = to.parse().unwrap();
    let any = if to.is_ipv4() { "0.0.0.0:0" } else { "[::]:0" };
    let socket = UdpSocket::bind(from.unwrap_or(any)).unwrap();
    socket.set_read_timeout(Some(PATIENCE)).unwrap();
    socket.send_to(b"ping", to).is_ok() && socket.recv(&mut [0; 8]).is_ok()
}

/// `0fa1` as two bytes.
fn bytes(text: &str) -> Vec<u8> {
    (0..text.len() / 2).map(|at| u8::from_str_radix(&text[at * 2..at * 2 + 2], 16).unwrap()).collect()
}

fn answer(port: &str, answer: &[u8]) -> bool {
    let socket = UdpSocket::bind(format!("[::]:{port}")).unwrap();
    let answer = answer.to_vec();
    std::thread::spawn(move || {
        let mut buffer = [0; 9000];
        while let Ok((_, from)) = socket.recv_from(&mut buffer) {
            let _ = socket.send_to(&answer, from);
        }
    });
    println!("\nREADY");
    let _ = std::io::stdin().read(&mut [0]);
    true
}

fn ask(to: &str, payload: &[u8]) -> bool {
    let to: SocketAddr = to.parse().unwrap();
    let socket = UdpSocket::bind(if to.is_ipv4() { "0.0.0.0:0" } else { "[::]:0" }).unwrap();
    socket.set_read_timeout(Some(PATIENCE)).unwrap();
    socket.send_to(payload, to).is_ok() && socket.recv(&mut [0; 64]).is_ok()
}

fn stream(to: &str, segments: &[&str]) -> bool {
    let Some(mut stream) = connect(to) else { return false };
    stream.set_nodelay(true).unwrap();
    segments.iter().all(|segment| {
        let segment = bytes(segment);
        let mut echo = vec![0; segment.len()];
        stream.write_all(&segment).is_ok() && stream.read_exact(&mut echo).is_ok() && echo == segment
    })
}

fn hold(to: &str) -> bool {
    let Some(mut stream) = connect(to) else { return false };
    println!("\n{}", if echoes(&mut stream) { "READY" } else { "FAILED" });
    for _ in std::io::stdin().lines() {
        println!("{}", if echoes(&mut stream) { "ALIVE" } else { "DEAD" });
    }
    true
}
