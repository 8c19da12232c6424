//! A part that a test takes away: it comes back even where the test fails in between.

use std::thread;
use std::time::Duration;

use tokio::runtime::Builder;

use super::error::StackError;
use super::handle::Handle;
use super::supervisor::Action;

/// A part that is away until [`Away::back`], or until this is dropped.
#[derive(Debug)]
#[must_use = "the part is away only while this lives"]
pub struct Away {
    stack: Handle,
    part: String,
    /// `None` once it is back.
    back: Option<Action>,
}

impl Away {
    /// Takes a part away: [`Action::Pause`], [`Action::Stop`] or [`Action::KillStayDown`].
    pub async fn take(stack: &Handle, part: &str, how: Action) -> Result<Self, StackError> {
        stack.act(part, how).await?;
        let back = if how == Action::Pause { Action::Resume } else { Action::Start };
        Ok(Self { stack: stack.clone(), part: part.to_owned(), back: Some(back) })
    }

    /// Brings it back, and returns when it is ready.
    pub async fn back(mut self, within: Duration) -> Result<(), StackError> {
        if let Some(back) = self.back.take() {
            self.stack.act(&self.part, back).await?;
        }
        self.stack.ready(&self.part, within).await
    }
}

impl Drop for Away {
    fn drop(&mut self) {
        let Some(back) = self.back.take() else {
            return;
        };
        let (stack, part) = (self.stack.clone(), self.part.clone());
        // The test's own runtime is busy failing.
        let brought = thread::spawn(move || {
            let runtime = Builder::new_current_thread().enable_all().build();
            let runtime = runtime.map_err(StackError::io("bring a part back"))?;
            runtime.block_on(stack.act(&part, back))
        });
        if !matches!(brought.join(), Ok(Ok(()))) {
            eprintln!("{} stays away", self.part);
        }
    }
}
