//! TLS to servers: whom we believe that they are who they say.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use contract::settings::{BadSetting, Settings};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::crypto::aws_lc_rs;
use tokio_rustls::rustls::pki_types::pem::{self, PemObject};
use tokio_rustls::rustls::pki_types::{CertificateDer, ServerName};
use tokio_rustls::rustls::{self, ClientConfig, RootCertStore};

/// TLS 1.2 or 1.3 to the servers of a kind, whose certificates are checked. Two are equal that are set
/// equally.
#[derive(Clone)]
pub struct Tls {
    authorities: Authorities,
    /// What the certificates of all servers name, where it is not each one's own address.
    name: Option<String>,
    config: Arc<ClientConfig>,
}

/// Who signs for servers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Authorities {
    /// Those whom Mozilla trusts.
    Public,
    /// Those whose certificates stand in a PEM file.
    File(PathBuf),
}

/// Why nobody can be believed.
#[derive(Debug, thiserror::Error)]
pub enum NoTls {
    /// The file has no certificates that can be used.
    #[error("the certificates in {} cannot be used: {why}", path.display())]
    Authorities {
        /// Their file.
        path: PathBuf,
        /// Why.
        why: String,
    },
    /// TLS cannot be spoken.
    #[error("no TLS: {0}")]
    Rustls(#[from] rustls::Error),
}

const REDIS: &str = "FIRSTCOME_REDIS_TLS";
const REDIS_NAME: &str = "FIRSTCOME_REDIS_TLS_NAME";
const KAFKA: &str = "FIRSTCOME_KAFKA_TLS";
const MYSQL: &str = "FIRSTCOME_MYSQL_TLS";
const WANTED: &str = "off, public (whom Mozilla trusts), or a PEM file with the certificates of those \
    who sign for the servers";
const WANTED_NAME: &str = "a name that the certificates of all Redis nodes have, such as \
    redis.internal, beside FIRSTCOME_REDIS_TLS";

impl Tls {
    /// To Redis: `FIRSTCOME_REDIS_TLS`, and `FIRSTCOME_REDIS_TLS_NAME` where the nodes, which tell
    /// each other's addresses, have certificates of a name. None: plain text.
    pub(crate) fn to_redis(settings: &Settings<'_>) -> Result<Option<Self>, BadSetting> {
        let bad = |problem| Err(bad(REDIS_NAME, problem, WANTED_NAME));
        match (read(settings, REDIS)?, settings.said(REDIS_NAME)) {
            (tls, None) => Ok(tls),
            (None, Some(_)) => bad(format!("is set, but {REDIS} says no TLS")),
            (Some(_), Some(name)) if ServerName::try_from(name.as_str()).is_err() => {
                bad(format!("is {name:?}"))
            }
            (Some(tls), name) => Ok(Some(Self { name, ..tls })),
        }
    }

    /// To Kafka: `FIRSTCOME_KAFKA_TLS`. None: plain text.
    pub(crate) fn to_kafka(settings: &Settings<'_>) -> Result<Option<Self>, BadSetting> {
        read(settings, KAFKA)
    }

    /// To MySQL: `FIRSTCOME_MYSQL_TLS`. None: plain text.
    pub fn to_mysql(settings: &Settings<'_>) -> Result<Option<Self>, BadSetting> {
        read(settings, MYSQL)
    }

    /// To servers for whom they sign. Files are read now.
    pub(crate) fn trusting(authorities: Authorities) -> Result<Self, NoTls> {
        // mysql_async takes the process's own, and there is none by itself: rskafka brings another one
        // beside this. It is an error where it was set before, by a call of this.
        let _ = aws_lc_rs::default_provider().install_default();
        let config = Arc::new(authorities.client_config()?);
        Ok(Self { authorities, name: None, config })
    }

    /// Who signs.
    pub fn authorities(&self) -> &Authorities {
        &self.authorities
    }

    pub(crate) fn config(&self) -> Arc<ClientConfig> {
        Arc::clone(&self.config)
    }

    pub(crate) fn name(&self) -> Option<&str> {
        self.name.as_deref()
    }

    async fn connect(&self, host: &str, stream: TcpStream) -> io::Result<Stream> {
        let name = ServerName::try_from(self.name().unwrap_or(host).to_owned());
        let name = name.map_err(io::Error::other)?;
        Ok(Box::new(TlsConnector::from(self.config()).connect(name, stream).await?))
    }
}

impl PartialEq for Tls {
    fn eq(&self, other: &Self) -> bool {
        (&self.authorities, &self.name) == (&other.authorities, &other.name)
    }
}

impl Eq for Tls {}

impl fmt::Debug for Tls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Tls").field(&self.authorities).field(&self.name).finish()
    }
}

