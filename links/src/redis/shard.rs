//! What the cold paths read from an event's keys, and how they acknowledge its outbox.

use contract::coupon::{Win, parse_wins};
use contract::event::Phase;
use contract::ids::{EventId, UserId};
use contract::keys::{EventKeys, state};
use contract::outbox::{self, UserWin};

use super::cluster::Cluster;
use super::error::RedisError;
use super::reply::Reply;
use super::server::read_time;
use super::slot::Slot;
use super::topology::Master;

/// The state hash of an event: how its shard has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ShardState {
    /// The number that each re-arm raises.
    pub epoch: u64,
    /// How the event stands on its shard.
    pub phase: Phase,
    /// `master_replid` of the process that may answer; empty while arming.
    pub identity: String,
    /// `run_id` of that process.
    pub run_id: String,
    /// The shard's config epoch when it was armed.
    pub config_epoch: u64,
    /// Token of the arming that is under way; empty when none is.
    pub armer: String,
    /// Unix milliseconds; 0: always open.
    pub opens_ms: u64,
    /// Unix milliseconds; 0: never closes by itself.
    pub closes_ms: u64,
    /// Units in all.
    pub stock: u64,
    /// Units that winners hold.
    pub held: u64,
    /// The highest sequence number given.
    pub sequence: u64,
    /// Units that one user may hold.
    pub limit: u32,
    /// The operators' version that the shard carries.
    pub version: u64,
    /// How often operators' changes moved the shard: each step towards them names it.
    pub moves: u64,
    /// The wins are gone although units are held.
    pub lost_wins: bool,
}

/// An entry of the outbox: a batch of wins that Kafka has not acknowledged.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OutboxEntry {
    /// `epoch-first sequence`; what [`Cluster::acknowledge`] takes.
    pub id: String,
    /// The epoch that granted the wins.
    pub epoch: u64,
    /// The wins and who won them.
    pub wins: Vec<UserWin>,
}

/// A part of an outbox, oldest first.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct OutboxPage {
    /// The entries.
    pub entries: Vec<OutboxEntry>,
    /// Ids of entries that cannot be read. They stay; somebody has to look.
    pub unreadable: Vec<String>,
}

/// A user's wins, as the wins hash has them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UserWins {
    /// The user.
    pub user: UserId,
    /// All wins, returned ones included.
    pub wins: Vec<Win>,
}

/// A part of the wins hash.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WinsPage {
    /// Where to go on; 0: that was all. Users may come twice.
    pub cursor: u64,
    /// The users of this part.
    pub users: Vec<UserWins>,
    /// Fields whose text is no list of wins.
    pub unreadable: Vec<String>,
}

impl WinsPage {
    /// Reads what HSCAN answers, or a script that ran it; None where it is something else.
    pub fn parse(reply: &Reply) -> Option<Self> {
        let [cursor, fields] = reply.items()? else {
            return None;
        };
        let mut page = Self {
            cursor: cursor.text()?.parse().ok()?,
            users: Vec::new(),
            unreadable: Vec::new(),
        };
        for pair in fields.items()?.chunks_exact(2) {
            let user = pair[0].text()?;
            let wins = pair[1].text().and_then(|text| parse_wins(text).ok());
            match user.parse().ok().zip(wins) {
                Some((user, wins)) => page.users.push(UserWins { user, wins }),
                None => page.unreadable.push(user.to_owned()),
            }
        }
        Some(page)
    }
}

/// Which process a master is: both change at a restart, the first at a promotion as well.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Process {
    /// `master_replid`, what a state's `identity` is compared with.
    pub replid: String,
    /// `run_id`.
    pub run_id: String,
}

impl Cluster {
    /// The state of an event on its shard; None where the key is missing.
    pub async fn state(&self, event: &EventId) -> Result<Option<ShardState>, RedisError> {
        let key = EventKeys::new(event).state;
        let args = [
            key.as_str(),
            state::EPOCH,
            state::PHASE,
            state::IDENTITY,
            state::RUN_ID,
            state::CONFIG_EPOCH,
            state::ARMER,
            state::OPENS,
            state::CLOSES,
            state::STOCK,
            state::HELD,
            state::SEQUENCE,
            state::LIMIT,
            state::VERSION,
            state::MOVES,
        ];
        let reply = self.command(Slot::of(event), "HMGET", &args).await?;
        let mut state = parse_state(&reply)?;
        if let Some(state) = state.as_mut().filter(|state| state.held > 0) {
            let wins = EventKeys::new(event).wins;
            let there = self.command(Slot::of(event), "EXISTS", &[wins.as_str()]).await?;
            state.lost_wins = there.integer() == Some(0);
        }
        Ok(state)
    }

