//! Sends requests by `wasi:http`; the only place where a request leaves the instance.
//!
//! The order follows `wasi:http`: hand the request over, write the body, end it, wait, read. It is not an error yet if the
//! host stops reading the body, because its answer or its refusal says why.

use super::{HttpError, Request, Response, Url};
use crate::bindings::wasi::http::outgoing_handler::handle;
use crate::bindings::wasi::http::types::{
    ErrorCode, Fields, IncomingBody, IncomingResponse, Method, OutgoingBody, OutgoingRequest, Scheme, http_error_code,
};
use crate::bindings::wasi::io::streams::{InputStream, StreamError};

/// The most bytes of one read. Each call to the host costs time, and answers are rarely longer.
const PIECE: u64 = 256 << 10;

/// The most bytes that `blocking-write-and-flush` accepts.
const WRITE_PIECE: usize = 4096;

pub(super) fn send(request: &Request, url: &Url) -> Result<Response, HttpError> {
    let outgoing = build(request, url)?;
    let body = match request.body.is_empty() {
        true => None,
        false => Some(outgoing.body().map_err(|()| bad("its body was taken"))?),
    };
    let answer = handle(outgoing, None).map_err(of_code)?;
    if let Some(body) = body {
        write(body, &request.body);
    }
    answer.subscribe().block();
    let incoming = match answer.get() {
        Some(Ok(Ok(incoming))) => incoming,
        Some(Ok(Err(code))) => return Err(of_code(code)),
        Some(Err(())) | None => return Err(HttpError::Cut("the host gave no answer".to_owned())),
    };
    read(&incoming, request.limit).map(|(headers, body)| Response {
        url: url.to_string(),
        status: incoming.status(),
        headers,
        body,
    })
}

fn bad(what: &str) -> HttpError {
    HttpError::BadRequest(what.to_owned())
}

fn build(request: &Request, url: &Url) -> Result<OutgoingRequest, HttpError> {
    let headers: Vec<(String, Vec<u8>)> =
        request.headers.iter().map(|(name, value)| (name.clone(), value.clone().into_bytes())).collect();
    let headers = Fields::from_list(&headers).map_err(|_| bad("one of its headers is not allowed"))?;
    let outgoing = OutgoingRequest::new(headers);
    let scheme = if url.is_https() { Scheme::Https } else { Scheme::Http };
    outgoing.set_method(&method(&request.method)).map_err(|()| bad("its method is not valid"))?;
    outgoing.set_scheme(Some(&scheme)).map_err(|()| bad("its scheme is not allowed"))?;
    outgoing.set_authority(Some(url.authority())).map_err(|()| bad("its host is not valid"))?;
    outgoing.set_path_with_query(Some(&url.path_and_query())).map_err(|()| bad("its path is not valid"))?;
    Ok(outgoing)
}

fn method(name: &str) -> Method {
    match name {
        "GET" => Method::Get,
        "HEAD" => Method::Head,
        "POST" => Method::Post,
        "PUT" => Method::Put,
        "DELETE" => Method::Delete,
        "OPTIONS" => Method::Options,
        "PATCH" => Method::Patch,
        other => Method::Other(other.to_owned()),
    }
}

fn write(body: OutgoingBody, bytes: &[u8]) {
    if let Ok(stream) = body.write() {
        for piece in bytes.chunks(WRITE_PIECE) {
            if stream.blocking_write_and_flush(piece).is_err() {
                break;
            }
        }
    }
    // `finish` requires that the stream is dropped. If it fails, the answer says why.
    let _ = OutgoingBody::finish(body, None);
}

type Read = (Vec<(String, String)>, Vec<u8>);

