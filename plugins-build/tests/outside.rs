//! A provider outside of this repository depends on the sdk and on nothing else of it: no copy of the contract.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on stops")]

use std::fs;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::{Path, PathBuf};
use std::process::Command;

use chronus_plugins_build::Options;

const MANIFEST: &str = r#"
[package]
name = "lamp"
version = "0.1.0"
edition = "2024"
[lib]
crate-type = ["cdylib"]
[dependencies]
chronus-sdk = { path = SDK }
"#;

/// What is not a function of the provider.
const BOILERPLATE: &str = "
use chronus_sdk::{Provider, descriptions::*, failure, values::*};
pub struct Lamp;
chronus_sdk::provider!(Lamp, read_only);
";

const FUNCTIONS: &str = r#"
impl Provider for Lamp {
    fn describe() -> Description {
        Description {
            id: "lamp".into(),
            name: "Lamp".into(),
            version: "0.1.0".into(),
            state_format: 1,
            sign_ins: vec![],
            hosts: vec![],
            read_only_posts: vec![],
            limits: Limits { busy_window: 1, changes_window: 1, page_size: 1, get_many: 1, poll_floor: 1, concurrency: 1 },
        }
    }

    fn open(_: &Connection) -> Result<AccountReply, Failure> {
        Err(failure::unsupported("a lamp has no accounts"))
    }

    fn busy(_: &Connection, _: &BusyTargets, _: Window) -> Result<BusyReply, Failure> {
        Err(failure::unsupported("a lamp has no calendars"))
    }
}
"#;

/// A folder that is the same at each run, because a compiler's flags hold its path, and other flags compile everything again.
fn folder() -> PathBuf {
    let checkout = Options::this_checkout().workspace;
    let mut hasher = DefaultHasher::new();
    checkout.hash(&mut hasher);
    std::env::temp_dir().join(format!("chronus-outside-{:016x}", hasher.finish()))
}

/// The builder takes a workspace, so the crate stands in one. The profile and the versions are this repository's, so that
/// the crate's dependencies are there already. What somebody has to write to have a provider, by the line.
fn workspace(root: &Path) -> Vec<&'static str> {
    let checkout = Options::this_checkout().workspace;
    let all = fs::read_to_string(checkout.join("Cargo.toml")).unwrap();
    let profiles = &all[all.find("[profile.bench.package]").unwrap()..];
    let lamp = root.join("providers/lamp");
    fs::create_dir_all(lamp.join("src")).unwrap();
    let manifest = format!("[workspace]\nresolver = \"3\"\nmembers = [\"providers/lamp\"]\n\n{profiles}");
    fs::write(root.join("Cargo.toml"), manifest).unwrap();
    let sdk = format!("{:?}", checkout.join("providers/sdk"));
    fs::write(lamp.join("Cargo.toml"), MANIFEST.replace("SDK", &sdk)).unwrap();
    fs::write(lamp.join("src/lib.rs"), [BOILERPLATE, FUNCTIONS].concat()).unwrap();
    fs::copy(checkout.join("Cargo.lock"), root.join("Cargo.lock")).unwrap();
    // Leaves out of the lock file what a lamp does not depend on.
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let update = Command::new(cargo).args(["update", "--workspace", "--offline"]).current_dir(root).output().unwrap();
    assert!(update.status.success(), "{}", String::from_utf8_lossy(&update.stderr));
    MANIFEST.lines().chain(BOILERPLATE.lines()).filter(|line| !line.is_empty()).collect()
}

#[test]
fn a_provider_elsewhere_needs_the_sdk_and_fifteen_lines_at_most() {
    let root = folder();
    let boilerplate = workspace(&root);
    assert!(boilerplate.len() < 15, "{boilerplate:#?}");
    // A fetched compiler is shared with the checkout.
    let options = Options { toolchain_dir: Options::this_checkout().toolchain_dir, ..Options::new(&root) };
    let built = chronus_plugins_build::providers(&options, &mut |line| eprintln!("{line}")).unwrap();
    assert_eq!(built.iter().map(|one| one.id.as_str()).collect::<Vec<_>>(), ["lamp"]);
    for interface in ["plugin", "account", "busy"] {
        assert!(built[0].exports.contains(&format!("chronus:calendar/{interface}@0.2.0")), "{:?}", built[0].exports);
    }
    assert_eq!(built[0].exports.len(), 3, "{:?}", built[0].exports);
}
