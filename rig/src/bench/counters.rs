//! What an edge counted itself, from its private port: what the answers were, and what it still has
//! to publish.

use std::collections::BTreeMap;
use std::net::SocketAddr;

use super::error::BenchError;
use crate::faults::http;

/// Answers to claims, by their code.
const ANSWERS: &str = "firstcome_edge_requests_total{route=\"issue\",code=\"";
/// Wins handed to the publisher.
const HANDED_OVER: &str = "firstcome_edge_wins_handed_over_total ";
/// Wins that Kafka has.
const PUBLISHED: &str = "firstcome_edge_wins_published_total ";
/// Calls of the claim script.
const CALLS: &str = "firstcome_edge_script_call_claims_count ";
/// Claims of all those calls.
const CLAIMS: &str = "firstcome_edge_script_call_claims_sum ";

/// Counters of an edge since its start.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Counters {
    /// Answers to claims, by their code.
    pub(super) answers: BTreeMap<String, u64>,
    /// Wins that Kafka does not have yet.
    pub(super) unpublished: u64,
    /// Calls of the claim script.
    pub(super) calls: u64,
    /// Claims of those calls.
    pub(super) claims: u64,
}

impl Counters {
    /// Asks an edge.
    pub(super) async fn of(metrics: SocketAddr) -> Result<Self, BenchError> {
        let text = http::get(metrics, "/metrics").await;
        let silent = |lost| BenchError::Silent(format!("the metrics of {metrics}: {lost:?}"));
        Ok(Self::parse(&text.map_err(silent)?))
    }

    /// Asks several edges; `None` where there is none.
    pub(super) async fn of_all(metrics: &[SocketAddr]) -> Result<Option<Self>, BenchError> {
        let mut all: Option<Self> = None;
        for &edge in metrics {
            let one = Self::of(edge).await?;
            all = Some(match all {
                Some(all) => all.plus(one),
                None => one,
            });
        }
        Ok(all)
    }

    fn plus(mut self, other: Self) -> Self {
        for (code, count) in other.answers {
            *self.answers.entry(code).or_default() += count;
        }
        Self {
            answers: self.answers,
            unpublished: self.unpublished + other.unpublished,
            calls: self.calls + other.calls,
            claims: self.claims + other.claims,
        }
    }

    fn parse(text: &str) -> Self {
        let sum = |name: &str| -> u64 {
            let values = text.lines().filter_map(|line| line.strip_prefix(name));
            values.filter_map(|value| value.trim().parse::<f64>().ok()).sum::<f64>() as u64
        };
        let answers = text.lines().filter_map(|line| {
            let (code, count) = line.strip_prefix(ANSWERS)?.split_once("\"} ")?;
            Some((code.to_owned(), count.trim().parse().ok()?))
        });
        Self {
            answers: answers.collect(),
            unpublished: sum(HANDED_OVER).saturating_sub(sum(PUBLISHED)),
            calls: sum(CALLS),
            claims: sum(CLAIMS),
        }
    }

    /// What was answered since an earlier look.
    pub(super) fn answered_since(&self, before: &Self) -> BTreeMap<String, u64> {
        let since = |(code, count): (&String, &u64)| {
            let before = before.answers.get(code).copied().unwrap_or(0);
            (code.clone(), count.saturating_sub(before))
        };
        self.answers.iter().map(since).filter(|(_, count)| *count > 0).collect()
    }

    /// How many claims went together in a call since an earlier look, if there was a call.
    pub(super) fn batch_since(&self, before: &Self) -> Option<f64> {
        let calls = self.calls.saturating_sub(before.calls);
        let claims = self.claims.saturating_sub(before.claims);
        (calls > 0).then(|| claims as f64 / calls as f64)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "\
# TYPE firstcome_edge_requests_total counter
firstcome_edge_requests_total{route=\"issue\",code=\"issued\"} 12
firstcome_edge_requests_total{route=\"status\",code=\"ok\"} 7
firstcome_edge_requests_total{route=\"issue\",code=\"sold_out\"} 30
firstcome_edge_wins_handed_over_total 12
firstcome_edge_wins_published_total 9
firstcome_edge_script_call_claims_sum 48
firstcome_edge_script_call_claims_count 6
";

    #[test]
    fn only_answers_to_claims_count() {
        let counters = Counters::parse(TEXT);
        let answers: Vec<_> =
            counters.answers.iter().map(|(code, n)| (code.as_str(), *n)).collect();
        assert_eq!(answers, [("issued", 12), ("sold_out", 30)]);
        assert_eq!(counters.unpublished, 3);
    }

    #[test]
    fn two_looks_give_what_happened_in_between() {
        let before = Counters::parse(TEXT);
        let after = TEXT.replace("code=\"issued\"} 12", "code=\"issued\"} 20");
        let after =
            Counters::parse(&after.replace("_sum 48", "_sum 80").replace("_count 6", "_count 8"));
        let answered: Vec<_> = after.answered_since(&before).into_iter().collect();
        assert_eq!(answered, [("issued".to_owned(), 8)]);
        assert_eq!(after.batch_since(&before), Some(16.0));
        assert_eq!(after.batch_since(&after), None);
    }
}
