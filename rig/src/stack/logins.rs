//! How the programs of a stack log in to its servers. Everybody on this machine may know the
//! passwords: they are the users' names.

use super::plan::Servers;

/// What somebody without a name may do in Redis: everything, for rig's own tools and the tests look
/// in without one.
const NAMELESS: &str = "on nopass ~* &* +@all";

/// What `ops/redis/start.sh` and `join.sh` read.
pub(super) fn redis_nodes() -> Vec<(&'static str, String)> {
    vec![
        ("DEFAULT", NAMELESS.to_owned()),
        ("EDGE_PASSWORD", EDGE.to_owned()),
        ("PERSISTER_PASSWORD", PERSISTER.to_owned()),
        ("NODE_PASSWORD", "node".to_owned()),
        ("OPERATOR_PASSWORD", "operator".to_owned()),
    ]
}

/// Edges, as Redis knows them.
pub const EDGE: &str = "edge";
/// Persisters, as Redis and MySQL know them.
pub const PERSISTER: &str = "persister";

/// What a program reads to log in to Redis.
pub fn to_redis(user: &str) -> [(&'static str, String); 2] {
    [("FIRSTCOME_REDIS_USER", user.to_owned()), ("FIRSTCOME_REDIS_PASSWORD", user.to_owned())]
}

/// What a program reads besides, to believe no server that cannot show who it is, and to log in to
/// Kafka: an edge by challenge, a persister by its password.
pub(super) fn over_tls(user: &str, servers: &Servers) -> Vec<(&'static str, String)> {
    let Some(authorities) = &servers.authorities else {
        return Vec::new();
    };
    let mechanism = if user == EDGE { "SCRAM-SHA-512" } else { "PLAIN" };
    let file = authorities.display();
    vec![
        ("FIRSTCOME_REDIS_TLS", file.to_string()),
        ("FIRSTCOME_KAFKA_TLS", file.to_string()),
        ("FIRSTCOME_KAFKA_SASL", mechanism.to_owned()),
        ("FIRSTCOME_KAFKA_USER", user.to_owned()),
        ("FIRSTCOME_KAFKA_PASSWORD", user.to_owned()),
    ]
}
