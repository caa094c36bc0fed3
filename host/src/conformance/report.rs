//! The report of a run, as text, as JUnit XML and as JSON.

use super::promise;
use crate::plugins::Plugin;
use quick_junit::{NonSuccessKind, SerializeError, TestCase, TestCaseStatus, TestSuite};
use serde::Serialize;
use std::{collections::BTreeMap, fmt, time::Duration};

/// The result of a run.
#[derive(Debug, Clone, Serialize)]
pub struct Report {
    /// The id of the provider.
    pub provider: String,
    /// The version of the provider.
    pub version: String,
    /// The SHA-256 of the component in hex.
    pub sha256: String,
    /// The name of the run, as it is in keys and UIDs.
    pub run: String,
    /// The result of each case, in the order in which they ran.
    pub rows: Vec<Row>,
    /// The ids of events that could not be removed.
    pub left_behind: Vec<String>,
}

/// The result of one case.
#[derive(Debug, Clone, Serialize)]
pub struct Row {
    /// The id of the case: `busy/clipped:longer-than-the-window`.
    pub id: &'static str,
    /// The label of the tested sentence: `busy/clipped`.
    pub sentence: &'static str,
    /// The duration.
    pub milliseconds: u64,
    /// The outcome.
    #[serde(flatten)]
    pub outcome: Outcome,
}

/// The outcome of a case.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "outcome", rename_all = "kebab-case")]
pub enum Outcome {
    /// The provider keeps the promise.
    Passed,
    /// The provider does not keep the promise.
    Failed {
        /// What the promise requires.
        expected: String,
        /// What the provider did instead.
        actual: String,
    },
    /// The case could not be tested with this connection.
    NotApplicable {
        /// The reason, for example an ability that the connection lacks.
        why: String,
    },
    /// The case could have been tested, with another account or with other events in this one.
    NotTried {
        /// What is missing, and what to do about it.
        why: String,
    },
}

/// The outcome of a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Verdict {
    /// Every applicable case passed.
    Passed,
    /// No case failed, and some were not tried.
    PartlyTried,
    /// A case failed, or none was applicable.
    Failed,
}

impl Outcome {
    /// The name in reports.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Passed => "passed",
            Self::Failed { .. } => "FAILED",
            Self::NotApplicable { .. } => "n/a",
            Self::NotTried { .. } => "untried",
        }
    }
}

/// The number of cases by outcome.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Counts {
    /// Passed.
    pub passed: usize,
    /// Failed.
    pub failed: usize,
    /// Not applicable.
    pub not_applicable: usize,
    /// Not tried.
    pub not_tried: usize,
}

impl Row {
    /// The first part of the label: `busy`.
    fn subject(&self) -> &'static str {
        self.sentence.split('/').next().unwrap_or(self.sentence)
    }
}

impl Report {
    pub(super) fn new(plugin: &Plugin, run: &str) -> Self {
        let description = plugin.description();
        Self {
            provider: description.id.clone(),
            version: description.version.clone(),
            sha256: plugin.inspection().sha256.clone(),
            run: run.into(),
            rows: Vec::new(),
            left_behind: Vec::new(),
        }
    }

    /// The number of cases by outcome.
    #[must_use]
    pub fn counts(&self) -> Counts {
        let mut counts = Counts::default();
        for row in &self.rows {
            *match row.outcome {
                Outcome::Passed => &mut counts.passed,
                Outcome::Failed { .. } => &mut counts.failed,
                Outcome::NotApplicable { .. } => &mut counts.not_applicable,
                Outcome::NotTried { .. } => &mut counts.not_tried,
            } += 1;
        }
        counts
    }

    /// Whether the provider keeps the contract as far as could be seen: something passed and nothing failed.
    #[must_use]
    pub fn is_green(&self) -> bool {
        let Counts { passed, failed, .. } = self.counts();
        passed > 0 && failed == 0
    }

    /// The outcome of the run.
    #[must_use]
    pub fn verdict(&self) -> Verdict {
        match self.counts() {
            Counts { failed: 1.., .. } => Verdict::Failed,
            Counts { not_tried: 1.., .. } => Verdict::PartlyTried,
            Counts { passed: 0, .. } => Verdict::Failed,
            _ => Verdict::Passed,
        }
    }

