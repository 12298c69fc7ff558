use std::net::IpAddr;

use http::Uri;

use crate::url::host_and_port;

/// Servers reached without a proxy.
#[derive(Clone, Debug, Default)]
pub(crate) struct Exceptions(Vec<Entry>);

#[derive(Clone, Debug)]
struct Entry {
    hosts: Hosts,
    /// `None` means all ports.
    port: Option<u16>,
}

#[derive(Clone, Debug)]
enum Hosts {
    All,
    /// Addresses that share this many leading bits.
    Network(IpAddr, u32),
    /// A domain and its subdomains, in lower case, without a leading dot.
    Domain(String),
}

impl Exceptions {
    pub(crate) fn parse(list: &str) -> Self {
        let entries = list.split(|it: char| it == ',' || it.is_whitespace());
        Self(entries.filter_map(Entry::parse).collect())
    }

    /// Whether `server`, an absolute URL, matches an entry.
    pub(crate) fn contain(&self, server: &Uri) -> bool {
        let (host, port) = host_and_port(server);
        let host = host.trim_end_matches('.').to_ascii_lowercase();
        let address: Option<IpAddr> = host.parse().ok();
        self.0.iter().any(|entry| {
            entry.port.is_none_or(|only| only == port)
                && match &entry.hosts {
                    Hosts::All => true,
                    Hosts::Network(network, len) => {
                        address.is_some_and(|address| has_prefix(address, *network, *len))
                    }
                    Hosts::Domain(domain) => {
                        let rest = host.strip_suffix(domain.as_str());
                        rest.is_some_and(|rest| rest.is_empty() || rest.ends_with('.'))
                    }
                }
        })
    }
}

impl Entry {
    /// `None` for an entry that matches nothing.
    fn parse(text: &str) -> Option<Self> {
        if let Some(hosts) = Hosts::address(text) {
            return Some(Self { hosts, port: None });
        }
        let (host, port) = match text.rsplit_once(':') {
            Some((host, port)) => (host, Some(port.parse().ok()?)),
            None => (text, None),
        };
        if let Some(hosts) = Hosts::address(host) {
            return Some(Self { hosts, port });
        }
        if host == "*" {
            return Some(Self { hosts: Hosts::All, port });
        }
        let domain = host.strip_prefix('*').unwrap_or(host).trim_matches('.').to_ascii_lowercase();
        (!domain.is_empty()).then_some(Self { hosts: Hosts::Domain(domain), port })
    }
}

impl Hosts {
    fn address(text: &str) -> Option<Self> {
        let (address, len) = match text.split_once('/') {
            Some((address, len)) => (address, Some(len.parse().ok()?)),
            None => (text, None),
        };
        if let Some(network) = Self::octets(address).filter(|_| len.is_none()) {
            return Some(network);
        }
        let bare = address.strip_prefix('[').and_then(|it| it.strip_suffix(']'));
        let address: IpAddr = bare.unwrap_or(address).parse().ok()?;
        let bits = if address.is_ipv4() { 32 } else { 128 };
        Some(Self::Network(address, len.unwrap_or(bits)))
    }

    /// A prefix of an IPv4 address: `127.`, `127.0.`, or with `*` for the rest.
    fn octets(text: &str) -> Option<Self> {
        let known = text.strip_suffix('.').unwrap_or(text).trim_end_matches(".*");
        if known == text {
            return None;
        }
        let octets: Vec<u8> = known.split('.').map(str::parse).collect::<Result<_, _>>().ok()?;
        let mut address = [0; 4];
        address.get_mut(..octets.len())?.copy_from_slice(&octets);
        (octets.len() < 4).then(|| Self::Network(address.into(), 8 * octets.len() as u32))
    }
}

fn has_prefix(address: IpAddr, network: IpAddr, len: u32) -> bool {
    let differing = match (address, network) {
        (IpAddr::V4(address), IpAddr::V4(network)) => {
            (address.to_bits() ^ network.to_bits()).leading_zeros()
        }
        (IpAddr::V6(address), IpAddr::V6(network)) => {
            (address.to_bits() ^ network.to_bits()).leading_zeros()
        }
        _ => return false,
    };
    differing >= len
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entries_match_hosts() {
        for (list, inside, outside) in [
            ("", &[][..], &["http://a/", "http://127.0.0.1/"][..]),
            ("*", &["http://a/", "https://[::1]:8/", "http://10.0.0.1/"], &[]),
            (
                "example.com",
                &["http://example.com/", "https://A.Example.COM:8443/", "http://example.com./"],
                &["http://notexample.com/", "http://example.com.evil/", "http://com/"],
            ),
            (".example.com", &["http://example.com/", "http://a.b.example.com/"], &["http://com/"]),
            ("*.example.com", &["http://a.example.com/"], &["http://xexample.com/"]),
            ("a, b\tc", &["http://a/", "http://b/", "http://c/"], &["http://abc/"]),
            ("host:8080", &["http://host:8080/"], &["http://host/", "http://host:80/"]),
            ("host:443", &["https://host/"], &["http://host/"]),
            ("10.1.2.3", &["http://10.1.2.3:9/"], &["http://10.1.2.4/", "http://110.1.2.3/"]),
            (
                "10.0.0.0/8",
                &["http://10.255.0.1/"],
                &["http://11.0.0.1/", "http://[::a00:1]/", "http://10.example/"],
            ),
            ("10.0.0.1/0", &["http://200.0.0.1/"], &["http://[::1]/", "http://host/"]),
            ("127.", &["http://127.0.0.1:8/", "http://127.9.9.9/"], &["http://128.0.0.1/"]),
            ("127.0.0.*", &["http://127.0.0.9/"], &["http://127.0.1.1/", "http://a/"]),
            (
                "10.1.*.*:80,10.2.*",
                &["http://10.1.2.3/", "http://10.2.3.4:8/"],
                &["https://10.1.2.3/"],
            ),
            ("300.,.*,1.2.3.4.5.*", &[], &["http://1.2.3.4/", "http://44.1.1.1/"]),
            ("::1", &["http://[::1]/", "http://[0:0::1]:5/"], &["http://[::2]/"]),
            ("[::1]:5", &["http://[::1]:5/"], &["http://[::1]/"]),
            ("fe80::/10", &["http://[febf::1]/"], &["http://[fec0::1]/"]),
            ("host:port,1.2.3.4/x,.", &[], &["http://host/", "http://1.2.3.4/"]),
        ] {
            let exceptions = Exceptions::parse(list);
            for (urls, expected) in [(inside, true), (outside, false)] {
                for url in urls {
                    let uri = Uri::from_static(url);
                    assert_eq!(exceptions.contain(&uri), expected, "{url} in {list:?}");
                }
            }
        }
    }
}
