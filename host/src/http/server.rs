//! The accept loop: connections, before there is a request.
//!
//! Threat: clients that open connections and send nothing, or a header for minutes. `axum::serve` has no timer, so they
//! stay for ever, and when the process has no file descriptor left, the host answers nobody. Decision: a loop of our own
//! over hyper, in which a new connection has [`HEADER_TIMEOUT`] for the head of its first request, and any connection
//! [`IDLE_TIMEOUT`] between two requests, longer than the usual proxies keep theirs. The number of connections is limited: in
//! all, and for each client that is not a trusted proxy. The limit in all leaves half of the process's file descriptors to
//! databases and calendar services. A client that does not read its response has [`UNREAD_TIMEOUT`]. Rejected: relying on the
//! reverse proxy, which helps only if it buffers requests.

use crate::{locks, network::client_network};
use axum::Router;
use http::Request;
use hyper::{body::Incoming, server::conn::http1};
use hyper_util::{
    rt::{TokioIo, TokioTimer},
    server::graceful::GracefulShutdown,
    service::TowerToHyperService,
};
use ipnet::IpNet;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use std::{
    collections::HashMap,
    future::{Future, pending},
    io,
    net::{IpAddr, SocketAddr},
    pin::pin,
    sync::{Arc, Mutex},
    time::Duration,
};
use tokio::{
    net::{TcpListener, TcpStream},
    sync::{Notify, OwnedSemaphorePermit, Semaphore},
    time::{Instant, timeout},
};
use tower::{Service as _, ServiceExt as _};

/// How long a client may take from connecting until the head of its first request has arrived.
const HEADER_TIMEOUT: Duration = Duration::from_secs(10);

/// How long a connection may take from a response until the head of the next request has arrived. nginx keeps connections
/// for 60 s; if the host closed them earlier, a request could meet the end of its connection.
const IDLE_TIMEOUT: Duration = Duration::from_secs(75);

/// How long a client may leave unread or unconfirmed what was sent to it.
const UNREAD_TIMEOUT: Duration = Duration::from_secs(60);

/// The most connections, if the process may open enough files.
const MAX_CONNECTIONS: usize = 4096;

/// The most connections of one client. Browsers open 6; an office behind one address shares them.
const MAX_CONNECTIONS_OF_CLIENT: usize = 256;

/// How long accepting pauses after an error, for example because the process may not open more files, if no connection ends.
const ERROR_PAUSE: Duration = Duration::from_secs(1);

/// How often the log says that a limit is reached.
const LOG_INTERVAL: Duration = Duration::from_secs(60);

/// Serves requests until `stop` completes, then finishes those under way.
///
/// # Errors
/// If the listener has no address.
pub(super) async fn serve(
    router: Router,
    listener: TcpListener,
    proxies: &[IpNet],
    stop: impl Future<Output = ()> + Send,
) -> io::Result<()> {
    let limits = Limits::new(max_connections());
    let (mut make_service, graceful) =
        (router.into_make_service_with_connect_info::<SocketAddr>(), GracefulShutdown::new());
    let mut builder = http1::Builder::new();
    builder.timer(TokioTimer::new()).header_read_timeout(IDLE_TIMEOUT);
    let mut stop = pin!(stop);
    loop {
        let accepted = tokio::select! {
            accepted = accept(&listener, &limits) => accepted,
            () = &mut stop => break,
        };
        let AcceptedConnection { stream, client, permit } = accepted;
        let is_proxy = proxies.iter().any(|network| network.contains(&client.ip().to_canonical()));
        let Some(share) = limits.take_share(client.ip(), is_proxy) else { continue };
        let Ok(service) = make_service.call(client).await;
        let first_request = Arc::new(Notify::new());
        let begun = first_request.clone();
        let service = service.map_request(move |request: Request<Incoming>| {
            begun.notify_one();
            request
        });
        let service = TowerToHyperService::new(service);
        let connection = graceful.watch(builder.serve_connection(TokioIo::new(stream), service));
        let ended = limits.ended.clone();
        tokio::spawn(async move {
            let _held = (permit, share);
            let no_request = async {
                if timeout(HEADER_TIMEOUT, first_request.notified()).await.is_ok() {
                    pending::<()>().await;
                }
            };
            tokio::select! {
                result = connection => if let Err(error) = result {
                    tracing::debug!(%error, "a connection ended early");
                },
                () = no_request => tracing::debug!("a connection had no request in time"),
            }
            ended.notify_one();
        });
    }
    drop(listener);
    graceful.shutdown().await;
    Ok(())
}

