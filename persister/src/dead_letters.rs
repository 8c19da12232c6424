//! The dead-letter topic: each record that cannot become a row, with where it came from and why in
//! its headers.

mod headers;

use std::collections::HashMap;

use contract::topics::{COUPON_ISSUED_DLT, dead_letter};
use links::kafka::{Kafka, KafkaError, NewRecord, Partition};
use tracing::warn;

use crate::consume::batch::{Content, Item, Reason, Verdict};
use crate::failpoint::Point;
use crate::metrics;
use crate::store::desk::Failed;

pub use headers::{Headers, Origin, failed, rfc3339};

/// Dead letters are rare: one partition takes them all.
const PARTITION: i32 = 0;
/// About the most bytes of one produce, well below what brokers take (1 MiB).
const MAX_PRODUCE_BYTES: usize = 256 * 1024;
/// What is kept of a record that is too large for the topic together with its headers.
const KEPT_BYTES: usize = 64 * 1024;
/// What a record's headers and framing are reckoned at.
const HEADER_BYTES: usize = 4_096;
/// What is kept of a message where its record has to be cut.
const KEPT_MESSAGE_BYTES: usize = 1_024;

/// Where the origin's word ends when its value had to be cut.
const CUT_NOTE: &str = " (the value is cut: it is too large for the dead-letter topic)";

/// Writes dead letters. Shared by all readers.
pub struct DeadLetters {
    partition: Partition,
}

impl DeadLetters {
    /// Of that cluster; connects when it is first used.
    pub fn new(kafka: &Kafka) -> Self {
        Self { partition: kafka.partition(COUPON_ISSUED_DLT, PARTITION) }
    }

    /// Brings every doomed record of a batch into the topic, acknowledged by all. After an error
    /// some may be there; they come again, and their rows are written once.
    pub async fn publish(&self, part: i32, items: &mut [Item]) -> Result<(), KafkaError> {
        for places in chunks(items) {
            let letters: Vec<NewRecord> =
                places.iter().filter_map(|&place| letter(part, &items[place])).collect();
            match self.partition.produce(letters).await {
                Err(KafkaError::Refused(why)) => {
                    self.publish_cut(part, items, &places, &why).await?
                }
                other => drop(other?),
            }
            Point::AfterDeadLetter.reach();
            tell(part, items, &places);
            for place in places {
                note(&mut items[place]);
            }
        }
        Ok(())
    }

    /// One by one, cut to what the topic surely takes.
    async fn publish_cut(
        &self,
        part: i32,
        items: &[Item],
        places: &[usize],
        why: &str,
    ) -> Result<(), KafkaError> {
        warn!(part, why, "dead letters are cut to fit their topic");
        for &place in places {
            if let Some(mut letter) = letter(part, &items[place]) {
                cut(&mut letter);
                self.partition.produce(vec![letter]).await?;
            }
        }
        Ok(())
    }
}

/// Places of the doomed, in groups that one produce takes.
fn chunks(items: &[Item]) -> Vec<Vec<usize>> {
    let mut chunks: Vec<Vec<usize>> = Vec::new();
    let mut bytes = 0;
    for (place, item) in items.iter().enumerate() {
        if !matches!(item.content, Content::Doomed(_)) {
            continue;
        }
        let size = HEADER_BYTES + item.record.value.as_ref().map_or(0, Vec::len);
        match chunks.last_mut() {
            Some(chunk) if bytes + size <= MAX_PRODUCE_BYTES => {
                bytes += size;
                chunk.push(place);
            }
            _ => {
                bytes = size;
                chunks.push(vec![place]);
            }
        }
    }
    chunks
}

/// One line for all letters of a reason, with the first as an example: a flood of poison would
/// fill the disk otherwise. Each has its row and its record, which say what was wrong; the sentence
/// may name users, so it stays out of the log.
fn tell(part: i32, items: &[Item], places: &[usize]) {
    let mut by_reason: HashMap<Reason, (u32, &Item, &Verdict)> = HashMap::new();
    for &place in places {
        if let Content::Doomed(verdict) = &items[place].content {
            by_reason.entry(verdict.reason).or_insert((0, &items[place], verdict)).0 += 1;
        }
    }
    for (reason, (letters, first, verdict)) in by_reason {
        warn!(
            part,
            letters,
            reason = reason.as_str(),
            first_offset = first.record.offset,
            first_event = verdict.event_id.as_ref().map(|event| event.as_str()),
            "dead letters"
        );
    }
}

/// One that is brought again is counted once its letter was looked up: see [`count`].
fn note(item: &mut Item) {
    if let Content::Doomed(verdict) = &item.content {
        if item.origin.is_none() {
            count(verdict, Failed::NoLetter);
        }
        item.content = Content::DeadLetter(verdict.clone());
    }
}

/// Counts a record that cannot become a row, by what it means for its letter. Only what was counted
/// before for the same reason is no news.
pub fn count(verdict: &Verdict, failed: Failed) {
    if failed == Failed::Again {
        return metrics::dead_letter_again(verdict.reason);
    }
    metrics::dead_letter(verdict.reason);
    if let (Reason::Void, Some(told)) = (verdict.reason, verdict.told) {
        metrics::void_win(told);
    }
}

fn letter(part: i32, item: &Item) -> Option<NewRecord> {
    match &item.content {
        Content::Doomed(verdict) => Some(encode(part, item, verdict)),
        Content::Win(_) | Content::Marker(_) | Content::DeadLetter(_) => None,
    }
}

