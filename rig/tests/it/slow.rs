//! A rush while thousands of connections are held that send next to nothing. The servers are looked
//! at while it runs: whether they go on answering, and what memory they have. What it costs in time
//! is the bench's to say (`./dev bench --only slow_sockets`).

use std::fs;
use std::net::SocketAddr;
use std::time::Duration;

use rig::rush::{Plan, Through};
use rig::slow::SlowSockets;
use rig::stack::{Handle, PartKind, exclusive};
use tokio::time::{Instant, MissedTickBehavior, interval};

use crate::http;
use crate::rush::{new_event, plan, rush, sold_to_the_last_unit};

/// As many as an attacker opens from a single machine without effort.
const SLOW: usize = 2_000;
const USERS: u32 = 3_000;
/// The rush lasts ten seconds: NGINX ends a slow head after five, so slow clients come again in it.
const USERS_PER_S: u32 = 300;
const STOCK: u64 = 50;
/// Between two looks at the servers.
const LOOK_EVERY: Duration = Duration::from_millis(250);
/// The rush lasts 40 of them. So many at least see new answers, and slow connections beside them.
const LOOKS: usize = 10;
/// Users who arrive in ten seconds are answered within this.
const ANSWERED_WITHIN: Duration = Duration::from_secs(60);
/// A slow connection may cost so much. One to an edge that was answered once costs 21.5 KB
/// (docs/performance.md).
const BYTES_A_SLOW_ONE: u64 = 32 * 1_024;
/// What the rush itself may cost.
const BYTES_OF_THE_RUSH: u64 = 32 * 1_024 * 1_024;
/// Claims that edges answered, in their metrics.
const ANSWERED: &str = "firstcome_edge_requests_total{route=\"issue\",";

/// The servers at one moment.
#[derive(Debug)]
struct Look {
    at: Instant,
    /// Claims that were answered since the edges began.
    answered: u64,
    /// Memory of the servers that slow clients are connected to.
    resident: u64,
    slow_are_open: bool,
}

/// Who is looked at.
struct Looks<'a> {
    edges: Vec<SocketAddr>,
    /// Process groups: NGINX's workers too.
    groups: Vec<u32>,
    slow: &'a SlowSockets,
}

impl Looks<'_> {
    async fn look(&self) -> Look {
        let mut answered = 0;
        for &edge in &self.edges {
            answered += answered_by(&http::get_whole(edge, "/metrics").await.body);
        }
        let slow_are_open = self.slow.most_are_open();
        Look { at: Instant::now(), answered, resident: resident(&self.groups), slow_are_open }
    }

    /// Looks until as many claims as users are answered, or their time is over.
    async fn at_the_rush(&self) -> Vec<Look> {
        let mut ticks = interval(LOOK_EVERY);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut looks = vec![self.look().await];
        loop {
            ticks.tick().await;
            let look = self.look().await;
            let first = &looks[0];
            let is_over = look.answered >= first.answered + u64::from(USERS)
                || look.at >= first.at + ANSWERED_WITHIN;
            looks.push(look);
            if is_over {
                return looks;
            }
        }
    }
}

/// The sum of an edge's answers to claims.
fn answered_by(metrics: &str) -> u64 {
    let counts = metrics.lines().filter(|line| line.starts_with(ANSWERED));
    counts.map(|line| line.rsplit_once(' ').unwrap().1.parse::<u64>().unwrap()).sum()
}

/// Bytes in memory of all processes of some groups.
fn resident(groups: &[u32]) -> u64 {
    let of_one = |process: fs::DirEntry| {
        let stat = fs::read_to_string(process.path().join("stat")).ok()?;
        // Behind the name, which may hold anything: state, ppid, pgrp, …; rss is the 24th in all.
        let fields: Vec<&str> = stat.rsplit_once(')')?.1.split_whitespace().collect();
        let group: u32 = fields.get(2)?.parse().ok()?;
        let pages: u64 = fields.get(21)?.parse().ok()?;
        groups.contains(&group).then_some(pages)
    };
    let pages: u64 = fs::read_dir("/proc").unwrap().flatten().filter_map(of_one).sum();
    pages * rustix::param::page_size() as u64
}

/// Users were answered all the while, slow clients were there, and memory stayed within its bound.
fn all_was_well(looks: &[Look], resident_before: u64) {
    let (first, last) = (&looks[0], &looks[looks.len() - 1]);
    assert!(last.answered >= first.answered + u64::from(USERS), "{looks:?}");
    let news = |two: &&[Look]| two[1].answered > two[0].answered && two[1].slow_are_open;
    assert!(looks.windows(2).filter(news).count() >= LOOKS, "{looks:?}");
    let most = looks.iter().map(|look| look.resident).max().unwrap();
    let grown = most.saturating_sub(resident_before);
    let bound = SLOW as u64 * BYTES_A_SLOW_ONE + BYTES_OF_THE_RUSH;
    assert!(grown <= bound, "{resident_before} bytes became {most}, and {bound} more are allowed");
}

async fn nobody_is_refused(stack: &Handle, through: Through, kind: PartKind) {
    let event = new_event("slow");
    let plan = Plan { through, per_s: USERS_PER_S, ..plan(stack, &event, USERS, STOCK) };
    let servers: Vec<_> = stack.status().of_kind(kind).map(|part| part.name.as_str()).collect();
    let groups: Vec<u32> =
        servers.iter().map(|name| stack.part(name).unwrap().pid.unwrap()).collect();
    let before = resident(&groups);
    let slow = SlowSockets::begin(&stack.addresses(kind), SLOW);
    slow.are_open().await.unwrap();
    let looks = Looks { edges: stack.metrics(PartKind::Edge), groups, slow: &slow };
    let mut seen = Vec::new();
    let meanwhile = async { seen = looks.at_the_rush().await };
    let (verdict, history) = rush(stack, &plan, meanwhile).await;
    // They were there to the end: whoever ended some had them back.
    slow.are_open().await.unwrap();
    sold_to_the_last_unit(&verdict, STOCK);
    assert_eq!(history.timing.again, 0, "requests were turned away or lost");
    all_was_well(&seen, before);
}

#[tokio::test]
async fn slow_connections_to_the_edges_cost_no_user_an_answer() {
    let _guard = exclusive().await;
    let stack = Handle::from_env().unwrap();
    nobody_is_refused(&stack, Through::Edges, PartKind::Edge).await;
}

#[tokio::test]
async fn slow_connections_to_nginx_cost_no_user_an_answer() {
    let _guard = exclusive().await;
    let stack = Handle::from_env().unwrap();
    nobody_is_refused(&stack, Through::Nginx, PartKind::Nginx).await;
}
