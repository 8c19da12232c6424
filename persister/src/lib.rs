//! Firstcome's persister: all that touches MySQL.
//!
//! `run` reads wins from Kafka into rows (`consume`), carries what operators want of events to
//! Redis and to the edges (`control`), and publishes wins whose edge died (`relay`), as long as it
//! leads (`leader`, `lease`). Operators reach the same use cases (`events`, `audit`) by the other
//! subcommands (`cli`, `commands`) and, in any process that runs, by the admin API and the console on
//! its port (`admin`), which shows a sale as it runs (`live`).

pub mod admin;
pub mod audit;
pub mod backoff;
pub mod cli;
pub mod commands;
pub mod config;
pub mod consume;
pub mod control;
pub mod coupon_log;
pub mod coupons;
pub mod dead_letters;
pub mod desk;
pub mod directory;
pub mod erase;
pub mod events;
pub mod failpoint;
pub mod fenced;
pub mod health;
pub mod labels;
pub mod leader;
pub mod lease;
pub mod live;
pub mod log;
pub mod metrics;
pub mod operator;
pub mod preflight;
pub mod presence;
pub mod reconcile;
pub mod relay;
pub mod status;
pub mod stop;
pub mod store;
pub mod watch;
