//! MySQL's own way: LOAD DATA from a file.

use std::path::{Path, PathBuf};
use std::time::Duration;

use contract::record::Issued;
use contract::topics::COUPON_ISSUED_PARTITIONS;
use links::kafka::Kafka;
use mysql_async::prelude::Queryable;
use mysql_async::{OptsBuilder, WhiteListFsHandler};
use tokio::fs::File;
use tokio::io::{AsyncWriteExt, BufWriter};
use tokio::time::Instant;

use super::topic::Reading;
use super::{Loaded, TABLE, count, issued_at, make_table};
use crate::cli::Topic;
use crate::error::{Failed, within};
use crate::mysql::Mysql;

/// For the whole file.
const LOAD_WITHIN: Duration = Duration::from_secs(600);

/// Writes the topic's wins to a file, then fills the table from it; only the latter is timed. The
/// file is gone afterwards.
pub(crate) async fn load_data(
    opts: OptsBuilder,
    topic: Topic,
    file: PathBuf,
) -> Result<Loaded, Failed> {
    // The server asks for the file by name; it gets no other.
    let readable = WhiteListFsHandler::new(vec![file.clone()]);
    let mut conn = Mysql::new(opts.local_infile_handler(Some(readable))).connect().await?;
    make_table(&mut conn).await?;
    write(topic, &file).await?;
    let statement = format!(
        "LOAD DATA LOCAL INFILE '{}' IGNORE INTO TABLE {TABLE} CHARACTER SET ascii \
           (@coupon, event_id, user_id, user_nth, sequence, quantity, epoch, @attempt, told, \
            state, revision, issued_at) \
         SET coupon_id = UNHEX(@coupon), attempt = UNHEX(@attempt)",
        file.display()
    );
    let began = Instant::now();
    let loaded = within(LOAD_WITHIN, "LOAD DATA", conn.query_drop(statement)).await;
    let took = began.elapsed();
    tokio::fs::remove_file(&file).await?;
    loaded?;
    Ok(Loaded::new(count(&mut conn).await?, took))
}

async fn write(topic: Topic, file: &Path) -> Result<(), Failed> {
    let kafka = Kafka::plain(topic.kafka.kafka.0);
    let mut out = BufWriter::new(File::create(file).await?);
    for number in 0..COUPON_ISSUED_PARTITIONS {
        let mut reading = Reading::begin(kafka.partition(topic.name.as_str(), number)).await?;
        while let Some(wins) = reading.next().await? {
            let lines: String = wins.iter().map(line).collect();
            out.write_all(lines.as_bytes()).await?;
        }
    }
    out.flush().await?;
    Ok(())
}

/// Separated by tabs. Nothing in a win needs an escape; `\N` is NULL.
fn line(win: &Issued) -> String {
    let attempt =
        win.attempt.as_bytes().map_or_else(|| "\\N".to_owned(), |_| win.attempt.to_string());
    format!(
        "{}\t{}\t{}\t{}\t{}\t{}\t{}\t{attempt}\t{}\t{}\t{}\t{}\n",
        win.coupon_id.to_hex(),
        win.event_id,
        win.user_id,
        win.nth,
        win.sequence,
        win.quantity,
        win.epoch,
        win.told.as_str(),
        win.state.as_str(),
        win.revision,
        issued_at(win).map_or_else(|| "\\N".to_owned(), |time| time.to_string()),
    )
}
