//! How far an edge is on its way out.

use tokio::sync::watch;

/// A step of an edge's life.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Stage {
    /// Requests are welcome.
    Serving,
    /// Requests are answered, but proxies are told to go elsewhere.
    Leaving,
    /// No new connections; what was accepted is finished.
    Stopping,
}

/// Tells the stage to everybody who holds a [`Stages`].
pub struct StageSender {
    sender: watch::Sender<Stage>,
}

/// Where the stage is read. A clone is cheap.
#[derive(Clone)]
pub struct Stages {
    receiver: watch::Receiver<Stage>,
}

impl StageSender {
    /// In the stage of serving.
    pub fn serving() -> (Self, Stages) {
        let (sender, receiver) = watch::channel(Stage::Serving);
        (Self { sender }, Stages { receiver })
    }

    /// Goes on to a stage; there is no way back.
    pub fn enter(&self, stage: Stage) {
        self.sender.send_if_modified(|now| {
            let later = stage > *now;
            *now = stage.max(*now);
            later
        });
    }
}

impl Stages {
    /// Whether nothing has changed yet. Lock-free: every request asks.
    pub fn is_serving(&self) -> bool {
        // The value that a receiver is made with counts as seen, and is never looked at here.
        matches!(self.receiver.has_changed(), Ok(false))
    }

    /// Returns once that stage is entered, or nobody can enter it any more.
    pub async fn entered(&mut self, stage: Stage) {
        // An error means that the sender is gone, and with it whoever would keep serving.
        let _ = self.receiver.wait_for(|&now| now >= stage).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn stages_only_go_on() {
        let (sender, mut stages) = StageSender::serving();
        let reader = stages.clone();
        sender.enter(Stage::Serving);
        assert!(reader.is_serving());
        sender.enter(Stage::Stopping);
        sender.enter(Stage::Leaving);
        assert!(!reader.is_serving());
        stages.entered(Stage::Stopping).await;
    }

    #[tokio::test]
    async fn without_a_sender_everything_stops() {
        let (sender, mut stages) = StageSender::serving();
        let reader = stages.clone();
        drop(sender);
        stages.entered(Stage::Stopping).await;
        assert!(!reader.is_serving());
    }
}
