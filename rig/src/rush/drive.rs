//! Runs a rush to its end: users ask, rows are counted, progress is shown.

use std::sync::Arc;
use std::time::Duration;

use contract::ids::EventId;
use tokio::time::{Instant, sleep, timeout};

use super::live::Live;
use super::progress::Display;
use super::{Notes, Rush, RushError};
use crate::check::mysql::Mysql;

/// Between two looks at MySQL while units are being sold.
const COUNT_EVERY: Duration = Duration::from_millis(500);
/// Between two looks when all are sold: how finely the time of the last row is known.
const COUNT_LAST_EVERY: Duration = Duration::from_millis(50);
/// How long the rows may lag behind the last answer; then the checker has to say what is missing.
const ROWS_WITHIN: Duration = Duration::from_secs(30);

/// Runs a rush until everybody has an answer, or has given up, and every told win has its row, or
/// is late.
pub async fn drive(rush: Rush, mysql: &mut Mysql, display: Display) -> Result<(), RushError> {
    drive_beside(rush, mysql, display, async |_| {}).await
}

/// The same, with something that is done beside the rush, from its beginning on, and noted in its
/// history: what operators do. The rush ends when both have ended.
pub async fn drive_beside(
    rush: Rush,
    mysql: &mut Mysql,
    display: Display,
    beside: impl AsyncFnOnce(Notes),
) -> Result<(), RushError> {
    let live = Arc::new(Live::new());
    let (event, stock) = (rush.header.event.clone(), rush.header.stock);
    let began = Instant::now();
    let mut running = rush.start(&live)?;
    let mut rows = Rows { mysql, event, stock, live: &live, notes: running.notes() };
    let notes = running.notes();
    {
        let asking = async {
            tokio::select! {
                _ = async { tokio::join!(running.everybody(), beside(notes)) } => {}
                () = rows.watch() => {}
            }
            // Rows that do not come in time are found by the checker, by name.
            let _late = timeout(ROWS_WITHIN, rows.arrive()).await;
        };
        tokio::select! {
            () = asking => {}
            () = display.show(&live) => {}
        }
    }
    let Rows { notes, .. } = rows;
    drop(notes);
    running.finish().await?;
    display.end(&live, began.elapsed());
    Ok(())
}

/// Counts an event's rows and notes them in the history.
struct Rows<'a> {
    mysql: &'a mut Mysql,
    event: EventId,
    stock: u64,
    live: &'a Live,
    notes: Notes,
}

impl Rows<'_> {
    /// Counts until it is dropped.
    async fn watch(&mut self) {
        loop {
            let persisted = self.look().await;
            let told = self.live.figures().told;
            let last = told == self.stock && persisted < told;
            sleep(if last { COUNT_LAST_EVERY } else { COUNT_EVERY }).await;
        }
    }

    /// Counts until every win that was told has its row.
    async fn arrive(&mut self) {
        while self.look().await < self.live.figures().told {
            sleep(COUNT_LAST_EVERY).await;
        }
    }

    /// MySQL may be down for a while: then nothing new is known.
    async fn look(&mut self) -> u64 {
        if let Ok(rows) = self.mysql.count(&self.event).await {
            self.notes.persisted(rows).await;
            return rows;
        }
        self.live.figures().persisted
    }
}
