//! A question to a broker on a connection of its own, over TLS and after a login where those are asked
//! for.

use std::io;

use bytes::Bytes;
use rsasl::prelude::{Mechname, SASLClient, SASLConfig};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::config::KafkaConfig;
use super::questions;
use super::sasl::SaslLogin;
use crate::tls::{self, Stream};

/// The largest answer that is read; some topics are a few KiB.
const MAX_ANSWER_BYTES: usize = 4 * 1024 * 1024;

/// Connects, asks, and hangs up. The caller sets the deadline.
pub(super) async fn exchange(
    config: &KafkaConfig,
    broker: &str,
    question: &[u8],
) -> io::Result<Bytes> {
    let stream = TcpStream::connect(broker).await?;
    let mut stream = tls::over(stream, host(broker), config.tls.as_ref()).await?;
    if let Some(login) = &config.login {
        log_in(&mut stream, login).await?;
    }
    ask(&mut stream, question).await
}

/// What a broker's certificate is of.
fn host(broker: &str) -> &str {
    broker.rsplit_once(':').map_or(broker, |(host, _)| host)
}

/// As many rounds as the mechanism takes: PLAIN one, SCRAM two.
async fn log_in(stream: &mut Stream, sasl: &SaslLogin) -> io::Result<()> {
    let name = sasl.mechanism.name();
    let question = questions::sasl_handshake(name).map_err(io::Error::other)?;
    questions::read_sasl_handshake(ask(stream, &question).await?).map_err(io::Error::other)?;
    let (user, password) = (sasl.login.user.clone(), sasl.login.password().to_owned());
    let config = SASLConfig::with_credentials(None, user, password).map_err(io::Error::other)?;
    let mechanism = Mechname::parse(name.as_bytes()).map_err(io::Error::other)?;
    let mut session =
        SASLClient::new(config).start_suggested(&[mechanism]).map_err(io::Error::other)?;
    let mut said: Option<Bytes> = None;
    loop {
        let mut ours = Vec::new();
        let state = session.step(said.as_deref(), &mut ours).map_err(io::Error::other)?;
        if state.has_sent_message() {
            let question = questions::sasl_authenticate(ours).map_err(io::Error::other)?;
            let answer = ask(stream, &question).await?;
            said = Some(questions::read_sasl_authenticate(answer).map_err(io::Error::other)?);
        }
        if state.is_finished() {
            return Ok(());
        }
    }
}

async fn ask(stream: &mut Stream, question: &[u8]) -> io::Result<Bytes> {
    stream.write_all(question).await?;
    stream.flush().await?;
    let size = stream.read_i32().await?;
    let size = usize::try_from(size).ok().filter(|&size| size <= MAX_ANSWER_BYTES);
    let mut answer = vec![0; size.ok_or_else(|| io::Error::other("an answer too large"))?];
    stream.read_exact(&mut answer).await?;
    Ok(answer.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_certificate_is_of_a_host_and_not_of_its_port() {
        assert_eq!(host("kafka-1.internal:9092"), "kafka-1.internal");
        assert_eq!(host("127.0.0.1:9092"), "127.0.0.1");
    }
}