struct AcceptedConnection {
    stream: TcpStream,
    client: SocketAddr,
    permit: OwnedSemaphorePermit,
}

/// The next connection. Further ones wait in the system's queue while there are too many.
async fn accept(listener: &TcpListener, limits: &Limits) -> AcceptedConnection {
    let permit = limits.permit().await;
    loop {
        match listener.accept().await {
            Ok((stream, client)) => {
                limit_unread(&stream, UNREAD_TIMEOUT);
                return AcceptedConnection { stream, client, permit };
            }
            // The client has gone already.
            Err(error) if is_connection_error(&error) => {}
            Err(error) => {
                tracing::error!(%error, "no connection can be accepted");
                let _ = timeout(ERROR_PAUSE, limits.ended.notified()).await;
            }
        }
    }
}

/// Makes the system end the connection if the client neither reads nor confirms for this long (RFC 5482, `TCP_USER_TIMEOUT`).
/// Linux applies it to a closed window as well. Elsewhere the system's own limits apply.
fn limit_unread(stream: &TcpStream, limit: Duration) {
    #[cfg(target_os = "linux")]
    {
        let milliseconds = u32::try_from(limit.as_millis()).unwrap_or(u32::MAX);
        if let Err(error) = rustix::net::sockopt::set_tcp_user_timeout(stream, milliseconds) {
            tracing::warn!(%error, "a connection has no limit of time for what its client leaves unread");
        }
    }
    #[cfg(not(target_os = "linux"))]
    let _ = (stream, limit);
}

fn is_connection_error(error: &io::Error) -> bool {
    use io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset};
    matches!(error.kind(), ConnectionRefused | ConnectionAborted | ConnectionReset)
}

/// Half of the files that the process may open, and at most [`MAX_CONNECTIONS`].
fn max_connections() -> usize {
    let files = raise_file_limit().and_then(|files| usize::try_from(files).ok());
    files.map_or(MAX_CONNECTIONS, |files| (files / 2).clamp(1, MAX_CONNECTIONS))
}

/// Raises the number of files that this process may open, as far as the system lets it, and returns the number. The usual
/// 1,024 are a default for programs that use `select`.
fn raise_file_limit() -> Option<u64> {
    let limit = getrlimit(Resource::Nofile);
    let raised = Rlimit { current: limit.maximum, ..limit };
    match setrlimit(Resource::Nofile, raised) {
        Ok(()) => raised.current,
        Err(_) => limit.current,
    }
}

/// How many connections there may be, and how many each client has.
struct Limits {
    all: Arc<Semaphore>,
    max: usize,
    /// Notified when a connection has ended.
    ended: Arc<Notify>,
    clients: Arc<Mutex<HashMap<IpAddr, usize>>>,
    all_logged: LogPause,
    client_logged: LogPause,
}

impl Limits {
    fn new(max: usize) -> Self {
        Self {
            all: Arc::new(Semaphore::new(max)),
            max,
            ended: Arc::default(),
            clients: Arc::default(),
            all_logged: LogPause::default(),
            client_logged: LogPause::default(),
        }
    }

    /// Waits until there are fewer connections than the limit.
    async fn permit(&self) -> OwnedSemaphorePermit {
        if self.all.available_permits() == 0 && self.all_logged.is_over() {
            tracing::warn!(limit = self.max, "the host has as many connections as it can have; further ones wait");
        }
        self.all.clone().acquire_owned().await.expect("the semaphore is never closed")
    }

