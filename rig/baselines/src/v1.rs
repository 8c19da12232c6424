//! V1: a MySQL transaction a claim, the event's row locked by `SELECT … FOR UPDATE`.

use std::error::Error;
use std::sync::Arc;
use std::time::Duration;

use contract::ids::{EventId, UserId};
use mysql_async::Conn;
use mysql_async::prelude::Queryable;

use crate::claim::{self, Asked, Outcome};
use crate::cli::Sale;
use crate::error::{Failed, within};
use crate::ledger::{self, Tables};
use crate::mysql::Mysql;

/// For one claim's transaction, which waits for those before it.
const CLAIM_WITHIN: Duration = Duration::from_secs(10);

/// The tables.
pub(crate) const TABLES: Tables = Tables { events: "bench_v1_events", wins: "bench_v1_wins" };

struct Shop {
    mysql: Mysql,
    event: EventId,
}

/// Begins the sale anew and serves it.
pub(crate) async fn run(sale: Sale, mysql: Mysql) -> Result<(), Box<dyn Error>> {
    ledger::begin(&mut mysql.connect().await?, &TABLES, &sale).await?;
    let shop = Arc::new(Shop { mysql, event: sale.event.clone() });
    claim::serve(sale.listen, sale.event, move |asked, user| {
        let shop = Arc::clone(&shop);
        async move { shop.answer(asked, &user).await }
    })
    .await
}

impl Shop {
    async fn answer(&self, asked: Asked, user: &UserId) -> Result<Outcome, Failed> {
        let mut session = self.mysql.session().await?;
        let outcome = within(CLAIM_WITHIN, "a claim's transaction", async {
            match asked {
                Asked::Issue => issue(&mut session, &self.event, user).await,
                Asked::Result => ledger::result(&mut session, &TABLES, &self.event, user).await,
            }
        })
        .await?;
        session.put_back();
        Ok(outcome)
    }
}

async fn issue(conn: &mut Conn, event: &EventId, user: &UserId) -> mysql_async::Result<Outcome> {
    conn.query_drop("START TRANSACTION").await?;
    let (stock, issued) = ledger::lock_event(conn, &TABLES, event).await?;
    let outcome = if ledger::has_won(conn, &TABLES, event, user).await? {
        Outcome::Again
    } else if issued >= stock {
        Outcome::SoldOut
    } else {
        let sequence = issued + 1;
        ledger::add_wins(conn, &TABLES, event, &[(user.as_str(), sequence)]).await?;
        ledger::set_issued(conn, &TABLES, event, sequence).await?;
        Outcome::Won { sequence }
    };
    conn.query_drop("COMMIT").await?;
    Ok(outcome)
}
