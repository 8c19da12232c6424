//! The usual ways to hand out coupons, on the same stack and under the same load: wins a second when
//! stock never ends, and a rush. Each is checked for what it sold, as we are.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::Deserialize;
use tokio::time::Instant;

use super::cpu;
use super::error::BenchError;
use super::figures::{Measured, RowReport, Window, reports, rounded};
use super::ground::Ground;
use super::measure::measure;
use super::plan::{Cell, Effort};
use super::row::{PLAIN, ROWS, Row};
use super::rush::{STOCK, rush};
use super::wrk::{Load, Seen, Until};
use crate::stack::{Action, PartKind, PartStatus, Status, wait_until};

/// Connections.
const CONNECTIONS: u16 = 64;
/// A baseline serves again within this.
const READY_WITHIN: Duration = Duration::from_secs(30);
/// What was under way when a load ended is done within this, and what was sold agrees with itself.
const FINISHED_WITHIN: Duration = Duration::from_secs(30);
/// Windows of a rush: the slowest versions sell a thousand units in several.
const MAX_WINDOWS: u16 = 30;
/// What is enqueued in a window is decided within this.
const DECIDED_WITHIN: Duration = Duration::from_secs(180);

/// One of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Version {
    /// Its name, in the report.
    pub name: &'static str,
    /// Its subcommand of `baseline`.
    command: &'static str,
    keeps: Keeps,
    answers: Answers,
}

/// What it works with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Keeps {
    Mysql,
    Redis,
    KafkaThenMysql,
    RedisThenKafka,
}

/// What its answers say.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Answers {
    /// A win or a loss.
    Decided,
    /// That somebody will decide.
    Pending,
}

/// All of them.
pub const VERSIONS: [Version; 5] = [
    version("v1", "v1", Keeps::Mysql, Answers::Decided),
    version("v2", "v2", Keeps::Redis, Answers::Decided),
    version("v2_pubsub", "v2-pubsub", Keeps::Redis, Answers::Decided),
    version("v3", "v3", Keeps::KafkaThenMysql, Answers::Pending),
    version("v4", "v4", Keeps::RedisThenKafka, Answers::Decided),
];

const fn version(
    name: &'static str,
    command: &'static str,
    keeps: Keeps,
    answers: Answers,
) -> Version {
    Version { name, command, keeps, answers }
}

/// What `baseline check` prints.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
struct Checked {
    winners: u64,
    #[serde(default)]
    decided: Option<u64>,
}

/// A version's two sales: one that never ends and one of a thousand units, begun anew each time.
struct Shop {
    version: Version,
    endless: PartStatus,
    rush: PartStatus,
}

/// Their rows.
pub(super) async fn rows(
    ground: &mut Ground<'_>,
    effort: &Effort,
    versions: &[Version],
) -> Result<Vec<RowReport>, BenchError> {
    let mut shops = Vec::new();
    for &version in versions {
        shops.push(open(ground, version).await?);
    }
    let mut windows = Vec::new();
    for round in 1..=effort.rounds {
        eprintln!("round {round}: others");
        windows.extend(Box::pin(one_round(ground, effort, &shops, round)).await?);
    }
    let mut rows = reports(&windows);
    rows.retain(|row| versions.iter().any(|version| version.name == row.name));
    for shop in shops {
        ground.end(&shop.endless).await?;
    }
    Ok(rows)
}

async fn open(ground: &Ground<'_>, version: Version) -> Result<Shop, BenchError> {
    let status = ground.status();
    let stock = STOCK.to_string();
    let [endless, rush] = [("all", "none"), ("rush", stock.as_str())].map(|(sale, stock)| {
        let name = format!("{}-{sale}", version.command);
        let mut words = vec![version.command.to_owned()];
        words.extend(version.stores(&status));
        words.extend(["--event".to_owned(), event(&name), "--stock".to_owned(), stock.to_owned()]);
        (name, words)
    });
    let endless = ground.add_baseline(&endless.0, &endless.1).await?;
    let rush = ground.add_baseline(&rush.0, &rush.1).await?;
    ground.end(&rush).await?;
    Ok(Shop { version, endless, rush })
}

