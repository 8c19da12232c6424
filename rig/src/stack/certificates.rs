//! The certificate that the servers of a stack show to its programs over TLS: one for all, signed by
//! itself, made anew for each stack.

use std::fs;
use std::net::Ipv4Addr;
use std::path::{Path, PathBuf};

use super::error::StackError;

/// The certificate, which is also whom the programs believe.
const CERTIFICATE: &str = "certificate.pem";
/// A name of all servers, beside their address.
const NAME: &str = "servers.internal";
/// Its key.
const KEY: &str = "key.pem";
/// Key and certificate, as Kafka takes them.
const BOTH: &str = "both.pem";

/// Where they are.
#[derive(Debug, Clone)]
pub(super) struct Certificates(PathBuf);

impl Certificates {
    /// Those below a stack's directory; made or not.
    pub(super) fn of(stack: &Path) -> Self {
        Self(stack.join("tls"))
    }

    /// Makes them.
    pub(super) fn make(&self) -> Result<(), StackError> {
        let names = [Ipv4Addr::LOCALHOST.to_string(), NAME.to_owned()];
        let signed = rcgen::generate_simple_self_signed(names.clone());
        let signed = signed.map_err(|error| StackError::Unreadable {
            what: format!("a certificate of {}", names.join(" and ")),
            why: error.to_string(),
        })?;
        let (certificate, key) = (signed.cert.pem(), signed.signing_key.serialize_pem());
        let write = |path: PathBuf, text: &str| {
            fs::write(&path, text).map_err(StackError::io(format!("write {}", path.display())))
        };
        fs::create_dir_all(&self.0)
            .map_err(StackError::io(format!("make {}", self.0.display())))?;
        write(self.certificate(), &certificate)?;
        write(self.key(), &key)?;
        write(self.both(), &format!("{key}{certificate}"))
    }

    /// What `ops/redis/start.sh` and `join.sh` read.
    pub(super) fn for_redis(&self) -> [(&'static str, String); 3] {
        [
            ("TLS_AUTHORITIES", self.certificate().display().to_string()),
            ("TLS_CERTIFICATE", self.certificate().display().to_string()),
            ("TLS_KEY", self.key().display().to_string()),
        ]
    }

    pub(super) fn certificate(&self) -> PathBuf {
        self.0.join(CERTIFICATE)
    }

    pub(super) fn key(&self) -> PathBuf {
        self.0.join(KEY)
    }

    pub(super) fn both(&self) -> PathBuf {
        self.0.join(BOTH)
    }
}
