//! Topics as `ops/kafka/topics.conf` wants them, and how their partitions stand.

use std::collections::BTreeMap;

use contract::topics::COUPON_ISSUED;
use links::kafka::{Broker, Kafka, KafkaError, KafkaView, PartitionView, TopicSettings, TopicView};

use super::demanded::{self, Topic};
use super::line::Line;

const TOPIC: &str = "kafka topic";
const SETTINGS: &str = "kafka settings";
const BROKER: &str = "kafka broker";
/// How a broker may hold records: rskafka is built here without anything to unpack them with.
const READABLE: [&str; 2] = ["producer", "uncompressed"];
/// Settings that only have to be that large.
const AT_LEAST: [&str; 3] = ["min.insync.replicas", "retention.ms", "delete.retention.ms"];
/// Settings that another figure of makes slower, and nothing worse.
const FOR_SPEED: [&str; 3] = ["segment.ms", "segment.bytes", "min.cleanable.dirty.ratio"];

/// Asks Kafka; returns what was found, and the brokers that lead partitions of wins, each once.
pub(super) async fn look(kafka: &Kafka) -> (Vec<Line>, Vec<Broker>) {
    let demanded = demanded::topics();
    let names: Vec<&str> = demanded.iter().map(|topic| topic.name).collect();
    let views = kafka.views(&names).await;
    let mut lines = judge_brokers(&views);
    let Some(view) = views.into_iter().find_map(|(_, view)| view.ok()) else {
        lines.push(Line::to_do(TOPIC, "", "no broker says how it stands: bring them back"));
        return (lines, Vec::new());
    };
    match kafka.settings_of(&names).await {
        Ok(settings) => lines.extend(judge(&demanded, &view, &settings)),
        Err(error) => {
            let says = format!("no broker says how topics are set ({error}): bring them back");
            lines.push(Line::to_do(SETTINGS, "", says));
        }
    }
    (lines, leaders(&view))
}

/// Each broker answers, and sees what the first that answers sees: one that is cut off from the others
/// goes on saying what it knew last.
fn judge_brokers(views: &[(String, Result<KafkaView, KafkaError>)]) -> Vec<Line> {
    let first = views.iter().find_map(|(broker, view)| Some((broker, view.as_ref().ok()?)));
    let line = |(broker, view): &(String, Result<KafkaView, KafkaError>)| match (view, first) {
        (Ok(view), Some((other, first))) if view.topics != first.topics => {
            let says = format!(
                "it sees other leaders or replicas in sync than {other}: look again, and if it \
                 stays so, see whether it reaches its controllers"
            );
            Line::to_do(BROKER, broker, says)
        }
        (Ok(_), _) => Line::ok(BROKER, broker, "it answers, and sees the topics as the others do"),
        (Err(error), _) => {
            Line::to_do(BROKER, broker, format_args!("it does not answer ({error}): bring it back"))
        }
    };
    views.iter().map(line).collect()
}

fn judge(
    demanded: &[Topic],
    view: &KafkaView,
    settings: &BTreeMap<String, TopicSettings>,
) -> Vec<Line> {
    let none = TopicSettings::new();
    let lines = demanded.iter().flat_map(|topic| {
        let Some(found) = view.topics.iter().find(|found| found.name == topic.name) else {
            let says = "it is missing: ops/kafka/topics.sh makes it";
            return vec![Line::to_do(TOPIC, topic.name, says)];
        };
        let settings = settings.get(topic.name).unwrap_or(&none);
        vec![judge_partitions(topic, found), judge_settings(topic, settings)]
    });
    lines.collect()
}

