//! What Firstcome is measured against: a bare server, the usual ways to hand out coupons, a bare
//! loader. Each runs as its own process, on tokio's default runtime and the system's allocator, as
//! it would without much thought.
//!
//! - [`plain`]: R, what HTTP alone costs.
//! - [`v1`], [`v2`], [`v3`], [`v4`]: coupons the usual ways. None sells a unit twice or gives a user
//!   two; what they do when something dies is another matter.
//! - [`check`]: whether that held.
//! - [`loader`]: wins from Kafka into MySQL, with nothing around it.
//!
//! Here, unlike elsewhere, fred is used directly and as it comes: it is part of what is compared.

use std::error::Error;
use std::process::ExitCode;

use clap::Parser;
use serde::Serialize;
use tokio::runtime::Runtime;

use crate::cli::{Cli, Command, Loader, Waiting};
use crate::mysql::Mysql;
use crate::redis::Redis;

mod check;
mod claim;
mod cli;
mod error;
mod ledger;
mod loader;
mod mysql;
mod plain;
mod queue;
mod redis;
mod server;
mod stock;
mod v1;
mod v2;
mod v3;
mod v4;

fn main() -> ExitCode {
    // Wrong arguments end here, with status 2.
    let cli = Cli::parse();
    let ended =
        Runtime::new().map_err(Into::into).and_then(|runtime| runtime.block_on(run(cli.command)));
    match ended {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("baseline: {error}");
            ExitCode::FAILURE
        }
    }
}

async fn run(command: Command) -> Result<(), Box<dyn Error>> {
    match command {
        Command::Plain(listen) => plain::run(listen.listen).await,
        Command::V1 { sale, mysql } => v1::run(sale, Mysql::new(mysql.opts())).await,
        Command::V2 { sale, redis } => {
            v2::run(sale, Redis::new(&redis.redis.0), Waiting::Polling).await
        }
        Command::V2Pubsub { sale, redis } => {
            v2::run(sale, Redis::new(&redis.redis.0), Waiting::Told).await
        }
        Command::V3 { sale, mysql, kafka } => {
            v3::run(sale, Mysql::new(mysql.opts()), kafka.kafka.0).await
        }
        Command::V4 { sale, redis, kafka } => {
            v4::run(sale, Redis::new(&redis.redis.0), kafka.kafka.0).await
        }
        Command::Check(checked) => {
            let counts = check::counts(checked).await?;
            print(&counts)?;
            counts.wrong().map_or(Ok(()), |wrong| Err(wrong.into()))
        }
        Command::Loader(Loader::Insert { mysql, topic }) => {
            print(&loader::insert(Mysql::new(mysql.opts()), topic).await?)
        }
        Command::Loader(Loader::LoadData { mysql, topic, file }) => {
            print(&loader::load_data(mysql.opts(), topic, file).await?)
        }
    }
}

/// One line of JSON.
fn print(what: &impl Serialize) -> Result<(), Box<dyn Error>> {
    println!("{}", serde_json::to_string(what)?);
    Ok(())
}
