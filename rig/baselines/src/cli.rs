//! The command line.

use std::net::SocketAddr;

use clap::{Args, Parser, Subcommand};

/// Servers and loaders to compare Firstcome with.
#[derive(Debug, Parser)]
#[command(name = "baseline", version)]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Answer every request with the same 100 bytes: the most that HTTP allows
    Plain(Listen),
}

#[derive(Debug, Args)]
pub(crate) struct Listen {
    /// Where to serve; port 0 takes a free one
    #[arg(long, value_name = "HOST:PORT")]
    pub(crate) listen: SocketAddr,
}
