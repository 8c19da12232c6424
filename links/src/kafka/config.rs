//! What it takes to reach Kafka.

use contract::settings::{BadSetting, HOSTS, Settings, parse_hosts};

use super::sasl::SaslLogin;
use crate::tls::Tls;

const BROKERS: &str = "FIRSTCOME_KAFKA";
const NAMED: &str = "brokers by their names, or by IPv4 addresses, where they show certificates";

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
        let brokers = settings.required(BROKERS, HOSTS, parse_hosts)?;
        let tls = Tls::to_kafka(settings)?;
        // rskafka cuts a host at its first colon, and finds no certificate of what is left.
        if let Some(broker) = brokers.iter().find(|broker| tls.is_some() && broker.starts_with('['))
        {
            let problem = format!("has {broker} beside FIRSTCOME_KAFKA_TLS");
            return Err(BadSetting { name: BROKERS, problem, wanted: NAMED });
        }
        let login = SaslLogin::read(settings, tls.as_ref())?;
        Ok(Self { brokers, login, tls })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn brokers_that_show_certificates_are_not_named_by_ipv6_addresses() {
        let read = |tls: &'static str| {
            let get = move |name: &str| match name {
                "FIRSTCOME_KAFKA" => Some("kafka-1:9092,[::1]:9092".to_owned()),
                "FIRSTCOME_KAFKA_TLS" => Some(tls.to_owned()),
                _ => None,
            };
            KafkaConfig::read(&Settings(&get)).map_err(|error| error.to_string())
        };
        assert_eq!(read("off").unwrap().brokers, ["kafka-1:9092", "[::1]:9092"]);
        let refused = read("public").unwrap_err();
        assert!(refused.starts_with("FIRSTCOME_KAFKA has [::1]:9092 beside"), "{refused}");
    }
}
