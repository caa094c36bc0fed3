//! Components stay small: an operator downloads, stores and compiles them.

use anyhow::ensure;
use chronus_tests::components;

/// The most bytes that a provider of ours may have (issue 4).
const MOST: u64 = 1_000_000;

#[tokio::test]
async fn providers_are_below_a_megabyte() -> anyhow::Result<()> {
    let components = tokio::task::spawn_blocking(components).await??;
    components.provider("ical")?;
    for provider in components.providers() {
        let size = std::fs::metadata(&provider.path)?.len();
        println!("{}: {size} bytes", provider.id);
        ensure!(size <= MOST, "{} has {size} bytes, which is more than {MOST}", provider.id);
    }
    Ok(())
}
