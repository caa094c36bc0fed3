//! Which client it is that asks, where proxies stand before this host.
//!
//! Threat: a client that says by a header that it is another, and so is never slowed down. Decision: the header is
//! believed as far as proxies of the operator's wrote it: from the last address backwards, the first that is no proxy.

use super::super::problem::Problem;
use crate::app::App;
use axum::{
    extract::{ConnectInfo, FromRequestParts},
    http::{HeaderMap, request::Parts},
};
use ipnet::IpNet;
use std::net::{IpAddr, SocketAddr};

/// The client's address.
pub(super) struct Client(pub(super) IpAddr);

impl FromRequestParts<App> for Client {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Problem> {
        let peer = parts.extensions.get::<ConnectInfo<SocketAddr>>();
        let ConnectInfo(peer) = peer.ok_or_else(|| Problem::internal("a request that comes from nowhere"))?;
        Ok(Self(client(peer.ip(), &parts.headers, &app.config.proxies)))
    }
}

fn client(peer: IpAddr, headers: &HeaderMap, proxies: &[IpNet]) -> IpAddr {
    let is_proxy = |address: &IpAddr| proxies.iter().any(|network| network.contains(&address.to_canonical()));
    if !is_proxy(&peer) {
        return peer;
    }
    let lines = headers.get_all("x-forwarded-for").iter().rev().filter_map(|line| line.to_str().ok());
    let told = lines.flat_map(|line| line.rsplit(',')).map(|address| address.trim().parse::<IpAddr>());
    // What is no address was written by nobody whom we trust; the proxy before it is all that we know.
    let told = told.take_while(Result::is_ok).flatten();
    let mut last = peer;
    for address in told {
        last = address;
        if !is_proxy(&address) {
            break;
        }
    }
    last
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_client_is_whom_the_last_proxy_saw() {
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
