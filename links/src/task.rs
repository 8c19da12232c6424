//! A spawned task that ends with its owner.

use tokio::task::JoinHandle;

/// Aborts its task when it is dropped, so that no task outlives what it works for.
#[derive(Debug)]
pub(crate) struct OwnedTask<T>(pub(crate) JoinHandle<T>);

impl<T> OwnedTask<T> {
    /// Whether the task has ended by itself.
    pub(crate) fn ended(&self) -> bool {
        self.0.is_finished()
    }
}

impl<T> Drop for OwnedTask<T> {
    fn drop(&mut self) {
        self.0.abort();
    }
}
