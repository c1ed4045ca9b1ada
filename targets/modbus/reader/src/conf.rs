//! `nginx.conf`: a strict parser, and the one shape that lets no connection past the script.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use crate::Unread;

/// One `server` of the stream.
#[derive(Clone, Debug)]
pub(crate) struct Server {
    pub(crate) port: u16,
    pub(crate) addresses: Vec<IpAddr>,
    pub(crate) tls: bool,
    pub(crate) upstream: (IpAddr, u16),
    pub(crate) upstream_name: Option<String>,
}

/// `name word word;` or `name word { … }`.
struct Directive {
    line: u32,
    words: Vec<String>,
    block: Option<Vec<Directive>>,
}

fn unread(line: u32, what: impl Into<String>) -> Unread {
    Unread { file: "nginx.conf".into(), line, what: what.into() }
}

/// Words, `;`, `{` and `}` with their lines. Quoted words hold neither escapes nor variables, others only what the
/// emitter's can.
fn tokens(text: &str) -> Result<Vec<(u32, String)>, Unread> {
    let mut tokens = Vec::new();
    for (line, text) in (1..).zip(text.lines()) {
        let mut rest = text.trim_start();
        while let Some(first) = rest.chars().next() {
            let taken = match first {
                '#' => break,
                ';' | '{' | '}' => {
                    tokens.push((line, first.to_string()));
                    1
                }
                '"' => {
                    let end = rest[1..].find('"').ok_or_else(|| unread(line, "a quote is not closed"))?;
                    let word = &rest[1..=end];
                    if word.is_empty() || word.contains(['$', '\\', ';', '{', '}']) {
                        return Err(unread(line, format!("the word {word:?}")));
                    }
                    tokens.push((line, word.to_owned()));
                    end + 2
                }
                _ => {
                    let end = rest.find([' ', ';', '{', '}', '"', '\t']).unwrap_or(rest.len());
                    let word = &rest[..end];
                    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"._:[]=$-".contains(&byte);
                    if !word.bytes().all(plain) || word.is_empty() {
                        return Err(unread(line, format!("the word {word:?}")));
                    }
                    tokens.push((line, word.to_owned()));
                    end
                }
            };
            rest = rest[taken..].trim_start();
        }
    }
    Ok(tokens)
}

fn directives(
    tokens: &mut std::iter::Peekable<std::vec::IntoIter<(u32, String)>>,
    depth: u32,
) -> Result<Vec<Directive>, Unread> {
    let mut list = Vec::new();
    let mut words = Vec::new();
    let mut start = 0;
    while let Some((line, token)) = tokens.next() {
        match token.as_str() {
            ";" if !words.is_empty() => {
                list.push(Directive { line: start, words: std::mem::take(&mut words), block: None });
            }
            "{" if !words.is_empty() && depth < 3 => {
                let block = Some(directives(tokens, depth + 1)?);
                list.push(Directive { line: start, words: std::mem::take(&mut words), block });
            }
            "}" if words.is_empty() && depth > 0 => return Ok(list),
            ";" | "{" | "}" => return Err(unread(line, format!("`{token}` does not belong here"))),
            _ => {
                if words.is_empty() {
                    start = line;
                }
                words.push(token);
            }
        }
    }
    if depth > 0 || !words.is_empty() {
        return Err(unread(start, "the file ends too early"));
    }
    Ok(list)
}

/// Takes directives out of a block, each at most once; what is left in the end is not known.
struct Block {
    line: u32,
    rest: Vec<Directive>,
}

impl Block {
    fn all(&mut self, name: &str) -> Vec<Directive> {
        let (found, rest) = std::mem::take(&mut self.rest).into_iter().partition(|one| one.words[0] == name);
        self.rest = rest;
        found
    }

    fn one(&mut self, name: &str) -> Result<Option<Directive>, Unread> {
        let mut found = self.all(name);
        if let Some(second) = found.get(1) {
            return Err(unread(second.line, format!("`{name}` again")));
        }
        Ok(found.pop())
    }