    /// The number of cases that were not tried, by the interface of their labels.
    fn untried(&self) -> BTreeMap<&'static str, usize> {
        let mut groups = BTreeMap::new();
        for row in self.rows.iter().filter(|row| matches!(row.outcome, Outcome::NotTried { .. })) {
            *groups.entry(row.subject()).or_default() += 1;
        }
        groups
    }

    /// The cases that failed.
    pub fn failures(&self) -> impl Iterator<Item = &Row> {
        self.rows.iter().filter(|row| matches!(row.outcome, Outcome::Failed { .. }))
    }

    /// One line: who, how many, and what was not tried.
    #[must_use]
    pub fn summary(&self) -> String {
        let Counts { passed, failed, not_applicable, not_tried } = self.counts();
        let Self { provider, version, .. } = self;
        let mut line =
            format!("{provider} {version}: {passed} passed, {failed} failed, {not_applicable} not applicable");
        if not_tried > 0 {
            let groups: Vec<String> =
                self.untried().iter().map(|(group, count)| format!("{count} of {group}")).collect();
            line.push_str(&format!("; partly tried: {not_tried} not tried ({})", groups.join(", ")));
        }
        if !self.left_behind.is_empty() {
            line.push_str(&format!("; {} events could not be removed", self.left_behind.len()));
        }
        line
    }

    /// JUnit's XML, one suite for each interface's labels.
    ///
    /// # Errors
    /// If it cannot be written as XML.
    pub fn junit(&self) -> Result<String, SerializeError> {
        let mut suites: BTreeMap<&str, TestSuite> = BTreeMap::new();
        for row in &self.rows {
            let subject = row.subject();
            let suite = suites.entry(subject).or_insert_with(|| TestSuite::new(format!("{}/{subject}", self.provider)));
            let status = match &row.outcome {
                Outcome::Passed => TestCaseStatus::success(),
                Outcome::Failed { expected, actual } => {
                    let mut status = TestCaseStatus::non_success(NonSuccessKind::Failure);
                    status.set_type(row.sentence).set_message(format!("expected {expected}"));
                    let promise = promise(row.sentence).unwrap_or_default();
                    status.set_description(format!("expected: {expected}\nactual: {actual}\ncontract: {promise}"));
                    status
                }
                Outcome::NotApplicable { why } => {
                    let mut status = TestCaseStatus::skipped();
                    status.set_type("not-applicable").set_message(why.as_str());
                    status
                }
                Outcome::NotTried { why } => {
                    let mut status = TestCaseStatus::skipped();
                    status.set_type("not-tried").set_message(format!("not tried: {why}"));
                    status
                }
            };
            let mut case = TestCase::new(row.id, status);
            case.set_classname(format!("conformance.{subject}")).set_time(Duration::from_millis(row.milliseconds));
            suite.add_test_case(case);
        }
        let total = self.rows.iter().map(|row| row.milliseconds).sum();
        let mut report = quick_junit::Report::new(format!("{} {}", self.provider, self.version));
        report.set_time(Duration::from_millis(total)).add_test_suites(suites.into_values());
        report.to_string()
    }
}

/// A table of all cases, the details of the failed cases, and a summary.
impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let width = self.rows.iter().map(|row| row.id.len()).max().unwrap_or(0);
        for Row { id, milliseconds, outcome, .. } in &self.rows {
            write!(f, "{:7}  {id:width$}  {milliseconds:6} ms", outcome.name())?;
            match outcome {
                Outcome::NotApplicable { why } | Outcome::NotTried { why } => writeln!(f, "  {why}")?,
                _ => writeln!(f)?,
            }
        }
        for Row { id, sentence, outcome, .. } in self.failures() {
            if let Outcome::Failed { expected, actual } = outcome {
                let promise = promise(sentence).unwrap_or_default();
                writeln!(f, "\nFAILED {id}\n  expected  {expected}\n  actual    {actual}\n  contract  {promise}")?;
            }
        }
        writeln!(f, "\n{}", self.summary())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn report() -> Report {
        let row = |id: &'static str, outcome| Row { id, sentence: "busy/clipped", milliseconds: 7, outcome };
        let failed = Outcome::Failed { expected: "10:00 < 12:00".into(), actual: "a \"b\" & \u{1} c".into() };
        Report {
            provider: "toy".into(),
            version: "1.2.3".into(),
            sha256: String::new(),
            run: "run".into(),
            rows: vec![
                row("busy/clipped", Outcome::Passed),
                row("busy/clipped:longer-than-the-window", failed),
                row("busy/clipped:no-length", Outcome::NotApplicable { why: "it cannot be made".into() }),
            ],
            left_behind: vec!["id".into()],
        }
    }

    #[test]
    fn the_table_has_a_line_for_each_case_and_a_block_for_each_failure() {
        let expected = "\
passed   busy/clipped                              7 ms
FAILED   busy/clipped:longer-than-the-window       7 ms
n/a      busy/clipped:no-length                    7 ms  it cannot be made

FAILED busy/clipped:longer-than-the-window
  expected  10:00 < 12:00
  actual    a \"b\" & \u{1} c
  contract  An interval is cut to the window and its end is after its start.

toy 1.2.3: 1 passed, 1 failed, 1 not applicable; 1 events could not be removed
";
        assert_eq!(report().to_string(), expected);
    }

    #[test]
    fn junit_counts_and_escapes() {
        let xml = report().junit().unwrap();
        for part in [
            r#"tests="3" skipped="1" errors="0" failures="1""#,
            r#"classname="conformance.busy""#,
            "expected: 10:00 &lt; 12:00",
            "actual: a &quot;b&quot; &amp;  c",
        ] {
            assert!(xml.contains(part), "{part} in {xml}");
        }
    }

    #[test]
    fn green_is_something_passed_and_nothing_failed() {
        let mut report = report();
        assert!(!report.is_green());
        report.rows.remove(1);
        assert!(report.is_green());
        report.rows.remove(0);
        assert!(!report.is_green(), "nothing was seen");
    }

    #[test]
    fn a_run_is_partly_tried_if_nothing_failed_and_something_was_not_tried() {
        let mut report = report();
        report.rows[2].outcome = Outcome::NotTried { why: "the calendar has no event".into() };
        assert_eq!(report.verdict(), Verdict::Failed);
        report.rows.remove(1);
        assert_eq!(report.verdict(), Verdict::PartlyTried);
        assert_eq!(
            report.summary(),
            "toy 1.2.3: 1 passed, 0 failed, 0 not applicable; partly tried: 1 not tried (1 of busy); 1 events could \
             not be removed"
        );
        assert!(report.to_string().contains("untried  busy/clipped:no-length       7 ms  the calendar has no event\n"));
        let xml = report.junit().unwrap();
        assert!(xml.contains(r#"<skipped message="not tried: the calendar has no event" type="not-tried"/>"#), "{xml}");
        report.rows.remove(1);
        assert_eq!(report.verdict(), Verdict::Passed);
        report.rows.clear();
        assert_eq!(report.verdict(), Verdict::Failed, "nothing was seen");
    }
}
