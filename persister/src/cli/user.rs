//! What can be asked for about users.

use clap::{Args, Subcommand};
use contract::ids::UserId;

use super::{By, Output, at_most};

/// What to do about users.
#[derive(Debug, Subcommand)]
pub enum UserCommand {
    /// Put a pseudonym in a user's place in archived events, and in others once they are archived
    ///
    /// Why must be said (--why), without naming the user: it stays in the audit. Safe to repeat.
    /// Exit code 0 also where events have to be archived first: the leader does the rest then.
    /// Example: persister user erase ann --why "ticket 4711"
    Erase(EraseUser),
    /// List what was asked for, newest first, without whom it was about
    Erasures {
        /// How many at most
        #[arg(
            long,
            value_name = "COUNT",
            default_value_t = 100,
            value_parser = at_most(1_000)
        )]
        limit: u32,
        /// Output.
        #[command(flatten)]
        output: Output,
    },
}

/// A user who is to be erased.
#[derive(Debug, Args)]
pub struct EraseUser {
    /// The user's id
    pub user: UserId,
    /// Who gives the command.
    #[command(flatten)]
    pub by: By,
    /// Output.
    #[command(flatten)]
    pub output: Output,
}
