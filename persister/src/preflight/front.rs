//! The limits in front: each NGINX says on its private port which it was started with, and they are held
//! beside those of `nginx/limits.conf`.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::io;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

use super::demanded;
use super::line::Line;

const LIMITS: &str = "limits in front";
/// For an answer.
const ANSWER_WITHIN: Duration = Duration::from_secs(2);
/// The most bytes of one.
const MAX_ANSWER_BYTES: u64 = 16 * 1024;
/// Where NGINX says its limits, on its private port.
const PATH: &str = "/limits";

/// What NGINX lets through.
#[derive(Debug, Clone, Default, PartialEq)]
struct Limits {
    /// Token buckets that are applied, by name.
    buckets: BTreeMap<String, Bucket>,
    /// Connections of an address.
    connections: Option<u64>,
}

/// A token bucket.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Bucket {
    per_s: f64,
    burst: u64,
}

/// Asks each NGINX; their addresses are those of `FIRSTCOME_NGINX`.
pub(super) async fn look(nginx: &[String]) -> Vec<Line> {
    if nginx.is_empty() {
        let says = "say in FIRSTCOME_NGINX where each NGINX has its private port, and ask again; or \
            compare what it runs with (`nginx -T`) to nginx/limits.conf";
        return vec![Line::not_seen(LIMITS, "", says)];
    }
    let demanded = Limits::parse(demanded::LIMITS);
    let mut lines = Vec::new();
    for address in nginx {
        let asked = timeout(ANSWER_WITHIN, ask(address)).await;
        lines.push(match asked.unwrap_or_else(|late| Err(late.into())) {
            Ok(said) => judge(address, &Limits::parse(&said), &demanded),
            Err(error) => {
                let says =
                    format!("it does not say them ({error}): bring it back, or start it anew");
                Line::to_do(LIMITS, address, says)
            }
        });
    }
    lines
}

/// One short answer, without a client's machinery.
async fn ask(address: &str) -> io::Result<String> {
    let mut stream = TcpStream::connect(address).await?;
    let request = format!("GET {PATH} HTTP/1.0\r\nHost: {address}\r\n\r\n");
    stream.write_all(request.as_bytes()).await?;
    let mut answer = String::new();
    stream.take(MAX_ANSWER_BYTES).read_to_string(&mut answer).await?;
    body(&answer).map(str::to_owned).map_err(io::Error::other)
}

fn body(answer: &str) -> Result<&str, String> {
    let (head, body) = answer.split_once("\r\n\r\n").ok_or("an answer was cut off")?;
    let status = head.lines().next().unwrap_or_default();
    if status.split(' ').nth(1) == Some("200") {
        Ok(body)
    } else {
        Err(format!("{PATH} answered {status:?}"))
    }
}

impl Limits {
    /// Of NGINX's directives, `limit_req zone=address burst=1000 nodelay;` and so on. A bucket that is
    /// defined and not applied limits nothing.
    fn parse(text: &str) -> Self {
        let uncommented = text.lines().filter(|line| !line.trim_start().starts_with('#'));
        let text: String = uncommented.flat_map(|line| [line, "\n"]).collect();
        let mut rates: BTreeMap<&str, f64> = BTreeMap::new();
        let mut limits = Self::default();
        // A block ends without a semicolon.
        for directive in text.split([';', '{', '}']) {
            let words: Vec<&str> = directive.split_ascii_whitespace().collect();
            let of = |name: &str| words.iter().find_map(|word| word.strip_prefix(name));
            match words.first().copied() {
                Some("limit_req_zone") => {
                    let zone = of("zone=").and_then(|zone| zone.split(':').next());
                    rates.extend(zone.zip(of("rate=").and_then(per_s)));
                }
                Some("limit_req") => {
                    let burst = of("burst=").and_then(|burst| burst.parse().ok()).unwrap_or(0);
                    let zone = of("zone=").unwrap_or_default();
                    if let Some(&per_s) = rates.get(zone) {
                        limits.buckets.insert(zone.to_owned(), Bucket { per_s, burst });
                    }
                }
                Some("limit_conn") => {
                    limits.connections = words.get(2).and_then(|most| most.parse().ok());
                }
                _ => {}
            }
        }
        limits
    }

