//! One window: load on one server, and what it cost everybody.

use std::collections::BTreeMap;
use std::net::SocketAddr;

use super::counters::Counters;
use super::cpu;
use super::error::BenchError;
use super::figures::{Measured, Window, rounded};
use super::ground::Ground;
use super::plan::Cell;
use super::row::{Row, Server};
use super::wrk::{Load, Seen, Until};
use crate::faults::shard::Shard;
use crate::stack::{PartKind, PartStatus};

/// CPU below this, in microseconds a request, is not worth a word.
const WORTH_TELLING_US: f64 = 0.02;

/// Measures a window. What a server did wrong is the window's outcome; an error ends the bench.
pub(super) async fn measure(
    ground: &mut Ground<'_>,
    cell: Cell,
    until: Until,
) -> Result<Window, BenchError> {
    // Boxed, here and elsewhere: the compiler gives up on futures that are nested deeper.
    let outcome = Box::pin(window(ground, cell, until)).await.or_else(BenchError::of_window)?;
    Ok(Window { round: cell.round, connections: cell.connections, row: cell.row.name, outcome })
}

async fn window(
    ground: &mut Ground<'_>,
    Cell { connections, row, .. }: Cell,
    until: Until,
) -> Result<Result<Measured, String>, BenchError> {
    let carried = ground.event(row.sale).cloned();
    let asked = ground.asked(row.server)?.clone();
    let load = Load {
        targets: vec![asked.address],
        // R is asked for whatever it is.
        events: vec![match &carried {
            Some(carried) => carried.event.clone(),
            None => "bench-sold".parse()?,
        }],
        connections,
        over: row.server.over(),
        keeping: row.keeping,
        until,
        crowd: ground.crowd(),
    };
    let scope = Scope {
        work: if row.server == Server::Plain { Work::Alone } else { row.sale.work() },
        shards: carried.into_iter().map(|carried| carried.shard).collect(),
        proxy: Some(asked.name),
        compared: vec![ground.compared(row.server)?.clone()],
    };
    let looked = Box::pin(look(ground, &scope, &load)).await?;
    Ok(looked.judged(row))
}

/// Which parts take part.
pub(super) struct Scope {
    /// How far the work goes.
    pub(super) work: Work,
    /// Who carries the events.
    pub(super) shards: Vec<Shard>,
    /// The NGINX in between.
    pub(super) proxy: Option<String>,
    /// Whose CPU is compared with R's, all of them together.
    pub(super) compared: Vec<PartStatus>,
}

/// How far the work goes that a load makes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Work {
    /// Nobody else has any.
    Alone,
    /// Redis is asked.
    Redis,
    /// Wins go on to Kafka and to MySQL.
    Everything,
}

/// What was seen of a window.
pub(super) struct Looked {
    pub(super) seen: Seen,
    /// Edges only.
    pub(super) counted: Option<Counted>,
    /// Microseconds in all, by what they are.
    pub(super) cpu: BTreeMap<String, f64>,
    /// Of those that are compared.
    pub(super) server_us: f64,
}

/// What edges counted themselves.
pub(super) struct Counted {
    /// Answers by their code.
    pub(super) answered: BTreeMap<String, u64>,
    /// Claims of a script call, if there was one.
    pub(super) batch: Option<f64>,
}

/// Runs a load and looks at everybody before and after.
pub(super) async fn look(
    ground: &mut Ground<'_>,
    scope: &Scope,
    load: &Load,
) -> Result<Looked, BenchError> {
    let status = ground.status();
    let metrics: Vec<SocketAddr> = scope.compared.iter().filter_map(|part| part.metrics).collect();
    let counters = Box::pin(Counters::of_all(&metrics)).await?;
    let before = cpu::times(status.parts.iter());
    let seen = load.run(&status.directory).await?;
    if scope.work == Work::Everything {
        Box::pin(ground.published(&metrics)).await?;
    }
    // What Kafka and Redis do for a window ends here; rows are written for longer.
    let mut after = cpu::times(status.parts.iter());
    if scope.work == Work::Everything {
        Box::pin(ground.persisted()).await?;
        let late = status.parts.iter().filter(|part| writes_rows(part.kind));
        after.extend(cpu::times(late));
    }
    let spent = cpu::spent(&before, &after);
    let counted = match (counters, Box::pin(Counters::of_all(&metrics)).await?) {
        (Some(before), Some(after)) => Some(Counted {
            answered: after.answered_since(&before),
            batch: after.batch_since(&before),
        }),
        _ => None,
    };
    let server_us = scope.compared.iter().filter_map(|part| spent.get(&part.name)).sum();
    Ok(Looked { seen, counted, cpu: by_role(&status.parts, scope, &spent), server_us })
}

