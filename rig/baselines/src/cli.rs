//! The command line.

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};
use contract::ids::EventId;
use contract::settings::{HOSTS, parse_hosts};
use contract::topics::COUPON_ISSUED;
use mysql_async::{Opts, OptsBuilder};

use crate::stock::Stock;

/// Servers and loaders to compare Firstcome with. A server says `ready ADDRESS` when it serves, and
/// runs until it is ended.
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
    /// A MySQL transaction a claim, with SELECT … FOR UPDATE
    V1 {
        #[command(flatten)]
        sale: Sale,
        #[command(flatten)]
        mysql: AtMysql,
    },
    /// A lock in Redis around plain commands; who waits for it polls
    V2 {
        #[command(flatten)]
        sale: Sale,
        #[command(flatten)]
        redis: AtRedis,
    },
    /// The same; who waits is told by a message that the lock is free
    V2Pubsub {
        #[command(flatten)]
        sale: Sale,
        #[command(flatten)]
        redis: AtRedis,
    },
    /// Claims go to Kafka and are answered PENDING; a consumer decides
    V3 {
        #[command(flatten)]
        sale: Sale,
        #[command(flatten)]
        mysql: AtMysql,
        #[command(flatten)]
        kafka: AtKafka,
    },
    /// A Lua script a claim, then a record to Kafka
    V4 {
        #[command(flatten)]
        sale: Sale,
        #[command(flatten)]
        redis: AtRedis,
        #[command(flatten)]
        kafka: AtKafka,
    },
    /// Count a sale's wins in its store, as JSON; status 1 if more were given away than there were
    /// or somebody has two
    #[command(subcommand)]
    Check(Checked),
    /// Bring the wins of a topic into a table like coupons, and tell how fast, as JSON
    #[command(subcommand)]
    Loader(Loader),
}

#[derive(Debug, Args)]
pub(crate) struct Listen {
    /// Where to serve; port 0 takes a free one
    #[arg(long, value_name = "HOST:PORT")]
    pub(crate) listen: SocketAddr,
}

/// A sale, which begins anew: what an earlier one of the same event left is removed.
#[derive(Debug, Args)]
pub(crate) struct Sale {
    /// Where to serve; port 0 takes a free one
    #[arg(long, value_name = "HOST:PORT")]
    pub(crate) listen: SocketAddr,
    /// The event that claims name
    #[arg(long, default_value = "bench", value_name = "ID")]
    pub(crate) event: EventId,
    /// Units for sale; 0 or none: they never end
    #[arg(long, default_value = "none", value_name = "UNITS")]
    pub(crate) stock: Stock,
}

#[derive(Debug, Args)]
pub(crate) struct AtMysql {
    /// mysql://user:password@host:port/database
    #[arg(long, value_name = "URL", value_parser = parse_mysql)]
    mysql: Opts,
}

impl AtMysql {
    pub(crate) fn opts(&self) -> OptsBuilder {
        OptsBuilder::from_opts(self.mysql.clone())
    }
}

#[derive(Debug, Args)]
pub(crate) struct AtRedis {
    /// Nodes of the cluster, separated by commas
    #[arg(long, value_name = "HOST:PORT,…", value_parser = parse_nodes)]
    pub(crate) redis: Hosts,
}

#[derive(Debug, Args)]
pub(crate) struct AtKafka {
    /// Brokers, separated by commas
    #[arg(long, value_name = "HOST:PORT,…", value_parser = parse_nodes)]
    pub(crate) kafka: Hosts,
}

/// `host:port` each.
#[derive(Debug, Clone)]
pub(crate) struct Hosts(pub(crate) Vec<String>);

#[derive(Debug, Subcommand)]
pub(crate) enum Checked {
    /// Of V1
    V1(InMysql),
    /// Of V2
    V2(InRedis),
    /// Of V2 with messages
    V2Pubsub(InRedis),
    /// Of V3
    V3(InMysql),
    /// Of V4
    V4(InRedis),
}

#[derive(Debug, Args)]
pub(crate) struct InMysql {
    #[command(flatten)]
    pub(crate) at: AtMysql,
    /// The event
    #[arg(long, default_value = "bench", value_name = "ID")]
    pub(crate) event: EventId,
}

#[derive(Debug, Args)]
pub(crate) struct InRedis {
    #[command(flatten)]
    pub(crate) at: AtRedis,
    /// The event
    #[arg(long, default_value = "bench", value_name = "ID")]
    pub(crate) event: EventId,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Loader {
    /// By statements of many rows
    Insert {
        #[command(flatten)]
        mysql: AtMysql,
        #[command(flatten)]
        topic: Topic,
    },
    /// By LOAD DATA, from a file that is written first and removed afterwards
    LoadData {
        #[command(flatten)]
        mysql: AtMysql,
        #[command(flatten)]
        topic: Topic,
        /// The file
        #[arg(long, value_name = "PATH")]
        file: PathBuf,
    },
}

/// A topic with the records and the partitions of `coupon-issued`.
#[derive(Debug, Args)]
pub(crate) struct Topic {
    #[command(flatten)]
    pub(crate) kafka: AtKafka,
    /// Its name
    #[arg(long = "topic", default_value = COUPON_ISSUED, value_name = "NAME")]
    pub(crate) name: String,
}

/// How one learns that a lock is free.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Waiting {
    /// By trying again.
    Polling,
    /// By a message.
    Told,
}

fn parse_mysql(url: &str) -> Result<Opts, &'static str> {
    // Not repeated: it holds a password.
    Opts::from_url(url).map_err(|_| "not mysql://user:password@host:port/database")
}

fn parse_nodes(text: &str) -> Result<Hosts, String> {
    parse_hosts(text).map(Hosts).ok_or_else(|| format!("wants {HOSTS}"))
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_command_line_holds_together() {
        Cli::command().debug_assert();
    }
}
