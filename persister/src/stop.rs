//! Being asked to end.

use tokio::sync::watch;

/// Hears that it is asked to end. A clone hears the same.
#[derive(Debug, Clone)]
pub struct Stop(watch::Receiver<bool>);

/// Asks everything that has the [`Stop`] to end.
#[derive(Debug)]
pub struct Stopper(watch::Sender<bool>);

/// The two ends.
pub fn pair() -> (Stopper, Stop) {
    let (sender, receiver) = watch::channel(false);
    (Stopper(sender), Stop(receiver))
}

impl Stopper {
    /// Asks for the end. Heard by whoever listens, now or later.
    pub fn stop(&self) {
        self.0.send_replace(true);
    }
}

impl Stop {
    /// Returns when it is asked to end, or when nobody is left to ask.
    pub async fn asked(&mut self) {
        // The guard that it returns must not live on.
        let _ = self.0.wait_for(|&asked| asked).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn everybody_hears_it_whenever_they_listen() {
        let (stopper, mut stop) = pair();
        let mut late = stop.clone();
        stopper.stop();
        stop.asked().await;
        late.asked().await;
    }
}