fn judge_partitions(topic: &Topic, found: &TopicView) -> Line {
    let name = topic.name;
    let partitions = &found.partitions;
    if partitions.len() != topic.partitions {
        let says = format!(
            "{} partitions, not {}: users would be sent elsewhere than their records are",
            partitions.len(),
            topic.partitions
        );
        return Line::to_do(TOPIC, name, says);
    }
    let numbers = |is: &dyn Fn(&PartitionView) -> bool| -> Vec<String> {
        partitions.iter().filter(|part| is(part)).map(|part| part.number.to_string()).collect()
    };
    let few = numbers(&|part| part.replicas.len() < topic.replicas);
    let leaderless = numbers(&|part| part.leader.is_none());
    let behind = numbers(&|part| part.in_sync.len() < part.replicas.len());
    let wrong = [
        (few, format!("have fewer than {} replicas: reassign them", topic.replicas)),
        (leaderless, "have no leader: bring their brokers back".to_owned()),
        (behind, "lack a replica in sync: bring its broker back, and wait".to_owned()),
    ];
    match wrong.into_iter().find(|(numbers, _)| !numbers.is_empty()) {
        Some((numbers, says)) => {
            Line::to_do(TOPIC, name, format_args!("partitions {} {says}", numbers.join(", ")))
        }
        None => Line::ok(
            TOPIC,
            name,
            format_args!("{} partitions, {} replicas in sync", topic.partitions, topic.replicas),
        ),
    }
}

fn judge_settings(topic: &Topic, found: &TopicSettings) -> Line {
    let name = topic.name;
    let value = |setting: &str| found.get(setting).map_or("nothing", String::as_str);
    if let Some(packed) = found.get("compression.type")
        && !READABLE.contains(&packed.as_str())
    {
        let says = format!(
            "compression.type is {packed}, which its readers cannot read: set it to producer"
        );
        return Line::to_do(SETTINGS, name, says);
    }
    let differ = |which: fn(&str) -> bool| -> Vec<String> {
        let of = topic.settings.iter().filter(|(setting, _)| which(setting));
        of.filter(|(setting, wanted)| !is_met(setting, wanted, value(setting)))
            .map(|(setting, wanted)| format!("{setting} is {}, not {wanted}", value(setting)))
            .collect()
    };
    let wrong = differ(|setting| !FOR_SPEED.contains(&setting));
    if !wrong.is_empty() {
        let says = format!("set with kafka-configs what topics.conf says: {}", wrong.join("; "));
        return Line::to_do(SETTINGS, name, says);
    }
    let slow = differ(|setting| FOR_SPEED.contains(&setting));
    if !slow.is_empty() {
        let says = format!(
            "records stay longer than they should, or an edge reads them slower at its start: {}",
            slow.join("; ")
        );
        return Line::warning(SETTINGS, name, says);
    }
    Line::ok(SETTINGS, name, "as ops/kafka/topics.conf has them")
}

fn is_met(setting: &str, wanted: &str, found: &str) -> bool {
    if !AT_LEAST.contains(&setting) {
        return found == wanted;
    }
    let number = |text: &str| text.parse::<i64>().ok();
    let enough = number(found).zip(number(wanted)).is_some_and(|(found, least)| found >= least);
    // -1 is for ever.
    enough || (setting == "retention.ms" && found == "-1")
}

/// The brokers that lead partitions of wins.
fn leaders(view: &KafkaView) -> Vec<Broker> {
    let wins = view.topics.iter().filter(|topic| topic.name == COUPON_ISSUED);
    let leads: Vec<i32> =
        wins.flat_map(|topic| &topic.partitions).filter_map(|part| part.leader).collect();
    view.brokers.iter().filter(|broker| leads.contains(&broker.id)).cloned().collect()
}

#[cfg(test)]
mod tests {
    use super::super::line::{Verdict, verdicts};
    use super::*;

    fn wanted() -> Topic {
        demanded::topics().remove(0)
    }

    fn topic() -> TopicView {
        let partition = |number| PartitionView {
            number,
            leader: Some(number % 3),
            replicas: vec![0, 1, 2],
            in_sync: vec![0, 1, 2],
        };
        TopicView { name: wanted().name.to_owned(), partitions: (0..12).map(partition).collect() }
    }

    fn settings(topic: &Topic) -> TopicSettings {
        let pair = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
        topic.settings.iter().map(pair).collect()
    }

