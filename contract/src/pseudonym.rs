//! What stands in the place of a user whose data was erased.

use crate::ids::UserId;

/// How each pseudonym begins.
const PREFIX: &str = "erased-";
/// Letters behind it: 96 bits, in hexadecimal digits.
const DIGITS: usize = 24;

/// The pseudonym of that number. It is drawn by chance and not made from the user's id, which could
/// be found out by trying ids.
pub fn pseudonym(number: [u8; 12]) -> UserId {
    let digits: String = number.iter().map(|byte| format!("{byte:02x}")).collect();
    format!("{PREFIX}{digits}").parse().expect("letters, digits and '-' are an id")
}

/// Whether a user is nobody any more. A person who chose such an id would be taken for erased.
pub fn is_pseudonym(user: &UserId) -> bool {
    let digits = user.as_str().strip_prefix(PREFIX);
    digits.is_some_and(|digits| {
        digits.len() == DIGITS
            && digits.bytes().all(|byte| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pseudonym_is_told_from_a_user() {
        let user = pseudonym([0xab; 12]);
        assert_eq!(user.as_str(), "erased-abababababababababababab");
        assert!(is_pseudonym(&user));
        for other in ["ann", "erased-", "erased-ABababababababababababab", "erased-abababab"] {
            assert!(!is_pseudonym(&other.parse().unwrap()), "{other}");
        }
    }
}
