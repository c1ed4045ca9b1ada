// Weir's Modbus gateway: nginx ends the connection, this script reads every request and passes on what the policy
// permits. What it does not understand closes the session. It is the same for every gateway: the policy is data, from
// policy.json, and Weir's reader refuses any other text of this file.

import fs from 'fs';

// ---- who ----

// One DER element of `bytes` at `at`, which has to end before `end`; X.690, definite lengths only.
function element(bytes, at, end) {
    if (at + 2 > end) {
        throw new Error('certificate: too short');
    }
    const tag = bytes[at];
    let length = bytes[at + 1];
    let start = at + 2;
    if (length >= 0x80) {
        const count = length & 0x7f;
        if (count < 1 || count > 3 || start + count > end) {
            throw new Error('certificate: bad length');
        }
        length = 0;
        for (let i = 0; i < count; i++) {
            length = length * 256 + bytes[start + i];
        }
        start += count;
    }
    if (start + length > end) {
        throw new Error('certificate: too long');
    }
    return { tag: tag, start: start, end: start + length };
}

function children(bytes, parent) {
    const list = [];
    let at = parent.start;
    while (at < parent.end) {
        const child = element(bytes, at, parent.end);
        list.push(child);
        at = child.end;
    }
    return list;
}

function isOid(bytes, found, hex) {
    return found.tag === 0x06 && bytes.slice(found.start, found.end).toString('hex') === hex;
}

// Text of printable ASCII; anything else names nobody.
function text(bytes, found) {
    for (let i = found.start; i < found.end; i++) {
        if (bytes[i] < 0x20 || bytes[i] > 0x7e) {
            return null;
        }
    }
    return bytes.slice(found.start, found.end).toString('utf8');
}

// The names in a certificate that nginx has verified: `uri:…` (one at most: SPIFFE), `dns:…`, `cn:…` (one at most).
function namesIn(pem) {
    const base64 = pem.replace(/-----[A-Z ]+-----/g, '').replace(/\s/g, '');
    const bytes = Buffer.from(base64, 'base64');
    const whole = element(bytes, 0, bytes.length);
    const fields = children(bytes, children(bytes, whole)[0]).filter((field) => field.tag !== 0xa0);
    // serial number, signature, issuer, validity, subject, public key, then what is optional
    const names = [];
    const common = [];
    children(bytes, fields[4]).forEach((relative) => {
        children(bytes, relative).forEach((attribute) => {
            const parts = children(bytes, attribute);
            if (parts.length === 2 && isOid(bytes, parts[0], '550403')) {
                common.push(parts[1].tag === 0x0c || parts[1].tag === 0x13 ? text(bytes, parts[1]) : null);
            }
        });
    });
    if (common.length === 1 && common[0] !== null) {
        names.push('cn:' + common[0]);
    }
    const uris = [];
    fields.slice(6).filter((field) => field.tag === 0xa3).forEach((field) => {
        children(bytes, children(bytes, field)[0]).forEach((extension) => {
            const parts = children(bytes, extension);
            if (!isOid(bytes, parts[0], '551d11')) {
                return;
            }
            const value = parts[parts.length - 1];
            children(bytes, element(bytes, value.start, value.end)).forEach((name) => {
                if (name.tag === 0x86) {
                    uris.push(text(bytes, name));
                } else if (name.tag === 0x82) {
                    const dns = text(bytes, name);
                    if (dns !== null) {
                        names.push('dns:' + dns.toLowerCase());
                    }
                }
            });
        });
    });
    if (uris.length > 1) {
        throw new Error('certificate: several URIs');
    }
    if (uris.length === 1 && uris[0] !== null) {
        names.push('uri:' + uris[0]);
    }
    return names.filter((name, index) => names.indexOf(name) === index);
}

