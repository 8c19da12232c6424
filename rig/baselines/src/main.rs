//! What Firstcome is measured against: a bare server, the usual ways to hand out coupons, a bare
//! loader. Each runs as its own process, on tokio's default runtime and the system's allocator, as
//! it would without much thought.

use std::error::Error;
use std::process::ExitCode;

use clap::Parser;
use tokio::runtime::Runtime;

use crate::cli::{Cli, Command};

mod cli;
mod plain;
mod server;

fn main() -> ExitCode {
    // Wrong arguments end here, with status 2.
    let cli = Cli::parse();
    match Runtime::new().map_err(Into::into).and_then(|runtime| runtime.block_on(run(cli.command)))
    {
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
    }
}
