//! What it takes to reach Kafka.

use contract::settings::{BadSetting, HOSTS, Settings, parse_hosts};

use super::sasl::SaslLogin;
use crate::tls::Tls;

/// What it takes to reach Kafka.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KafkaConfig {
    /// `host:port` of the brokers to begin with; they name the others.
    pub brokers: Vec<String>,
    /// Who logs in; None: nobody is asked to.
    pub login: Option<SaslLogin>,
    /// None: plain text.
    pub tls: Option<Tls>,
}

impl KafkaConfig {
    /// These brokers, in plain text and as nobody.
    pub fn plain(brokers: Vec<String>) -> Self {
        Self { brokers, login: None, tls: None }
    }

    /// As the environment says: `FIRSTCOME_KAFKA` (required), `FIRSTCOME_KAFKA_TLS`, and what
    /// [`SaslLogin`] reads.
    pub fn read(settings: &Settings<'_>) -> Result<Self, BadSetting> {
        let brokers = settings.required("FIRSTCOME_KAFKA", HOSTS, parse_hosts)?;
        let tls = Tls::to_kafka(settings)?;
        let login = SaslLogin::read(settings, tls.is_some())?;
        Ok(Self { brokers, login, tls })
    }
}
