//! How fast an event is walked through, and whether now is a time for it.

use std::time::Duration;

use contract::ids::EventId;
use links::redis::{Cluster, RedisError, Script};
use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::LazyLock;
use tokio::time::{Instant, sleep};

/// Between two pages at least.
const PAUSE: Duration = Duration::from_millis(2);
/// A run by itself rests so many times as long as a page took, so that it has a twentieth of a shard's
/// time at most, and less of a busy shard's, which answers later.
const REST: u32 = 19;
/// The longest rest between two pages.
const LONGEST_REST: Duration = Duration::from_millis(500);

/// Over so long a shard is watched.
const WATCH: Duration = Duration::from_secs(1);
/// A shard whose main thread works so much of the time is in a rush. Sold out is mostly answered by
/// the edges; 20,000 wins a second take about a tenth of a core.
const HOT: f64 = 0.25;

static CPU: LazyLock<Script> = LazyLock::new(|| Script::new("return redis.call('INFO', 'cpu')"));

/// How fast a run walks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pace {
    /// Somebody waits for it.
    Brisk,
    /// Nobody does.
    Resting,
}

impl Pace {
    /// Rests after a page that took so long.
    pub(super) async fn rest(self, took: Duration) {
        sleep(self.pause(took)).await;
    }

    fn pause(self, took: Duration) -> Duration {
        match self {
            Self::Brisk => PAUSE,
            Self::Resting => took.saturating_mul(REST).clamp(PAUSE, LONGEST_REST),
        }
    }
}

/// How busy the shards of those events are: the share of the time that the busiest one's main thread
/// works, watched for a second. Shards that do not answer are left out.
pub(super) async fn busiest(cluster: &Cluster, events: &[EventId]) -> f64 {
    let mut shards: HashMap<SocketAddr, &EventId> = HashMap::new();
    for event in events {
        if let Some(master) = cluster.master_of(Cluster::slot_of(event)) {
            shards.entry(master.address).or_insert(event);
        }
    }
    let mut before = Vec::new();
    for event in shards.into_values() {
        let asked = Instant::now();
        if let Ok(Some(used)) = used(cluster, event).await {
            before.push((event, asked, used));
        }
    }
    sleep(WATCH).await;
    let mut busiest: f64 = 0.0;
    for (event, since, used_then) in before {
        if let Ok(Some(used_now)) = used(cluster, event).await {
            let share = (used_now - used_then) / since.elapsed().as_secs_f64();
            busiest = busiest.max(share);
        }
    }
    busiest
}

/// Whether that is a rush.
pub(super) fn is_hot(share: f64) -> bool {
    share >= HOT
}

/// CPU seconds that the shard of an event has used.
async fn used(cluster: &Cluster, event: &EventId) -> Result<Option<f64>, RedisError> {
    // Boxed: futures so deep within each other are beyond the compiler.
    let ask = cluster.run_script(Cluster::slot_of(event), &CPU, &[], &[]);
    Ok(Box::pin(ask).await?.text().and_then(parse_cpu))
}

fn parse_cpu(info: &str) -> Option<f64> {
    let seconds = |name: &str| {
        let line = info.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'));
        line.and_then(|text| text.trim().parse::<f64>().ok())
    };
    Some(seconds("used_cpu_sys_main_thread")? + seconds("used_cpu_user_main_thread")?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_run_by_itself_rests_longer_the_longer_a_page_takes() {
        let ms = Duration::from_millis;
        assert_eq!(Pace::Brisk.pause(ms(50)), PAUSE);
        assert_eq!(Pace::Resting.pause(Duration::ZERO), PAUSE);
        assert_eq!(Pace::Resting.pause(ms(1)), ms(19));
        assert_eq!(Pace::Resting.pause(ms(900)), LONGEST_REST);
    }

    #[test]
    fn cpu_is_that_of_the_thread_that_runs_scripts() {
        let info = "# CPU\r\nused_cpu_sys:9.0\r\nused_cpu_user:9.0\r\n\
                    used_cpu_sys_main_thread:1.25\r\nused_cpu_user_main_thread:2.5\r\n";
        assert_eq!(parse_cpu(info), Some(3.75));
        assert_eq!(parse_cpu("# CPU\r\nused_cpu_sys:9.0\r\n"), None);
    }

    #[test]
    fn a_quarter_of_a_core_is_a_rush() {
        assert!(is_hot(0.3) && !is_hot(0.1));
    }
}
