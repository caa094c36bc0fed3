//! The command from end to end, on machines made of shell scripts.
//!
//! These tests check which programs the builder calls, in which order, and how it uses their answers. Stand-ins for `cargo`,
//! `rustc`, `apt-get` and others record their arguments and answer like the real programs. The integration tests of the
//! workspace run the real ones.
#![cfg(unix)]
#![expect(clippy::unwrap_used, reason = "a test that cannot go on stops")]

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use serde_json::Value;
use tempfile::TempDir;

/// Answers as a compiler does, with its own folder above `usr/bin` or `bin` as the sysroot.
const RUSTC: &str = r#"here=$(cd "$(dirname "$0")/.." && pwd)
case "$*" in
*sysroot*) echo "$here" ;;
*) printf 'rustc %s (abc 2026-01-01)\nhost: x86_64-unknown-linux-gnu\ncommit-hash: abc\nrelease: %s\n' VERSION VERSION ;;
esac"#;

/// Hands out the module that the test has put there.
const CARGO: &str = r#"echo "cargo $*" >> "$FAKE/log"
case "$1" in
metadata) cat "$FAKE/metadata.json" ;;
*)
    env > "$FAKE/environment"
    echo "   Compiling tiny v0.1.0" >&2
    if [ -e "$FAKE/broken" ]; then echo "error: no such thing" >&2; exit 101; fi
    echo '{"reason":"compiler-artifact","target":{"name":"tiny","crate_types":["cdylib"]},"filenames":["'"$FAKE"'/tiny.wasm"]}'
    ;;
esac"#;

/// Without our own lists, finds nothing; `apt-get download` fails while `$FAKE/cut` exists.
const APT: &str = r#"echo "$(basename "$0") $*" >> "$FAKE/log"
case "$*" in
*Dir::Cache=*) ;;
*--version*) exit 0 ;;
*) echo "E: the machine's own cache" >&2; exit 1 ;;
esac
case "$*" in
*Dir::State::Lists=*) ;;
*) echo "E: No packages found" >&2; exit 100 ;;
esac
case "$*" in
*update*) echo "W: something else" >&2 ;;
*"show --no-all-versions rustc-web") printf 'Package: rustc-web\nVersion: %s\nDepends: libc6\n' "$(cat "$FAKE/version")" ;;
*"show --no-all-versions libstd-rust-web-dev") printf 'Version: 1.96.0-1\nDepends: libstd-rust-web-1.96 (= 1.96.0-1)\n' ;;
*depends*) printf 'libstd-rust-web-1.96\n  Depends: libllvm22\nlibllvm22\nlibc6\n' ;;
*--print-uris*) printf "'http://m/a' a_1.deb 1500000 SHA256:0\n'http://m/b' b_1.deb 500000 SHA256:0\n" ;;
*libllvm22*) if [ -e "$FAKE/cut" ]; then echo "E: cut" >&2; exit 100; fi; echo > libllvm22.deb ;;
*download*) echo > "$(echo "$*" | sed 's/.* //; s/=.*//').deb" ;;
esac"#;

const DPKG_DEB: &str = r#"case "$1" in --extract) ;; *) exit 0 ;; esac
echo "dpkg-deb $1 $(basename "$2")" >> "$FAKE/log"
usr="$3/usr"
mkdir -p "$usr/bin" "$usr/lib/x86_64-linux-gnu" "$usr/src/rustc-1.96.0/library" "$usr/src/rustc-1.96.0/compiler"
mkdir -p "$usr/lib/rustlib/src"
touch "$usr/lib/x86_64-linux-gnu/librustc_driver-1.so" "$usr/src/rustc-1.96.0/library/Cargo.lock"
ln -sfn ../../../src/rustc-1.96.0 "$usr/lib/rustlib/src/rust"
cp "$FAKE/unpacked-rustc" "$usr/bin/rustc""#;

const DPKG_QUERY: &str = "echo 'libc6 installed'";

struct Machine {
    folder: TempDir,
}