    /// It stands there, with exactly these words.
    fn exactly(&mut self, name: &str, words: &[&str]) -> Result<(), Unread> {
        match self.one(name)? {
            Some(one) if one.block.is_none() && one.words[1..] == *words => Ok(()),
            Some(one) => Err(unread(one.line, format!("`{name}` is not `{}`", words.join(" ")))),
            None => Err(unread(self.line, format!("`{name} {}` is missing", words.join(" ")))),
        }
    }

    fn word(&mut self, name: &str) -> Result<String, Unread> {
        match self.one(name)? {
            Some(one) if one.block.is_none() && one.words.len() == 2 => Ok(one.words[1].clone()),
            Some(one) => Err(unread(one.line, format!("`{name}` has one word"))),
            None => Err(unread(self.line, format!("`{name}` is missing"))),
        }
    }

    /// A time that ends: `10s`, `10m`.
    fn time(&mut self, name: &str) -> Result<(), Unread> {
        let word = self.word(name)?;
        let number = word.strip_suffix(['s', 'm']).and_then(|number| number.parse::<u16>().ok());
        match number {
            Some(1..) => Ok(()),
            _ => Err(unread(self.line, format!("`{name}` is {word}"))),
        }
    }

    fn end(self) -> Result<(), Unread> {
        match self.rest.first() {
            Some(one) => Err(unread(one.line, format!("`{}` is not known here", one.words[0]))),
            None => Ok(()),
        }
    }
}

pub(crate) fn read(bytes: &[u8]) -> Result<Vec<Server>, Unread> {
    let text = std::str::from_utf8(bytes).map_err(|_| unread(0, "it is not UTF-8"))?;
    let mut main = Block { line: 1, rest: directives(&mut tokens(text)?.into_iter().peekable(), 0)? };
    let modules = main.all("load_module");
    let module = |at: usize, name: &str| {
        modules.get(at).is_some_and(|one| one.words.len() == 2 && one.words[1].ends_with(name))
    };
    if modules.len() != 2 || !module(0, "/ngx_stream_module.so") || !module(1, "/ngx_stream_js_module.so") {
        return Err(unread(
            modules.first().map_or(1, |one| one.line),
            "the modules are not stream and stream_js",
        ));
    }
    main.exactly("daemon", &["off"])?;
    main.word("pid")?;
    main.exactly("error_log", &["stderr", "notice"])?;
    main.exactly("worker_processes", &["1"])?;
    main.exactly("worker_shutdown_timeout", &["1s"])?;
    let events = main.one("events")?.and_then(|one| Some(Block { line: one.line, rest: one.block? }));
    let mut events = events.ok_or_else(|| unread(1, "`events` is missing"))?;
    let connections = events.word("worker_connections")?;
    if !connections.parse::<u32>().is_ok_and(|number| number > 0) {
        return Err(unread(events.line, format!("`worker_connections` is {connections}")));
    }
    events.end()?;
    let stream = main.one("stream")?.filter(|one| one.words.len() == 1);
    let stream = stream.and_then(|one| Some(Block { line: one.line, rest: one.block? }));
    let mut stream = stream.ok_or_else(|| unread(1, "`stream` is missing"))?;
    main.end()?;
    let home = stream.word("js_path")?;
    stream.exactly("js_import", &["weir", "from", "modbus.js"])?;
    stream.exactly("js_preload_object", &["policy", "from", "policy.json"])?;
    let state = stream.one("js_var")?.filter(|one| one.words.len() == 3 && one.words[1] == "$weir_state");
    state.ok_or_else(|| unread(stream.line, "`js_var $weir_state` is missing"))?;
    stream.exactly("js_preread", &["weir.gate"])?;
    stream.exactly("js_filter", &["weir.filter"])?;
    for timeout in ["preread_timeout", "proxy_connect_timeout", "proxy_timeout"] {
        stream.time(timeout)?;
    }
    let mut servers: Vec<Server> = Vec::new();
    for one in stream.all("server") {
        let line = one.line;
        let block =
            one.block.filter(|_| one.words.len() == 1).ok_or_else(|| unread(line, "`server` has a block"))?;
        let read = server(Block { line, rest: block }, &home)?;
        if servers.iter().any(|other| other.port == read.port) {
            return Err(unread(line, format!("port {} again", read.port)));
        }
        servers.push(read);
    }
    stream.end()?;
    Ok(servers)
}