    /// Up to `count` entries of an event's outbox after the entry `after`; all of it from `None`.
    pub async fn outbox(
        &self,
        event: &EventId,
        after: Option<&str>,
        count: u32,
    ) -> Result<OutboxPage, RedisError> {
        let key = EventKeys::new(event).outbox;
        let start = after.map_or_else(|| "-".to_owned(), |id| format!("({id}"));
        let count = count.to_string();
        let args = [key.as_str(), start.as_str(), "+", "COUNT", count.as_str()];
        let reply = self.command(Slot::of(event), "XRANGE", &args).await?;
        parse_outbox(&reply).ok_or_else(|| unreadable("an outbox", &reply))
    }

    /// How many entries an event's outbox has.
    pub async fn outbox_length(&self, event: &EventId) -> Result<u64, RedisError> {
        let key = EventKeys::new(event).outbox;
        let reply = self.command(Slot::of(event), "XLEN", &[key.as_str()]).await?;
        unsigned(&reply).ok_or_else(|| unreadable("a count", &reply))
    }

    /// Deletes entries of an event's outbox by their ids, all of whose wins Kafka has; returns how
    /// many there still were.
    pub async fn acknowledge(&self, event: &EventId, ids: &[&str]) -> Result<u64, RedisError> {
        if ids.is_empty() {
            return Ok(0);
        }
        let key = EventKeys::new(event).outbox;
        let args = [&[key.as_str()], ids].concat();
        let reply = self.command(Slot::of(event), "XDEL", &args).await?;
        unsigned(&reply).ok_or_else(|| unreadable("a count", &reply))
    }

    /// About `count` users of the wins hash from `cursor` on; 0 begins.
    pub async fn wins_page(
        &self,
        event: &EventId,
        cursor: u64,
        count: u32,
    ) -> Result<WinsPage, RedisError> {
        let key = EventKeys::new(event).wins;
        let (cursor, count) = (cursor.to_string(), count.to_string());
        let args = [key.as_str(), cursor.as_str(), "COUNT", count.as_str()];
        let reply = self.command(Slot::of(event), "HSCAN", &args).await?;
        WinsPage::parse(&reply).ok_or_else(|| unreadable("a page of wins", &reply))
    }

    /// Unix milliseconds on the clock of a slot's master, which all wins are stamped by.
    pub async fn clock_ms(&self, slot: Slot) -> Result<u64, RedisError> {
        let reply = self.command(slot, "TIME", &[]).await?;
        read_time(&reply).ok_or_else(|| unreadable("a time", &reply))
    }

    /// Which process a master is at the moment.
    pub async fn process_of(&self, master: &Master) -> Result<Process, RedisError> {
        let reply = self.command_on(master, "INFO", &["replication", "server"]).await?;
        let text = reply.text().unwrap_or_default();
        parse_process(text).ok_or_else(|| unreadable("an INFO", &reply))
    }
}

fn unreadable(what: &str, reply: &Reply) -> RedisError {
    let mut shown = format!("{reply:?}");
    shown.truncate(shown.floor_char_boundary(200));
    RedisError::Unknown(format!("not {what}: {shown}"))
}

fn unsigned(reply: &Reply) -> Option<u64> {
    reply.integer()?.try_into().ok()
}

fn parse_state(reply: &Reply) -> Result<Option<ShardState>, RedisError> {
    match reply.items() {
        Some([Reply::Nil, ..]) => Ok(None),
        Some(fields) => match read_state(fields) {
            Some(state) => Ok(Some(state)),
            None => Err(unreadable("a state", reply)),
        },
        None => Err(unreadable("a state", reply)),
    }
}

fn read_state(fields: &[Reply]) -> Option<ShardState> {
    let [epoch, phase, identity, run_id, config_epoch, armer, opens, closes, rest @ ..] = fields
    else {
        return None;
    };
    let [stock, held, sequence, limit, version, moves] = rest else {
        return None;
    };
    // Absent while arming.
    let text = |reply: &Reply| reply.text().unwrap_or_default().to_owned();
    Some(ShardState {
        epoch: unsigned(epoch)?,
        phase: Phase::parse(phase.text()?)?,
        identity: text(identity),
        run_id: text(run_id),
        config_epoch: unsigned(config_epoch).unwrap_or(0),
        armer: text(armer),
        opens_ms: unsigned(opens)?,
        closes_ms: unsigned(closes)?,
        stock: unsigned(stock)?,
        held: unsigned(held)?,
        sequence: unsigned(sequence)?,
        limit: unsigned(limit)?.try_into().ok()?,
        version: unsigned(version)?,
        moves: unsigned(moves).unwrap_or(0),
        lost_wins: false,
    })
}

fn parse_outbox(reply: &Reply) -> Option<OutboxPage> {
    let mut page = OutboxPage::default();
    for item in reply.items()? {
        let [id, fields] = item.items()? else {
            return None;
        };
        let id = id.text()?.to_owned();
        match parse_entry(&id, fields.items()?) {
            Some(entry) => page.entries.push(entry),
            None => page.unreadable.push(id),
        }
    }
    Some(page)
}

