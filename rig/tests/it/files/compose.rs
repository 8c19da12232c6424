//! What `docker-compose.yml` says, against the repository and against itself.

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::PermissionsExt;

use super::project::{Project, Service, load_with};
use super::read;

/// Built here; all others are somebody's image.
const OURS: &str = "firstcome/";

#[tokio::test]
async fn every_file_that_is_mounted_or_named_in_a_container_exists() {
    let project = Project::load().await;
    for service in project.services() {
        for mount in service.mounts() {
            let source = mount["source"].as_str().unwrap();
            if mount["type"] == "bind" {
                assert!(fs::exists(source).unwrap(), "{}: {source}", service.name);
                assert_eq!(mount["read_only"], true, "{}: {source}", service.name);
            } else {
                assert!(!project.top("volumes")[source].is_null(), "{}: {source}", service.name);
            }
        }
        for (path, runs) in paths(&service) {
            // What the image itself has lies elsewhere.
            let Some(found) = service.mounted(path) else { continue };
            let found = fs::metadata(&found)
                .unwrap_or_else(|error| panic!("{}: {path}: {error}", service.name));
            let executable = found.permissions().mode() & 0o111 == 0o111;
            assert!(executable || !runs, "{}: {path} cannot be executed", service.name);
        }
    }
}

/// Paths below our mounts that a service's command, check or environment names, and whether they
/// are run.
fn paths<'a>(service: &Service<'a>) -> Vec<(&'a str, bool)> {
    let entry = service.words("entrypoint");
    let check = service.value["healthcheck"]["test"].as_array().into_iter().flatten();
    let check: Vec<&str> = check.filter_map(|word| word.as_str()).skip(1).collect();
    let runs = entry.iter().take(1).chain(check.iter().take(1)).map(|word| (*word, true));
    let command = service.words("command");
    let named = command.iter().map(|word| word.split_once('=').map_or(*word, |(_, value)| value));
    let environment = service.environment().into_values().collect::<Vec<_>>();
    let named = named.chain(environment).map(|word| (word, false));
    runs.chain(named).filter(|(word, _)| word.starts_with('/')).collect()
}

#[tokio::test]
async fn every_service_is_pinned_bounded_and_without_rights_that_it_does_not_need() {
    let project = Project::load().await;
    for service in project.services() {
        let name = service.name;
        let (image, tag) = service.text("image").rsplit_once(':').unwrap();
        // A version down to its last number.
        assert!(tag.split('.').count() >= 3, "{name}: {image}:{tag}");
        let ours = image.starts_with(OURS);
        assert_eq!(ours, !service.value["build"].is_null(), "{name}: {image}");
        // Ours name their user in the Dockerfile.
        let user = service.text("user").split(':').next().unwrap();
        assert!(ours || user.parse::<u32>().is_ok_and(|id| id > 0), "{name} runs as {user:?}");
        assert_eq!(service.value["read_only"], true, "{name}");
        assert_eq!(service.words("cap_drop"), ["ALL"], "{name}");
        assert_eq!(service.words("security_opt"), ["no-new-privileges:true"], "{name}");
        let limits = &service.value["deploy"]["resources"]["limits"];
        for limit in ["cpus", "memory", "pids"] {
            assert!(!limits[limit].is_null(), "{name} may take all {limit}");
        }
        let checked = !service.value["healthcheck"].is_null();
        assert_eq!(checked, !service.runs_once(), "{name} serves, or ends by itself");
    }
}

#[tokio::test]
async fn whoever_waits_waits_for_health_or_for_the_end_of_what_ends() {
    let project = Project::load().await;
    for service in project.services() {
        for (other, until) in service.waits_for() {
            let once = project.service(other).runs_once();
            let wanted = if once { "service_completed_successfully" } else { "service_healthy" };
            assert_eq!(until, wanted, "{} waits for {other}", service.name);
        }
    }
    let servers = ["redis-1", "redis-6", "redis-cluster", "kafka-1", "kafka-3", "kafka-topics"];
    for (service, needs) in [
        ("nginx", [&servers[..], &["edge-1", "edge-2"]].concat()),
        ("persister-1", [&servers[..], &["mysql", "migrate"]].concat()),
        ("k6", vec!["nginx"]),
    ] {
        let before = all_before(&project, service);
        for needed in needs {
            assert!(before.contains(needed), "{service} does not wait for {needed}");
        }
    }
}

fn all_before<'a>(project: &'a Project, service: &str) -> BTreeSet<&'a str> {
    let mut before = BTreeSet::new();
    let mut next: Vec<&str> = vec![service];
    while let Some(service) = next.pop() {
        for (other, _) in project.service(service).waits_for() {
            if before.insert(other) {
                next.push(other);
            }
        }
    }
    before
}