fn writes_rows(kind: PartKind) -> bool {
    matches!(kind, PartKind::Persister | PartKind::Mysql)
}

/// CPU by what a part is to the row; bystanders are left out.
fn by_role(
    parts: &[PartStatus],
    scope: &Scope,
    spent: &BTreeMap<String, f64>,
) -> BTreeMap<String, f64> {
    let mut roles: BTreeMap<String, f64> = BTreeMap::new();
    for part in parts {
        if let (Some(role), Some(us)) = (role(part, scope), spent.get(&part.name)) {
            *roles.entry(role.to_owned()).or_default() += us;
        }
    }
    roles
}

fn role<'a>(part: &'a PartStatus, scope: &Scope) -> Option<&'a str> {
    if scope.compared.iter().any(|compared| compared.name == part.name) {
        let edge = part.kind == PartKind::Edge;
        return Some(if edge { part.kind.as_str() } else { &part.name });
    }
    let wanted = match part.kind {
        PartKind::Edge | PartKind::Baseline => false,
        PartKind::Nginx => scope.proxy.as_ref() == Some(&part.name),
        PartKind::Redis => scope.work != Work::Alone,
        PartKind::Kafka | PartKind::Mysql | PartKind::Persister => scope.work == Work::Everything,
    };
    wanted.then(|| match part.kind {
        PartKind::Redis => redis_role(&part.name, &scope.shards),
        PartKind::Mysql | PartKind::Persister => part.kind.as_str(),
        _ => &part.name,
    })
}

fn redis_role(name: &str, shards: &[Shard]) -> &'static str {
    if shards.iter().any(|shard| shard.master == name) {
        "master"
    } else if shards.iter().any(|shard| shard.replica == name) {
        "replica"
    } else {
        "other_redis"
    }
}

impl Looked {
    fn judged(self, row: Row) -> Result<Measured, String> {
        let answered = self.counted.as_ref().map(|counted| &counted.answered);
        match wrong(row, &self.seen, answered) {
            Some(why) => Err(why),
            None => Ok(self.measured()),
        }
    }

    /// Its figures, for each request.
    pub(super) fn measured(self) -> Measured {
        let requests = self.seen.requests as f64;
        let seconds = self.seen.duration_us as f64 / 1e6;
        let cpu = self.cpu.into_iter().map(|(name, us)| (name, rounded(us / requests)));
        let mut figures: BTreeMap<String, f64> = BTreeMap::new();
        let latencies = [
            ("p50_ms", self.seen.p50_us),
            ("p99_ms", self.seen.p99_us),
            ("p999_ms", self.seen.p999_us),
        ];
        let latencies = latencies.map(|(name, us)| (name.to_owned(), rounded(us as f64 / 1e3)));
        figures.extend(latencies);
        let batch = self.counted.and_then(|counted| counted.batch);
        figures.extend(batch.map(|claims| ("claims_a_call".to_owned(), rounded(claims))));
        Measured {
            rps: requests / seconds,
            server_us: self.server_us / requests,
            cpu: cpu.filter(|(_, us)| *us >= WORTH_TELLING_US).collect(),
            figures,
        }
    }
}

/// What makes a window worthless: connections or answers that failed, and answers that are not what
/// the row is about.
fn wrong(row: Row, seen: &Seen, answered: Option<&BTreeMap<String, u64>>) -> Option<String> {
    if let Some(broken) = seen.broken() {
        return Some(broken);
    }
    let Some(answered) = answered else {
        return (seen.status > 0).then(|| format!("{} answers were refusals", seen.status));
    };
    misanswered(&[row.sale.code()], seen, answered)
}