impl Machine {
    /// A machine with a compiler that has the WebAssembly target.
    fn with_target() -> Self {
        let machine = Self { folder: tempfile::tempdir().unwrap() };
        machine.script("toolchain/bin/cargo", CARGO);
        machine.script("toolchain/bin/rustc", &RUSTC.replace("VERSION", "1.95.0"));
        machine.write("toolchain/lib/rustlib/wasm32-unknown-unknown/lib/libstd-1.rlib", b"");
        let manifest = machine.at("workspace/providers/tiny/Cargo.toml");
        let metadata = serde_json::json!({
            "packages": [{"name": "chronus-tiny", "manifest_path": manifest, "rust_version": "1.95",
                "targets": [{"name": "tiny", "kind": ["cdylib"], "crate_types": ["cdylib"]}]}],
            "workspace_root": machine.at("workspace"),
        });
        machine.write("metadata.json", metadata.to_string().as_bytes());
        machine.write("workspace/Cargo.toml", b"");
        machine.write("tiny.wasm", &guest(7));
        machine
    }

    /// A Debian machine with mirrors and a compiler without the target.
    fn debian() -> Self {
        let machine = Self::with_target();
        fs::remove_dir_all(machine.at("toolchain/lib")).unwrap();
        machine.write("toolchain/lib/rustlib/x86_64-unknown-linux-gnu/bin/rust-lld", b"");
        for (name, text) in [("apt-get", APT), ("apt-cache", APT), ("dpkg-deb", DPKG_DEB), ("dpkg-query", DPKG_QUERY)] {
            machine.script(&format!("bin/{name}"), text);
        }
        machine.script("unpacked-rustc", &RUSTC.replace("VERSION", "1.96.0"));
        machine.write("version", b"1.96.0-1");
        machine
    }

    fn at(&self, path: &str) -> PathBuf {
        self.folder.path().canonicalize().unwrap().join(path)
    }

    fn write(&self, path: &str, bytes: &[u8]) {
        let path = self.at(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, bytes).unwrap();
    }

    fn script(&self, path: &str, text: &str) {
        self.write(path, format!("#!/bin/sh\n{text}\n").as_bytes());
        fs::set_permissions(self.at(path), fs::Permissions::from_mode(0o755)).unwrap();
    }

    fn read(&self, path: &str) -> String {
        fs::read_to_string(self.at(path)).unwrap()
    }

    /// `cargo plugins` with these arguments, as it runs below the cargo of this machine.
    fn plugins(&self, arguments: &[&str]) -> Output {
        let path = std::env::join_paths([self.at("bin"), PathBuf::from("/usr/bin"), PathBuf::from("/bin")]).unwrap();
        Command::new(env!("CARGO_BIN_EXE_chronus-plugins-build"))
            .args(arguments)
            .args([Path::new("--workspace"), &self.at("workspace")])
            .env_clear()
            .envs([("FAKE", self.at("")), ("CARGO", self.at("toolchain/bin/cargo")), ("HOME", self.at("home"))])
            .env("PATH", path)
            .envs([("RUSTFLAGS", "-Cleak"), ("CARGO_TARGET_DIR", "/leak"), ("CARGO_PKG_NAME", "leak")])
            .output()
            .unwrap()
    }