// An address as the policy has it: 8 or 32 hexadecimal digits.
function addressDigits(address) {
    const v4 = /^(?:::ffff:)?(\d+)\.(\d+)\.(\d+)\.(\d+)$/.exec(address);
    const pad = (number, width) => ('0000' + number.toString(16)).slice(-width);
    if (v4) {
        return v4.slice(1).map((part) => pad(parseInt(part, 10), 2)).join('');
    }
    const halves = address.split('::');
    const groups = (half) => (half === undefined || half === '' ? [] : half.split(':'));
    const head = groups(halves[0]);
    const tail = groups(halves[1]);
    const missing = 8 - head.length - tail.length;
    if (halves.length > 2 || missing < 0 || (halves.length === 1 && missing !== 0)) {
        return null;
    }
    const zeros = [];
    for (let i = 0; i < missing; i++) {
        zeros.push('0');
    }
    return head.concat(zeros, tail).map((part) => pad(parseInt(part, 16), 4)).join('');
}

// The entry of a sorted list of disjoint ranges that an address lies in.
function rangeOf(ranges, digits) {
    let low = 0;
    let high = ranges.length;
    while (low < high) {
        const middle = (low + high) >> 1;
        if (ranges[middle].last < digits) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low < ranges.length && ranges[low].first <= digits ? ranges[low] : null;
}

// Who is at the other end: an entry of the policy, or nothing.
function identify(s) {
    const listener = policy.listeners[s.variables.server_port];
    if (!listener) {
        return null;
    }
    if (listener.certificates === null) {
        const digits = addressDigits(s.remoteAddress);
        const family = digits === null ? null : digits.length === 8 ? listener.addresses.v4 : listener.addresses.v6;
        const found = family === null ? null : rangeOf(family, digits);
        return found && { listener: listener, client: found.client, permissions: found.permissions };
    }
    if (s.variables.ssl_client_verify !== 'SUCCESS') {
        return null;
    }
    const known = namesIn(s.variables.ssl_client_raw_cert).filter((name) => {
        return Object.prototype.hasOwnProperty.call(listener.certificates, name);
    });
    if (known.length !== 1) {
        return null;
    }
    const entry = listener.certificates[known[0]];
    return { listener: listener, client: entry.client, permissions: entry.permissions };
}

// ---- what ----

// The preloaded policy has lists without the methods of arrays.
function some(list, test) {
    for (let i = 0; i < list.length; i++) {
        if (test(list[i])) {
            return true;
        }
    }
    return false;
}

// What a request touches: the range of items, and the value that it writes. Nothing, where its form is not the
// specification's (MODBUS Application Protocol V1.1b3, section 6). Functions not listed here have no items.
function understand(pdu) {
    const code = pdu[0];
    const first = pdu.length >= 3 ? pdu.readUInt16BE(1) : 0;
    const second = pdu.length >= 5 ? pdu.readUInt16BE(3) : 0;
    const items = (count, most) => {
        const fits = count >= 1 && count <= most && first + count <= 65536;
        return fits ? { code: code, first: first, last: first + count - 1, value: null } : null;
    };
    switch (code) {
    case 1:
    case 2:
        return pdu.length === 5 ? items(second, 2000) : null;
    case 3:
    case 4:
        return pdu.length === 5 ? items(second, 125) : null;
    case 5:
        if (pdu.length !== 5 || (second !== 0 && second !== 0xff00)) {
            return null;
        }
        return { code: code, first: first, last: first, value: second };
    case 6:
        return pdu.length === 5 ? { code: code, first: first, last: first, value: second } : null;
    case 15: {
        const size = Math.ceil(second / 8);
        return pdu.length >= 6 && pdu[5] === size && pdu.length === 6 + size ? items(second, 1968) : null;
    }
    case 16: {
        const size = second * 2;
        return pdu.length >= 6 && pdu[5] === size && pdu.length === 6 + size ? items(second, 123) : null;
    }
    case 22:
        return pdu.length === 7 ? { code: code, first: first, last: first, value: null } : null;
    default:
        return code >= 1 && code <= 127 ? { code: code, first: null, last: null, value: null } : null;
    }
}

// All that the request touches lies in the match.
function covers(match, request) {
    if (!some(match.functions, (code) => code === request.code)) {
        return false;
    }
    if (match.items === null) {
        return match.value === null;
    }
    return request.first !== null
        && match.items[0] <= request.first && request.last <= match.items[1]
        && (match.value === null || request.value === match.value);
}

// Some of what the request touches lies in the match.
function touches(match, request) {
    if (!some(match.functions, (code) => code === request.code)) {
        return false;
    }
    if (match.items === null || request.first === null) {
        return true;
    }
    return match.items[0] <= request.last && request.first <= match.items[1]
        && (match.value === null || request.value === null || request.value === match.value);
}

// At most `count` in any interval of `seconds`, over all sessions: one worker keeps the times in a file. Where it cannot,
// nothing passes.
function counted(s, permission) {
    const limit = permission.limit;
    if (limit === null) {
        return true;
    }
    const file = s.variables.weir_state + '/' + permission.statement;
    const now = Date.now();
    let times = [];
    try {
        times = JSON.parse(fs.readFileSync(file, 'utf8'));
    } catch (error) {
        if (error.code !== 'ENOENT') {
            throw error;
        }
    }
    // a clock that was set back does not block for longer than an interval
    times = times.map((time) => Math.min(time, now)).filter((time) => now - time < limit.seconds * 1000);
    if (times.length >= limit.count) {
        return false;
    }
    times.push(now);
    fs.writeFileSync(file + '~', JSON.stringify(times));
    fs.renameSync(file + '~', file);
    return true;
}

// The permission that lets a request pass, or nothing.
function permissionFor(s, who, request) {
    for (let i = 0; i < who.permissions.length; i++) {
        const permission = who.listener.permissions[who.permissions[i]];
        if (permission.until !== null && Date.now() >= permission.until * 1000) {
            continue;
        }
        const permitted = permission.permit === null || some(permission.permit, (match) => covers(match, request));
        if (permitted && !some(permission.refuse, (match) => touches(match, request)) && counted(s, permission)) {
            return permission;
        }
    }
    return null;
}

// ---- nginx's hooks ----

// Before the destination is connected to.
function gate(s) {
    let who = null;
    try {
        who = identify(s);
    } catch (error) {
        s.warn('weir-denied: ' + error.message);
    }
    if (who === null) {
        s.warn('weir-denied: ' + s.remoteAddress + ' is nobody that port ' + s.variables.server_port + ' knows');
        s.deny();
        return;
    }
    s.done();
}

// Each request, however it is cut into segments. An exception ends the session.
function filter(s) {
    const who = identify(s);
    let kept = Buffer.alloc(0);
    s.on('upstream', (data, flags) => {
        if (who === null) {
            throw new Error('weir-denied: nobody');
        }
        kept = Buffer.concat([kept, data]);
        while (kept.length >= 7) {
            const length = kept.readUInt16BE(4);
            if (kept.readUInt16BE(2) !== 0 || length < 2 || length > 254) {
                throw new Error('weir-denied: ' + who.client + ' sends no Modbus/TCP');
            }
            if (kept.length < 6 + length) {
                break;
            }
            const whole = kept.slice(0, 6 + length);
            kept = kept.slice(6 + length);
            const request = understand(whole.slice(7));
            const permission = request && permissionFor(s, who, request);
            const what = who.client + ' function ' + whole[7]
                + (request && request.first !== null ? ' items ' + request.first + '..' + request.last : '')
                + (request && request.value !== null ? ' value ' + request.value : '');
            if (!permission) {
                throw new Error('weir-denied: ' + what);
            }
            if (permission.audit) {
                s.warn('weir-audit: ' + permission.statement + ' ' + what);
            } else if (permission.log) {
                s.warn('weir-allow: ' + permission.statement + ' ' + what);
            }
            s.send(whole, {});
        }
        if (flags.last) {
            s.send('', flags);
        }
    });
}

export default { gate, filter };
