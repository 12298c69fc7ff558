use std::io;
use std::net::{IpAddr, SocketAddr};

use http::Uri;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpStream, lookup_host};

use super::server::Kind;
use super::{ProxyServer, failed};
use crate::error::{ConnectStep, Error, ErrorKind};
use crate::url::host_and_port;

const VERSION: u8 = 5;
const NO_CREDENTIALS: u8 = 0;
const USER_AND_PASSWORD: u8 = 2;
const CONNECT: u8 = 1;
const IPV4: u8 = 1;
const NAME: u8 = 3;
const IPV6: u8 = 4;

/// Requests a connection to `server` from the SOCKS5 proxy at the other end of `stream` (RFC 1928, RFC 1929).
pub(crate) async fn open_socks(
    proxy: &ProxyServer,
    mut stream: TcpStream,
    server: &Uri,
) -> Result<TcpStream, Error> {
    let target = target(proxy, server).await?;
    let outcome = negotiate(proxy, &mut stream, &target).await.map_err(|error| {
        failed(format!("the connection to the proxy {proxy} broke")).with_source(error)
    })?;
    outcome.map_err(|why| {
        let (host, port) = host_and_port(server);
        failed(match why {
            Refusal::Credentials => proxy.unauthorized(),
            Refusal::Nonsense => format!("the proxy {proxy} does not answer as a SOCKS5 proxy"),
            Refusal::Code(code) => {
                format!("the proxy {proxy} cannot connect to {host}:{port}: {}", meaning(code))
            }
        })
    })?;
    Ok(stream)
}

/// The reason why the proxy does not connect.
enum Refusal {
    Credentials,
    Nonsense,
    Code(u8),
}

/// The address of `server`, encoded for the proxy.
async fn target(proxy: &ProxyServer, server: &Uri) -> Result<Vec<u8>, Error> {
    let (host, port) = host_and_port(server);
    let address = match host.parse::<IpAddr>() {
        Ok(address) => Some(address),
        Err(_) if proxy.kind() == (Kind::Socks5 { looks_up_names: true }) => None,
        Err(_) => Some(look_up(host, port).await?.ip()),
    };
    let mut target = match address {
        Some(IpAddr::V4(address)) => [&[IPV4][..], &address.octets()].concat(),
        Some(IpAddr::V6(address)) => [&[IPV6][..], &address.octets()].concat(),
        None => {
            let len = u8::try_from(host.len())
                .map_err(|_| failed(format!("{host} is too long a name for the proxy {proxy}")))?;
            [&[NAME, len][..], host.as_bytes()].concat()
        }
    };
    target.extend(port.to_be_bytes());
    Ok(target)
}

async fn look_up(host: &str, port: u16) -> Result<SocketAddr, Error> {
    let failed = |message| Error::new(ErrorKind::Connect(ConnectStep::Dns), message).not_sent();
    let found = lookup_host((host, port)).await.map_err(|error| {
        failed(format!("the host name {host} was not found")).with_source(error)
    })?;
    // Only one address can be requested, and IPv4 is more widely reachable than IPv6.
    found
        .min_by_key(SocketAddr::is_ipv6)
        .ok_or_else(|| failed(format!("the host name {host} has no address")))
}

async fn negotiate(
    proxy: &ProxyServer,
    stream: &mut TcpStream,
    target: &[u8],
) -> io::Result<Result<(), Refusal>> {
    let hello: &[u8] = match proxy.credentials() {
        Some(_) => &[VERSION, 2, NO_CREDENTIALS, USER_AND_PASSWORD],
        None => &[VERSION, 1, NO_CREDENTIALS],
    };
    stream.write_all(hello).await?;
    match (read(stream).await?, proxy.credentials()) {
        ([VERSION, NO_CREDENTIALS], _) => {}
        ([VERSION, USER_AND_PASSWORD], Some(credentials)) => {
            stream.write_all(&login(credentials)).await?;
            let [_, status] = read(stream).await?;
            if status != 0 {
                return Ok(Err(Refusal::Credentials));
            }
        }
        ([VERSION, _], _) => return Ok(Err(Refusal::Credentials)),
        _ => return Ok(Err(Refusal::Nonsense)),
    }
    stream.write_all(&[&[VERSION, CONNECT, 0][..], target].concat()).await?;
    let [version, code, _, kind] = read(stream).await?;
    if version != VERSION {
        return Ok(Err(Refusal::Nonsense));
    }
    if code != 0 {
        return Ok(Err(Refusal::Code(code)));
    }
    // Skips the address and port that the proxy connects from.
    let len = match kind {
        IPV4 => 4,
        IPV6 => 16,
        NAME => usize::from(read::<1>(stream).await?[0]),
        _ => return Ok(Err(Refusal::Nonsense)),
    };
    stream.read_exact(&mut [0; 255 + 2][..len + 2]).await?;
    Ok(Ok(()))
}

fn login((user, password): &(Vec<u8>, Vec<u8>)) -> Vec<u8> {
    let len = |text: &[u8]| u8::try_from(text.len()).expect("checked when the proxy was named");
    [&[1, len(user)], &user[..], &[len(password)], password].concat()
}

async fn read<const N: usize>(stream: &mut TcpStream) -> io::Result<[u8; N]> {
    let mut bytes = [0; N];
    stream.read_exact(&mut bytes).await?;
    Ok(bytes)
}

fn meaning(code: u8) -> &'static str {
    match code {
        2 => "its rules forbid it",
        3 => "the network is unreachable",
        4 => "the host is unreachable",
        5 => "the connection was refused",
        6 => "it took too long",
        7 => "it does not support connecting",
        8 => "it does not know that kind of address",
        _ => "it failed",
    }
}
