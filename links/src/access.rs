//! How a program reaches Redis's nodes. What it takes to reach Kafka stands in `kafka::KafkaConfig`.

use contract::settings::{BadSetting, Settings};

use crate::login::Login;
use crate::tls::Tls;

/// Who a program is to the nodes, and how it knows them. Default: nobody, and in plain text.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Access {
    /// Who logs in; None: the nodes' default user.
    pub login: Option<Login>,
    /// None: plain text.
    pub tls: Option<Tls>,
}

impl Access {
    /// As [`Login::to_redis`] and [`Tls::to_redis`] read it.
    pub(crate) fn to_redis(settings: &Settings<'_>) -> Result<Self, BadSetting> {
        Ok(Self { login: Login::to_redis(settings)?, tls: Tls::to_redis(settings)? })
    }
}