impl Authorities {
    /// What rustls takes, without a certificate of our own.
    pub fn client_config(&self) -> Result<ClientConfig, NoTls> {
        Ok(ClientConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
            .with_safe_default_protocol_versions()?
            .with_root_certificates(self.roots()?)
            .with_no_client_auth())
    }

    /// Their certificates; of a file there is one at least.
    fn roots(&self) -> Result<RootCertStore, NoTls> {
        match self {
            Self::Public => Ok(RootCertStore { roots: webpki_roots::TLS_SERVER_ROOTS.to_vec() }),
            Self::File(path) => {
                let bad = |why| NoTls::Authorities { path: path.clone(), why };
                certificates(path).map_err(bad)
            }
        }
    }
}

fn certificates(path: &Path) -> Result<RootCertStore, String> {
    let all: Result<Vec<_>, pem::Error> =
        CertificateDer::pem_file_iter(path).and_then(Iterator::collect);
    let mut roots = RootCertStore::empty();
    for certificate in all.map_err(|error| error.to_string())? {
        roots.add(certificate).map_err(|error| error.to_string())?;
    }
    if roots.is_empty() { Err("there is none".to_owned()) } else { Ok(roots) }
}

/// Bytes to and from a server.
pub(crate) type Stream = Box<dyn ByteStream>;

/// Plain text or TLS.
pub(crate) trait ByteStream: AsyncRead + AsyncWrite + Send + Unpin {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin> ByteStream for T {}

/// A connection to a host as it is, or TLS on top of it where that is asked for.
pub(crate) async fn over(stream: TcpStream, host: &str, tls: Option<&Tls>) -> io::Result<Stream> {
    stream.set_nodelay(true)?;
    match tls {
        Some(tls) => tls.connect(host, stream).await,
        None => Ok(Box::new(stream)),
    }
}

fn read(settings: &Settings<'_>, name: &'static str) -> Result<Option<Tls>, BadSetting> {
    let authorities = match settings.said(name) {
        None => return Ok(None),
        Some(text) if text == "off" => return Ok(None),
        Some(text) if text == "public" => Authorities::Public,
        Some(path) => Authorities::File(path.into()),
    };
    let tls = Tls::trusting(authorities);
    tls.map(Some).map_err(|no_tls| bad(name, format!("is of no use: {no_tls}"), WANTED))
}

fn bad(name: &'static str, problem: String, wanted: &'static str) -> BadSetting {
    BadSetting { name, problem, wanted }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn to_redis(set: &[(&str, &str)]) -> Result<Option<Tls>, String> {
        let get = |name: &str| {
            let found = set.iter().find(|(set, _)| *set == name);
            found.map(|(_, value)| (*value).to_owned())
        };
        Tls::to_redis(&Settings(&get)).map_err(|error| error.to_string())
    }

    #[test]
    fn it_is_off_public_or_by_a_file_of_authorities() {
        assert_eq!(to_redis(&[]), Ok(None));
        assert_eq!(to_redis(&[(REDIS, "")]), Ok(None));
        assert_eq!(to_redis(&[(REDIS, "off")]), Ok(None));
        let public = to_redis(&[(REDIS, "public")]).unwrap().unwrap();
        assert_eq!((public.authorities(), public.name()), (&Authorities::Public, None));
        let named = to_redis(&[(REDIS, "public"), (REDIS_NAME, "redis.internal")]).unwrap();
        assert_eq!(named.as_ref().and_then(Tls::name), Some("redis.internal"));
        assert_ne!(named, Some(public), "they are set differently");
    }

    #[test]
    fn what_is_of_no_use_is_said() {
        let missing = to_redis(&[(REDIS, "/nowhere/ca.pem")]).unwrap_err();
        assert!(missing.starts_with("FIRSTCOME_REDIS_TLS is of no use"), "{missing}");
        assert!(missing.contains("/nowhere/ca.pem"), "{missing}");
        let alone = to_redis(&[(REDIS_NAME, "redis.internal")]).unwrap_err();
        assert!(alone.contains("FIRSTCOME_REDIS_TLS says no TLS"), "{alone}");
        let name = to_redis(&[(REDIS, "public"), (REDIS_NAME, "a b")]).unwrap_err();
        assert!(name.starts_with("FIRSTCOME_REDIS_TLS_NAME is \"a b\""), "{name}");
        let path = std::env::temp_dir().join(format!("firstcome-ca-{}", std::process::id()));
        std::fs::write(&path, "no certificate").unwrap();
        let empty = to_redis(&[(REDIS, path.to_str().unwrap())]).unwrap_err();
        std::fs::remove_file(&path).unwrap();
        assert!(empty.contains("there is none"), "{empty}");
    }
}
