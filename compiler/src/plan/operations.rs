//! Operations as a packet filter can recognise them: what has to stand in a request, and where.

/// A protocol whose requests a packet filter can read, one in each packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum PayloadProtocol {
    /// BACnet/IP over UDP (ASHRAE 135, clauses 6 and 20, annex J).
    BacnetIp,
    /// CoAP over UDP (RFC 7252).
    Coap,
    /// Modbus/TCP (Messaging on TCP/IP Implementation Guide V1.0b).
    ModbusTcp,
}

impl PayloadProtocol {
    /// `bacnet`, `coap`, `modbus`.
    pub fn name(self) -> &'static str {
        match self {
            Self::BacnetIp => "bacnet",
            Self::Coap => "coap",
            Self::ModbusTcp => "modbus",
        }
    }
}

/// Of everything that a protocol can ask for, only this: a request passes if one of `requests` describes it.
///
/// Answers to permitted requests pass; what is neither does not, nor does what cannot be read.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct OperationMatch {
    pub protocol: PayloadProtocol,
    /// Sorted, never empty.
    pub requests: Vec<RequestMatch>,
}

/// Requests with one of these functions, and with these arguments where there are any.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct RequestMatch {
    /// Sorted, never empty. Modbus: function codes. CoAP: method codes. BACnet: confirmed services, and unconfirmed
    /// ones as `0x1000 | service`.
    pub functions: Vec<u16>,
    /// Every item (coil, register) that the request touches lies in this range, ends included.
    pub items: Option<(u16, u16)>,
    /// The value that it writes, as it stands on the wire (`0xff00` switches a Modbus coil on).
    pub value: Option<u16>,
}
