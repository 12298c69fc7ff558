//! Restriction of the addresses that a client connects to.

use std::error::Error as StdError;
use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use http::Uri;

use crate::error::{ConnectStep, Error, ErrorKind};

/// The addresses that a client may connect to; see [`HttpClient::apart`](crate::HttpClient::apart).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum AddressPolicy {
    /// All addresses.
    Any,
    /// Public addresses, and those of this kind.
    PublicAnd(AddressKind),
}

/// The scope of an address.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub enum AddressKind {
    /// Global.
    Public,
    /// A private network or shared address space (carrier-grade NAT).
    Private,
    /// A single link, such as a cloud metadata service.
    LinkLocal,
    /// This machine.
    Loopback,
}

impl AddressKind {
    /// The kind of an address. The unspecified address is [`Loopback`](Self::Loopback), since connecting to it reaches
    /// this machine. Multicast and reserved addresses are [`LinkLocal`](Self::LinkLocal).
    #[must_use]
    pub fn of(address: IpAddr) -> Self {
        match address {
            IpAddr::V4(address) => of_v4(address),
            IpAddr::V6(address) => match embedded(address) {
                Some(address) => of_v4(address),
                None => of_v6(address),
            },
        }
    }
}

fn of_v4(address: Ipv4Addr) -> AddressKind {
    match address.octets() {
        [127, ..] | [0, ..] => AddressKind::Loopback,
        [169, 254, ..] | [224..=255, ..] => AddressKind::LinkLocal,
        [100, 64..=127, ..] | [198, 18..=19, ..] | [192, 0, 0, _] => AddressKind::Private,
        _ if address.is_private() => AddressKind::Private,
        _ => AddressKind::Public,
    }
}

fn of_v6(address: Ipv6Addr) -> AddressKind {
    let first = address.segments()[0];
    if address.is_loopback() || address.is_unspecified() {
        AddressKind::Loopback
    } else if first & 0xffc0 == 0xfe80 || address.is_multicast() {
        AddressKind::LinkLocal
    } else if first & 0xfe00 == 0xfc00 || first & 0xffc0 == 0xfec0 {
        AddressKind::Private
    } else {
        AddressKind::Public
    }
}

/// The IPv4 address embedded in an IPv6 address: mapped, compatible, NAT64 or 6to4.
fn embedded(address: Ipv6Addr) -> Option<Ipv4Addr> {
    let octets = address.octets();
    let at = |start: usize| {
        Ipv4Addr::new(octets[start], octets[start + 1], octets[start + 2], octets[start + 3])
    };
    match address.segments() {
        [0, 0, 0, 0, 0, 0xffff, ..] => Some(at(12)),
        [0, 0, 0, 0, 0, 0, 0, 0 | 1] => None,
        [0, 0, 0, 0, 0, 0, ..] | [0x64, 0xff9b, 0, 0, 0, 0, ..] => Some(at(12)),
        [0x2002, ..] => Some(at(2)),
        _ => None,
    }
}

impl AddressPolicy {
    /// Whether a client may connect to `address`.
    #[must_use]
    pub fn allows(self, address: IpAddr) -> bool {
        match self {
            Self::Any => true,
            Self::PublicAnd(kind) => {
                let found = AddressKind::of(address);
                found == AddressKind::Public || found == kind
            }
        }
    }

    /// Checks the address in a URL, if its host is an address and not a name.
    pub(crate) fn check_literal(self, url: &Uri) -> Result<(), Error> {
        if self == Self::Any {
            return Ok(());
        }
        let host = url.host().unwrap_or_default();
        let host = host.trim_start_matches('[').trim_end_matches(']');
        match host.parse::<IpAddr>() {
            Ok(address) if !self.allows(address) => {
                let message = format!("connecting to {address} is not allowed");
                let kind = ErrorKind::Connect(ConnectStep::Forbidden);
                Err(Error::new(kind, message).with_source(Forbidden(address)).not_sent())
            }
            _ => Ok(()),
        }
    }
}

/// An address that the client is not allowed to connect to.
#[derive(Debug)]
pub(crate) struct Forbidden(pub(crate) IpAddr);

impl fmt::Display for Forbidden {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} is not a public address", self.0)
    }
}

impl StdError for Forbidden {}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]

    use super::*;

    #[test]
    fn the_kind_of_an_address() {
        use AddressKind::{LinkLocal, Loopback, Private, Public};
        for (address, kind) in [
            ("8.8.8.8", Public),
            ("2606:4700::1111", Public),
            ("10.1.2.3", Private),
            ("172.31.0.1", Private),
            ("172.32.0.1", Public),
            ("192.168.0.1", Private),
            ("100.64.0.1", Private),
            ("fd00::1", Private),
            ("169.254.169.254", LinkLocal),
            ("fe80::1", LinkLocal),
            ("224.0.0.1", LinkLocal),
            ("127.0.0.1", Loopback),
            ("0.0.0.0", Loopback),
            ("::1", Loopback),
            ("::", Loopback),
            ("::ffff:127.0.0.1", Loopback),
            ("::ffff:169.254.169.254", LinkLocal),
            ("64:ff9b::a00:1", Private),
            ("2002:7f00:1::", Loopback),
        ] {
            assert_eq!(AddressKind::of(address.parse().unwrap()), kind, "{address}");
        }
    }

    #[test]
    fn a_policy_allows_public_addresses_and_those_of_its_kind() {
        let policy = AddressPolicy::PublicAnd(AddressKind::Private);
        for (url, is_allowed) in [
            ("https://8.8.8.8/x", true),
            ("https://10.0.0.1/x", true),
            ("https://127.0.0.1/x", false),
            ("http://[::1]:8080/x", false),
            ("http://169.254.169.254/latest", false),
            ("https://name/x", true),
        ] {
            let checked = policy.check_literal(&Uri::from_static(url));
            assert_eq!(checked.is_ok(), is_allowed, "{url}");
            if let Err(error) = checked {
                assert_eq!(error.kind(), ErrorKind::Connect(ConnectStep::Forbidden));
                assert!(error.is_not_sent());
            }
            assert!(AddressPolicy::Any.check_literal(&Uri::from_static(url)).is_ok());
        }
    }
}
