"""Sends TCP SYNs of the flows of shape `hosts`, each connection twice; prints the median time of a first and of a second
packet in microseconds. A frame crosses the gateway before `send` returns, so that the time is that of the whole way."""

import os
import socket
import statistics
import struct
import sys
import time

BATCH = 100


def checksum(data):
    total = sum(struct.unpack(f"!{len(data) // 2}H", data))
    total = (total >> 16) + (total & 0xFFFF)
    return ~(total + (total >> 16)) & 0xFFFF


def address(start, flow):
    """As the package has it: 250 hosts in each 256."""
    at = flow // 250
    return bytes([10, start + at // 256, at % 256, flow % 250 + 2])


def frame(flow, source_port):
    source, destination = address(0, flow), address(128, flow)
    tcp = struct.pack("!HHIIHHHH", source_port, 10_000 + flow % 200, 1, 0, 0x5002, 1024, 0, 0)
    sum_ = checksum(source + destination + struct.pack("!HH", 6, len(tcp)) + tcp)
    tcp = tcp[:16] + struct.pack("!H", sum_) + tcp[18:]
    ip = struct.pack("!BBHHHBBH", 0x45, 0, 20 + len(tcp), 0, 0x4000, 64, 6, 0) + source + destination
    ip = ip[:10] + struct.pack("!H", checksum(ip)) + ip[12:]
    ethernet = bytes.fromhex("020000000002" "020000000001" "0800")
    return ethernet + ip + tcp


def median_cost(sender, frames):
    batches = []
    for start in range(0, len(frames), BATCH):
        batch = frames[start:start + BATCH]
        begin = time.perf_counter()
        for one in batch:
            sender.send(one)
        batches.append((time.perf_counter() - begin) / len(batch))
    return statistics.median(batches) * 1e6


def main():
    flows, packets = int(sys.argv[1]), int(sys.argv[2])
    os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
    # Neighbouring packets are of flows far from each other.
    frames = [frame(n * 7919 % flows, 1024 + n // flows % 60_000) for n in range(packets)]
    sender = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
    sender.bind(("c0", 0))
    print(median_cost(sender, frames), median_cost(sender, frames))


if __name__ == "__main__":
    main()
