//! Who may do what between the parts: `ops/redis/users.conf` and `ops/mysql/init.sql`.

use std::net::SocketAddr;
use std::time::Duration;

use mysql_async::prelude::Queryable;
use mysql_async::{Conn, Opts};
use rig::refusals::refused;
use rig::stack::{Handle, PartKind, shared, wait_until};
use tokio::process::Command;

/// A program connects again within a second or two after a test took its connections away.
const CONNECTED_WITHIN: Duration = Duration::from_secs(30);

/// redis-cli as a user; as nobody without one. A key is asked for where it belongs.
async fn redis(node: SocketAddr, user: Option<&str>, words: &[&str]) -> String {
    let mut command = Command::new("redis-cli");
    command.args(["-c", "-h", &node.ip().to_string(), "-p", &node.port().to_string()]);
    if let Some(user) = user {
        // rig's passwords are the users' names.
        command.args(["--user", user, "--no-auth-warning"]).env("REDISCLI_AUTH", user);
    }
    let output = command.args(words).output().await.unwrap();
    String::from_utf8(output.stdout).unwrap()
}

fn nodes() -> Vec<SocketAddr> {
    Handle::from_env().unwrap().addresses(PartKind::Redis)
}

#[tokio::test]
async fn the_programs_may_do_in_redis_what_they_do_and_nothing_else() {
    let _guard = shared().await;
    for node in nodes() {
        both_are_logged_in(node).await;
    }
    // `./dev test` looks once more when all tests have ended.
    let refused = refused(&nodes()).await.unwrap();
    assert!(refused.is_empty(), "a program was refused what it needs: {refused:?}");
    let node = nodes()[0];
    nothing_else(node).await;
    // What was tried here is no program's; one may have been sent on to another node.
    for node in nodes() {
        assert_eq!(redis(node, None, &["ACL", "LOG", "RESET"]).await.trim(), "OK");
    }
}

async fn both_are_logged_in(node: SocketAddr) {
    let both = || async {
        let clients = redis(node, None, &["CLIENT", "LIST"]).await;
        let there = |user: &str| clients.contains(&format!(" user={user} "));
        if there("edge") && there("persister") { Ok(()) } else { Err(clients) }
    };
    wait_until(CONNECTED_WITHIN, "an edge and a persister", both).await.unwrap();
}

async fn nothing_else(node: SocketAddr) {
    let own = "fc:{nobody}:state";
    let denied: [(&str, &[&str]); 11] = [
        ("edge", &["FLUSHALL"]),
        ("edge", &["CONFIG", "GET", "maxmemory"]),
        ("edge", &["KEYS", "*"]),
        ("edge", &["UNLINK", own]),
        ("edge", &["HGET", "somebody:else", "a"]),
        ("edge", &["EVAL", "return redis.call('UNLINK', KEYS[1])", "1", own]),
        ("persister", &["CONFIG", "SET", "maxmemory", "1"]),
        ("persister", &["FLUSHALL"]),
        ("persister", &["HGET", "somebody:else", "a"]),
        ("node", &["HGET", own, "a"]),
        ("node", &["CLUSTER", "RESET"]),
    ];
    for (user, words) in denied {
        let said = redis(node, Some(user), words).await;
        assert!(said.contains("NOPERM") || said.contains("can't run"), "{user} {words:?}: {said}");
    }
    for user in ["edge", "persister", "node"] {
        assert_eq!(redis(node, Some(user), &["PING"]).await.trim(), "PONG");
    }
}

#[tokio::test]
async fn a_persister_reads_and_writes_rows_and_leaves_tables_alone() {
    let _guard = shared().await;
    let owner = Handle::from_env().unwrap().mysql_url().unwrap();
    let persister = owner.replacen("firstcome:firstcome", "persister:persister", 1);
    let mut mysql = Conn::new(Opts::from_url(&persister).unwrap()).await.unwrap();
    let _: Option<u64> = mysql.query_first("SELECT COUNT(*) FROM events").await.unwrap();
    for statement in [
        "DROP TABLE coupons",
        "ALTER TABLE events ADD COLUMN more INT",
        "CREATE TABLE more (number INT)",
        "TRUNCATE TABLE audit",
        "SELECT user FROM mysql.user",
        "SET GLOBAL read_only = 1",
    ] {
        let error = mysql.query_drop(statement).await.expect_err(statement).to_string();
        assert!(error.contains("denied"), "{statement}: {error}");
    }
    mysql.disconnect().await.unwrap();
}
