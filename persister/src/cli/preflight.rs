//! How a look before a sale is asked for.

use clap::Args;
use clap::builder::RangedU64ValueParser;
use contract::ids::EventId;

use super::Output;
use crate::preflight::{MINUTES, OUTAGE_MINUTES, OneHost, Options};

/// A look before a sale.
#[derive(Debug, Args)]
pub struct Preflight {
    /// The event's id
    pub event: EventId,
    /// Ask for memory that suffices for so long without Kafka
    #[arg(
        long,
        value_name = "MINUTES",
        default_value_t = OUTAGE_MINUTES,
        value_parser = RangedU64ValueParser::<u32>::new()
            .range(u64::from(*MINUTES.start())..=u64::from(*MINUTES.end()))
    )]
    outage_minutes: u32,
    /// Everything is on one host, and is meant to be
    #[arg(long)]
    one_host_is_fine: bool,
    /// Output.
    #[command(flatten)]
    pub output: Output,
}

impl Preflight {
    /// How it is to be looked at.
    pub fn options(&self) -> Options {
        let one_host = if self.one_host_is_fine { OneHost::Fine } else { OneHost::Warn };
        Options { outage_minutes: self.outage_minutes, one_host }
    }
}
