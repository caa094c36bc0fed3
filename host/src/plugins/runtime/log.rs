//! A provider's log lines and standard output, and the end of both for crash reports.
//!
//! Threat: a provider that floods the operator's log, or writes lines that look like lines of another component. Decision:
//! each line becomes an event with the target `provider` and the ids of provider, version and call as fields. Lines are cut
//! to a maximum length, control characters are escaped, and the number of lines in a call is limited; the number of dropped
//! lines is logged. Standard output and error are written into the tail at once, by a stream of our own: the stream that
//! `wasmtime-wasi` 48.0.8 makes of a writer keeps a queue between the two, into which empty writes go without end
//! (GHSA-5m8g-xhq4-4h93). Rejected: passing on a provider's output unchanged.

use crate::{locks, plugins::contract::bindings::chronus::calendar::log};
use bytes::Bytes;
use std::{
    collections::VecDeque,
    pin::Pin,
    sync::{Arc, Mutex},
    task::{Context, Poll},
};
use tokio::io::AsyncWrite;
use wasmtime_wasi::{
    async_trait,
    cli::{IsTerminal, StdoutStream},
    p2::{OutputStream, Pollable, StreamResult},
};

/// The maximum length of a line in bytes.
const LONGEST: usize = 4096;

/// The log of one call.
#[derive(Debug)]
pub(super) struct GuestLog {
    plugin: Arc<str>,
    version: Arc<str>,
    call: Arc<str>,
    lines: u32,
    dropped: u32,
    most: u32,
    pub(super) tail: OutputTail,
}

impl GuestLog {
    pub(super) fn new(plugin: Arc<str>, version: Arc<str>, call: Arc<str>, most: u32) -> Self {
        Self { plugin, version, call, lines: 0, dropped: 0, most, tail: OutputTail::default() }
    }

    fn emit(&mut self, severity: log::Severity, line: &str) {
        self.tail.push(line.as_bytes());
        self.tail.push(b"\n");
        if self.lines >= self.most {
            self.dropped += 1;
            return;
        }
        self.lines += 1;
        let (plugin, version, call) = (&*self.plugin, &*self.version, &*self.call);
        match severity {
            log::Severity::Trace => tracing::trace!(target: "provider", plugin, version, call, "{line}"),
            log::Severity::Debug => tracing::debug!(target: "provider", plugin, version, call, "{line}"),
            log::Severity::Info => tracing::info!(target: "provider", plugin, version, call, "{line}"),
            log::Severity::Warn => tracing::warn!(target: "provider", plugin, version, call, "{line}"),
            log::Severity::Error => tracing::error!(target: "provider", plugin, version, call, "{line}"),
        }
    }
}

impl Drop for GuestLog {
    fn drop(&mut self) {
        if self.dropped > 0 {
            let (plugin, version, call) = (&*self.plugin, &*self.version, &*self.call);
            tracing::warn!(target: "provider", plugin, version, call, dropped = self.dropped, "log lines dropped");
        }
    }
}

impl log::Host for GuestLog {
    fn write(
        &mut self,
        severity: log::Severity,
        message: String,
        fields: Vec<(String, String)>,
    ) -> wasmtime::Result<()> {
        let mut line = escape(&message);
        for (name, value) in fields {
            if line.len() >= LONGEST {
                break;
            }
            line.push_str(&format!(" {}={}", escape(&name), escape(&value)));
        }
        if line.len() > LONGEST {
            line.truncate(line.floor_char_boundary(LONGEST));
            line.push('…');
        }
        self.emit(severity, &line);
        Ok(())
    }
}

/// Escapes control characters, so that no line break or terminal sequence gets into the log.
fn escape(text: &str) -> String {
    let end = text.floor_char_boundary(LONGEST);
    let mut escaped = String::with_capacity(end);
    for c in text[..end].chars() {
        if c.is_control() { escaped.extend(c.escape_default()) } else { escaped.push(c) }
    }
    escaped
}

/// The last bytes that a component wrote. It is also the component's standard output and error.
#[derive(Debug, Clone, Default)]
pub(super) struct OutputTail(Arc<Mutex<VecDeque<u8>>>);

impl OutputTail {
    fn push(&self, bytes: &[u8]) {
        let mut kept = locks::lock(&self.0);
        kept.extend(&bytes[bytes.len().saturating_sub(LONGEST)..]);
        let excess = kept.len().saturating_sub(LONGEST);
        kept.drain(..excess);
    }

    /// The kept bytes as text.
    pub(super) fn text(&self) -> String {
        let kept: Vec<u8> = locks::lock(&self.0).iter().copied().collect();
        let text = String::from_utf8_lossy(&kept).into_owned();
        text.chars().map(|c| if c.is_control() && c != '\n' { '\u{fffd}' } else { c }).collect()
    }
}

impl AsyncWrite for OutputTail {
    fn poll_write(self: Pin<&mut Self>, _: &mut Context<'_>, bytes: &[u8]) -> Poll<std::io::Result<usize>> {
        self.push(bytes);
        Poll::Ready(Ok(bytes.len()))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}

impl IsTerminal for OutputTail {
    fn is_terminal(&self) -> bool {
        false
    }
}

impl StdoutStream for OutputTail {
    fn async_stream(&self) -> Box<dyn AsyncWrite + Send + Sync> {
        Box::new(self.clone())
    }

    fn p2_stream(&self) -> Box<dyn OutputStream> {
        Box::new(self.clone())
    }
}

impl OutputStream for OutputTail {
    fn write(&mut self, bytes: Bytes) -> StreamResult<()> {
        self.push(&bytes);
        Ok(())
    }

    fn flush(&mut self) -> StreamResult<()> {
        Ok(())
    }

    fn check_write(&mut self) -> StreamResult<usize> {
        // The largest piece that a guest may pass at once, and the largest that `write_zeroes` allocates.
        Ok(16 * LONGEST)
    }
}

#[async_trait]
impl Pollable for OutputTail {
    async fn ready(&mut self) {}
}

#[cfg(test)]
mod tests {
    use super::*;
    use log::Host;

    #[test]
    fn the_tail_keeps_the_end() {
        let tail = OutputTail::default();
        tail.push(&[b'a'; 3 * LONGEST]);
        tail.push(b"the end");
        assert!(tail.text().ends_with("athe end"));
        assert_eq!(tail.text().len(), LONGEST);
    }

    #[test]
    fn a_line_cannot_pretend_to_be_two() {
        assert_eq!(escape("a\nERROR \u{1b}[31mb\tc"), "a\\nERROR \\u{1b}[31mb\\tc");
    }

    #[test]
    fn lines_beyond_the_budget_are_counted_but_stay_in_the_tail() {
        let mut log = GuestLog::new("p".into(), "1.0.0".into(), "c".into(), 2);
        for n in 0..5 {
            log.write(log::Severity::Info, format!("line {n}"), vec![("k".into(), "v".into())]).unwrap();
        }
        assert_eq!((log.lines, log.dropped), (2, 3));
        assert!(log.tail.text().contains("line 4 k=v"));
    }
}
