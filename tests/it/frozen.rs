//! A provider that was built when a version of the contract was frozen still loads, or is refused by that version.
//!
//! The components in `tests/frozen` are the test guest `idle`, as it was built then, and are never built again: other
//! people's components are not either.

use chronus_host::plugins::contract::CONTRACT;
use chronus_host::plugins::egress::EgressPolicy;
use chronus_host::plugins::{AdmissionError, Level};
use chronus_tests::harness;
use chronus_tests::repo_root;
use std::collections::{BTreeMap, BTreeSet};

fn names(folder: &str) -> anyhow::Result<BTreeSet<String>> {
    let entries = std::fs::read_dir(repo_root().join(folder))?;
    let name = |entry: std::io::Result<std::fs::DirEntry>| Ok(entry?.file_name().to_string_lossy().into_owned());
    entries.map(name).collect()
}

/// The files of a folder of WIT and of its `deps`, by name.
fn wit(folder: &str) -> anyhow::Result<BTreeMap<String, String>> {
    let mut files = BTreeMap::new();
    for folder in [folder.to_owned(), format!("{folder}/deps")] {
        for name in names(&folder)?.into_iter().filter(|name| name.ends_with(".wit")) {
            let path = format!("{folder}/{name}");
            files.insert(name, std::fs::read_to_string(repo_root().join(path))?);
        }
    }
    Ok(files)
}

/// The sdk ships the contract, so that a provider elsewhere needs no copy of its own.
#[test]
fn the_sdks_copy_of_the_contract_is_the_contract() -> anyhow::Result<()> {
    let (contract, copy) = (wit("wit")?, wit("providers/sdk/wit")?);
    assert!(contract.len() >= 7, "the contract has shrunk to {:?}", contract.keys());
    assert!(
        copy == contract,
        "providers/sdk/wit differs; run: cp wit/*.wit providers/sdk/wit/ && cp wit/deps/*.wit providers/sdk/wit/deps/"
    );
    Ok(())
}

#[tokio::test]
async fn components_of_frozen_versions_load_or_are_refused_by_name() -> anyhow::Result<()> {
    let versions = names("wit/frozen")?;
    assert!(versions.contains(CONTRACT), "the host speaks {CONTRACT}, which is not frozen");
    let kept: BTreeSet<_> = versions.iter().map(|version| format!("{version}.wasm")).collect();
    assert_eq!(names("tests/frozen")?, kept, "tests/frozen keeps one component for each version in wit/frozen");
    let sandbox = harness::sandbox(EgressPolicy::default())?;
    for version in versions {
        let component = std::fs::read(repo_root().join(format!("tests/frozen/{version}.wasm")))?;
        match sandbox.admit(&component).await {
            Ok(plugin) => {
                assert_eq!(version, CONTRACT);
                assert_eq!((plugin.description().id.as_str(), plugin.inspection().level), ("idle", Level::ReadOnly));
            }
            Err(error @ AdmissionError::Contract { .. }) => {
                assert_ne!(version, CONTRACT);
                assert!(error.to_string().contains(&version), "{error}");
            }
            Err(error) => panic!("{version}: {error}"),
        }
    }
    Ok(())
}
