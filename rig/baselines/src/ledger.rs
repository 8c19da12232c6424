//! The tables of V1 and V3, and all their SQL: an event's stock, and who has won.

use std::time::Duration;

use contract::ids::{EventId, UserId};
use mysql_async::prelude::Queryable;
use mysql_async::{Conn, Error, Value};

use crate::claim::Outcome;
use crate::cli::Sale;
use crate::error::{Failed, within};

/// To make the tables and empty them of an earlier sale.
const BEGIN_WITHIN: Duration = Duration::from_secs(60);

/// The names of a baseline's tables.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Tables {
    /// One row an event.
    pub(crate) events: &'static str,
    /// One row a win.
    pub(crate) wins: &'static str,
}

/// Makes the tables and begins the sale: nobody has won.
pub(crate) async fn begin(conn: &mut Conn, tables: &Tables, sale: &Sale) -> Result<(), Failed> {
    let Tables { events, wins } = tables;
    let id = "VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL";
    let make_events = format!(
        "CREATE TABLE IF NOT EXISTS {events} (event_id {id} PRIMARY KEY, \
           stock BIGINT UNSIGNED NOT NULL, issued BIGINT UNSIGNED NOT NULL)"
    );
    let make_wins = format!(
        "CREATE TABLE IF NOT EXISTS {wins} (event_id {id}, user_id {id}, \
           sequence BIGINT UNSIGNED NOT NULL, PRIMARY KEY (event_id, user_id), \
           UNIQUE KEY (event_id, sequence))"
    );
    let event = sale.event.as_str();
    within(BEGIN_WITHIN, "the tables", async {
        conn.query_drop(make_events).await?;
        conn.query_drop(make_wins).await?;
        conn.exec_drop(format!("DELETE FROM {wins} WHERE event_id = ?"), (event,)).await?;
        let put = format!("REPLACE INTO {events} (event_id, stock, issued) VALUES (?, ?, 0)");
        conn.exec_drop(put, (event, sale.stock.units())).await
    })
    .await
}

/// In a transaction: stock and units issued. Whoever else asks waits until it ends.
pub(crate) async fn lock_event(
    conn: &mut Conn,
    tables: &Tables,
    event: &EventId,
) -> mysql_async::Result<(u64, u64)> {
    let select =
        format!("SELECT stock, issued FROM {} WHERE event_id = ? FOR UPDATE", tables.events);
    read_event(conn, select, event).await
}

/// Stock and units issued.
pub(crate) async fn event(
    conn: &mut Conn,
    tables: &Tables,
    event: &EventId,
) -> mysql_async::Result<(u64, u64)> {
    let select = format!("SELECT stock, issued FROM {} WHERE event_id = ?", tables.events);
    read_event(conn, select, event).await
}

async fn read_event(
    conn: &mut Conn,
    select: String,
    event: &EventId,
) -> mysql_async::Result<(u64, u64)> {
    let row = conn.exec_first(select, (event.as_str(),)).await?;
    row.ok_or_else(|| Error::Other("the event has no row".into()))
}

/// Whether the user has a win.
pub(crate) async fn has_won(
    conn: &mut Conn,
    tables: &Tables,
    event: &EventId,
    user: &UserId,
) -> mysql_async::Result<bool> {
    let select = format!("SELECT sequence FROM {} WHERE event_id = ? AND user_id = ?", tables.wins);
    let row: Option<u64> = conn.exec_first(select, (event.as_str(), user.as_str())).await?;
    Ok(row.is_some())
}

/// Those of the users who have a win.
pub(crate) async fn winners_of(
    conn: &mut Conn,
    tables: &Tables,
    event: &EventId,
    users: &[&str],
) -> mysql_async::Result<Vec<String>> {
    let list = vec!["?"; users.len()].join(", ");
    let select =
        format!("SELECT user_id FROM {} WHERE event_id = ? AND user_id IN ({list})", tables.wins);
    let mut params = vec![Value::from(event.as_str())];
    params.extend(users.iter().map(|&user| Value::from(user)));
    conn.exec(select, params).await
}

/// In a transaction that has locked the event: adds wins.
pub(crate) async fn add_wins(
    conn: &mut Conn,
    tables: &Tables,
    event: &EventId,
    wins: &[(&str, u64)],
) -> mysql_async::Result<()> {
    let list = vec!["(?, ?, ?)"; wins.len()].join(", ");
    let insert = format!("INSERT INTO {} (event_id, user_id, sequence) VALUES {list}", tables.wins);
    let params: Vec<Value> = wins
        .iter()
        .flat_map(|&(user, sequence)| [event.as_str().into(), user.into(), sequence.into()])
        .collect();
    conn.exec_drop(insert, params).await
}

/// In a transaction that has locked the event: how many units are issued now.
pub(crate) async fn set_issued(
    conn: &mut Conn,
    tables: &Tables,
    event: &EventId,
    issued: u64,
) -> mysql_async::Result<()> {
    let update = format!("UPDATE {} SET issued = ? WHERE event_id = ?", tables.events);
    conn.exec_drop(update, (issued, event.as_str())).await
}

/// What became of a user's claim: a win, a loss that is certain, or not decided.
pub(crate) async fn result(
    conn: &mut Conn,
    tables: &Tables,
    id: &EventId,
    user: &UserId,
) -> mysql_async::Result<Outcome> {
    // Read before the user's row: what is sold out by now is decided for everybody.
    let (stock, issued) = event(conn, tables, id).await?;
    Ok(if has_won(conn, tables, id, user).await? {
        Outcome::Again
    } else if issued >= stock {
        Outcome::SoldOut
    } else {
        Outcome::Pending
    })
}

/// Rows of an event, and how many users they name.
pub(crate) async fn count(
    conn: &mut Conn,
    tables: &Tables,
    event: &EventId,
) -> mysql_async::Result<(u64, u64)> {
    let select =
        format!("SELECT COUNT(*), COUNT(DISTINCT user_id) FROM {} WHERE event_id = ?", tables.wins);
    let row = conn.exec_first(select, (event.as_str(),)).await?;
    Ok(row.unwrap_or_default())
}
