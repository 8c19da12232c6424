//! What a query that failed came to, and whether another try may succeed.

use std::time::Duration;

/// Whether another try of the same may succeed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Retry {
    /// Yes, after a pause.
    Transient,
    /// No: MySQL has judged the data.
    Permanent,
}

/// What a query that failed came to. The session that met it is spent.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// No connection.
    #[error("MySQL cannot be reached: {0}")]
    Unreachable(String),
    /// No answer in time; it may have been done.
    #[error("no answer from MySQL within {after:?} to: {statement}")]
    Deadline {
        /// What was asked.
        statement: String,
        /// How long was waited.
        after: Duration,
    },
    /// MySQL or the connection failed it.
    #[error("{} (asked: {statement})", said(source))]
    Query {
        /// What was asked.
        statement: String,
        /// What came back.
        source: Box<mysql_async::Error>,
    },
    /// Others have all the sessions that there may be: nothing was asked.
    #[error("no MySQL session became free within {0:?}: too many calls at once")]
    Busy(Duration),
    /// The session met an error, or was left in the middle of a query, before.
    #[error("this MySQL session ended with an earlier error")]
    Spent,
    /// A row holds what no version of this program writes.
    #[error("column {column} of a row holds what this program never writes: {found}")]
    Unreadable {
        /// Which column.
        column: &'static str,
        /// What it holds.
        found: String,
    },
    /// The tables are not there, or of another build; says what to do.
    #[error("{0}")]
    Schema(String),
}

/// Codes by which MySQL and MariaDB refuse a row for what is in it.
const REFUSED_ROW: [u16; 12] = [
    1048, // a column cannot be null
    1062, // duplicate key
    1264, // out of range for a column
    1265, // data truncated
    1292, // incorrect value, a date for instance
    1366, // incorrect value for a column's type or character set
    1406, // too long for a column
    1452, // a foreign key has no row
    1690, // a number is out of range
    3819, // a check is violated (MySQL)
    3988, // a character set cannot hold the text (MySQL)
    4025, // a check is violated (MariaDB)
];

/// The table is not there.
const NO_SUCH_TABLE: u16 = 1146;
/// The column is not there.
const NO_SUCH_COLUMN: u16 = 1054;

impl StoreError {
    /// Whether another try of the same may succeed. Everything may but a row that was refused: a
    /// server that is read-only, full or gone comes back, and so does a schema.
    pub fn retry(&self) -> Retry {
        match self {
            Self::Query { source, .. } => match source.as_ref() {
                mysql_async::Error::Server(error) => of_code(error.code),
                _ => Retry::Transient,
            },
            _ => Retry::Transient,
        }
    }

    /// The error for a statement that failed.
    pub(super) fn of_query(statement: &str, source: mysql_async::Error) -> Self {
        if let mysql_async::Error::Server(error) = &source
            && matches!(error.code, NO_SUCH_TABLE | NO_SUCH_COLUMN)
        {
            return Self::Schema(format!("{}: run `persister migrate`", error.message));
        }
        Self::Query { statement: shortened(statement), source: Box::new(source) }
    }

    pub(super) fn late(statement: &str, after: Duration) -> Self {
        Self::Deadline { statement: shortened(statement), after }
    }
}

/// An error of the driver without its nested prefixes.
pub(super) fn said(error: &mysql_async::Error) -> String {
    match error {
        mysql_async::Error::Io(mysql_async::IoError::Io(error)) => error.to_string(),
        mysql_async::Error::Server(error) => format!("{} ({})", error.message, error.code),
        other => other.to_string(),
    }
}

fn of_code(code: u16) -> Retry {
    if REFUSED_ROW.contains(&code) { Retry::Permanent } else { Retry::Transient }
}

/// A statement as a log shows it: one with 512 rows would fill the screen.
fn shortened(statement: &str) -> String {
    const SHOWN_CHARS: usize = 60;
    let words: Vec<&str> = statement.split_whitespace().collect();
    let text = words.join(" ");
    match text.char_indices().nth(SHOWN_CHARS) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn server(code: u16) -> StoreError {
        let error = mysql_async::ServerError {
            code,
            message: "said".to_owned(),
            state: "HY000".to_owned(),
        };
        StoreError::of_query("SELECT 1", mysql_async::Error::Server(error))
    }

    #[test]
    fn only_a_refused_row_is_permanent() {
        for code in [1048, 1062, 1264, 1292, 1366, 1406, 3819, 4025] {
            assert_eq!(server(code).retry(), Retry::Permanent, "{code}");
        }
        // Gone away, lock wait, deadlock, read-only, disk full, too many connections, no table.
        for code in [2006, 1205, 1213, 1290, 1021, 1040, 1146, 1053] {
            assert_eq!(server(code).retry(), Retry::Transient, "{code}");
        }
        assert_eq!(StoreError::Spent.retry(), Retry::Transient);
        assert_eq!(StoreError::late("SELECT 1", Duration::from_secs(1)).retry(), Retry::Transient);
    }

    #[test]
    fn a_missing_table_names_the_remedy() {
        assert_eq!(server(1146).to_string(), "said: run `persister migrate`");
    }

    #[test]
    fn errors_are_told_without_prefixes() {
        assert_eq!(server(1213).to_string(), "said (1213) (asked: SELECT 1)");
        let refused = std::io::Error::other("Connection refused");
        assert_eq!(said(&refused.into()), "Connection refused");
    }

    #[test]
    fn long_statements_are_shortened() {
        assert_eq!(shortened("SELECT\n  1"), "SELECT 1");
        assert_eq!(shortened(&"é".repeat(100)).chars().count(), 61);
    }
}
