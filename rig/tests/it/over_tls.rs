//! A stack whose programs reach Redis, Kafka and MySQL over TLS, and believe no server that cannot show
//! who it is.

use std::net::SocketAddr;
use std::process::Output;
use std::time::Duration;

use contract::settings::Settings;
use links::access::Access;
use links::kafka::{Kafka, KafkaConfig};
use links::login::Login;
use links::redis::{Cluster, RedisConfig};
use links::script_connection::ScriptConnection;
use mysql_async::{Conn, Opts};
use rig::refusals::refused;
use rig::stack::{Handle, PartKind, exclusive, wait_until};
use tokio::process::Command;

use crate::http;
use crate::rush::{in_full_swing, kill, new_event, plan, rush, sold_to_the_last_unit};
use crate::stack::Rig;

/// A shard has another master, and its old one is back, within this.
const BACK_WITHIN: Duration = Duration::from_secs(60);
/// A health that is looked at anew each second.
const WELL_WITHIN: Duration = Duration::from_secs(30);
const TOPIC: &str = "coupon-issued";

#[tokio::test]
async fn a_sale_over_tls_is_whole_and_a_server_must_show_who_it_is() {
    // Two stacks at work would be slow ones.
    let _guard = exclusive().await;
    let (rig, handle) = Rig::up("tls", &["--tls"]).await;

    programs_are_well(&handle).await;
    redis_is_reached_over_tls(&handle).await;
    mysql_refuses_plain_text(&handle).await;
    nobody_falls_back_to_plain_text(&handle).await;
    servers_that_nobody_signed_for_are_refused(&handle).await;
    nodes_may_have_certificates_of_one_name(&handle).await;
    logins_that_brokers_do_not_know_are_refused(&handle).await;
    preflight_is_answered_by_every_broker(&handle).await;
    a_rush_beside_a_dying_master_is_whole(&handle).await;
    let refused = refused(&handle.addresses(PartKind::Redis)).await.unwrap();
    assert!(refused.is_empty(), "a program was refused what it needs: {refused:?}");

    rig.down().await;
}

/// Each program's health is about Redis and Kafka, and a persister's about MySQL too.
async fn programs_are_well(stack: &Handle) {
    let edges = stack.addresses(PartKind::Edge);
    let programs = [edges, stack.metrics(PartKind::Persister)].concat();
    assert_eq!(programs.len(), 4);
    for program in programs {
        let well = || async move {
            let health = http::get(program, "/health").await.json();
            let all_ok = health["dependencies"]
                .as_array()
                .is_some_and(|all| all.len() >= 3 && all.iter().all(|one| one["state"] == "ok"));
            if all_ok { Ok(()) } else { Err(health.to_string()) }
        };
        wait_until(WELL_WITHIN, "a program whose servers are all well", well).await.unwrap();
    }
}

async fn redis_is_reached_over_tls(stack: &Handle) {
    for part in stack.status().of_kind(PartKind::Redis) {
        let tls = part.tls.expect("an address for TLS");
        let clients = redis_cli(part.address, &["CLIENT", "LIST"]).await;
        for user in ["edge", "persister", "node"] {
            let of_user: Vec<&str> =
                clients.lines().filter(|line| line.contains(&format!(" user={user} "))).collect();
            // A replica has no replica.
            assert!(user == "node" || !of_user.is_empty(), "{user}: {clients}");
            let through_tls = format!(" laddr={tls} ");
            assert!(of_user.iter().all(|line| line.contains(&through_tls)), "{of_user:?}");
        }
    }
}

async fn redis_cli(node: SocketAddr, words: &[&str]) -> String {
    let mut command = Command::new("redis-cli");
    command.args(["-h", &node.ip().to_string(), "-p", &node.port().to_string()]).args(words);
    String::from_utf8(command.output().await.unwrap().stdout).unwrap()
}

async fn mysql_refuses_plain_text(stack: &Handle) {
    let owner = stack.mysql_url().unwrap();
    let persister = owner.replacen("firstcome:firstcome", "persister:persister", 1);
    let plain = Conn::new(Opts::from_url(&persister).unwrap()).await.err();
    let refused = plain.expect("a persister in plain text is refused").to_string();
    assert!(refused.contains("denied"), "{refused}");
}