fn read(incoming: &IncomingResponse, limit: usize) -> Result<Read, HttpError> {
    let headers: Vec<(String, String)> = incoming
        .headers()
        .entries()
        .into_iter()
        .map(|(name, value)| (name.to_ascii_lowercase(), String::from_utf8_lossy(&value).into_owned()))
        .collect();
    let announced = headers.iter().find(|(name, _)| name == "content-length").and_then(|(_, value)| value.parse().ok());
    if announced.is_some_and(|length: usize| length > limit) {
        return Err(HttpError::TooBig(limit as u64));
    }
    let body = incoming.consume().map_err(|()| HttpError::Cut("its body was taken".to_owned()))?;
    let bytes = {
        let stream = body.stream().map_err(|()| HttpError::Cut("its body was taken".to_owned()))?;
        read_to_end(&stream, limit, announced.unwrap_or(0))?
    };
    drop(IncomingBody::finish(body));
    Ok((headers, bytes))
}

fn read_to_end(stream: &InputStream, limit: usize, expected: usize) -> Result<Vec<u8>, HttpError> {
    let mut bytes = Vec::with_capacity(expected);
    loop {
        match stream.blocking_read(PIECE) {
            Ok(piece) => bytes.extend_from_slice(&piece),
            Err(StreamError::Closed) => return Ok(bytes),
            Err(StreamError::LastOperationFailed(error)) => {
                return Err(match http_error_code(&error) {
                    Some(code) => of_code(code),
                    None => HttpError::Cut(error.to_debug_string()),
                });
            }
        }
        if bytes.len() > limit {
            return Err(HttpError::TooBig(limit as u64));
        }
    }
}

/// The error, as a sentence for operators.
fn of_code(code: ErrorCode) -> HttpError {
    use ErrorCode as Code;
    let refused = |why: &str| HttpError::Refused(why.to_owned());
    let unreachable = |why: &str| HttpError::Unreachable(why.to_owned());
    let cut = |why: &str| HttpError::Cut(why.to_owned());
    match code {
        Code::HttpRequestDenied => refused("it is not granted; the host's log says what is missing"),
        Code::DestinationIpProhibited => {
            refused("the server's name resolves to an address that the host does not call")
        }
        Code::ConfigurationError => refused("the host's configuration does not allow it"),
        Code::HttpRequestLengthRequired | Code::HttpRequestBodySize(_) => bad("its body is too large for the host"),
        Code::HttpRequestMethodInvalid => bad("its method is not valid"),
        Code::HttpRequestUriInvalid | Code::HttpRequestUriTooLong => bad("its address is not valid, or too long"),
        Code::HttpRequestHeaderSectionSize(_)
        | Code::HttpRequestHeaderSize(_)
        | Code::HttpRequestTrailerSectionSize(_)
        | Code::HttpRequestTrailerSize(_) => bad("its headers are too large"),
        Code::LoopDetected => bad("it leads back to itself"),
        Code::DnsTimeout => unreachable("its name was not resolved in time"),
        Code::DnsError(_) | Code::DestinationNotFound => unreachable("its name is not known"),
        Code::DestinationUnavailable | Code::DestinationIpUnroutable => unreachable("its address cannot be routed"),
        Code::ConnectionRefused => unreachable("the connection was refused"),
        Code::ConnectionTimeout => unreachable("the connection timed out"),
        Code::ConnectionLimitReached => unreachable("there are too many connections to it"),
        Code::TlsCertificateError => unreachable("its certificate is not accepted"),
        Code::TlsProtocolError | Code::TlsAlertReceived(_) => unreachable("the TLS handshake failed"),
        Code::ConnectionTerminated | Code::HttpResponseIncomplete => cut("the connection ended"),
        Code::ConnectionReadTimeout | Code::ConnectionWriteTimeout | Code::HttpResponseTimeout => cut("it timed out"),
        Code::HttpResponseBodySize(limit) => HttpError::TooBig(limit.unwrap_or(0)),
        Code::HttpResponseHeaderSectionSize(_)
        | Code::HttpResponseHeaderSize(_)
        | Code::HttpResponseTrailerSectionSize(_)
        | Code::HttpResponseTrailerSize(_) => cut("its headers are too large"),
        Code::HttpResponseTransferCoding(_) | Code::HttpResponseContentCoding(_) => cut("its encoding is unknown"),
        Code::HttpUpgradeFailed | Code::HttpProtocolError => cut("it is not HTTP"),
        Code::InternalError(Some(what)) => HttpError::Cut(what),
        Code::InternalError(None) => cut("the host gives no reason"),
    }
}
