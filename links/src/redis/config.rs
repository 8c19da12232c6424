//! What it takes to reach the cluster.

use contract::settings::{BadSetting, HOSTS, Settings, parse_hosts, parse_up_to};

use crate::access::Access;

/// What it takes to reach the cluster.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RedisConfig {
    /// `host:port` of the nodes to begin with; the others are found through them.
    pub nodes: Vec<String>,
    /// Replicas that must hold a win before it is told. The cluster has exactly that many a
    /// master.
    pub replicas: u32,
    /// How nodes are reached.
    pub access: Access,
}

/// The most replicas that WAIT is asked for.
const MAX_REPLICAS: u32 = 5;
const REPLICAS: &str = "a whole number from 1 to 5, the replicas that each master has";

impl RedisConfig {
    /// These nodes with a replica each, as nobody in particular and in plain text.
    pub fn plain(nodes: Vec<String>) -> Self {
        Self { nodes, replicas: 1, access: Access::default() }
    }

    /// As the environment says: `FIRSTCOME_REDIS` (required), `FIRSTCOME_REDIS_REPLICAS` (1), and
    /// what [`Access`] reads.
    pub fn read(settings: &Settings<'_>) -> Result<Self, BadSetting> {
        Ok(Self {
            nodes: settings.required("FIRSTCOME_REDIS", HOSTS, parse_hosts)?,
            replicas: settings.or(
                "FIRSTCOME_REDIS_REPLICAS",
                || "1".into(),
                REPLICAS,
                parse_up_to::<MAX_REPLICAS>,
            )?,
            access: Access::to_redis(settings)?,
        })
    }
}
