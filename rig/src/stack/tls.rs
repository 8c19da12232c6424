//! TLS in NGINX, with a certificate that it signed itself, made anew each time.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use tokio::process::Command;

use super::error::StackError;
use super::repository;
use super::step::Step;

/// A key of P-256 takes milliseconds.
const MADE_WITHIN: Duration = Duration::from_secs(20);
/// What `nginx/tls.conf` takes.
const CERTIFICATE: &str = "certificate.pem";
const KEY: &str = "key.pem";

/// Has the NGINX below `home` serve TLS and HTTP/2 too; before it starts. Returns the certificate, for
/// clients to trust: it is this address's, for a day.
pub async fn serve_tls(home: &Path, listen: SocketAddr) -> Result<PathBuf, StackError> {
    make_certificate(home, listen).await?;
    let values = [("TLS_LISTEN", listen.to_string()), ("CERTIFICATES", home.display().to_string())];
    repository::render("nginx/tls.conf", &home.join("tls.conf"), &values)?;
    Ok(home.join(CERTIFICATE))
}

async fn make_certificate(home: &Path, listen: SocketAddr) -> Result<(), StackError> {
    let step = Step {
        what: "making a certificate".to_owned(),
        advice: "openssl says what is wrong",
        within: MADE_WITHIN,
        log: home.join("openssl.log"),
    };
    let mut openssl = Command::new("openssl");
    openssl
        .args(["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-noenc"])
        .args(["-days", "1", "-subj", "/CN=firstcome", "-addext"])
        .arg(format!("subjectAltName=IP:{}", listen.ip()))
        .arg("-keyout")
        .arg(home.join(KEY))
        .arg("-out")
        .arg(home.join(CERTIFICATE));
    step.run(openssl).await
}
