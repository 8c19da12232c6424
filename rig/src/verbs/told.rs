//! Ctrl-C and SIGTERM: end in order. A second one: end at once.

use rig::stack::StackError;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::task::JoinSet;

/// Listens from the moment it is made, so that no signal falls between two waits.
pub(crate) struct Told {
    signals: Signals,
    /// Ends with this.
    _second: JoinSet<()>,
}

/// What a process gets that is told to end.
struct Signals {
    interrupt: Signal,
    terminate: Signal,
}

/// The exit code of a process that was told twice, as of one that SIGINT ends.
const TOLD_TWICE: i32 = 130;

impl Signals {
    fn listen() -> Result<Self, StackError> {
        let catch = |kind| signal(kind).map_err(StackError::io("catch signals"));
        Ok(Self {
            interrupt: catch(SignalKind::interrupt())?,
            terminate: catch(SignalKind::terminate())?,
        })
    }

    async fn next(&mut self) {
        tokio::select! {
            _ = self.interrupt.recv() => {}
            _ = self.terminate.recv() => {}
        }
    }
}

impl Told {
    /// Begins to listen; from now on a signal does not end the process by itself.
    pub(crate) fn listen() -> Result<Self, StackError> {
        let mut own = Signals::listen()?;
        let mut second = JoinSet::new();
        // On another thread than what ends in order, which may wait for a part that does not end.
        // The kernel kills the parts with us, and the next stack removes what they leave.
        second.spawn(async move {
            own.next().await;
            own.next().await;
            std::process::exit(TOLD_TWICE);
        });
        Ok(Self { signals: Signals::listen()?, _second: second })
    }

    /// Returns at the next signal.
    pub(crate) async fn signalled(&mut self) {
        self.signals.next().await;
    }

    /// `None` when a signal came first: dropping the work kills what it started.
    pub(crate) async fn unless<T>(&mut self, work: impl Future<Output = T>) -> Option<T> {
        tokio::select! {
            done = work => Some(done),
            () = self.signalled() => None,
        }
    }
}
