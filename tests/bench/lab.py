"""Client, gateway and server as network namespaces; frames of the client cross the gateway. Needs root."""

import os
import pathlib
import subprocess
import sys

SENDER = pathlib.Path(__file__).with_name("sender.py")


class Lab:
    """Three namespaces, removed at the end. The gateway has the interfaces of the package of shape `hosts`."""

    def __init__(self):
        self.names = {part: f"weir-bench-{os.getpid()}-{part}" for part in ("client", "gateway", "server")}

    def __enter__(self):
        for name in self.names.values():
            self.sh(["ip", "netns", "add", name])
        client, gateway, server = self.names.values()
        self.cable(client, "c0", gateway, "left0", "02:00:00:00:00:01", "02:00:00:00:00:02")
        self.cable(gateway, "right0", server, "s0", "02:00:00:00:00:03", "02:00:00:00:00:04")
        for command in (
            "ip address add 10.0.0.1/9 dev left0",
            "ip address add 10.128.0.1/9 dev right0",
            "ip neighbour add 10.255.255.254 lladdr 02:00:00:00:00:04 dev right0",
            "ip route replace 10.128.0.0/10 via 10.255.255.254 dev right0",
            "sysctl -qw net.ipv4.ip_forward=1 net.ipv4.conf.all.rp_filter=0 net.ipv4.conf.left0.rp_filter=0",
        ):
            self.inside(gateway, command.split())
        return self

    def __exit__(self, *_):
        for name in self.names.values():
            subprocess.run(["ip", "netns", "delete", name], capture_output=True, check=False)

    def cable(self, left, left_name, right, right_name, left_mac, right_mac):
        self.sh(["ip", "link", "add", left_name, "netns", left, "address", left_mac,
                 "type", "veth", "peer", "name", right_name, "netns", right, "address", right_mac])
        self.inside(left, ["ip", "link", "set", left_name, "up"])
        self.inside(right, ["ip", "link", "set", right_name, "up"])

    def load(self, ruleset):
        self.inside(self.names["gateway"], ["nft", "-f", str(ruleset)])

    def forwarded(self):
        """Packets that arrived at the server."""
        counter = "/sys/class/net/s0/statistics/rx_packets"
        return int(self.inside(self.names["server"], ["cat", counter]))

    def send(self, flows, packets):
        """Microseconds of a first and of a later packet of a connection."""
        before = self.forwarded()
        said = self.inside(self.names["client"], [sys.executable, "-S", str(SENDER), str(flows), str(packets)])
        arrived = self.forwarded() - before
        if arrived < packets * 2:
            raise SystemExit(f"only {arrived} of {packets * 2} packets passed the gateway")
        return tuple(float(word) for word in said.split())

    def inside(self, name, command):
        return self.sh(["ip", "netns", "exec", name, *command])

    @staticmethod
    def sh(command):
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode != 0:
            raise SystemExit(f"{' '.join(command)}: {done.stderr}")
        return done.stdout
