//! What the README of an output tree says about this target.

use std::fmt::Write as _;

use weir_targets::file_name;

/// When a withdrawn permission ends.
pub fn revocation_note() -> &'static str {
    "A withdrawn permission ends when the new ruleset is loaded, live connections included: nothing that the new policy \
     does not permit passes after the command returns. Connections it still permits go on undisturbed. A permission \
     with `until` ends by the kernel's clock, without a reload."
}

/// The section on this target, for its gateways, those of them that are bridges, and those that take connections for
/// others: how to deploy, check and roll back.
pub fn readme_section(gateways: &[String], bridges: &[String], transparent: &[String]) -> String {
    let mut out = String::from("## nftables\n\n");
    out.push_str(revocation_note());
    out.push_str(
        "\n\nEach gateway has its ruleset in two forms that mean the same. Both own `table inet weir` alone and leave \
         other tables as they are. They use the connection mark and the packet mark: no other software on the gateway may write the bits \
         of `mark-mask` (all, if the package gives none), and packets leave with these bits of the packet mark cleared \
         where they were looked up.\n\n\
         | gateway | boot | change without losing a packet |\n| --- | --- | --- |\n",
    );
    for gateway in gateways {
        let name = file_name(gateway);
        let _ = writeln!(out, "| `{gateway}` | `nftables/{name}.nft` | `nftables/{name}.d/apply` |");
    }
    out.push_str(
        "\n**Deploy** (as root on the gateway): copy the folder `<gateway>.d` and run `./apply`. It checks the files \
         against the kernel, loads the new generation beside the old one, switches in one transaction and waits \
         60 s. Log in *again* (this proves that you still can) and run `./apply confirm`; without it, the \
         generation before is put back. `./apply --yes` does not wait. After the confirmation, install \
         `<gateway>.nft` as what the host loads at boot, for instance from `/etc/nftables.conf`.\n\n\
         **Check**: `nft -c -f <gateway>.nft` is a dry run; `unshare -n nft -f <gateway>.nft` (as root) loads it for \
         real in a network namespace of its own. `./apply status` says which generation is in force.\n\n\
         **Roll back**: `./apply rollback` while it waits for a confirmation; later, `./apply` of the folder that was \
         deployed before, or `nft -f` of its `.nft` file.\n\n\
         **Watch**: `nft list counters table inet weir`. `c_<policy>` counts connections permitted, `c_<policy>/over` \
         those above a limit, `n_denied_*` packets refused, `n_spoofed` packets from a source address \
         that does not belong to the interface they came by. Log lines start with `weir-denied`, `weir-spoofed`, \
         `weir-allow` or `weir-audit`.\n\n\
         **Operations** (`bacnet.read`, `coap.get`, `modbus.read`) are judged packet by packet: the counter and a `limit` \
         then count packets that carry one, repeated ones too, and `c_<policy>/…/other` counts what named none of them. \
         Answers pass; what cannot be read does not.\n\n\
         - BACnet/IP and CoAP: one request is one datagram, read after reassembly. Requests through BACnet routers or \
         broadcast devices, and requests in segments, are refused. Where both ends use one port, the side that spoke first \
         is the one that may ask; the other side's requests wait until the connection is forgotten (2 minutes). \
         Leave `rx-udp-gro-forwarding` and `rx-gro-list` off (`ethtool -k`; they are by default): they join datagrams, \
         and only the first would be read. For the same reason a container or virtual machine on the gateway itself \
         must not be the source (UDP segmentation offload).\n\
         - Modbus/TCP: each segment has to be one request, whole and alone. Masters that send several requests at once \
         are refused. This stops mistakes and ordinary clients, not a sender of raw packets: segments that overlap are \
         put together by the device in ways that no packet filter sees. Take the right to send them (`CAP_NET_RAW`) from \
         sources. Below SL2 that may do; from SL2 on a gateway that ends the connection is demanded.\n",
    );
    if !transparent.is_empty() {
        transparent_section(&mut out, transparent);
    }
    if !bridges.is_empty() {
        bridge_section(&mut out, bridges);
    }
    out
}

fn transparent_section(out: &mut String, transparent: &[String]) {
    let names: Vec<String> = transparent.iter().map(|name| format!("`{name}`")).collect();
    let _ = write!(
        out,
        "\n**Connections that a gateway takes for others** ({}): the chain `steer` leads them to ports of the Modbus gateway on \
         the same host, by the maps `steer4` and `steer6`. Deploy both together. What was open before the first such ruleset is \
         dropped until its client connects anew; where a client does so from the same port, `conntrack -D -p tcp --dport 502` \
         forgets the old connection. No other software on the gateway may translate these connections.\n",
        names.join(", ")
    );
}

fn bridge_section(out: &mut String, bridges: &[String]) {
    let names: Vec<String> = bridges.iter().map(|name| format!("`{name}`")).collect();
    let _ = write!(
        out,
        "\n**Bridges** ({}): these rulesets own `table bridge weir` too. Frames of layer-2 protocols pass from port to port \
         by it: source, destination, ethertype and, where the policy says so, APPID or FrameID. They are untagged or carry a \
         priority tag (VLAN 0); where a network comes tagged, make the VLAN's device (`eth1.10`) the port.\n\n\
         - IP between ports is decided by the `inet` forward chain, as connections. So `br_netfilter` has to hand it over: \
         load it at boot (`modprobe br_netfilter`), and set `net.bridge.bridge-nf-call-iptables` and `net.bridge.bridge-nf-call-ip6tables` to 1. \
         `./apply` refuses to work without. Where they are 0, no IP passes the bridge. \
         `net.bridge.bridge-nf-filter-vlan-tagged` stays 0.\n\
         - ARP passes between those whose packets may. Neighbour discovery passes where any IPv6 does, and advertisements \
         only of addresses that are behind the port. Router advertisements do not pass.\n\
         - Source MAC addresses that the package declares count at their port only, IP addresses too. A station without `mac` \
         is known by its IP address alone.\n\
         - Other bridges of the host pass nothing: all forwarding of the bridge family is denied by default.\n\
         - **Watch**: `nft list counters table bridge weir`. `c_<policy>` counts frames, `n_denied` and `n_spoofed` what was \
         refused; log lines start with `weir-denied bridge` or `weir-spoofed bridge`.\n\
         - A gateway that is a bridge no more: `./apply` removes the table; after `nft -f` alone, `nft delete table bridge weir`.\n",
        names.join(", ")
    );
}