    /// The report of a build that passes.
    fn built(&self, arguments: &[&str]) -> Vec<Value> {
        let output = self.plugins(&[arguments, &["--json"]].concat());
        assert!(output.status.success(), "{}", text(&output.stderr));
        serde_json::from_slice(&output.stdout).unwrap()
    }
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// A core module for `world w { import log: func(n: u32); export run: func(); }` that logs a number.
fn guest(number: u8) -> Vec<u8> {
    let mut module = b"\0asm\x01\0\0\0".to_vec();
    module.extend_from_slice(b"\x01\x08\x02\x60\x01\x7f\x00\x60\x00\x00");
    module.extend_from_slice(b"\x02\x0d\x01\x05$root\x03log\x00\x00");
    module.extend_from_slice(b"\x03\x02\x01\x01\x07\x07\x01\x03run\x00\x01");
    module.extend_from_slice(&[10, 8, 1, 6, 0, 0x41, number, 0x10, 0, 0x0b]);
    let mut resolve = wit_parser::Resolve::default();
    let wit = "package a:b; world w { import log: func(n: u32); export run: func(); }";
    let package = resolve.push_str("w.wit", wit).unwrap();
    let world = resolve.select_world(&[package], Some("w")).unwrap();
    wit_component::embed_component_metadata(&mut module, &resolve, world, wit_component::StringEncoding::UTF8).unwrap();
    module
}

#[test]
fn an_installed_target_is_used_as_it_is() {
    let machine = Machine::with_target();
    let built = machine.built(&[]);
    assert_eq!(built.len(), 1);
    assert_eq!(built[0]["id"], "tiny");
    assert_eq!(built[0]["imports"], serde_json::json!(["log"]));
    assert_eq!(built[0]["exports"], serde_json::json!(["run"]));
    assert_eq!(built[0]["toolchain"], "1.95.0 (abc 2026-01-01)");
    assert_eq!(built[0]["fresh"], false);
    let component = fs::read(machine.at("workspace/plugins-build/out/tiny.wasm")).unwrap();
    assert_eq!(built[0]["size"], component.len());

    let log = machine.read("log");
    assert!(log.contains("cargo rustc --profile guest --locked --target wasm32-unknown-unknown"), "{log}");
    assert!(log.contains("--package chronus-tiny --lib --crate-type cdylib"), "{log}");
    assert!(!log.contains("build-std"), "{log}");
    let environment = machine.read("environment");
    assert!(!environment.contains("leak"), "{environment}");
    assert!(environment.contains(&format!("CARGO_TARGET_DIR={}\n", machine.at("workspace/target/guests").display())));
}

#[test]
fn the_signature_is_that_of_the_component() {
    let machine = Machine::with_target();
    let built = machine.built(&[]);
    let digest = built[0]["sha256"].as_str().unwrap();
    let signature = fs::read_to_string(built[0]["signature"].as_str().unwrap()).unwrap();
    let trusted = machine.read("workspace/plugins-build/out/trusted.pub");
    assert!(chronus_plugins_build::verify(digest, &signature, &trusted));
}

#[test]
fn an_unchanged_module_is_left_alone_and_a_changed_one_is_not() {
    let machine = Machine::with_target();
    let first = machine.built(&[]);
    let again = machine.built(&["tiny"]);
    assert_eq!((&again[0]["fresh"], &again[0]["sha256"]), (&Value::Bool(true), &first[0]["sha256"]));
    machine.write("workspace/plugins-build/out/tiny.wasm", b"tampered with");
    let mended = machine.built(&[]);
    assert_eq!((&mended[0]["fresh"], &mended[0]["sha256"]), (&Value::Bool(false), &first[0]["sha256"]));
    machine.write("tiny.wasm", &guest(8));
    let changed = machine.built(&[]);
    assert_eq!(changed[0]["fresh"], false);
    assert_ne!(changed[0]["sha256"], first[0]["sha256"]);
}

#[test]
fn code_that_does_not_compile_is_shown_with_what_the_compiler_says() {
    let machine = Machine::with_target();
    machine.write("broken", b"");
    let output = machine.plugins(&[]);
    assert_eq!(output.status.code(), Some(1));
    let expected = "Compiling tiny v0.1.0\n\
                    error: cargo cannot build `chronus-tiny` for wasm32-unknown-unknown:\nerror: no such thing\n";
    assert_eq!(text(&output.stderr), expected);
    assert_eq!(machine.plugins(&["--no-such-option"]).status.code(), Some(2));
}

#[test]
fn debians_compiler_is_fetched_once_and_used_with_its_source() {
    let machine = Machine::debian();
    let output = machine.plugins(&[]);
    assert!(output.status.success(), "{}", text(&output.stderr));
    let said = text(&output.stderr);
    assert!(said.contains("fetching rustc 1.96.0-1 from Debian: 2 MB, once"), "{said}");
    let log = machine.read("log");
    for package in ["rustc-web=1.96.0-1", "libstd-rust-web-dev=1.96.0-1", "rust-web-src=1.96.0-1", "libllvm22"] {
        assert!(log.contains(&format!("download {package}\n")), "{package}: {log}");
    }
    assert!(!log.contains("install"), "{log}");
    assert!(log.contains("-Z build-std=std,panic_abort -Z build-std-features="), "{log}");
    let root = machine.at("home/.cache/chronus/guest-toolchain/debian");
    let environment = machine.read("environment");
    for line in [
        format!("RUSTC={}\n", root.join("usr/bin/rustc").display()),
        format!("LD_LIBRARY_PATH={}\n", root.join("usr/lib/x86_64-linux-gnu").display()),
        "RUSTC_BOOTSTRAP=1\n".to_owned(),
        format!("{}/rust-lld\n", machine.at("toolchain/lib/rustlib/x86_64-unknown-linux-gnu/bin").display()),
    ] {
        assert!(environment.contains(&line), "{line} in {environment}");
    }
    assert!(!root.join("usr/src/rustc-1.96.0/compiler").exists());

    fs::remove_file(machine.at("log")).unwrap();
    assert_eq!(machine.built(&[])[0]["toolchain"], "1.96.0 (abc 2026-01-01)");
    assert!(!machine.read("log").contains("apt"), "{}", machine.read("log"));
}

#[test]
fn a_download_that_was_cut_is_begun_anew() {
    let machine = Machine::debian();
    machine.write("cut", b"");
    let output = machine.plugins(&[]);
    assert_eq!(output.status.code(), Some(1));
    let said = text(&output.stderr);
    assert!(
        said.contains("(downloading)") && said.contains("E: cut") && said.contains("sudo apt-get update"),
        "{said}"
    );
    assert!(said.contains("W: something else"), "{said}");
    assert!(!machine.at("home/.cache/chronus/guest-toolchain/debian").exists());
    fs::remove_file(machine.at("cut")).unwrap();
    machine.built(&[]);
    assert!(!machine.at("home/.cache/chronus/guest-toolchain/begun").exists());
}

#[test]
fn a_compiler_that_no_longer_runs_is_fetched_again() {
    let machine = Machine::debian();
    machine.built(&[]);
    fs::write(machine.at("home/.cache/chronus/guest-toolchain/debian/usr/bin/rustc"), "").unwrap();
    machine.built(&[]);
    assert_eq!(machine.read("log").matches("download rustc-web=").count(), 2);
}

#[test]
fn a_compiler_older_than_the_workspace_takes_is_not_fetched() {
    let machine = Machine::debian();
    machine.write("version", b"1.85.0+dfsg3-1");
    let said = text(&machine.plugins(&[]).stderr);
    assert!(said.contains("rustc-web is 1.85.0+dfsg3-1, and 1.95 or newer is needed"), "{said}");
    assert!(said.contains("Add Debian's security archive"), "{said}");
}

#[test]
fn other_machines_are_told_what_to_install() {
    let machine = Machine::debian();
    fs::remove_file(machine.at("bin/apt-get")).unwrap();
    machine.script("bin/apt-get", "exit 127");
    let said = text(&machine.plugins(&[]).stderr);
    assert!(said.contains("cannot compile to wasm32-unknown-unknown and this is no Debian machine"), "{said}");
    assert!(said.contains("rustup target add wasm32-unknown-unknown"), "{said}");
}

#[test]
fn builders_at_the_same_time_do_not_disturb_each_other() {
    let machine = Machine::debian();
    let reports: Vec<_> = std::thread::scope(|scope| {
        let running: Vec<_> = (0..4).map(|_| scope.spawn(|| machine.built(&[]))).collect();
        running.into_iter().map(|one| one.join().unwrap()).collect()
    });
    for report in &reports {
        assert_eq!(report[0]["sha256"], reports[0][0]["sha256"]);
    }
    assert_eq!(reports.iter().filter(|report| report[0]["fresh"] == false).count(), 1);
    assert_eq!(machine.read("log").matches("dpkg-deb --extract rustc-web.deb").count(), 1);
}