fn parse_entry(id: &str, fields: &[Reply]) -> Option<OutboxEntry> {
    let field = |name| {
        let mut pairs = fields.chunks_exact(2);
        pairs.find(|pair| pair[0].text() == Some(name)).map(|pair| &pair[1])
    };
    if unsigned(field(outbox::FIELD_FORMAT)?)? != u64::from(outbox::FORMAT) {
        return None;
    }
    Some(OutboxEntry {
        id: id.to_owned(),
        epoch: unsigned(field(outbox::FIELD_EPOCH)?)?,
        wins: outbox::parse_wins(field(outbox::FIELD_WINS)?.text()?).ok()?,
    })
}

fn parse_process(info: &str) -> Option<Process> {
    let field = |name: &str| {
        info.lines()
            .find_map(|line| line.trim_end().strip_prefix(name)?.strip_prefix(':'))
            .map(str::to_owned)
    };
    Some(Process { replid: field("master_replid")?, run_id: field("run_id")? })
}

#[cfg(test)]
mod tests {
    use super::*;

    const WIN: &str = "0193a1b2c3d47e8f8a9b0c1d2e3f4a5b,7,-,1700000000123,1,1,issued,1";

    fn text(text: &str) -> Reply {
        Reply::Text(text.to_owned().into())
    }

    fn texts(all: &[&str]) -> Reply {
        Reply::Array(all.iter().map(|one| text(one)).collect())
    }

    #[test]
    fn a_state_is_read_field_by_field() {
        let fields = [
            "3",
            "open",
            "abc",
            "def",
            "7",
            "",
            "0",
            "1700000000000",
            "500",
            "12",
            "14",
            "1",
            "9",
            "2",
        ];
        let state = parse_state(&texts(&fields)).unwrap().unwrap();
        assert_eq!(
            state,
            ShardState {
                epoch: 3,
                phase: Phase::Open,
                identity: "abc".to_owned(),
                run_id: "def".to_owned(),
                config_epoch: 7,
                armer: String::new(),
                opens_ms: 0,
                closes_ms: 1_700_000_000_000,
                stock: 500,
                held: 12,
                sequence: 14,
                limit: 1,
                version: 9,
                moves: 2,
                lost_wins: false,
            }
        );
    }

    #[test]
    fn a_missing_state_is_none_and_a_broken_one_is_told() {
        let missing = Reply::Array(vec![Reply::Nil; 14]);
        assert_eq!(parse_state(&missing), Ok(None));
        let broken = texts(&["3", "ajar", "", "", "", "", "0", "0", "1", "0", "0", "1", "1", "0"]);
        for reply in [broken, texts(&["3", "open"]), Reply::Integer(1)] {
            assert!(matches!(parse_state(&reply), Err(RedisError::Unknown(_))), "{reply:?}");
        }
    }

    #[test]
    fn an_outbox_is_read_past_what_cannot_be_read() {
        let wins = format!("ann,{WIN}");
        let entry = |id, fields: &[&str]| Reply::Array(vec![text(id), texts(fields)]);
        let page = parse_outbox(&Reply::Array(vec![
            entry("3-7", &["format", "1", "epoch", "3", "wins", &wins]),
            entry("3-8", &["format", "2", "epoch", "3", "wins", &wins]),
            entry("3-9", &["format", "1", "epoch", "3"]),
        ]))
        .unwrap();
        assert_eq!(page.entries.len(), 1);
        assert_eq!(page.entries[0].id, "3-7");
        assert_eq!(page.entries[0].epoch, 3);
        assert_eq!(page.entries[0].wins[0].user.as_str(), "ann");
        assert_eq!(page.unreadable, ["3-8", "3-9"]);
        assert_eq!(parse_outbox(&Reply::Nil), None);
    }

    #[test]
    fn a_page_of_wins_is_read_past_what_cannot_be_read() {
        let fields = texts(&["ann", WIN, "bob", "nonsense"]);
        let page = WinsPage::parse(&Reply::Array(vec![text("17"), fields])).unwrap();
        assert_eq!(page.cursor, 17);
        assert_eq!(page.users.len(), 1);
        assert_eq!(page.users[0].wins[0].sequence, 7);
        assert_eq!(page.unreadable, ["bob"]);
    }

    #[test]
    fn a_process_is_read_from_info() {
        let info = "# Replication\r\nrole:master\r\nmaster_replid:aa\r\nmaster_replid2:bb\r\n\r\n\
                    # Server\r\nredis_version:7.0.15\r\nrun_id:cc\r\n";
        let process = parse_process(info).unwrap();
        assert_eq!((process.replid.as_str(), process.run_id.as_str()), ("aa", "cc"));
        assert_eq!(parse_process("# Server\r\nrun_id:cc\r\n"), None);
    }
}