fn event(part: &str) -> String {
    format!("bench-{part}")
}

/// R, then wins without end, ours and everybody's; then rushes, ours and everybody's.
async fn one_round(
    ground: &mut Ground<'_>,
    effort: &Effort,
    shops: &[Shop],
    round: u16,
) -> Result<Vec<Window>, BenchError> {
    let cell = |row: Row| Cell { round, connections: CONNECTIONS, row };
    let ours = |row: &&Row| row.name == "win_replica";
    let until = Until::Time(effort.window);
    let mut windows = vec![measure(ground, cell(ROWS[0]), until).await?];
    let our_wins = match ROWS.iter().find(ours) {
        Some(row) => measure(ground, cell(*row), until).await?.outcome,
        None => Err("no row of ours".to_owned()),
    };
    let mut wins = Vec::new();
    for shop in shops {
        let sold = Box::pin(sell(ground, shop.version, &shop.endless, until)).await;
        let sold = sold.or_else(BenchError::of_window)?;
        wins.push(sold.map(|sold| sold.measured(&shop.endless.name)));
    }
    let name = format!("bench-rush-{PLAIN}-{round}");
    let our_rush = Box::pin(rush(ground, &name, CONNECTIONS, until)).await;
    let our_rush = our_rush.or_else(BenchError::of_window)?;
    for (shop, wins) in shops.iter().zip(wins) {
        let rush = Box::pin(sell_out(ground, shop, until)).await.or_else(BenchError::of_window)?;
        let outcome = beside(&our_wins, wins, &our_rush, rush);
        let row = shop.version.name;
        windows.push(Window { round, connections: CONNECTIONS, row, outcome });
    }
    Ok(windows)
}

/// A version's figures, with how many times as fast we are.
fn beside(
    our_wins: &Result<Measured, String>,
    wins: Result<Measured, String>,
    our_rush: &Result<Measured, String>,
    rush: Result<Measured, String>,
) -> Result<Measured, String> {
    let (our_wins, our_rush) = (our_wins.as_ref()?, our_rush.as_ref()?);
    let (mut wins, rush) = (wins?, rush?);
    let figures = [
        ("wins_behind_ours", our_wins.rps / wins.rps),
        ("rush_behind_ours", our_rush.rps / rush.rps),
        ("rush_rps", rush.rps),
        ("our_wins_rps", our_wins.rps),
    ];
    wins.figures.extend(figures.map(|(name, value)| (name.to_owned(), rounded(value))));
    Ok(wins)
}

/// What one window, or several, came to.
#[derive(Debug, Default)]
struct Sold {
    requests: u64,
    refused: u64,
    /// Units that are gone since the sale began.
    winners: u64,
    seconds: f64,
    p50_us: u64,
    p99_us: u64,
    /// Microseconds in all.
    cpu: BTreeMap<String, f64>,
}

/// A rush on a sale that begins anew, for as long as it lasts.
async fn sell_out(
    ground: &mut Ground<'_>,
    shop: &Shop,
    until: Until,
) -> Result<Result<Measured, String>, BenchError> {
    let handle = ground.handle();
    handle.act(&shop.rush.name, Action::Start).await?;
    handle.ready(&shop.rush.name, READY_WITHIN).await?;
    let part = ground.status().part(&shop.rush.name)?.clone();
    let rushed = sell_all(ground, shop.version, &part, until).await;
    handle.act(&part.name, Action::Stop).await?;
    Ok(rushed?.map(|sold| sold.measured(&part.name)))
}

async fn sell_all(
    ground: &mut Ground<'_>,
    version: Version,
    part: &PartStatus,
    until: Until,
) -> Result<Result<Sold, String>, BenchError> {
    let mut all = Sold::default();
    for windows in 1..=MAX_WINDOWS {
        match sell(ground, version, part, until).await? {
            Err(why) => return Ok(Err(why)),
            Ok(sold) => all.add(sold),
        }
        if all.winners >= STOCK {
            return Ok(all.sold_out(version, windows).map(|()| all));
        }
    }
    Ok(Err(format!("{} winners of {STOCK} units in {MAX_WINDOWS} windows", all.winners)))
}