    /// Those of `demanded` that this lacks, by name.
    fn lacks<'a>(&self, demanded: &'a Self) -> Vec<&'a str> {
        let names = demanded.buckets.keys().map(String::as_str);
        let mut lacks: Vec<&str> = names.filter(|name| !self.buckets.contains_key(*name)).collect();
        if self.connections.is_none() {
            lacks.push("connections");
        }
        lacks
    }

    /// Whether any bucket lets through more than the same one of `demanded`.
    fn is_looser(&self, demanded: &Self) -> bool {
        let looser = |(name, bucket): (&String, &Bucket)| {
            let demanded = demanded.buckets.get(name);
            demanded.is_some_and(|most| bucket.per_s > most.per_s || bucket.burst > most.burst)
        };
        self.buckets.iter().any(looser) || self.connections > demanded.connections
    }

    fn sentence(&self) -> String {
        let mut text = String::new();
        for (name, Bucket { per_s, burst }) in &self.buckets {
            // Writing to a String does not fail.
            let _ = write!(text, "{name} {per_s}/s, burst {burst}; ");
        }
        format!("{text}{} connections of an address", self.connections.unwrap_or_default())
    }
}

/// `5r/s`, `30r/m`.
fn per_s(rate: &str) -> Option<f64> {
    match rate.split_once("r/")? {
        (number, "s") => number.parse().ok(),
        (number, "m") => number.parse::<f64>().ok().map(|per_m| per_m / 60.0),
        _ => None,
    }
}

fn judge(address: &str, limits: &Limits, demanded: &Limits) -> Line {
    let lacks = limits.lacks(demanded);
    if !lacks.is_empty() {
        let says = format!(
            "nothing limits {}: start it with nginx/limits.conf, or the same names with your figures",
            lacks.join(", ")
        );
        return Line::to_do(LIMITS, address, says);
    }
    let says = limits.sentence();
    if limits.is_looser(demanded) {
        let says = format!(
            "{says}. That is more than nginx/limits.conf lets through: fine for rushes from one \
             machine and where it is meant, not for the public"
        );
        return Line::warning(LIMITS, address, says);
    }
    Line::ok(LIMITS, address, says)
}

#[cfg(test)]
mod tests {
    use super::super::line::Verdict;
    use super::*;

    fn demanded() -> Limits {
        Limits::parse(demanded::LIMITS)
    }

    fn judged(text: &str) -> Line {
        judge("nginx:8081", &Limits::parse(text), &demanded())
    }

    #[test]
    fn the_limits_of_the_file_are_read() {
        let limits = demanded();
        let names: Vec<&str> = limits.buckets.keys().map(String::as_str).collect();
        assert_eq!(names, ["address", "anonymous", "credential"]);
        assert_eq!(limits.buckets["credential"], Bucket { per_s: 5.0, burst: 10 });
        assert_eq!(limits.connections, Some(500));
        assert_eq!(per_s("30r/m"), Some(0.5));
        assert_eq!(per_s("5"), None);
    }

    #[test]
    fn the_same_limits_or_stricter_ones_are_fine() {
        let same = judged(demanded::LIMITS);
        assert_eq!(same.verdict, Verdict::Ok);
        assert!(same.says.contains("credential 5/s, burst 10;"), "{same}");
        assert_eq!(
            judged(&demanded::LIMITS.replace("rate=5r/s", "rate=2r/s")).verdict,
            Verdict::Ok
        );
    }

    #[test]
    fn looser_ones_are_said_and_missing_ones_are_to_be_put_in() {
        for (from, to) in
            [("rate=5r/s", "rate=5000r/s"), ("burst=20 ", "burst=2000 "), ("s 500;", "s 50000;")]
        {
            assert_eq!(
                judged(&demanded::LIMITS.replace(from, to)).verdict,
                Verdict::Warning,
                "{to}"
            );
        }
        // Defined, and not applied.
        let unused = demanded::LIMITS.replace("limit_req zone=address ", "# ");
        let line = judged(&unused);
        assert_eq!(line.verdict, Verdict::ToDo);
        assert!(line.says.starts_with("nothing limits address:"), "{line}");
        let nothing = judged("");
        assert!(nothing.says.contains("address, anonymous, credential, connections"), "{nothing}");
    }

    #[test]
    fn only_a_whole_200_is_an_answer() {
        assert_eq!(body("HTTP/1.1 200 OK\r\nA: b\r\n\r\nlimit"), Ok("limit"));
        assert!(body("HTTP/1.1 404 Not Found\r\n\r\nlimit").is_err());
        assert!(body("HTTP/1.1 200 OK\r\n").is_err());
    }
}
