//! Signed tokens for tests and loads: a key, its public half for an edge, and as many users' tokens
//! as wanted. The edge verifies them with another library's code than what signs them here.

mod bulk;
mod key;

pub use bulk::{Bulk, Format, write};
pub use key::{Alg, Key};

/// Why there are no tokens.
#[derive(Debug, thiserror::Error)]
pub enum TokenError {
    /// The library could not make a key, or sign with it.
    #[error("no key: the library gives no reason")]
    Crypto(#[from] aws_lc_rs::error::Unspecified),
    /// A key that was kept cannot be used.
    #[error("the key cannot be used: {0}")]
    Key(#[from] aws_lc_rs::error::KeyRejected),
    /// The file of a key is none.
    #[error("the file is no key that was written here: {0}")]
    File(#[from] serde_json::Error),
    /// Its bytes are none.
    #[error("the file is no key that was written here: {0}")]
    Base64(#[from] base64::DecodeError),
    /// A name is too long for a user id, or has characters that an id may not have.
    #[error("{0:?} is no user id: {1}")]
    User(String, contract::ids::BadId),
    /// The tokens cannot be written.
    #[error("cannot write: {0}")]
    Write(#[from] std::io::Error),
}
