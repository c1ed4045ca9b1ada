//! The stations of one network namespace: answers on ports and knocks at those of others, as its input says.
//!
//! A line is `ID ORDER ARGUMENTS…`, its answer `ID yes` or `ID no`; orders run side by side.

use std::{
    collections::HashMap,
    io::{BufRead, Read, Write},
    net::{IpAddr, SocketAddr, TcpStream, UdpSocket},
    sync::{Arc, Mutex, PoisonError},
    thread,
    time::{Duration, Instant},
};

use socket2::{Domain, Protocol, SockAddr, Socket, Type};

/// Connections that stay open, by the number that opened them.
type Held = Arc<Mutex<HashMap<String, TcpStream>>>;

fn main() {
    let held = Held::default();
    for line in std::io::stdin().lock().lines().map_while(Result::ok) {
        let held = held.clone();
        thread::spawn(move || {
            let words: Vec<&str> = line.split_whitespace().collect();
            let Some((id, order)) = words.split_first() else { return };
            let done = obey(id, order, &held).unwrap_or(false);
            let answer = format!("{id} {}\n", if done { "yes" } else { "no" });
            // Nobody reads it any more when the test has ended.
            let _ = std::io::stdout().lock().write_all(answer.as_bytes());
        });
    }
}

fn obey(id: &str, order: &[&str], held: &Held) -> Option<bool> {
    let done = match *order {
        ["listen-tcp", port] => listen_tcp(port.parse().ok()?).is_ok(),
        ["listen-udp", address, port] => {
            listen_udp((address.parse::<IpAddr>().ok()?, port.parse().ok()?).into()).is_ok()
        }
        ["tcp", from, to, patience] => {
            echoes(&mut connect(from.parse().ok()?, to.parse().ok()?, millis(patience)?).ok()?)
        }
        ["udp", from, to, patience] => udp(from.parse().ok()?, to.parse().ok()?, millis(patience)?).ok()?,
        ["echo", from, to, patience] => echo(from.parse().ok()?, to.parse().ok()?, millis(patience)?).ok()?,
        ["forge", from, to] => forge(from.parse().ok()?, to.parse().ok()?).is_ok(),
        ["hold", from, to, patience] => {
            let mut stream = connect(from.parse().ok()?, to.parse().ok()?, millis(patience)?).ok()?;
            let alive = echoes(&mut stream);
            held.lock().unwrap_or_else(PoisonError::into_inner).insert(id.to_owned(), stream);
            alive
        }
        ["alive", which] => {
            let mut stream =
                held.lock().unwrap_or_else(PoisonError::into_inner).get(which)?.try_clone().ok()?;
            echoes(&mut stream)
        }
        _ => return None,
    };
    Some(done)
}

fn millis(text: &str) -> Option<Duration> {
    text.parse().ok().map(Duration::from_millis)
}

/// Answers on every address: a connection remembers by which it came.
fn listen_tcp(port: u16) -> std::io::Result<()> {
    let listener = std::net::TcpListener::bind(("::", port))?;
    thread::spawn(move || {
        for mut stream in listener.incoming().flatten() {
            thread::spawn(move || {
                let mut buffer = [0; 64];
                while let Ok(count @ 1..) = stream.read(&mut buffer) {
                    if stream.write_all(&buffer[..count]).is_err() {
                        break;
                    }
                }
            });
        }
    });
    Ok(())
}

/// One address each: an answer has to come from the address that was asked.
fn listen_udp(at: SocketAddr) -> std::io::Result<()> {
    let socket = UdpSocket::bind(at)?;
    thread::spawn(move || {
        let mut buffer = [0; 64];
        while let Ok((count, from)) = socket.recv_from(&mut buffer) {
            let _ = socket.send_to(&buffer[..count], from);
        }
    });
    Ok(())
}

fn connect(from: IpAddr, to: SocketAddr, patience: Duration) -> std::io::Result<TcpStream> {
    let socket = Socket::new(Domain::for_address(to), Type::STREAM, Some(Protocol::TCP))?;
    socket.bind(&SockAddr::from(SocketAddr::new(from, 0)))?;
    socket.connect_timeout(&SockAddr::from(to), patience)?;
    socket.set_read_timeout(Some(Duration::from_millis(400)))?;
    Ok(socket.into())
}

fn echoes(stream: &mut TcpStream) -> bool {
    // What an earlier, lost question left behind.
    let mut answer = [0; 4];
    stream.write_all(b"ping").is_ok() && stream.read_exact(&mut answer).is_ok()
}

/// Asks again every 300 ms, since a `limit` may drop what comes too fast.
fn asks(socket: &Socket, to: &SockAddr, message: &[u8], patience: Duration) -> std::io::Result<bool> {
    let end = Instant::now() + patience;
    socket.set_read_timeout(Some(Duration::from_millis(300)))?;
    let mut buffer = [std::mem::MaybeUninit::uninit(); 128];
    while Instant::now() < end {
        // A refusal (an ICMP error, a filter on the way out) is no answer.
        let _ = socket.send_to(message, to);
        if socket.recv(&mut buffer).is_ok() {
            return Ok(true);
        }
    }
    Ok(false)
}

fn udp(from: IpAddr, to: SocketAddr, patience: Duration) -> std::io::Result<bool> {
    let socket = Socket::new(Domain::for_address(to), Type::DGRAM, Some(Protocol::UDP))?;
    socket.bind(&SockAddr::from(SocketAddr::new(from, 0)))?;
    asks(&socket, &SockAddr::from(to), b"ping", patience)
}

fn echo(from: IpAddr, to: IpAddr, patience: Duration) -> std::io::Result<bool> {
    let to = SocketAddr::new(to, 0);
    let (protocol, kind) = if to.is_ipv4() { (Protocol::ICMPV4, 8) } else { (Protocol::ICMPV6, 128) };
    let socket = Socket::new(Domain::for_address(to), Type::DGRAM, Some(protocol))?;
    socket.bind(&SockAddr::from(SocketAddr::new(from, 0)))?;
    let message = [kind, 0, 0, 0, 0, 0, 0, 1, b'w', b'e', b'i', b'r'];
    asks(&socket, &SockAddr::from(to), &message, patience)
}

/// One UDP packet from an address that this namespace does not have.
fn forge(from: IpAddr, to: SocketAddr) -> std::io::Result<()> {
    let socket = Socket::new(Domain::for_address(to), Type::DGRAM, Some(Protocol::UDP))?;
    if from.is_ipv4() {
        socket.set_ip_transparent_v4(true)?;
    } else {
        socket.set_freebind_v6(true)?;
    }
    socket.bind(&SockAddr::from(SocketAddr::new(from, 0)))?;
    socket.send_to(b"fake", &SockAddr::from(to)).map(|_| ())
}
