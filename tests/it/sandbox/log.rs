//! The log at its most verbose level: every line that `chronus` may write.

use chronus_host::locks;
use std::{
    fmt::{Debug, Write as _},
    sync::{Mutex, MutexGuard, Once},
};
use tracing::{
    Event, Metadata, Subscriber,
    field::{Field, Visit},
    span,
};
use tracing_subscriber::{
    Layer,
    layer::{Context, SubscriberExt},
    registry::LookupSpan,
};

static LINES: Mutex<Vec<String>> = Mutex::new(Vec::new());

/// Begins to record all log lines of this process.
pub(super) fn listen() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let subscriber = tracing_subscriber::registry().with(LineLayer);
        tracing::subscriber::set_global_default(subscriber).expect("somebody else listens already");
    });
}

/// The lines that hold all of these words.
pub(super) fn lines(words: &[&str]) -> Vec<String> {
    all().iter().filter(|line| words.iter().all(|word| line.contains(word))).cloned().collect()
}

/// The lines of one call, whose id comes from a record or another line.
pub(super) fn of_call(call: &str) -> Vec<String> {
    let word = format!("call={call}");
    all().iter().filter(|line| line.split(' ').any(|other| other == word)).cloned().collect()
}

/// Every line.
pub(super) fn all() -> MutexGuard<'static, Vec<String>> {
    locks::lock(&LINES)
}

struct LineLayer;

impl<S: Subscriber + for<'a> LookupSpan<'a>> Layer<S> for LineLayer {
    fn enabled(&self, line: &Metadata<'_>, _: Context<'_, S>) -> bool {
        chronus_host::cli::may_be_written(line)
    }

    fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
        let mut line = Line(format!("{} {}", event.metadata().level(), event.metadata().target()));
        event.record(&mut line);
        all().push(line.0);
    }

    fn on_new_span(&self, attributes: &span::Attributes<'_>, id: &span::Id, _: Context<'_, S>) {
        let metadata = attributes.metadata();
        let mut line = Line(format!("SPAN {} {} span={}", metadata.target(), metadata.name(), id.into_u64()));
        attributes.record(&mut line);
        all().push(line.0);
    }

    fn on_record(&self, id: &span::Id, values: &span::Record<'_>, _: Context<'_, S>) {
        let mut line = Line(format!("RECORD span={}", id.into_u64()));
        values.record(&mut line);
        all().push(line.0);
    }
}

struct Line(String);

impl Visit for Line {
    fn record_str(&mut self, field: &Field, value: &str) {
        let _ = write!(self.0, " {field}={value}");
    }

    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        let _ = write!(self.0, " {field}={value:?}");
    }
}
