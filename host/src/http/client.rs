//! The address of the client, behind the operator's proxies.
//!
//! Threat: a client that sends a forged `X-Forwarded-For` to avoid rate limits. Decision: the header is read from its last
//! address backwards, only as far as the operator's proxies wrote it; the first address that is not a proxy's is the
//! client's. A proxy that writes no such header makes one client of all its clients, and the log says so once.

use super::problem::Problem;
use crate::{app::App, network::client_network};
use axum::{
    extract::{ConnectInfo, FromRequestParts},
    http::{Extensions, HeaderMap, request::Parts},
};
use ipnet::IpNet;
use std::net::{IpAddr, SocketAddr};

/// The address of the client.
#[derive(Debug, Clone, Copy)]
pub(in crate::http) struct ClientAddress(pub(in crate::http) IpAddr);

impl ClientAddress {
    /// The address of the client of a request.
    pub(in crate::http) fn of(app: &App, extensions: &Extensions, headers: &HeaderMap) -> Result<Self, Problem> {
        let peer = extensions.get::<ConnectInfo<SocketAddr>>();
        let ConnectInfo(peer) = peer.ok_or_else(|| Problem::internal("a request without a peer address"))?;
        let proxies = &app.config.proxies;
        if app.config.is_behind_proxy() && is_proxy(peer.ip(), proxies) && !headers.contains_key(FORWARDED_FOR) {
            app.proxy_warning.call_once(|| {
                tracing::warn!(
                    proxy = %peer.ip(),
                    "a trusted proxy sends no {FORWARDED_FOR} header, so all its clients count as one in rate limits; make it \
                     send the header, as the README shows"
                );
            });
        }
        Ok(Self(client(peer.ip(), headers, proxies)))
    }

    /// What rate limits count by.
    pub(in crate::http) fn subject(self) -> String {
        client_network(self.0).to_string()
    }
}

impl FromRequestParts<App> for ClientAddress {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Problem> {
        Self::of(app, &parts.extensions, &parts.headers)
    }
}

/// The header with the addresses from the client to the last proxy.
const FORWARDED_FOR: &str = "x-forwarded-for";

fn is_proxy(address: IpAddr, proxies: &[IpNet]) -> bool {
    proxies.iter().any(|network| network.contains(&address.to_canonical()))
}

fn client(peer: IpAddr, headers: &HeaderMap, proxies: &[IpNet]) -> IpAddr {
    if !is_proxy(peer, proxies) {
        return peer;
    }
    let lines = headers.get_all(FORWARDED_FOR).iter().rev().filter_map(|line| line.to_str().ok());
    let forwarded = lines.flat_map(|line| line.rsplit(',')).map(|address| address.trim().parse::<IpAddr>());
    // Text that is not an address was not written by a trusted proxy, so everything before it is ignored.
    let forwarded = forwarded.take_while(Result::is_ok).flatten();
    let mut last = peer;
    for address in forwarded {
        last = address;
        if !is_proxy(address, proxies) {
            break;
        }
    }
    last
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_client_is_the_peer_of_the_first_trusted_proxy() {
        let proxies = ["10.0.0.0/8".parse().unwrap(), "127.0.0.1/32".parse().unwrap()];
        for (peer, lines, wanted) in [
            ("192.0.2.1", &[][..], "192.0.2.1"),
            ("192.0.2.1", &["192.0.2.9"], "192.0.2.1"),
            ("127.0.0.1", &[], "127.0.0.1"),
            ("127.0.0.1", &["192.0.2.9"], "192.0.2.9"),
            ("::ffff:127.0.0.1", &["192.0.2.9"], "192.0.2.9"),
            ("127.0.0.1", &["192.0.2.7, 192.0.2.8,192.0.2.9 , 10.1.1.1"], "192.0.2.9"),
            ("127.0.0.1", &["192.0.2.7", "192.0.2.9", "10.1.1.1"], "192.0.2.9"),
            ("127.0.0.1", &["192.0.2.7, nonsense, 10.1.1.1"], "10.1.1.1"),
            ("127.0.0.1", &["nonsense"], "127.0.0.1"),
        ] {
            let mut headers = HeaderMap::new();
            for line in lines {
                headers.append("x-forwarded-for", line.parse().unwrap());
            }
            let found = client(peer.parse().unwrap(), &headers, &proxies);
            assert_eq!(found, wanted.parse::<IpAddr>().unwrap(), "{peer} {lines:?}");
        }
    }
}