/// Where servers have nothing else.
async fn nobody_falls_back_to_plain_text(stack: &Handle) {
    let authorities = authorities(stack);
    let redis = settings(stack, &[("FIRSTCOME_REDIS_TLS", &authorities)]);
    let access = RedisConfig::read(&redis).unwrap().access;
    let plain = ScriptConnection::connect(stack.addresses(PartKind::Redis)[0], &access).await;
    assert!(plain.is_err(), "a node without TLS is not talked to");

    let other = Handle::from_env().unwrap();
    let list = run(&other, &["event", "list"], &[("FIRSTCOME_MYSQL_TLS", &authorities)]).await;
    assert!(!list.status.success(), "{list:?}");
    says(&String::from_utf8(list.stderr).unwrap(), "SSL");
}

/// The stack's certificate is its own, which nobody whom Mozilla trusts has signed.
async fn servers_that_nobody_signed_for_are_refused(stack: &Handle) {
    let redis = RedisConfig::read(&settings(stack, &[("FIRSTCOME_REDIS_TLS", "public")])).unwrap();
    let master = stack.status().of_kind(PartKind::Redis).next().unwrap().tls.unwrap();
    let stranger = ScriptConnection::connect(master, &redis.access).await.err();
    says(&stranger.expect("it is not believed").to_string(), "UnknownIssuer");
    let plain = Access { login: Some(Login::new("edge", "edge")), tls: None };
    let plain = ScriptConnection::connect(master, &plain).await;
    assert!(plain.is_err(), "the port for TLS takes nothing else");

    // The other clients of Redis say why as well, once they have tried.
    let cluster = Cluster::connect(redis).await.unwrap();
    let says_why = || async {
        match cluster.info_of(master, &[]).await {
            Err(error) if error.to_string().contains("UnknownIssuer") => Ok(()),
            Err(error) => Err(error.to_string()),
            Ok(_) => Err("an answer".to_owned()),
        }
    };
    wait_until(WELL_WITHIN, "a reason", says_why).await.unwrap();

    for answer in asked_both_ways(stack, &[("FIRSTCOME_KAFKA_TLS", "public")]).await {
        says(&answer.expect_err("no broker is believed"), "UnknownIssuer");
    }

    let list = run(stack, &["event", "list"], &[("FIRSTCOME_MYSQL_TLS", "public")]).await;
    assert!(!list.status.success(), "{list:?}");
    says(&String::from_utf8(list.stderr).unwrap(), "UnknownIssuer");
}

/// On the way of a claim, and on the one that topology and everything else goes.
async fn nodes_may_have_certificates_of_one_name(stack: &Handle) {
    let authorities = authorities(stack);
    let named = |name| {
        let set = [
            ("FIRSTCOME_REDIS_TLS", authorities.as_str()),
            ("FIRSTCOME_REDIS_TLS_NAME", name),
            ("FIRSTCOME_REDIS_USER", "edge"),
            ("FIRSTCOME_REDIS_PASSWORD", "edge"),
        ];
        RedisConfig::read(&settings(stack, &set)).unwrap()
    };
    let node = stack.status().of_kind(PartKind::Redis).next().unwrap().tls.unwrap();
    let theirs = named("servers.internal");
    ScriptConnection::connect(node, &theirs.access).await.unwrap();
    let cluster = Cluster::connect(theirs).await.unwrap();
    let whole = || async {
        let missing = cluster.topology().slots_without_master();
        if missing == 0 { Ok(()) } else { Err(format!("{missing} slots without a master")) }
    };
    wait_until(WELL_WITHIN, "a whole topology", whole).await.unwrap();

    let other = named("other.internal");
    let refused = ScriptConnection::connect(node, &other.access).await.err();
    says(&refused.expect("no node has that name").to_string(), "not valid for name");
    let cluster = Cluster::connect(other).await.unwrap();
    assert!(cluster.topology().masters().is_empty(), "no node has that name");
}

async fn logins_that_brokers_do_not_know_are_refused(stack: &Handle) {
    let authorities = authorities(stack);
    let tls = ("FIRSTCOME_KAFKA_TLS", authorities.as_str());
    let wrong = ("FIRSTCOME_KAFKA_PASSWORD", "wrong");
    for (user, mechanism) in [("edge", "SCRAM-SHA-512"), ("persister", "PLAIN")] {
        let who = [tls, ("FIRSTCOME_KAFKA_USER", user), ("FIRSTCOME_KAFKA_SASL", mechanism)];
        let right = ("FIRSTCOME_KAFKA_PASSWORD", user);
        for answer in asked_both_ways(stack, &[who.as_slice(), &[right]].concat()).await {
            answer.unwrap();
        }
        let [ours, rskafkas] = asked_both_ways(stack, &[who.as_slice(), &[wrong]].concat()).await;
        says(&ours.expect_err("a wrong password is refused"), "login was refused");
        assert!(rskafkas.is_err(), "a wrong password is refused");
    }
    let other = [tls, ("FIRSTCOME_KAFKA_USER", "edge"), ("FIRSTCOME_KAFKA_SASL", "SCRAM-SHA-256")];
    let [ours, rskafkas] = asked_both_ways(stack, &[other.as_slice(), &[wrong]].concat()).await;
    says(&ours.expect_err("it is not taken"), "takes logins by SCRAM-SHA-512, PLAIN");
    assert!(rskafkas.is_err(), "it is not taken");
    let nobody = asked_both_ways(stack, &[tls]).await;
    assert!(nobody.iter().all(Result::is_err), "who does not log in is told nothing");
}

