//! The operator who runs a command, as the audit log names them.
//!
//! The name is what the shell says: an operator who can open the database can write any entry, so a stronger proof would
//! prove nothing.

use crate::audit::Author;
use std::{env, fs};

/// Where Linux says the name of the machine.
const MACHINE: &str = "/proc/sys/kernel/hostname";

/// Longer names are cut.
const LONGEST_NAME: usize = 128;

/// The operator: the name of their account, and of the machine if it is known.
pub(super) fn operator() -> Author {
    let variable = |name| env::var(name).ok().filter(|text| !text.is_empty());
    let account = variable("SUDO_USER").or_else(|| variable("USER")).or_else(|| variable("LOGNAME"));
    let machine = fs::read_to_string(MACHINE).ok();
    Author::CommandLine(account.map(|account| name(&account, machine.as_deref())))
}

fn name(account: &str, machine: Option<&str>) -> String {
    let machine = machine.map(|machine| format!("@{}", machine.trim())).unwrap_or_default();
    format!("{account}{machine}").chars().filter(|c| !c.is_control()).take(LONGEST_NAME).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_operator_is_an_account_on_a_machine() {
        assert_eq!(name("ann", Some("one\n")), "ann@one");
        assert_eq!(name("a\u{1b}nn", None), "ann");
        assert_eq!(name(&"ž".repeat(200), None).chars().count(), LONGEST_NAME);
    }
}
