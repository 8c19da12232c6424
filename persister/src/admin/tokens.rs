//! Who may use the admin API: bearer tokens, each with a name and a role.

use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

use crate::operator::parse_name;

/// The shortest token, in bytes: 24 random letters are beyond guessing.
pub const MIN_TOKEN_BYTES: usize = 24;
/// The most tokens.
const MAX_TOKENS: usize = 256;

/// What somebody may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Role {
    /// Look at everything.
    Viewer,
    /// Change things as well.
    Operator,
}

/// Somebody whom a token names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Caller {
    /// The token's name: who did it, in the audit.
    pub name: String,
    /// What they may do.
    pub role: Role,
}

/// All tokens, as hashes. Never printed.
#[derive(Clone)]
pub struct Tokens(Vec<(Caller, [u8; 32])>);

impl Role {
    /// The role that a word names.
    pub fn parse(word: &str) -> Option<Self> {
        match word {
            "viewer" => Some(Self::Viewer),
            "operator" => Some(Self::Operator),
            _ => None,
        }
    }

    /// The word.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Viewer => "viewer",
            Self::Operator => "operator",
        }
    }
}

impl Tokens {
    /// Reads `NAME:ROLE:TOKEN`, separated by commas or the ends of lines; a line that begins with
    /// `#` is a comment. None where there is no token, a bad one, or a name or a token twice.
    pub fn parse(text: &str) -> Option<Self> {
        let mut tokens: Vec<(Caller, [u8; 32])> = Vec::new();
        let lines = text.lines().filter(|line| !line.trim_start().starts_with('#'));
        let entries = lines.flat_map(|line| line.split(',')).map(str::trim);
        for entry in entries.filter(|entry| !entry.is_empty()) {
            let mut fields = entry.splitn(3, ':');
            let name = parse_name(fields.next()?)?;
            let role = Role::parse(fields.next()?.trim())?;
            let token = fields.next()?.trim();
            let good =
                token.len() >= MIN_TOKEN_BYTES && token.bytes().all(|b| b.is_ascii_graphic());
            let hash = hash(token);
            let twice =
                |(caller, known): &(Caller, [u8; 32])| caller.name == name || *known == hash;
            if !good || tokens.iter().any(twice) || tokens.len() == MAX_TOKENS {
                return None;
            }
            tokens.push((Caller { name, role }, hash));
        }
        (!tokens.is_empty()).then_some(Self(tokens))
    }

    /// Whose token it is. It takes the same time whichever it is and wherever it differs: hashes
    /// are compared, all of them, to their ends.
    pub fn identify(&self, presented: &str) -> Option<&Caller> {
        let presented = hash(presented);
        let mut found = None;
        for (caller, known) in &self.0 {
            if bool::from(known.ct_eq(&presented)) {
                found = Some(caller);
            }
        }
        found
    }
}

/// What is kept and compared of a token.
pub(super) fn hash(token: &str) -> [u8; 32] {
    Sha256::digest(token.as_bytes()).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    const ONE: &str = "aaaaaaaaaaaaaaaaaaaaaaaa";
    const TWO: &str = "bbbbbbbbbbbbbbbbbbbbbb:b";

    #[test]
    fn a_token_names_its_caller() {
        let text = format!("# who may\nann:operator:{ONE}\n\n bob : viewer : {TWO}\n");
        let tokens = Tokens::parse(&text).unwrap();
        let caller =
            |token| tokens.identify(token).map(|caller| (caller.name.as_str(), caller.role));
        assert_eq!(caller(ONE), Some(("ann", Role::Operator)));
        assert_eq!(caller(TWO), Some(("bob", Role::Viewer)));
        for bad in ["", "a", &format!("{ONE}a"), &ONE[1..]] {
            assert_eq!(caller(bad), None, "{bad:?}");
        }
        assert!(Tokens::parse(&format!("ann:operator:{ONE},bob:viewer:{TWO}")).is_some());
    }

    #[test]
    fn a_list_with_a_fault_is_no_list() {
        for bad in [
            String::new(),
            "# nobody".to_owned(),
            "ann:operator:short".to_owned(),
            format!("ann:root:{ONE}"),
            format!("ann:{ONE}"),
            format!(":viewer:{ONE}"),
            format!("ann:viewer:{ONE} {ONE}"),
            format!("ann:viewer:{ONE},ann:operator:{TWO}"),
            format!("ann:viewer:{ONE},bob:operator:{ONE}"),
        ] {
            assert!(Tokens::parse(&bad).is_none(), "{bad:?}");
        }
    }
}
