//! The scripts that containers are started with, beyond those that start rig's own stack as well.

use std::net::{Ipv4Addr, SocketAddr};
use std::os::unix::fs::PermissionsExt;
use std::process::Stdio;

use rig::config;
use rig::stack::{Handle, PartKind, serve_tls, shared, wait_until};
use rustix::process::{Pid, Signal, kill_process};
use tokio::net::TcpListener;
use tokio::process::Command;
use tokio::time::timeout;

use super::{RUN_WITHIN, file, output, succeeded};
use crate::http;

#[tokio::test]
async fn fill_puts_in_what_it_is_told_to_and_leaves_the_rest() {
    let template = std::env::temp_dir().join(format!("firstcome-fill-{}", std::process::id()));
    std::fs::write(&template, "listen ${PORT}; ${PORT}/${A} $PORT ${OTHER} $uri\n").unwrap();
    let fill = |names: &'static [&'static str]| {
        let mut command = Command::new(file("ops/fill.sh"));
        command
            .arg(&template)
            .args(names)
            .env("PORT", "80")
            .env("A", r"a&b\n ${PORT}")
            .env_remove("B");
        output(command, RUN_WITHIN)
    };
    let filled = succeeded(&fill(&["PORT", "A"]).await);
    assert_eq!(filled, "listen 80; 80/a&b\\n ${PORT} $PORT ${OTHER} $uri\n");

    let missing = fill(&["B"]).await;
    std::fs::remove_file(&template).unwrap();
    assert!(!missing.status.success() && missing.stdout.is_empty(), "{missing:?}");
    assert!(String::from_utf8_lossy(&missing.stderr).contains("B is not set"), "{missing:?}");
}

#[tokio::test]
async fn a_health_check_tells_a_server_that_is_ready_from_others() {
    let _guard = shared().await;
    let stack = Handle::from_env().unwrap();
    let edge = stack.addresses(PartKind::Edge)[0];
    assert!(is_ok(edge, "/health/ready").await);
    assert!(!is_ok(edge, "/nothing-is-here").await);
    assert!(is_ok(stack.nginx().unwrap(), "/health/live").await);
    // Redis speaks, but not HTTP.
    assert!(!is_ok(stack.addresses(PartKind::Redis)[0], "/health/ready").await);
}

async fn is_ok(server: SocketAddr, path: &str) -> bool {
    let mut command = Command::new(file("ops/http_ok.sh"));
    command.args([server.ip().to_string(), server.port().to_string()]).arg(path);
    output(command, RUN_WITHIN).await.status.success()
}

#[tokio::test]
async fn a_cluster_that_is_there_is_left_as_it_is() {
    let _guard = shared().await;
    let stack = Handle::from_env().unwrap();
    let nodes = stack.addresses(PartKind::Redis);
    let nodes: Vec<String> = nodes.iter().map(SocketAddr::to_string).collect();
    let mut join = Command::new(file("ops/redis/join.sh"));
    // rig's passwords are the users' names.
    join.args(&nodes).env("OPERATOR_PASSWORD", "operator");
    let said = succeeded(&output(join, RUN_WITHIN).await);
    assert!(said.contains("is in a cluster that has all slots"), "{said}");
}

async fn free_address() -> SocketAddr {
    TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap().local_addr().unwrap()
}

