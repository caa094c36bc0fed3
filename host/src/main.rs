//! The `chronus` program.

fn main() -> std::process::ExitCode {
    chronus_host::cli::main()
}