fn encode(part: i32, item: &Item, verdict: &Verdict) -> NewRecord {
    let record = &item.record;
    NewRecord {
        key: record.key.clone().unwrap_or_default(),
        value: record.value.clone(),
        headers: failed(part, record, item.origin.as_ref(), verdict),
    }
}

/// Keeps our own headers and the beginning of the value.
fn cut(letter: &mut NewRecord) {
    if let Some(value) = &mut letter.value {
        value.truncate(KEPT_BYTES);
    }
    letter.key.truncate(KEPT_BYTES);
    letter.headers.retain(|name, _| dead_letter::ALL.contains(&name.as_str()));
    for name in [dead_letter::MESSAGE, dead_letter::SPRING_MESSAGE] {
        if let Some(message) = letter.headers.get_mut(name) {
            message.truncate(KEPT_MESSAGE_BYTES);
            message.extend_from_slice(CUT_NOTE.as_bytes());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::consume::batch::read;
    use contract::record::Told;
    use links::kafka::StoredRecord;

    fn poison(offset: i64, bytes: usize) -> StoredRecord {
        StoredRecord {
            offset,
            timestamp_ms: 17,
            key: Some(b"spring/ann".to_vec()),
            value: Some(vec![b'x'; bytes]),
            headers: [("request-id".to_owned(), b"r-1".to_vec())].into(),
        }
    }

    fn text<'a>(letter: &'a NewRecord, name: &str) -> &'a str {
        std::str::from_utf8(&letter.headers[name]).unwrap()
    }

    #[test]
    fn a_letter_tells_where_it_came_from_and_why() {
        let items = read(vec![poison(7, 3)]);
        let letter = letter(4, &items[0]).unwrap();
        assert_eq!(text(&letter, dead_letter::TOPIC), "coupon-issued");
        assert_eq!(text(&letter, dead_letter::PARTITION), "4");
        assert_eq!(text(&letter, dead_letter::OFFSET), "7");
        assert_eq!(text(&letter, dead_letter::TIMESTAMP), "17");
        assert_eq!(text(&letter, dead_letter::ATTEMPTS), "1");
        assert_eq!(text(&letter, dead_letter::REASON), Reason::Undecodable.as_str());
        assert!(text(&letter, dead_letter::MESSAGE).contains("expected value"));
        assert_eq!(text(&letter, "request-id"), "r-1");
        assert_eq!(
            (letter.key.as_slice(), letter.value.as_deref()),
            (&b"spring/ann"[..], Some(&b"xxx"[..]))
        );
    }

    #[test]
    fn letters_go_in_groups_that_a_broker_takes() {
        let mut items = read((0..3).map(|at| poison(at, 200_000)).collect());
        items.extend(read((3..9).map(|at| poison(at, 10)).collect()));
        assert_eq!(chunks(&items), [vec![0], vec![1], vec![2, 3, 4, 5, 6, 7, 8]]);
        note(&mut items[0]);
        assert_eq!(chunks(&items)[0], [1], "what is there already is not sent again");
    }

    /// The metrics page after that.
    fn counted(what: impl FnOnce()) -> String {
        let recorder = metrics_exporter_prometheus::PrometheusBuilder::new().build_recorder();
        ::metrics::with_local_recorder(&recorder, what);
        recorder.handle().render()
    }

    #[test]
    fn only_the_same_failure_of_the_same_letter_is_no_news() {
        let void = Verdict {
            reason: Reason::Void,
            message: "why".to_owned(),
            event_id: None,
            coupon_id: None,
            told: Some(Told::Replica),
        };
        let said = counted(|| count(&void, Failed::Again));
        assert!(!said.contains("dead_letters_total") && !said.contains("void_wins"), "{said}");
        assert!(said.contains("dead_letters_again_total{reason=\"void\"} 1"), "{said}");
        for news in [Failed::Otherwise, Failed::NoLetter] {
            let said = counted(|| count(&void, news));
            assert!(said.contains("dead_letters_total{reason=\"void\"} 1"), "{news:?}: {said}");
            assert!(said.contains("void_wins_total{told=\"replica\"} 1"), "{news:?}: {said}");
        }
    }

    #[test]
    fn what_is_brought_again_is_counted_by_whoever_looks_its_letter_up() {
        let mut first = read(vec![poison(7, 3)]).remove(0);
        let headers = letter(4, &first).unwrap().headers;
        let mut again = Item { origin: Origin::of(&headers), ..first.clone() };
        let said = counted(|| note(&mut again));
        assert!(!said.contains("dead_letters"), "{said}");
        assert!(matches!(again.content, Content::DeadLetter(_)));
        let said = counted(|| note(&mut first));
        assert!(said.contains("dead_letters_total{reason=\"undecodable\"} 1"), "{said}");
    }

    #[test]
    fn what_is_too_large_is_cut_and_says_so() {
        let items = read(vec![poison(7, 2_000_000)]);
        let mut letter = letter(4, &items[0]).unwrap();
        cut(&mut letter);
        assert_eq!(letter.value.as_ref().map(Vec::len), Some(KEPT_BYTES));
        assert!(text(&letter, dead_letter::MESSAGE).ends_with(CUT_NOTE));
        assert!(!letter.headers.contains_key("request-id"));
    }
}
