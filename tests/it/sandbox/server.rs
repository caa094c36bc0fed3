//! A service whose behaviour a test determines, down to the bytes, and which records all requests.
//!
//! Rejected: a framework. It hides what matters here: which connection a request used, when a connection ended, and
//! responses that no correct server gives.

use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use std::{
    net::{IpAddr, Ipv4Addr, SocketAddr},
    sync::{Arc, Mutex},
    time::Duration,
};
use tokio::{
    io::{AsyncBufReadExt, AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, BufStream},
    net::TcpListener,
    sync::{Semaphore, watch},
    task::JoinHandle,
};
use tokio_rustls::TlsAcceptor;

/// A request that the server received.
#[derive(Debug, Clone)]
pub(super) struct RecordedRequest {
    /// The number of its connection, counted from 0.
    pub(super) connection: usize,
    /// `GET /path HTTP/1.1`
    pub(super) line: String,
    /// Names in lower case.
    pub(super) headers: Vec<(String, String)>,
    pub(super) body: Vec<u8>,
}

impl RecordedRequest {
    pub(super) fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    /// The whole request, as a debugging page would show it.
    pub(super) fn text(&self) -> String {
        let headers: String = self.headers.iter().map(|(name, value)| format!("{name}: {value}\n")).collect();
        format!("{}\n{headers}\n{}", self.line, String::from_utf8_lossy(&self.body))
    }
}

/// The response to a request.
pub(super) enum Reply {
    /// These bytes, status line and all.
    Bytes(Vec<u8>),
    /// These pieces, each in its own segment; then the connection is closed.
    Pieces(Vec<Vec<u8>>),
    /// The bytes, after a permit of the semaphore.
    When(Arc<Semaphore>, Vec<u8>),
    /// These bytes, after which the connection stays open.
    Stall(Vec<u8>),
    /// These bytes; the last is repeated endlessly.
    Endless(Vec<u8>, Vec<u8>),
    /// These bytes, one at a time and [`DRIP`] apart; the last is repeated endlessly.
    Drip(Vec<u8>),
}

/// The time between two bytes of [`Reply::Drip`].
const DRIP: Duration = Duration::from_millis(5);

/// An answer with a status, headers and a body.
pub(super) fn answer(status: u16, headers: &[(&str, &str)], body: impl AsRef<[u8]>) -> Vec<u8> {
    let body = body.as_ref();
    let headers: String = headers.iter().map(|(name, value)| format!("{name}: {value}\r\n")).collect();
    let head = format!("HTTP/1.1 {status} Status\r\ncontent-length: {}\r\n{headers}\r\n", body.len());
    [head.as_bytes(), body].concat()
}

pub(super) fn ok(body: &str) -> Reply {
    Reply::Bytes(answer(200, &[], body))
}

type Handler = dyn Fn(&RecordedRequest) -> Reply + Send + Sync;

/// A running service. It ends when it is dropped.
pub(super) struct Server {
    address: SocketAddr,
    scheme: &'static str,
    shared: Arc<Shared>,
    task: JoinHandle<()>,
}

struct Shared {
    handler: Box<Handler>,
    seen: Mutex<Vec<RecordedRequest>>,
    /// The numbers of requests, of all connections, and of open connections.
    counts: watch::Sender<Counts>,
}

#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Counts {
    pub(super) requests: usize,
    pub(super) connections: usize,
    pub(super) open: usize,
}

impl Server {
    /// A service at 127.0.0.1.
    pub(super) async fn start(handler: impl Fn(&RecordedRequest) -> Reply + Send + Sync + 'static) -> Self {
        Self::at(Ipv4Addr::LOCALHOST.into(), 0, handler).await
    }

    /// A service at an address of this machine.
    pub(super) async fn at(
        ip: IpAddr,
        port: u16,
        handler: impl Fn(&RecordedRequest) -> Reply + Send + Sync + 'static,
    ) -> Self {
        Self::run(SocketAddr::new(ip, port), None, Box::new(handler)).await
    }

    /// A service with TLS.
    pub(super) async fn tls(
        certificate: CertificateDer<'static>,
        key: PrivateKeyDer<'static>,
        handler: impl Fn(&RecordedRequest) -> Reply + Send + Sync + 'static,
    ) -> Self {
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let config = rustls::ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(vec![certificate], key)
            .unwrap();
        let acceptor = TlsAcceptor::from(Arc::new(config));
        Self::run(SocketAddr::from((Ipv4Addr::LOCALHOST, 0)), Some(acceptor), Box::new(handler)).await
    }

