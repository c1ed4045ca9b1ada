//! Clients that no library offers; the tests are in `tests/`.

/// A Python script: one TCP connection to port 502 from a raw socket. Arguments: source, destination, source port, then the
/// segments after the handshake, `OFFSET:HEX` each, in the order in which they are sent.
pub const SEGMENTS: &str = "
import socket, struct, sys, time
source, target, port, sport = sys.argv[1], sys.argv[2], 502, int(sys.argv[3])
raw = socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_TCP); raw.settimeout(3)
def checksum(data):
    data += b'\\0' * (len(data) % 2)
    total = sum(struct.unpack('>%dH' % (len(data) // 2), data))
    while total >> 16: total = (total & 0xffff) + (total >> 16)
    return ~total & 0xffff
def send(flags, seq, ack, data=b''):
    head = lambda check: struct.pack('>HHIIBBHHH', sport, port, seq, ack, 5 << 4, flags, 64000, check, 0)
    pseudo = socket.inet_aton(source) + socket.inet_aton(target) + struct.pack('>BBH', 0, 6, 20 + len(data))
    raw.sendto(head(checksum(pseudo + head(0) + data)) + data, (target, 0))
raw.bind((source, 0))
send(2, 1000, 0)
while True:
    packet = raw.recv(65535); tcp = packet[(packet[0] & 15) * 4:]
    if struct.unpack('>HH', tcp[:4]) == (port, sport) and tcp[13] & 0x12 == 0x12: break
ack = struct.unpack('>I', tcp[4:8])[0] + 1
send(0x10, 1001, ack); time.sleep(0.2)
for segment in sys.argv[4:]:
    offset, data = segment.split(':')
    send(0x18, 1001 + int(offset), ack, bytes.fromhex(data)); time.sleep(0.05)
time.sleep(0.5)
";
