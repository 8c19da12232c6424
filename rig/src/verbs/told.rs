//! Ctrl-C and SIGTERM: end in order. A second one: end at once.

use rig::stack::StackError;
use tokio::signal::unix::{Signal, SignalKind, signal};

/// Listens from the moment it is made, so that no signal falls between two waits.
pub(crate) struct Told {
    interrupt: Signal,
    terminate: Signal,
}

impl Told {
    /// Begins to listen; from now on a signal does not end the process by itself.
    pub(crate) fn listen() -> Result<Self, StackError> {
        let catch = |kind| signal(kind).map_err(StackError::io("catch signals"));
        Ok(Self {
            interrupt: catch(SignalKind::interrupt())?,
            terminate: catch(SignalKind::terminate())?,
        })
    }

    /// Returns at the next signal.
    pub(crate) async fn signalled(&mut self) {
        tokio::select! {
            _ = self.interrupt.recv() => {}
            _ = self.terminate.recv() => {}
        }
    }

    /// `None` when a signal came first: dropping the work kills what it started.
    pub(crate) async fn unless<T>(&mut self, work: impl Future<Output = T>) -> Option<T> {
        tokio::select! {
            done = work => Some(done),
            () = self.signalled() => None,
        }
    }
}