    fn partitions(change: fn(&mut Vec<PartitionView>)) -> Line {
        let mut found = topic();
        change(&mut found.partitions);
        judge_partitions(&wanted(), &found)
    }

    #[test]
    fn partitions_are_as_many_led_replicated_and_in_sync() {
        assert_eq!(partitions(|_| {}).verdict, Verdict::Ok);
        assert!(partitions(|all| drop(all.pop())).says.starts_with("11 partitions, not 12"));
        assert!(partitions(|all| all[3].leader = None).says.starts_with("partitions 3 have no"));
        let behind = partitions(|all| all.iter_mut().for_each(|one| _ = one.in_sync.pop()));
        assert!(behind.says.contains("10, 11 lack a replica in sync"), "{behind}");
        let few = partitions(|all| all[0].replicas = vec![1, 2]);
        assert_eq!((few.verdict, few.says.contains("fewer than 3")), (Verdict::ToDo, true));
    }

    #[test]
    fn settings_are_those_of_the_file_or_safer() {
        let wanted = wanted();
        let with = |name: &str, value: &str| {
            let mut found = settings(&wanted);
            found.insert(name.to_owned(), value.to_owned());
            judge_settings(&wanted, &found).verdict
        };
        assert_eq!(with("retention.ms", "604800000"), Verdict::Ok);
        assert_eq!(with("retention.ms", "-1"), Verdict::Ok);
        assert_eq!(with("retention.ms", "1000"), Verdict::ToDo);
        assert_eq!(with("min.insync.replicas", "1"), Verdict::ToDo);
        assert_eq!(with("unclean.leader.election.enable", "true"), Verdict::ToDo);
        for packed in ["zstd", "lz4", "snappy", "gzip"] {
            assert_eq!(with("compression.type", packed), Verdict::ToDo, "{packed}");
        }
        assert_eq!(with("compression.type", "producer"), Verdict::Ok);
        assert_eq!(judge_settings(&wanted, &TopicSettings::new()).verdict, Verdict::ToDo);
        let directory = demanded::topics().remove(2);
        let mut slow = settings(&directory);
        slow.insert("segment.ms".to_owned(), "604800000".to_owned());
        assert_eq!(judge_settings(&directory, &slow).verdict, Verdict::Warning);
    }

    #[test]
    fn a_broker_that_is_silent_or_sees_something_else_is_named() {
        let view = KafkaView { brokers: Vec::new(), topics: vec![topic()] };
        let mut stale = view.clone();
        stale.topics[0].partitions[3].in_sync.pop();
        let views = [
            ("kafka-1".to_owned(), Err(KafkaError::NotSent("it hangs".to_owned()))),
            ("kafka-2".to_owned(), Ok(view.clone())),
            ("kafka-3".to_owned(), Ok(stale)),
            ("kafka-4".to_owned(), Ok(view)),
        ];
        let lines = judge_brokers(&views);
        assert_eq!(
            verdicts(&lines),
            [Verdict::ToDo, Verdict::Ok, Verdict::ToDo, Verdict::Ok],
            "{lines:?}"
        );
        assert!(lines[2].says.contains("than kafka-2"), "{lines:?}");
    }

    #[test]
    fn a_missing_topic_is_to_be_made_and_leaders_are_named_once() {
        let broker = |id| Broker { id, host: format!("kafka-{id}"), port: 9_092 };
        let view = KafkaView { brokers: (0..4).map(broker).collect(), topics: vec![topic()] };
        let demanded = demanded::topics();
        let settings = BTreeMap::from([(wanted().name.to_owned(), settings(&wanted()))]);
        let lines = judge(&demanded, &view, &settings);
        let to_do = lines.iter().filter(|line| line.verdict == Verdict::ToDo);
        assert!(to_do.clone().all(|line| line.says.contains("it is missing")), "{lines:?}");
        assert_eq!(to_do.count(), 2);
        let ids: Vec<i32> = leaders(&view).iter().map(|broker| broker.id).collect();
        assert_eq!(ids, [0, 1, 2]);
    }
}
