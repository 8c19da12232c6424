//! `rig`, which `./dev` hands over to.

// The bench awaits more deeply than 128 layers.
#![recursion_limit = "256"]

mod cli;
mod verbs;

use std::process::ExitCode;

use clap::Parser;

#[tokio::main]
async fn main() -> ExitCode {
    match cli::Cli::parse().run().await {
        Ok(code) => code,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}
