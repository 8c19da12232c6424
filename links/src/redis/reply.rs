//! A reply of Redis, whichever connection it came by.

use bytes::Bytes;
use redis_protocol::resp2::types::BytesFrame as Resp2;
use redis_protocol::resp3::types::BytesFrame as Resp3;

/// What a command or a script returned.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reply {
    /// Nothing: a missing key or field, or `false` in Lua.
    Nil,
    /// A whole number.
    Integer(i64),
    /// Bytes; simple strings as well.
    Text(Bytes),
    /// Several replies.
    Array(Vec<Reply>),
}

/// An error that Redis answered with, word for word.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ServerError(pub(crate) String);

impl Reply {
    /// The text, if it is one and is UTF-8.
    pub fn text(&self) -> Option<&str> {
        match self {
            Self::Text(bytes) => std::str::from_utf8(bytes).ok(),
            _ => None,
        }
    }

    /// The number, if it is one or a text that spells one (as hash fields do).
    pub fn integer(&self) -> Option<i64> {
        match self {
            Self::Integer(number) => Some(*number),
            _ => self.text()?.parse().ok(),
        }
    }

    /// The items, if it is an array.
    pub fn items(&self) -> Option<&[Reply]> {
        match self {
            Self::Array(items) => Some(items),
            _ => None,
        }
    }

    pub(crate) fn from_resp2(frame: Resp2) -> Result<Self, ServerError> {
        Ok(match frame {
            Resp2::Null => Self::Nil,
            Resp2::Integer(number) => Self::Integer(number),
            Resp2::SimpleString(bytes) | Resp2::BulkString(bytes) => Self::Text(bytes),
            Resp2::Error(text) => return Err(ServerError(text.to_string())),
            Resp2::Array(frames) => {
                Self::Array(frames.into_iter().map(Self::from_resp2).collect::<Result<_, _>>()?)
            }
        })
    }

    /// fred hands out RESP3 frames even where it speaks RESP2; what RESP2 lacks cannot occur.
    pub(crate) fn from_resp3(frame: Resp3) -> Result<Self, ServerError> {
        Ok(match frame {
            Resp3::Null => Self::Nil,
            Resp3::Number { data, .. } => Self::Integer(data),
            Resp3::SimpleString { data, .. } | Resp3::BlobString { data, .. } => Self::Text(data),
            Resp3::SimpleError { data, .. } => return Err(ServerError(data.to_string())),
            Resp3::BlobError { data, .. } => {
                return Err(ServerError(String::from_utf8_lossy(&data).into_owned()));
            }
            Resp3::Array { data, .. } => {
                Self::Array(data.into_iter().map(Self::from_resp3).collect::<Result<_, _>>()?)
            }
            other => {
                return Err(ServerError(format!("not a reply of RESP2: {other:?}")));
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn replies_read_as_numbers_and_texts() {
        assert_eq!(Reply::Integer(-3).integer(), Some(-3));
        assert_eq!(Reply::Text("17".into()).integer(), Some(17));
        assert_eq!(Reply::Text("x".into()).integer(), None);
        assert_eq!(Reply::Nil.text(), None);
        assert_eq!(Reply::Text(Bytes::from_static(b"\xff")).text(), None);
    }

    #[test]
    fn an_error_anywhere_makes_the_whole_reply_an_error() {
        let frame = Resp2::Array(vec![Resp2::Integer(1), Resp2::Error("ERR no".into())]);
        assert_eq!(Reply::from_resp2(frame), Err(ServerError("ERR no".into())));
    }
}