    /// Counts a connection of this client. `None` if the client has too many.
    fn take_share(&self, client: IpAddr, is_proxy: bool) -> Option<ClientShare> {
        let client = client_network(client);
        if is_proxy {
            return Some(ClientShare { client, clients: None });
        }
        let mut clients = locks::lock(&self.clients);
        let number = clients.entry(client).or_default();
        if *number >= MAX_CONNECTIONS_OF_CLIENT {
            if self.client_logged.is_over() {
                tracing::warn!(
                    %client, limit = MAX_CONNECTIONS_OF_CLIENT,
                    "a client has too many connections; further ones are closed. If it is your reverse proxy, add it to `proxies`"
                );
            }
            return None;
        }
        *number += 1;
        Some(ClientShare { client, clients: Some(self.clients.clone()) })
    }
}

/// Keeps a message out of the log for [`LOG_INTERVAL`] after it was written.
#[derive(Default)]
struct LogPause(Mutex<Option<Instant>>);

impl LogPause {
    /// Whether the message may be written now, which begins the next pause.
    fn is_over(&self) -> bool {
        let mut written = locks::lock(&self.0);
        let is_over = written.is_none_or(|at| at.elapsed() >= LOG_INTERVAL);
        if is_over {
            *written = Some(Instant::now());
        }
        is_over
    }
}

/// One connection of a client; it is counted until it is dropped.
struct ClientShare {
    client: IpAddr,
    /// `None` for a proxy, whose connections are those of many people.
    clients: Option<Arc<Mutex<HashMap<IpAddr, usize>>>>,
}

impl Drop for ClientShare {
    fn drop(&mut self) {
        let Some(clients) = &self.clients else { return };
        let mut clients = locks::lock(clients);
        if let Some(number) = clients.get_mut(&self.client) {
            *number -= 1;
            if *number == 0 {
                clients.remove(&self.client);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[cfg(target_os = "linux")]
    #[tokio::test]
    async fn a_client_that_does_not_read_is_cut_off() {
        use tokio::io::AsyncWriteExt as _;
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let client = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
        let (mut stream, _) = listener.accept().await.unwrap();
        limit_unread(&stream, Duration::from_millis(300));
        let piece = vec![0; 1 << 20];
        let sending = async {
            loop {
                if let Err(error) = stream.write_all(&piece).await {
                    return error.kind();
                }
            }
        };
        assert_eq!(timeout(Duration::from_secs(30), sending).await, Ok(io::ErrorKind::TimedOut));
        drop(client);
    }

    #[test]
    fn a_client_has_a_share_and_a_proxy_has_all() {
        let limits = Limits::new(10);
        let client: IpAddr = "192.0.2.1".parse().unwrap();
        let mut shares: Vec<_> =
            (0..MAX_CONNECTIONS_OF_CLIENT).map(|_| limits.take_share(client, false).unwrap()).collect();
        assert!(limits.take_share(client, false).is_none());
        assert!(limits.take_share("::ffff:192.0.2.1".parse().unwrap(), false).is_none(), "the same address");
        assert!(limits.take_share("192.0.2.2".parse().unwrap(), false).is_some());
        let site = |host: usize| format!("2001:db8::{host:x}").parse().unwrap();
        let of_site: Vec<_> =
            (0..=MAX_CONNECTIONS_OF_CLIENT).filter_map(|host| limits.take_share(site(host), false)).collect();
        assert_eq!(of_site.len(), MAX_CONNECTIONS_OF_CLIENT, "the addresses of one site are one client");
        drop(of_site);
        assert!(limits.take_share(client, true).is_some());
        shares.pop();
        assert!(limits.take_share(client, false).is_some());
        drop(shares);
        assert!(locks::lock(&limits.clients).is_empty(), "nothing is kept of clients that have gone");
    }
}