#[tokio::test]
async fn the_parts_know_each_other_by_the_addresses_that_they_have() {
    let project = Project::load().await;
    let at = |names: &[&str], port: u16| -> Vec<String> {
        names.iter().map(|name| format!("{}:{port}", project.service(name).address())).collect()
    };
    let redis = ["redis-1", "redis-2", "redis-3", "redis-4", "redis-5", "redis-6"];
    let kafka = ["kafka-1", "kafka-2", "kafka-3"];
    assert_eq!(project.service("redis-cluster").words("command"), at(&redis, 6379));
    assert_eq!(project.service("kafka-topics").words("command"), &at(&kafka, 9092)[..1]);

    for name in ["edge-1", "edge-2", "persister-1", "persister-2"] {
        let environment = project.service(name).environment();
        assert_eq!(environment["FIRSTCOME_NAME"], name);
        assert_eq!(environment["FIRSTCOME_REDIS"], at(&redis, 6379).join(","), "{name}");
        assert_eq!(environment["FIRSTCOME_KAFKA"], at(&kafka, 9092).join(","), "{name}");
    }
    for name in ["persister-1", "persister-2"] {
        let edges = project.service(name).environment()["FIRSTCOME_EDGES"];
        assert_eq!(edges, at(&["edge-1", "edge-2"], 9080).join(","), "{name}");
    }
    let mysql = format!("@{}/firstcome", at(&["mysql"], 3306)[0]);
    let private = project.service("nginx").environment()["PRIVATE"];
    for name in ["persister-1", "persister-2"] {
        let nginx = project.service(name).environment()["FIRSTCOME_NGINX"];
        assert_eq!(nginx, format!("nginx:{private}"), "{name}");
    }
    for name in ["migrate", "persister-1", "persister-2"] {
        let url = project.service(name).environment()["FIRSTCOME_MYSQL"];
        assert!(url.ends_with(&mysql), "{name}: {url}");
    }
    let voters: Vec<String> =
        (1..).zip(at(&kafka, 9093)).map(|(id, node)| format!("{id}@{node}")).collect();
    for (id, name) in (1..).zip(kafka) {
        let environment = project.service(name).environment();
        assert_eq!(environment["VOTERS"], voters.join(","), "{name}");
        assert_eq!(environment["NODE_ID"], id.to_string(), "{name}");
        assert_eq!(environment["HOST"], project.service(name).address(), "{name}");
    }
    let edges = project.service("nginx").environment()["EDGES"];
    for edge in at(&["edge-1", "edge-2"], 8080) {
        assert!(edges.contains(&format!("server {edge} ")), "{edges}");
    }
}

#[tokio::test]
async fn prometheus_looks_where_the_programs_are_watched() {
    let project = Project::load().await;
    for (kind, targets) in [
        ("edge", "ops/prometheus/targets/edge.yml"),
        ("persister", "ops/prometheus/targets/persister.yml"),
    ] {
        let targets = read(targets);
        for service in project.services().filter(|service| service.name.starts_with(kind)) {
            let listen = service.environment()["FIRSTCOME_METRICS_LISTEN"];
            let port = listen.rsplit_once(':').unwrap().1;
            let target = format!("\"{}:{port}\"", service.name);
            assert!(targets.contains(&target), "{target} is not in {targets}");
        }
    }
}

#[tokio::test]
async fn without_a_password_of_ones_own_nothing_starts() {
    let example = read(".env.example");
    let settings: Vec<(&str, &str)> = example
        .lines()
        .filter(|line| !line.starts_with('#'))
        .filter_map(|line| line.split_once('='))
        .collect();
    let compose = read("docker-compose.yml");
    let secrets: Vec<_> = settings.iter().filter(|(name, _)| is_secret(name)).collect();
    assert!(secrets.len() >= 4, "{settings:?}");
    for (name, value) in secrets {
        assert!(
            value.to_lowercase().contains("change"),
            "{name} does not say that it is no secret"
        );
        assert!(!compose.contains(value), "{name} has a default");
        let without: String = settings
            .iter()
            .filter(|(other, _)| other != name)
            .map(|(k, v)| format!("{k}={v}\n"))
            .collect();
        let path =
            std::env::temp_dir().join(format!("firstcome-env-{}-{name}", std::process::id()));
        fs::write(&path, without).unwrap();
        let output = load_with(&path).await;
        fs::remove_file(&path).unwrap();
        let error = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(!output.status.success() && error.contains(name), "{name}: {error}");
    }
    assert!(read(".gitignore").lines().any(|line| line == "/.env"));
}

fn is_secret(name: &str) -> bool {
    name.contains("PASSWORD") || name.contains("TOKENS")
}
