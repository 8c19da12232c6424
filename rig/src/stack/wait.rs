//! Polling to a deadline: how everything here waits for something that happens elsewhere.

use std::future::Future;
use std::time::Duration;

use tokio::time::{Instant, sleep, timeout};

/// Between two looks.
const EVERY: Duration = Duration::from_millis(100);

/// What was waited for did not happen in time.
#[derive(Debug, thiserror::Error)]
#[error("{what} did not happen within {within:?}: {last}")]
pub struct TooLate {
    /// What was waited for.
    pub what: String,
    /// How long.
    pub within: Duration,
    /// What the last look saw.
    pub last: String,
}

/// Looks again and again until `look` gives a value; an `Err` says what is still missing. One look
/// that hangs ends with the deadline too.
pub async fn wait_until<T, E, F, Fut>(
    within: Duration,
    what: &str,
    mut look: F,
) -> Result<T, TooLate>
where
    E: std::fmt::Display,
    F: FnMut() -> Fut,
    Fut: Future<Output = Result<T, E>>,
{
    let deadline = Instant::now() + within;
    let mut last = "the first look took too long".to_owned();
    loop {
        let left = deadline.saturating_duration_since(Instant::now());
        match timeout(left, look()).await {
            Ok(Ok(value)) => return Ok(value),
            Ok(Err(missing)) => last = missing.to_string(),
            Err(_) => {}
        }
        if Instant::now() >= deadline {
            return Err(TooLate { what: what.to_owned(), within, last });
        }
        sleep(EVERY).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Of what never comes: how long a test takes.
    const WITHIN: Duration = Duration::from_secs(1);

    #[tokio::test]
    async fn the_value_is_returned_when_it_comes() {
        let mut looks = 0;
        let found = wait_until(WITHIN * 30, "the third look", || {
            looks += 1;
            let seen = looks;
            async move { if seen == 3 { Ok(seen) } else { Err("not yet") } }
        });
        assert_eq!(found.await.unwrap(), 3);
    }

    #[tokio::test]
    async fn what_never_comes_ends_with_the_deadline() {
        let never = || async { Err::<(), _>("not yet") };
        let error = wait_until(WITHIN, "nothing", never).await.unwrap_err();
        assert_eq!(error.last, "not yet");
    }

    #[tokio::test]
    async fn a_look_that_hangs_ends_with_the_deadline() {
        let hung = wait_until(WITHIN, "nothing", std::future::pending::<Result<(), &str>>);
        let error = hung.await.unwrap_err();
        assert_eq!(error.within, WITHIN);
    }
}
