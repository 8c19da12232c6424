//! The log: one line for each thing that matters, on stderr.

use tracing_subscriber::EnvFilter;

use crate::config::{LogConfig, LogFormat};

/// Begins to log. A second call changes nothing.
pub fn init(config: &LogConfig) {
    // rskafka tells of every connection; what matters of it is told by our own lines.
    let filter = EnvFilter::new(format!("rskafka=warn,{}", config.filter));
    let builder = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    // An error says that logging had begun, which is all that is wanted.
    let _ = match config.format {
        LogFormat::Json => builder.json().flatten_event(true).try_init(),
        LogFormat::Pretty => builder.try_init(),
    };
}
