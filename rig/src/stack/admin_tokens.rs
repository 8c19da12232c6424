//! Tokens of the persisters' admin API: made anew for each stack, in a file that only its user reads.

use std::fs;
use std::path::{Path, PathBuf};

use super::error::StackError;

/// What a token of the stack may do; the same word is its name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AdminRole {
    /// Look.
    Viewer,
    /// Change.
    Operator,
    /// Change, as somebody else.
    SecondOperator,
}

impl AdminRole {
    const ALL: [Self; 3] = [Self::Viewer, Self::Operator, Self::SecondOperator];

    /// The token's name, as the audit has it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Viewer => "viewer",
            Self::Operator => "operator",
            Self::SecondOperator => "operator-2",
        }
    }

    fn role(self) -> &'static str {
        match self {
            Self::Viewer => "viewer",
            Self::Operator | Self::SecondOperator => "operator",
        }
    }
}

/// The file, in the stack's directory, as persisters read it.
pub(super) fn path(directory: &Path) -> PathBuf {
    directory.join("admin-tokens")
}

/// Makes the tokens.
pub(super) fn make(directory: &Path) -> Result<(), StackError> {
    let line = |role: AdminRole| {
        let token = format!("{:032x}", rand::random::<u128>());
        format!("{}:{}:{token}\n", role.name(), role.role())
    };
    let path = path(directory);
    let text: String = AdminRole::ALL.into_iter().map(line).collect();
    fs::write(&path, text).map_err(StackError::io(format!("write {}", path.display())))
}

/// The token of a role.
pub(super) fn read(directory: &Path, role: AdminRole) -> Result<String, StackError> {
    let path = path(directory);
    let what = path.display().to_string();
    let text = fs::read_to_string(&path).map_err(StackError::io(format!("read {what}")))?;
    let token = text.lines().find_map(|line| {
        let mut fields = line.splitn(3, ':');
        if fields.next() == Some(role.name()) { fields.nth(1).map(str::to_owned) } else { None }
    });
    token.ok_or_else(|| StackError::Unreadable { what, why: format!("no {}", role.name()) })
}
