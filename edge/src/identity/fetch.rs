//! Reads a JSON Web Key Set from a server: one GET, over TLS or to this machine.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt, Empty, LengthLimitError, Limited};
use hyper::body::Incoming;
use hyper::client::conn::http1;
use hyper::header::{ACCEPT, CONNECTION, HOST, USER_AGENT};
use hyper::{Request, Response, StatusCode, Uri};
use hyper_util::rt::TokioIo;
use links::tls::{Authorities, NoTls};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::pki_types::{InvalidDnsNameError, ServerName};

use super::jwk::MAX_SET_BYTES;

/// From the look-up of the name to the last byte.
const DEADLINE: Duration = Duration::from_secs(5);

/// Where a set is served.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeysUrl {
    uri: Uri,
    /// Who signs for the server.
    authorities: Authorities,
}

/// Why nothing was fetched.
#[derive(Debug, thiserror::Error)]
pub enum FetchError {
    /// Nobody answers.
    #[error("the server cannot be reached: {0}")]
    Connect(#[from] std::io::Error),
    /// The server's name cannot be in a certificate.
    #[error("the server's name is none: {0}")]
    Name(#[from] InvalidDnsNameError),
    /// TLS cannot be spoken.
    #[error(transparent)]
    Tls(#[from] NoTls),
    /// Not HTTP, or cut off.
    #[error("the server's answer cannot be read: {0}")]
    Http(#[from] hyper::Error),
    /// Anything but 200. Redirects are not followed.
    #[error("the server answers {0}")]
    Status(StatusCode),
    /// More than [`MAX_SET_BYTES`].
    #[error("the server's answer has more than {} KiB", MAX_SET_BYTES / 1_024)]
    TooLong,
    /// The body was cut off.
    #[error("the server's answer was cut off")]
    CutOff,
    /// It took longer than 5 s.
    #[error("the server did not answer within {} s", DEADLINE.as_secs())]
    TooLate,
}

impl KeysUrl {
    /// Reads a URL: `https://...`, or `http://...` to this machine alone, since whoever stands in
    /// between could give keys of their own.
    pub fn parse(text: &str, authorities: Authorities) -> Option<Self> {
        let uri: Uri = text.parse().ok()?;
        let host = uri.host()?;
        let authority = uri.authority()?.as_str();
        let good = match uri.scheme_str()? {
            "https" => true,
            "http" => authorities == Authorities::Public && is_this_machine(host),
            _ => false,
        };
        // A password in a URL ends in logs.
        (good && !authority.contains('@')).then_some(Self { uri, authorities })
    }

    fn is_tls(&self) -> bool {
        self.uri.scheme_str() == Some("https")
    }

    /// The name or address, without the brackets of an IPv6 one.
    fn host(&self) -> &str {
        bare(self.uri.host().unwrap_or_default())
    }

    fn port(&self) -> u16 {
        self.uri.port_u16().unwrap_or(if self.is_tls() { 443 } else { 80 })
    }
}

fn bare(host: &str) -> &str {
    host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host)
}

fn is_this_machine(host: &str) -> bool {
    let address = bare(host).parse::<IpAddr>();
    host == "localhost" || address.is_ok_and(|address| address.is_loopback())
}

/// What the server has at that URL.
pub async fn get(url: &KeysUrl) -> Result<Vec<u8>, FetchError> {
    timeout(DEADLINE, fetch(url)).await.unwrap_or(Err(FetchError::TooLate))
}

async fn fetch(url: &KeysUrl) -> Result<Vec<u8>, FetchError> {
    let stream = TcpStream::connect((url.host(), url.port())).await?;
    if !url.is_tls() {
        return ask(stream, url).await;
    }
    let name = ServerName::try_from(url.host().to_owned())?;
    // Made anew each time, which is once in minutes, so that new certificates are used.
    let connector = TlsConnector::from(Arc::new(url.authorities.client_config()?));
    ask(connector.connect(name, stream).await?, url).await
}

async fn ask<S>(stream: S, url: &KeysUrl) -> Result<Vec<u8>, FetchError>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
    let answered = async move {
        let answer = sender.send_request(request(&url.uri)).await?;
        read(answer).await
    };
    // The connection's own end is of no interest: what went wrong, the answer says.
    let (answer, _) = tokio::join!(answered, connection);
    answer
}

fn request(uri: &Uri) -> Request<Empty<Bytes>> {
    let path = uri.path_and_query().map_or("/", |path| path.as_str());
    let host = uri.authority().map_or("", |authority| authority.as_str());
    Request::get(path)
        .header(HOST, host)
        .header(ACCEPT, "application/jwk-set+json, application/json")
        .header(USER_AGENT, "firstcome-edge")
        .header(CONNECTION, "close")
        .body(Empty::new())
        .expect("a path and a host of a parsed URL")
}

async fn read(answer: Response<Incoming>) -> Result<Vec<u8>, FetchError> {
    if answer.status() != StatusCode::OK {
        return Err(FetchError::Status(answer.status()));
    }
    let body = Limited::new(answer.into_body(), MAX_SET_BYTES).collect().await;
    let whole = body.map_err(|error| match error.is::<LengthLimitError>() {
        true => FetchError::TooLong,
        false => FetchError::CutOff,
    })?;
    Ok(whole.to_bytes().to_vec())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_come_over_tls_or_from_this_machine() {
        let parse = |text: &str| KeysUrl::parse(text, Authorities::Public);
        for (good, host, port) in [
            ("https://id.example/.well-known/jwks.json", "id.example", 443),
            ("https://id.example:8443/keys?v=1", "id.example", 8443),
            ("http://127.0.0.1:9000/keys", "127.0.0.1", 9000),
            ("http://localhost/keys", "localhost", 80),
            ("http://[::1]:9000/keys", "::1", 9000),
        ] {
            let url = parse(good).unwrap();
            assert_eq!((url.host(), url.port()), (host, port), "{good}");
        }
        for bad in [
            "",
            "keys",
            "/keys",
            "ftp://id.example/keys",
            "http://id.example/keys",
            "http://10.0.0.7/keys",
            "http://localhost.id.example/keys",
            "https://user:password@id.example/keys",
        ] {
            assert_eq!(parse(bad), None, "{bad}");
        }
        let ca = || Authorities::File("ca.pem".into());
        assert!(KeysUrl::parse("https://id.example/keys", ca()).is_some());
        assert_eq!(KeysUrl::parse("http://localhost/keys", ca()), None, "nobody signs for it");
    }
}