/// Load on a sale, and what came of it. Its time is that of decisions.
async fn sell(
    ground: &mut Ground<'_>,
    version: Version,
    part: &PartStatus,
    until: Until,
) -> Result<Result<Sold, String>, BenchError> {
    let status = ground.status();
    let load = Load::claims(
        vec![part.address],
        vec![event(&part.name).parse()?],
        CONNECTIONS,
        until,
        ground.crowd(),
    );
    let checked = check(ground, version, &part.name).await?;
    let before = cpu::times(status.parts.iter());
    let began = Instant::now();
    let seen = load.run(&status.directory).await?;
    let mut seconds = seen.duration_us as f64 / 1e6;
    if version.answers == Answers::Pending {
        decided(ground, version, part, checked.decided.unwrap_or(0) + seen.requests).await?;
        seconds = began.elapsed().as_secs_f64();
    }
    let spent = cpu::spent(&before, &cpu::times(status.parts.iter()));
    let after = check(ground, version, &part.name).await?;
    let rush = part.name.ends_with("-rush");
    Ok(match wrong(version, rush, &seen, after.winners - checked.winners) {
        Some(why) => Err(why),
        None => Ok(Sold {
            requests: seen.requests,
            refused: seen.status,
            winners: after.winners,
            seconds,
            p50_us: seen.p50_us,
            p99_us: seen.p99_us,
            cpu: by_kind(&status, part, &spent),
        }),
    })
}

/// Waits until so many claims are decided.
async fn decided(
    ground: &Ground<'_>,
    version: Version,
    part: &PartStatus,
    claims: u64,
) -> Result<(), BenchError> {
    let decided = wait_until(DECIDED_WITHIN, "a decision on every claim", || async {
        match check(ground, version, &part.name).await {
            Ok(Checked { decided: Some(decided), .. }) if decided >= claims => Ok(()),
            Ok(checked) => Err(format!("{:?} of {claims} are decided", checked.decided)),
            Err(error) => Err(error.to_string()),
        }
    });
    Ok(decided.await?)
}

/// What makes a window worthless. In a rush, wins and losses are told apart at its end.
fn wrong(version: Version, rush: bool, seen: &Seen, won: u64) -> Option<String> {
    if let Some(broken) = seen.broken() {
        return Some(broken);
    }
    match version.answers {
        Answers::Decided if rush => None,
        Answers::Decided if won < seen.requests => {
            Some(format!("{won} of {} answers were wins", seen.requests))
        }
        _ => (seen.status > 0).then(|| format!("{} answers were refusals", seen.status)),
    }
}

impl Sold {
    fn add(&mut self, window: Self) {
        self.requests += window.requests;
        self.refused += window.refused;
        self.winners = window.winners;
        self.seconds += window.seconds;
        self.p50_us = self.p50_us.max(window.p50_us);
        self.p99_us = self.p99_us.max(window.p99_us);
        for (name, us) in window.cpu {
            *self.cpu.entry(name).or_default() += us;
        }
    }

    /// Every unit was sold, and told, but for those that were under way when a window ended before
    /// the last. Losses and failures look alike to wrk, so the wins must be all there are to win.
    fn sold_out(&self, version: Version, windows: u16) -> Result<(), String> {
        if self.winners != STOCK {
            return Err(format!("{} winners of {STOCK} units", self.winners));
        }
        if version.answers == Answers::Pending {
            return Ok(());
        }
        let told = self.requests.saturating_sub(self.refused);
        let unseen = u64::from(CONNECTIONS) * u64::from(windows - 1);
        if told <= STOCK && told + unseen >= STOCK {
            return Ok(());
        }
        Err(format!("{told} wins were told of {STOCK} units in {windows} windows"))
    }

