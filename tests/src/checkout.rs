//! This checkout: its root, and its providers and test guests as components.
//!
//! Tests need components, and `cargo test` must work without a previous step. So the first test that needs components builds
//! them, the other tests of the process wait, and the builder makes other processes wait. Rejected: a build script (a cargo
//! inside a cargo on one target directory waits for itself).

use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use anyhow::Context;
use chronus_plugins_build::{BuiltComponent, Options};

/// The root of the checkout that this crate was compiled in.
pub fn repo_root() -> &'static Path {
    static ROOT: OnceLock<PathBuf> = OnceLock::new();
    ROOT.get_or_init(|| Options::this_checkout().workspace)
}

/// All components of this checkout.
#[derive(Debug)]
pub struct Components {
    providers: Vec<BuiltComponent>,
    guests: Vec<BuiltComponent>,
}

impl Components {
    /// The provider of this id: `ical`.
    pub fn provider(&self, id: &str) -> anyhow::Result<&BuiltComponent> {
        find(&self.providers, id).with_context(|| format!("there is no folder providers/{id}"))
    }

    /// The test guest of this name: an example of `tests/guests`.
    pub fn guest(&self, name: &str) -> anyhow::Result<&BuiltComponent> {
        find(&self.guests, name).with_context(|| format!("there is no file tests/guests/examples/{name}.rs"))
    }

    /// All providers, by id.
    pub fn providers(&self) -> &[BuiltComponent] {
        &self.providers
    }

    /// All test guests, by name.
    pub fn guests(&self) -> &[BuiltComponent] {
        &self.guests
    }
}

/// Builds all providers and test guests, or waits until another test of this process has.
pub fn components() -> anyhow::Result<&'static Components> {
    static COMPONENTS: OnceLock<Result<Components, String>> = OnceLock::new();
    COMPONENTS
        .get_or_init(|| build().map_err(|error| format!("{error:#}")))
        .as_ref()
        .map_err(|text| anyhow::Error::msg(text.clone()))
}

/// Prints something at once, even if the output of tests is captured: a first build takes minutes, and silence for minutes
/// reads as a hang.
pub(crate) fn tell(sentence: &str) {
    // If the output is closed, the build goes on.
    let _ = writeln!(std::io::stderr(), "{sentence}");
}

fn build() -> anyhow::Result<Components> {
    let options = Options::this_checkout();
    let mut progress = tell;
    let providers = chronus_plugins_build::providers(&options, &mut progress).context("building the providers")?;
    let guests = chronus_plugins_build::examples(&options, "chronus-test-guests", &mut progress)
        .context("building the test guests")?;
    Ok(Components { providers, guests })
}

fn find<'a>(built: &'a [BuiltComponent], id: &str) -> Option<&'a BuiltComponent> {
    built.iter().find(|one| one.id == id)
}
