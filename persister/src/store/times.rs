//! Times: Unix milliseconds in the program, `DATETIME` in UTC in MySQL.

use chrono::{DateTime, NaiveDateTime};

/// The last time that `DATETIME` can hold, in Unix milliseconds: the end of the year 9999.
pub const LAST_MS: u64 = 253_402_300_799_999;

/// A time as a column holds it; None beyond the year 9999.
pub(super) fn to_column(ms: u64) -> Option<NaiveDateTime> {
    if ms > LAST_MS {
        return None;
    }
    Some(DateTime::from_timestamp_millis(i64::try_from(ms).ok()?)?.naive_utc())
}

/// A time of a column that may be NULL, where 0 says so. One that is too late is the last that there
/// is: NULL would say that there is no such end.
pub(super) fn to_nullable_column(ms: u64) -> Option<NaiveDateTime> {
    if ms == 0 { None } else { to_column(ms.min(LAST_MS)) }
}

/// A column's time; before 1970 is 0.
pub(super) fn from_column(time: NaiveDateTime) -> u64 {
    u64::try_from(time.and_utc().timestamp_millis()).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_come_back_to_the_millisecond() {
        for ms in [0, 1, 1_700_000_000_123, 4_102_444_800_000] {
            assert_eq!(to_column(ms).map(from_column), Some(ms));
        }
        assert_eq!(to_nullable_column(0), None);
    }

    #[test]
    fn a_column_ends_with_the_year_9999() {
        assert!(to_column(253_402_300_799_999).is_some());
        assert_eq!(to_column(253_402_300_800_000), None);
        assert_eq!(to_column(u64::MAX), None);
        // NULL would say that there is no such end.
        let last = to_column(253_402_300_799_999);
        assert_eq!(to_nullable_column(253_402_300_800_000), last);
        assert_eq!(to_nullable_column(u64::MAX), last);
    }
}
