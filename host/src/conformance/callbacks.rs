//! The address that services call while a command tests their notifications.
//!
//! Problem: a handshake and a notification are met only if something listens. Decision: the command listens on this machine, hands
//! each request to `parse-notification`, answers as that says, and keeps the hints. A service that cannot reach this machine
//! needs a tunnel, whose address the tester puts into the target. Anybody on the network may call the listener, so a hint
//! counts only with the subscription and the secret of the case.
//!
//! Rejected: requests of our own to `parse-notification`, which would have to be written for each service.

use crate::{
    locks,
    plugins::{
        Plugin,
        contract::{CallbackRequest, CallbackResponse, Hint},
    },
};
use http_body_util::{BodyExt, Full, Limited};
use hyper::{
    Request, Response, StatusCode,
    body::{Bytes, Incoming},
    header,
    server::conn::http1,
    service::service_fn,
};
use hyper_util::rt::TokioIo;
use std::{
    convert::Infallible,
    io,
    net::{Ipv4Addr, SocketAddr},
    sync::{Arc, Mutex},
    time::Duration,
};
use tokio::{
    net::TcpListener,
    sync::Notify,
    task::{JoinHandle, JoinSet},
    time,
};

/// The longest body that is read.
const MAX_BODY: usize = 1 << 20;

/// Where services call, as the target says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CallbackTarget {
    /// The address of a tunnel that leads to `listen`. `None` for a service that can reach `listen` itself.
    pub address: Option<String>,
    /// The address on this machine.
    pub listen: SocketAddr,
}

impl Default for CallbackTarget {
    /// A free port of the loopback interface.
    fn default() -> Self {
        Self { address: None, listen: (Ipv4Addr::LOCALHOST, 0).into() }
    }
}

/// A server that answers requests by `parse-notification`. It ends when this is dropped.
#[derive(Debug)]
pub struct Listener {
    address: String,
    heard: Arc<Heard>,
    server: JoinHandle<()>,
}

/// What the requests said, and a signal for each.
#[derive(Debug, Default)]
struct Heard {
    received: Mutex<Received>,
    news: Notify,
}

/// The hints of all requests, and the number of requests.
#[derive(Debug, Default, Clone)]
pub struct Received {
    /// The hints that `parse-notification` read.
    pub hints: Vec<Hint>,
    /// The number of requests.
    pub requests: usize,
}

/// Answers requests.
#[derive(Clone)]
struct Reader {
    plugin: Plugin,
    heard: Arc<Heard>,
}

impl Listener {
    /// Starts to listen.
    ///
    /// # Errors
    /// If the address of the target is in use, or not one of this machine.
    pub async fn start(plugin: &Plugin, target: &CallbackTarget) -> io::Result<Self> {
        let listener = TcpListener::bind(target.listen).await?;
        let here = format!("http://{}", listener.local_addr()?);
        let address = target.address.clone().unwrap_or(here);
        let heard = Arc::<Heard>::default();
        let reader = Reader { plugin: plugin.clone(), heard: heard.clone() };
        let server = tokio::spawn(serve(listener, reader));
        Ok(Self { address: address.trim_end_matches('/').to_owned(), heard, server })
    }

    /// The callback for a subscription of this name.
    #[must_use]
    pub fn url(&self, name: &str) -> String {
        format!("{}/notifications/{name}", self.address)
    }

    /// What was received so far.
    #[must_use]
    pub fn received(&self) -> Received {
        locks::lock(&self.heard.received).clone()
    }

    /// Waits for a hint for a subscription beyond the first `known` hints; gives up after `patience`.
    pub async fn hint(&self, subscription: &str, known: usize, patience: Duration) -> Option<Hint> {
        let wait = async {
            loop {
                let news = self.heard.news.notified();
                let hints = self.received().hints;
                if let Some(hint) = hints.into_iter().skip(known).find(|hint| hint.subscription == subscription) {
                    return hint;
                }
                news.await;
            }
        };
        time::timeout(patience, wait).await.ok()
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        self.server.abort();
    }
}

/// Answers requests until the task is aborted. Open connections end with the task.
async fn serve(listener: TcpListener, reader: Reader) {
    let mut connections = JoinSet::new();
    while let Ok((stream, _)) = listener.accept().await {
        let reader = reader.clone();
        let answer = service_fn(move |request| {
            let reader = reader.clone();
            async move { Ok::<_, Infallible>(reader.answer(request).await) }
        });
        connections.spawn(http1::Builder::new().serve_connection(TokioIo::new(stream), answer));
    }
}

impl Reader {
    async fn answer(&self, request: Request<Incoming>) -> Response<Full<Bytes>> {
        let (head, body) = request.into_parts();
        let Ok(body) = Limited::new(body, MAX_BODY).collect().await else {
            return plain(StatusCode::PAYLOAD_TOO_LARGE);
        };
        let body = body.to_bytes();
        let headers: Vec<(String, Vec<u8>)> =
            head.headers.iter().map(|(name, value)| (name.as_str().to_owned(), value.as_bytes().to_vec())).collect();
        let query = head.uri.query().unwrap_or_default();
        let request = CallbackRequest { method: head.method.as_str(), headers: &headers, query, body: &body };
        let read = self.plugin.parse_notification(request).await;
        let mut received = locks::lock(&self.heard.received);
        received.requests += 1;
        let response = match read {
            Ok(notification) => {
                received.hints.extend(notification.hints);
                respond(notification.response)
            }
            // The case `notification/garbage` reports why the function fails.
            Err(_) => plain(StatusCode::INTERNAL_SERVER_ERROR),
        };
        drop(received);
        self.heard.news.notify_waiters();
        response
    }
}

fn respond(response: CallbackResponse) -> Response<Full<Bytes>> {
    let CallbackResponse { status, content_type, body } = response;
    let built = Response::builder().status(status).header(header::CONTENT_TYPE, content_type).body(body.into());
    built.unwrap_or_else(|_| plain(StatusCode::INTERNAL_SERVER_ERROR))
}

fn plain(status: StatusCode) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::default());
    *response.status_mut() = status;
    response
}
