//! The edge: reads its configuration, builds itself, runs until SIGTERM, drains.

use std::process::ExitCode;

use edge::config::Config;
use edge::identity::Mode;
use edge::log;
use edge::process::Edge;
use tokio::runtime::Builder;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tracing::{error, warn};

/// Less CPU a request than the system's allocator.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Something failed while running.
const FAILED: ExitCode = ExitCode::FAILURE;
/// The environment is wrong.
const WRONG_CONFIGURATION: u8 = 2;

fn main() -> ExitCode {
    let config = Config::from_env().and_then(|config| log::init(&config).map(|()| config));
    let config = match config {
        Ok(config) => config,
        Err(error) => {
            eprintln!("edge: {error}");
            return ExitCode::from(WRONG_CONFIGURATION);
        }
    };
    config.on_panic.install();
    #[cfg(feature = "failpoints")]
    config.failpoints.clone().set();
    if config.identity == Mode::Open {
        warn!("OPEN MODE: whoever names a user is believed. For demos and tests only.");
    }
    let runtime = match Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            error!(%error, "no runtime");
            return FAILED;
        }
    };
    match runtime.block_on(run(config)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            error!(%error, "the edge failed");
            FAILED
        }
    }
}

async fn run(config: Config) -> Result<(), Box<dyn std::error::Error>> {
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    let edge = Edge::build(config).await?;
    edge.run(either(&mut terminate, &mut interrupt)).await?;
    Ok(())
}

async fn either(terminate: &mut Signal, interrupt: &mut Signal) {
    tokio::select! {
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
    }
}