/// What is wrong with a window of edges, if anything is: connections that broke, answers of other
/// codes than those meant, answers that no edge gave, edges that counted nothing.
pub(super) fn misread(meant: &[&str], looked: &Looked) -> Option<String> {
    let Some(counted) = &looked.counted else {
        return Some("the edges counted nothing".to_owned());
    };
    looked.seen.broken().or_else(|| misanswered(meant, &looked.seen, &counted.answered))
}

fn misanswered(meant: &[&str], seen: &Seen, answered: &BTreeMap<String, u64>) -> Option<String> {
    let (right, others): (Vec<_>, Vec<_>) =
        answered.iter().partition(|(code, _)| meant.contains(&code.as_str()));
    if !others.is_empty() {
        let others: Vec<String> =
            others.iter().map(|(code, count)| format!("{count} {code}")).collect();
        return Some(format!("{} where {} was meant", others.join(", "), meant.join(" or ")));
    }
    let right: u64 = right.into_iter().map(|(_, count)| *count).sum();
    // Those under way when the load ended were answered too, but not seen.
    let not_the_edges = seen.requests.saturating_sub(right);
    (not_the_edges > 0).then(|| format!("{not_the_edges} answers did not come from the edge"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bench::row::ROWS;

    const SEEN: Seen = Seen {
        requests: 100,
        duration_us: 1_000_000,
        connect: 0,
        read: 0,
        write: 0,
        timeout: 0,
        status: 100,
        p50_us: 400,
        p99_us: 900,
        p999_us: 1_200,
    };

    fn row(name: &str) -> Row {
        *ROWS.iter().find(|row| row.name == name).unwrap()
    }

    fn answered(pairs: &[(&str, u64)]) -> BTreeMap<String, u64> {
        pairs.iter().map(|(code, count)| ((*code).to_owned(), *count)).collect()
    }

    #[test]
    fn a_refusal_is_right_only_where_the_row_is_about_it() {
        assert_eq!(wrong(row("sold_local"), &SEEN, Some(&answered(&[("sold_out", 103)]))), None);
        assert!(wrong(row("win_log"), &SEEN, Some(&answered(&[("sold_out", 103)]))).is_some());
        assert!(wrong(row("plain"), &SEEN, None).is_some());
        assert_eq!(wrong(row("plain"), &Seen { status: 0, ..SEEN }, None), None);
    }

    #[test]
    fn a_single_other_answer_makes_a_window_worthless() {
        let counted = answered(&[("issued", 99), ("busy", 1)]);
        let why = wrong(row("win_replica"), &SEEN, Some(&counted)).unwrap();
        assert_eq!(why, "1 busy where issued was meant");
        let fewer = answered(&[("sold_out", 60)]);
        let why = wrong(row("nginx_http"), &SEEN, Some(&fewer)).unwrap();
        assert_eq!(why, "40 answers did not come from the edge");
    }

    #[test]
    fn a_lost_connection_makes_a_window_worthless() {
        let seen = Seen { read: 2, ..SEEN };
        let why = wrong(row("sold_local"), &seen, Some(&answered(&[("sold_out", 103)])));
        assert_eq!(why.as_deref(), Some("2 reads failed"));
    }

    #[test]
    fn cpu_is_told_for_each_request() {
        let looked = Looked {
            seen: SEEN,
            counted: Some(Counted { answered: answered(&[("issued", 100)]), batch: Some(12.5) }),
            cpu: BTreeMap::from([("edge".to_owned(), 800.0), ("nginx-1".to_owned(), 0.5)]),
            server_us: 800.0,
        };
        let measured = looked.measured();
        assert_eq!((measured.rps, measured.server_us), (100.0, 8.0));
        assert_eq!(measured.cpu, BTreeMap::from([("edge".to_owned(), 8.0)]));
        assert_eq!((measured.figures["p999_ms"], measured.figures["claims_a_call"]), (1.2, 12.5));
    }
}
