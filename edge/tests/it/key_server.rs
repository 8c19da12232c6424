//! An issuer's server in this process: it gives whatever key set a test wants.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use rig::tokens::Key;
use serde_json::json;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio::task::JoinSet;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::crypto::aws_lc_rs;
use tokio_rustls::rustls::pki_types::PrivateKeyDer;

pub(crate) struct KeyServer {
    address: SocketAddr,
    /// Who signs for it, in PEM, where it speaks TLS.
    pub(crate) certificate: Option<String>,
    answer: Arc<Mutex<String>>,
    asked: Arc<AtomicUsize>,
    _serving: JoinSet<()>,
}

impl KeyServer {
    /// One that answers 503.
    pub(crate) async fn start() -> Self {
        Self::serve(None, None).await
    }

    /// The same over TLS, as localhost.
    pub(crate) async fn start_tls() -> Self {
        let signed = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
        let key = PrivateKeyDer::try_from(signed.signing_key.serialize_der()).unwrap();
        let config = ServerConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(vec![signed.cert.der().clone()], key)
            .unwrap();
        Self::serve(Some(signed.cert.pem()), Some(TlsAcceptor::from(Arc::new(config)))).await
    }

    async fn serve(certificate: Option<String>, tls: Option<TlsAcceptor>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let answer = Arc::new(Mutex::new(response("503 Service Unavailable", "")));
        let asked = Arc::<AtomicUsize>::default();
        let (answers, counted) = (Arc::clone(&answer), Arc::clone(&asked));
        let mut serving = JoinSet::new();
        serving.spawn(async move {
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                counted.fetch_add(1, Ordering::Relaxed);
                let text = answers.lock().unwrap().clone();
                match &tls {
                    None => answer_one(stream, &text).await,
                    // Whoever does not trust it hangs up.
                    Some(tls) => match tls.accept(stream).await {
                        Ok(stream) => answer_one(stream, &text).await,
                        Err(_) => continue,
                    },
                }
            }
        });
        Self { address, certificate, answer, asked, _serving: serving }
    }

    pub(crate) fn url(&self) -> String {
        let port = self.address.port();
        match self.certificate {
            None => format!("http://127.0.0.1:{port}/.well-known/jwks.json"),
            Some(_) => format!("https://localhost:{port}/.well-known/jwks.json"),
        }
    }

    /// How often it was asked.
    pub(crate) fn asked(&self) -> usize {
        self.asked.load(Ordering::Relaxed)
    }

    /// From now on it has these keys.
    pub(crate) fn gives(&self, keys: &[&Key]) {
        self.says("200 OK", &key_set(keys));
    }

    /// From now on it says that.
    pub(crate) fn says(&self, status: &str, body: &str) {
        *self.answer.lock().unwrap() = response(status, body);
    }
}

/// What an issuer publishes.
pub(crate) fn key_set(keys: &[&Key]) -> String {
    json!({ "keys": keys.iter().map(|key| key.jwk()).collect::<Vec<_>>() }).to_string()
}

fn response(status: &str, body: &str) -> String {
    let length = body.len();
    format!("HTTP/1.1 {status}\r\nConnection: close\r\nContent-Length: {length}\r\n\r\n{body}")
}

/// Whoever hangs up early is of no interest.
async fn answer_one<S: AsyncRead + AsyncWrite + Unpin>(mut stream: S, text: &str) {
    let mut request = Vec::new();
    while !request.ends_with(b"\r\n\r\n") {
        match stream.read_buf(&mut request).await {
            Ok(0) | Err(_) => return,
            Ok(_) => {}
        }
    }
    assert!(request.starts_with(b"GET /.well-known/jwks.json HTTP/1.1\r\n"));
    let _ = stream.write_all(text.as_bytes()).await;
    let _ = stream.shutdown().await;
}
