//! The log: lines on standard error, filtered.

use std::io;

use contract::settings::BadSetting;
use tracing_subscriber::EnvFilter;

use crate::config::{Config, LogFormat};

/// Begins to log as configured.
pub fn init(config: &Config) -> Result<(), BadSetting> {
    let filter = EnvFilter::try_new(&config.log_filter).map_err(|error| BadSetting {
        name: "FIRSTCOME_LOG",
        problem: format!("is {:?} ({error})", config.log_filter),
        wanted: "a filter such as info or edge=debug,info",
    })?;
    let lines = tracing_subscriber::fmt().with_env_filter(filter).with_writer(io::stderr);
    match config.log_format {
        LogFormat::Json => lines.json().flatten_event(true).init(),
        LogFormat::Pretty => lines.init(),
    }
    Ok(())
}