#[tokio::test]
async fn nginx_starts_with_what_compose_sets() {
    let project = super::project::Project::load().await;
    let home = std::env::temp_dir().join(format!("firstcome-nginx-{}", std::process::id()));
    std::fs::create_dir(&home).unwrap();
    let (address, private) = (free_address().await, free_address().await);
    let tls = free_address().await;
    let certificate = serve_tls(&home, tls).await.unwrap();
    // That is the script's to make.
    std::fs::remove_file(home.join("tls.conf")).unwrap();
    let folder = file("nginx").display().to_string();
    let mut start = Command::new(file("nginx/start.sh"));
    for (name, value) in project.service("nginx").environment() {
        start.env(name, value.replace("/etc/firstcome/nginx", &folder));
    }
    let path =
        std::env::join_paths(config::program_folders().into_iter().chain(["/usr/sbin".into()]));
    start.arg(&home).env("LISTEN", address.to_string()).env("PATH", path.unwrap());
    start.env("PRIVATE", private.to_string());
    start.env("TLS_LISTEN", tls.to_string()).env("CERTIFICATES", &home);
    start.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true);
    let child = start.spawn().unwrap();
    let live = wait_until(RUN_WITHIN, "NGINX", || async {
        if is_ok(address, "/health/live").await { Ok(()) } else { Err("not 200") }
    });
    let live = live.await;
    let said_of_limits = match &live {
        Ok(()) => Some(http::get(private, "/limits").await.body),
        Err(_) => None,
    };
    let mut curl = Command::new("curl");
    curl.args(["-sS", "--http2", "--cacert"])
        .arg(certificate)
        .arg(format!("https://{tls}/health/live"));
    let over_tls = output(curl, RUN_WITHIN).await;
    // SIGTERM, so that its workers end as well.
    let pid = child.id().and_then(|id| Pid::from_raw(id.cast_signed())).unwrap();
    kill_process(pid, Signal::TERM).unwrap();
    let output = timeout(RUN_WITHIN, child.wait_with_output()).await.unwrap().unwrap();
    std::fs::remove_dir_all(&home).unwrap();
    let said = succeeded(&output);
    live.unwrap();
    assert_eq!(succeeded(&over_tls), r#"{"status":"ok"}"#);
    let limits = "limit_req zone=credential burst=10 nodelay; limit_req zone=anonymous burst=20";
    assert!(
        said_of_limits.as_ref().is_some_and(|said| said.contains(limits)),
        "{said_of_limits:?}"
    );
    // Its access log is the container's, and nothing was amiss.
    assert!(said.contains("\"path\":\"/health/live\""), "{said}");
    assert!(output.stderr.is_empty(), "{}", String::from_utf8_lossy(&output.stderr));
}

/// rig makes its topics itself, from the same file: with the script none is missing then.
#[tokio::test]
async fn the_script_of_topics_asks_for_those_of_the_file() {
    let folder = std::env::temp_dir().join(format!("firstcome-topics-{}", std::process::id()));
    std::fs::create_dir(&folder).unwrap();
    // In Java's place: says what it was asked for.
    let java = folder.join("java");
    std::fs::write(&java, "#!/bin/sh\necho \"$@\"\n").unwrap();
    let executable = PermissionsExt::from_mode(0o755);
    std::fs::set_permissions(&java, executable).unwrap();
    let mut command = Command::new(file("ops/kafka/topics.sh"));
    let path = [folder.clone()].into_iter().chain(config::program_folders());
    let path = std::env::join_paths(path).unwrap();
    command.arg("broker:9092").env("PATH", path).env("JARS", "/jars").env("JVM", "-Xmx1m -Dx=y");
    let asked = output(command, RUN_WITHIN).await;
    std::fs::remove_dir_all(&folder).unwrap();
    let asked = succeeded(&asked);
    let topics = [
        contract::topics::COUPON_ISSUED,
        contract::topics::COUPON_ISSUED_DLT,
        contract::topics::DIRECTORY,
    ];
    assert_eq!(asked.lines().count(), topics.len(), "{asked}");
    for topic in topics {
        let line = asked.lines().find(|line| line.contains(&format!("--topic {topic} "))).unwrap();
        assert!(
            line.starts_with("-Xmx1m -Dx=y -cp /jars/* org.apache.kafka.tools.TopicCommand"),
            "{line}"
        );
        assert!(line.contains("--bootstrap-server broker:9092 --create --if-not-exists"), "{line}");
        assert!(line.contains("--replication-factor 3 --config min.insync.replicas=2"), "{line}");
    }
}
