//! Clients that are gone before their answer, and ask again.

use std::net::SocketAddr;
use std::time::Duration;

use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;
use tokio::time::timeout;

use super::error::FaultError;
use super::http;
use super::kind::Kind;
use super::scene::Scene;
use crate::rush::answer::{ALREADY_ISSUED, Meaning, meaning, read};
use crate::stack::{PartKind, wait_until};

/// The table.
pub(super) const KINDS: &[Kind] =
    &[Kind::new("client-gone", "clients hang up before their answer, and ask again", |scene| {
        Box::pin(gone(scene))
    })];

/// Who hangs up.
const CLIENTS: u64 = 200;
/// To connect and to write.
const SEND_WITHIN: Duration = Duration::from_secs(2);
/// Asked again, each has a definite answer within this.
const ANSWERED_WITHIN: Duration = Duration::from_secs(30);

async fn gone(scene: &mut Scene) -> Result<(), FaultError> {
    let mut servers = scene.stack.addresses(PartKind::Edge);
    servers.push(scene.stack.nginx()?);
    scene.moment().await;
    scene.strikes(format!("{CLIENTS} clients hang up"));
    for client in 0..CLIENTS {
        let server = scene.pick(&servers);
        // One that could not even send has hung up as well.
        let _ = timeout(SEND_WITHIN, send_and_go(server, &body(scene, client))).await;
    }
    let mut shown_again = 0;
    for client in 0..CLIENTS {
        let server = scene.pick(&servers);
        let body = body(scene, client);
        let answered = wait_until(ANSWERED_WITHIN, "a definite answer to one who hung up", || {
            definite(server, body.clone())
        });
        let (told, code) = answered.await?;
        if told == Meaning::Refused {
            return Err(failed(format!("one who asked again was told {code}")));
        }
        shown_again += u64::from(code == ALREADY_ISSUED);
    }
    scene.say(format!("{shown_again} had won before they asked again"));
    if shown_again == 0 {
        return Err(failed("no claim was carried out without its client".to_owned()));
    }
    Ok(())
}

fn failed(why: String) -> FaultError {
    FaultError::Failed { what: "clients who hang up".to_owned(), why }
}

fn body(scene: &Scene, client: u64) -> String {
    format!("{{\"event_id\":\"{}\",\"user_id\":\"gone-{client}\"}}", scene.event)
}

async fn send_and_go(server: SocketAddr, body: &str) -> std::io::Result<()> {
    let mut stream = TcpStream::connect(server).await?;
    let request = format!(
        "POST /api/v1/coupons/issue HTTP/1.1\r\nHost: {server}\r\n\
         Content-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    );
    stream.write_all(request.as_bytes()).await
}

async fn definite(server: SocketAddr, body: String) -> Result<(Meaning, &'static str), String> {
    let response = http::claim(server, body).await.map_err(|lost| format!("{lost:?}"))?;
    let answer = read(response.status, None, &response.body).map_err(|bad| bad.to_string())?;
    match meaning(answer.status, answer.code) {
        Meaning::AskAgain => Err(format!("{} {}", answer.status, answer.code)),
        told => Ok((told, answer.code)),
    }
}