fn server(mut block: Block, home: &str) -> Result<Server, Unread> {
    let line = block.line;
    let mut places: Vec<SocketAddr> = Vec::new();
    let mut tls = None;
    for listen in block.all("listen") {
        let words: Vec<&str> = listen.words.iter().map(String::as_str).collect();
        let (place, has_tls) = match words.as_slice() {
            [_, place, "ssl", "so_keepalive=on"] => (place, true),
            [_, place, "so_keepalive=on"] => (place, false),
            _ => return Err(unread(listen.line, "this form of `listen`")),
        };
        if tls.replace(has_tls).is_some_and(|before| before != has_tls) {
            return Err(unread(listen.line, "a port with TLS at some addresses only"));
        }
        places.push(
            place.parse().map_err(|_| unread(listen.line, format!("{place:?} is no address with a port")))?,
        );
    }
    let (Some(tls), Some(port)) = (tls, places.first().map(SocketAddr::port)) else {
        return Err(unread(line, "a server that listens nowhere"));
    };
    if places.iter().any(|place| place.port() != port) {
        return Err(unread(line, "a server with several ports"));
    }
    let mut addresses: Vec<IpAddr> = places.iter().map(SocketAddr::ip).collect();
    addresses.sort_unstable();
    if addresses.windows(2).any(|two| two[0] == two[1]) {
        return Err(unread(line, "an address again"));
    }
    let everywhere: [IpAddr; 2] = [Ipv4Addr::UNSPECIFIED.into(), Ipv6Addr::UNSPECIFIED.into()];
    if addresses == everywhere {
        addresses.clear();
    } else if addresses.iter().any(IpAddr::is_unspecified) {
        return Err(unread(line, "every address of one family only"));
    }
    let file = |block: &mut Block, name: &str, end: &str| match block.word(name)? {
        path if path == format!("{home}/{end}") => Ok(()),
        path => Err(unread(line, format!("`{name}` is {path:?}, not `{end}` of the gateway's folder"))),
    };
    if tls {
        file(&mut block, "ssl_certificate", "gateway.crt")?;
        file(&mut block, "ssl_certificate_key", "gateway.key")?;
        file(&mut block, "ssl_client_certificate", "ca.crt")?;
        block.exactly("ssl_verify_client", &["on"])?;
        block.exactly("ssl_verify_depth", &["4"])?;
        block.exactly("ssl_protocols", &["TLSv1.3"])?;
        block.exactly("ssl_session_cache", &["off"])?;
        block.exactly("ssl_session_tickets", &["off"])?;
        block.time("ssl_handshake_timeout")?;
    }
    let mut upstream_name = None;
    if block.rest.iter().any(|one| one.words[0] == "proxy_ssl") {
        block.exactly("proxy_ssl", &["on"])?;
        block.exactly("proxy_ssl_protocols", &["TLSv1.2", "TLSv1.3"])?;
        file(&mut block, "proxy_ssl_certificate", "gateway.crt")?;
        file(&mut block, "proxy_ssl_certificate_key", "gateway.key")?;
        file(&mut block, "proxy_ssl_trusted_certificate", "ca.crt")?;
        block.exactly("proxy_ssl_verify", &["on"])?;
        block.exactly("proxy_ssl_verify_depth", &["4"])?;
        upstream_name = Some(block.word("proxy_ssl_name")?);
    }
    let upstream = block.word("proxy_pass")?;
    let upstream: SocketAddr =
        upstream.parse().map_err(|_| unread(line, format!("{upstream:?} is no address with a port")))?;
    block.end()?;
    Ok(Server { port, addresses, tls, upstream: (upstream.ip(), upstream.port()), upstream_name })
}