    fn measured(&self, part: &str) -> Measured {
        let requests = self.requests as f64;
        let ms = |us: u64| rounded(us as f64 / 1e3);
        Measured {
            rps: requests / self.seconds,
            server_us: self.cpu.get(part).copied().unwrap_or(0.0) / requests,
            cpu: self.cpu.iter().map(|(name, us)| (name.clone(), rounded(us / requests))).collect(),
            figures: [("p50_ms", ms(self.p50_us)), ("p99_ms", ms(self.p99_us))]
                .map(|(name, value)| (name.to_owned(), value))
                .into(),
        }
    }
}

/// The version's own CPU, and that of all Redis nodes, all brokers and MySQL.
fn by_kind(
    status: &Status,
    own: &PartStatus,
    spent: &BTreeMap<String, f64>,
) -> BTreeMap<String, f64> {
    let mut kinds: BTreeMap<String, f64> = BTreeMap::new();
    for part in &status.parts {
        let name = match part.kind {
            _ if part.name == own.name => part.name.as_str(),
            PartKind::Redis | PartKind::Kafka | PartKind::Mysql => part.kind.as_str(),
            _ => continue,
        };
        *kinds.entry(name.to_owned()).or_default() += spent.get(&part.name).copied().unwrap_or(0.0);
    }
    kinds
}

/// Counts a sale. Where units and users do not agree `baseline check` fails: as long as claims are
/// under way that is no breach.
async fn check(ground: &Ground<'_>, version: Version, part: &str) -> Result<Checked, BenchError> {
    let mut words = vec!["check".to_owned(), version.command.to_owned()];
    words.extend(version.store(&ground.status()));
    words.extend(["--event".to_owned(), event(part)]);
    let what = format!("as many users as units in {part}");
    Ok(wait_until(FINISHED_WITHIN, &what, || ground.baseline::<Checked>(&words)).await?)
}

impl Version {
    /// Where it sells.
    fn stores(self, status: &Status) -> Vec<String> {
        let mut words = self.store(status);
        if matches!(self.keeps, Keeps::KafkaThenMysql | Keeps::RedisThenKafka) {
            words.extend(["--kafka".to_owned(), status.addresses(PartKind::Kafka)]);
        }
        words
    }

    /// Where its wins stand.
    fn store(self, status: &Status) -> Vec<String> {
        match self.keeps {
            Keeps::Mysql | Keeps::KafkaThenMysql => super::ground::mysql(status),
            Keeps::Redis | Keeps::RedisThenKafka => {
                vec!["--redis".to_owned(), status.addresses(PartKind::Redis)]
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn measured(rps: f64) -> Result<Measured, String> {
        Ok(Measured { rps, ..Measured::default() })
    }

    #[test]
    fn how_far_others_are_behind_is_told_of_wins_and_rushes() {
        let beside =
            beside(&measured(40_000.0), measured(800.0), &measured(100_000.0), measured(2_000.0));
        let figures = beside.unwrap().figures;
        assert_eq!((figures["wins_behind_ours"], figures["rush_behind_ours"]), (50.0, 50.0));
    }

    #[test]
    fn a_rush_has_told_every_unit_but_those_under_way_between_its_windows() {
        let sold = |requests, winners| Sold { requests, winners, ..Sold::default() };
        let ends = |sold: Sold, windows| sold.sold_out(VERSIONS[1], windows).is_ok();
        assert!(ends(sold(1_000, 1_000), 1));
        assert!(!ends(sold(999, 1_000), 1), "a win was not told");
        assert!(ends(sold(950, 1_000), 2));
        assert!(!ends(sold(1_001, 1_000), 2), "more were told than there were");
        assert!(!ends(sold(1_000, 1_001), 1), "oversold");
        let losses = Sold { refused: 5_000, ..sold(6_000, 1_000) };
        assert!(ends(losses, 1));
    }

    #[test]
    fn where_ours_erred_others_have_no_figures() {
        let ours = Err("7 busy".to_owned());
        assert!(beside(&ours, measured(1.0), &measured(1.0), measured(1.0)).is_err());
    }
}
