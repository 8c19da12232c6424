//! Tokens for many users, on all cores.

use std::io::Write;
use std::num::NonZeroUsize;
use std::thread;

use contract::ids::UserId;
use serde_json::json;

use super::{Key, TokenError};

/// Tokens that a core signs before they are written: a bound on what is held, some megabytes.
const CHUNK: u64 = 4_096;

/// Which tokens.
#[derive(Debug, Clone)]
pub struct Bulk {
    /// How many users.
    pub users: u64,
    /// The number of the first.
    pub first: u64,
    /// What comes before the number in a user's name.
    pub prefix: String,
    /// Their `iss`.
    pub issuer: String,
    /// Their `aud`.
    pub audience: String,
    /// Since when they are good, Unix seconds.
    pub from_s: u64,
    /// For how long.
    pub for_s: u64,
}

/// How a user and their token are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Format {
    /// `user token`
    Lines,
    /// `{"user_id":"user","token":"token"}`
    Ndjson,
}

impl Bulk {
    /// The token of one user.
    fn token(&self, key: &Key, user: &UserId) -> Result<String, TokenError> {
        key.token(&json!({
            "iss": self.issuer,
            "aud": self.audience,
            "sub": user,
            "iat": self.from_s,
            "nbf": self.from_s,
            "exp": self.from_s.saturating_add(self.for_s),
        }))
    }

    fn user(&self, number: u64) -> Result<UserId, TokenError> {
        let name = format!("{}{number}", self.prefix);
        name.parse().map_err(|bad| TokenError::User(name.clone(), bad))
    }

    fn lines(&self, key: &Key, numbers: std::ops::Range<u64>, format: Format) -> Lines {
        let mut text = String::new();
        for number in numbers {
            let user = self.user(number)?;
            let token = self.token(key, &user)?;
            text += &match format {
                Format::Lines => format!("{user} {token}\n"),
                Format::Ndjson => format!("{{\"user_id\":\"{user}\",\"token\":\"{token}\"}}\n"),
            };
        }
        Ok(text)
    }
}

type Lines = Result<String, TokenError>;

/// Writes all tokens, in the order of the users' numbers.
pub fn write(
    bulk: &Bulk,
    key: &Key,
    format: Format,
    output: &mut dyn Write,
) -> Result<(), TokenError> {
    let cores = thread::available_parallelism().map_or(1, NonZeroUsize::get) as u64;
    let end = bulk.first.saturating_add(bulk.users);
    let mut next = bulk.first;
    while next < end {
        let chunks = (0..cores).map(|core| {
            let from = next.saturating_add(core * CHUNK).min(end);
            from..from.saturating_add(CHUNK).min(end)
        });
        for text in side_by_side(bulk, key, format, chunks.collect()) {
            output.write_all(text?.as_bytes())?;
        }
        next = next.saturating_add(cores * CHUNK);
    }
    Ok(output.flush()?)
}

fn side_by_side(
    bulk: &Bulk,
    key: &Key,
    format: Format,
    chunks: Vec<std::ops::Range<u64>>,
) -> Vec<Lines> {
    thread::scope(|scope| {
        let sign = |chunk| scope.spawn(move || bulk.lines(key, chunk, format));
        let threads: Vec<_> = chunks.into_iter().map(sign).collect();
        let ended = threads.into_iter().map(|thread| match thread.join() {
            Ok(lines) => lines,
            Err(panic) => std::panic::resume_unwind(panic),
        });
        ended.collect()
    })
}

#[cfg(test)]
mod tests {
    use super::super::Alg;
    use super::*;

    fn bulk(users: u64) -> Bulk {
        Bulk {
            users,
            first: 7,
            prefix: "user-".to_owned(),
            issuer: "firstcome".to_owned(),
            audience: "firstcome".to_owned(),
            from_s: 1_000,
            for_s: 60,
        }
    }

    fn written(bulk: &Bulk, key: &Key, format: Format) -> String {
        let mut text = Vec::new();
        write(bulk, key, format, &mut text).unwrap();
        String::from_utf8(text).unwrap()
    }

    #[test]
    fn each_user_has_a_line_in_order_and_the_same_one_again() {
        let key = Key::generate(Alg::Hs256).unwrap();
        // More than the cores sign at once.
        let bulk = bulk(40_000);
        let text = written(&bulk, &key, Format::Lines);
        assert_eq!(text.lines().count(), 40_000);
        for (number, line) in (7..).zip(text.lines()) {
            assert!(line.starts_with(&format!("user-{number} ey")), "{line}");
        }
        assert_eq!(written(&bulk, &key, Format::Lines), text);
    }

    #[test]
    fn ndjson_is_json() {
        let key = Key::generate(Alg::EdDsa).unwrap();
        let text = written(&bulk(2), &key, Format::Ndjson);
        let users: Vec<String> = text
            .lines()
            .map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap())
            .map(|line| line["user_id"].as_str().unwrap().to_owned())
            .collect();
        assert_eq!(users, ["user-7", "user-8"]);
    }

    #[test]
    fn a_prefix_that_makes_no_id_is_refused() {
        let bad = Bulk { prefix: "us er".to_owned(), ..bulk(1) };
        let key = Key::generate(Alg::Hs256).unwrap();
        assert!(matches!(
            write(&bad, &key, Format::Lines, &mut Vec::new()),
            Err(TokenError::User(..))
        ));
    }
}