/// What somebody of these settings is told on a connection of our own, and on rskafka's, which records
/// go by.
async fn asked_both_ways(stack: &Handle, set: &[(&str, &str)]) -> [Result<(), String>; 2] {
    let kafka = Kafka::new(KafkaConfig::read(&settings(stack, set)).unwrap());
    let (_, view) = kafka.views(&[TOPIC]).await.remove(0);
    let bounds = kafka.partition(TOPIC, 0).bounds().await;
    [view.map(|_| ()), bounds.map(|_| ())].map(|told| told.map_err(|error| error.to_string()))
}

/// These settings, on top of where the stack's servers are.
fn settings(stack: &Handle, set: &[(&str, &str)]) -> Settings<'static> {
    let status = stack.status();
    let places = [
        ("FIRSTCOME_REDIS", status.addresses(PartKind::Redis)),
        ("FIRSTCOME_KAFKA", status.addresses(PartKind::Kafka)),
    ];
    let set = set.iter().map(|(name, value)| (*name, (*value).to_owned()));
    let all: Vec<(String, String)> =
        places.into_iter().chain(set).map(|(name, value)| (name.to_owned(), value)).collect();
    // For as long as the test runs.
    Settings(Box::leak(Box::new(move |name: &'static str| {
        all.iter().find(|(known, _)| known == name).map(|(_, value)| value.clone())
    })))
}

async fn preflight_is_answered_by_every_broker(stack: &Handle) {
    let event = new_event("preflight");
    let words = ["event", "create", event.as_str(), "--stock", "10", "--open", "--wait-s", "60"];
    let created = stack.persister(&words).await.unwrap();
    assert!(created.status.success(), "{created:?}");
    let looked = stack.persister(&["preflight", event.as_str(), "--json"]).await.unwrap();
    let report: serde_json::Value = serde_json::from_slice(&looked.stdout).unwrap();
    let brokers = report["lines"].as_array().unwrap().iter();
    let brokers: Vec<_> = brokers.filter(|line| line["check"] == "kafka broker").collect();
    assert_eq!(brokers.len(), 3, "{report}");
    assert!(brokers.iter().all(|line| line["verdict"] == "ok"), "{brokers:?}");
}

async fn run(stack: &Handle, words: &[&str], set: &[(&str, &str)]) -> Output {
    let mut command = stack.persister_command(words).unwrap();
    command.envs(set.iter().copied()).output().await.unwrap()
}

fn authorities(stack: &Handle) -> String {
    stack.status().directory.join("tls/certificate.pem").display().to_string()
}

/// Killed and started again: its own start asks the others over TLS who is master now.
async fn a_rush_beside_a_dying_master_is_whole(stack: &Handle) {
    let event = new_event("tls");
    let nodes = stack.addresses(PartKind::Redis).iter().map(ToString::to_string).collect();
    let cluster = Cluster::connect(RedisConfig::plain(nodes)).await.unwrap();
    let master =
        cluster.master_of(Cluster::slot_of(&event)).expect("each slot has a master").address;
    let mut nodes = stack.status().of_kind(PartKind::Redis);
    let master = nodes.find(|node| node.address == master).expect("a node of the stack");
    let plan = plan(stack, &event, 20_000, 15_000);
    let dies = async {
        in_full_swing(&plan.history, 300_000).await;
        kill(stack, &master.name).await;
        stack.ready(&master.name, BACK_WITHIN).await.unwrap();
    };
    let (verdict, history) = rush(stack, &plan, dies).await;
    assert!(history.timing.again > 0, "the master was killed too late to cost a request");
    sold_to_the_last_unit(&verdict, 15_000);
    let text = std::fs::read_to_string(&master.log).unwrap();
    says(&text, "says that the slots moved; starting");
}

fn says(text: &str, words: &str) {
    assert!(text.contains(words), "{words:?} is not in {text}");
}