    async fn run(address: SocketAddr, tls: Option<TlsAcceptor>, handler: Box<Handler>) -> Self {
        let listener = TcpListener::bind(address).await.unwrap();
        let address = listener.local_addr().unwrap();
        let scheme = if tls.is_some() { "https" } else { "http" };
        let shared = Arc::new(Shared { handler, seen: Mutex::default(), counts: watch::Sender::default() });
        let task = tokio::spawn({
            let shared = shared.clone();
            async move {
                while let Ok((stream, _)) = listener.accept().await {
                    let number = shared.counts.borrow().connections;
                    shared.counts.send_modify(|counts| {
                        counts.connections += 1;
                        counts.open += 1;
                    });
                    let (shared, tls) = (shared.clone(), tls.clone());
                    tokio::spawn(async move {
                        // A connection that failed is closed as well.
                        match tls {
                            Some(tls) => {
                                if let Ok(stream) = tls.accept(stream).await {
                                    let _ = shared.serve(number, stream).await;
                                }
                            }
                            None => drop(shared.serve(number, stream).await),
                        }
                        shared.counts.send_modify(|counts| counts.open -= 1);
                    });
                }
            }
        });
        Self { address, scheme, shared, task }
    }

    pub(super) fn address(&self) -> SocketAddr {
        self.address
    }

    /// Its origin, by address.
    pub(super) fn origin(&self) -> String {
        format!("{}://{}", self.scheme, self.address)
    }

    /// All requests so far.
    pub(super) fn seen(&self) -> Vec<RecordedRequest> {
        self.shared.seen.lock().unwrap().clone()
    }

    pub(super) fn counts(&self) -> Counts {
        *self.shared.counts.borrow()
    }

    /// Waits until the counts meet a condition.
    pub(super) async fn until(&self, so: impl FnMut(&Counts) -> bool) {
        self.shared.counts.subscribe().wait_for(so).await.unwrap();
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Shared {
    async fn serve(&self, connection: usize, stream: impl AsyncRead + AsyncWrite + Unpin) -> std::io::Result<()> {
        let mut stream = BufStream::new(stream);
        while let Some(seen) = read(connection, &mut stream).await? {
            let reply = (self.handler)(&seen);
            self.seen.lock().unwrap().push(seen);
            self.counts.send_modify(|counts| counts.requests += 1);
            match reply {
                Reply::Bytes(bytes) => send(&mut stream, &bytes).await?,
                Reply::Pieces(pieces) => {
                    for piece in pieces {
                        send(&mut stream, &piece).await?;
                        tokio::task::yield_now().await;
                    }
                    return Ok(());
                }
                Reply::When(gate, bytes) => {
                    // A client that closes its connection ends the wait.
                    tokio::select! {
                        permit = gate.acquire() => permit.unwrap().forget(),
                        _ = stream.fill_buf() => return Ok(()),
                    }
                    send(&mut stream, &bytes).await?;
                }
                Reply::Stall(bytes) => {
                    send(&mut stream, &bytes).await?;
                    stream.read_to_end(&mut Vec::new()).await?;
                    return Ok(());
                }
                Reply::Endless(bytes, again) => {
                    send(&mut stream, &bytes).await?;
                    loop {
                        send(&mut stream, &again).await?;
                    }
                }
                Reply::Drip(bytes) => {
                    let mut drip = tokio::time::interval(DRIP);
                    for byte in bytes.iter().chain(bytes.last().into_iter().cycle()) {
                        drip.tick().await;
                        send(&mut stream, &[*byte]).await?;
                    }
                }
            }
        }
        Ok(())
    }
}

async fn send(stream: &mut (impl AsyncWrite + Unpin), bytes: &[u8]) -> std::io::Result<()> {
    stream.write_all(bytes).await?;
    stream.flush().await
}

/// The next request. `None` if the connection was closed before a request began.
async fn read(
    connection: usize,
    stream: &mut BufStream<impl AsyncRead + AsyncWrite + Unpin>,
) -> std::io::Result<Option<RecordedRequest>> {
    let mut line = String::new();
    if stream.read_line(&mut line).await? == 0 {
        return Ok(None);
    }
    let mut headers = Vec::new();
    loop {
        let mut header = String::new();
        stream.read_line(&mut header).await?;
        let Some((name, value)) = header.trim_end().split_once(':') else { break };
        headers.push((name.to_ascii_lowercase(), value.trim().to_owned()));
    }
    let length = headers.iter().find(|(name, _)| name == "content-length").and_then(|(_, value)| value.parse().ok());
    let mut body = vec![0; length.unwrap_or(0)];
    stream.read_exact(&mut body).await?;
    Ok(Some(RecordedRequest { connection, line: line.trim_end().to_owned(), headers, body }))
}
