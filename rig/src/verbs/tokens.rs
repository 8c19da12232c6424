//! `./dev tokens`: signed tokens for many users, and the keys that an edge verifies them with.

use std::error::Error;
use std::fs::{File, OpenOptions};
use std::io::{self, BufWriter, ErrorKind, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::{SystemTime, UNIX_EPOCH};

use clap::Args;
use rig::stack::repository_root;
use rig::tokens::{Alg, Bulk, Format, Key, write};
use serde_json::json;

/// Read and written by nobody else.
const PRIVATE: u32 = 0o600;

#[derive(Debug, Args)]
pub(crate) struct Arguments {
    /// How many users
    #[arg(long, default_value_t = 1_000, value_parser = clap::value_parser!(u64).range(1..=100_000_000))]
    users: u64,
    /// The number of the first
    #[arg(long, default_value_t = 0)]
    first: u64,
    /// What comes before the number in a user's name
    #[arg(long, default_value = "user-")]
    prefix: String,
    /// How tokens are signed, where a new key is made
    #[arg(long, default_value = "ES256")]
    alg: Alg,
    /// Their iss: FIRSTCOME_JWT_ISSUER of the edge
    #[arg(long, default_value = "firstcome")]
    issuer: String,
    /// Their aud: FIRSTCOME_JWT_AUDIENCE of the edge
    #[arg(long, default_value = "firstcome")]
    audience: String,
    /// Seconds that they are good for
    #[arg(long, default_value_t = 86_400)]
    for_s: u64,
    /// Since when they are good, Unix seconds [default: now]
    #[arg(long)]
    from: Option<u64>,
    /// The key that signs, which is made where there is none [default: target/tokens/ALG.key]
    #[arg(long)]
    key: Option<PathBuf>,
    /// Where to write the key set: FIRSTCOME_JWT_KEYS_FILE of the edge
    /// [default: target/tokens/ALG.jwks]
    #[arg(long)]
    keys: Option<PathBuf>,
    /// Where to write the tokens [default: standard output]
    #[arg(long)]
    out: Option<PathBuf>,
    /// A user and a token a line, or JSON
    #[arg(long, default_value = "lines")]
    format: Format,
}

/// Writes the key set first, then the tokens.
pub(crate) fn run(arguments: Arguments) -> Result<ExitCode, Box<dyn Error>> {
    let alg = arguments.alg.as_str();
    let path = |end: &str| repository_root().join(format!("target/tokens/{alg}.{end}"));
    let key = key(&arguments.key.unwrap_or_else(|| path("key")), arguments.alg)?;
    let keys = arguments.keys.unwrap_or_else(|| path("jwks"));
    make_parent(&keys)?;
    let mut file = private_file().truncate(true).open(&keys)?;
    file.write_all(json!({ "keys": [key.jwk()] }).to_string().as_bytes())?;
    let bulk = Bulk {
        users: arguments.users,
        first: arguments.first,
        prefix: arguments.prefix,
        issuer: arguments.issuer,
        audience: arguments.audience,
        from_s: arguments.from.unwrap_or_else(now_s),
        for_s: arguments.for_s,
    };
    match &arguments.out {
        Some(path) => {
            make_parent(path)?;
            let file = private_file().truncate(true).open(path)?;
            write(&bulk, &key, arguments.format, &mut BufWriter::new(file))?;
        }
        None => write(&bulk, &key, arguments.format, &mut BufWriter::new(io::stdout().lock()))?,
    }
    eprintln!(
        "{} tokens of {}, good for {} s; keys for the edge in {}",
        bulk.users,
        key.alg().as_str(),
        bulk.for_s,
        keys.display()
    );
    Ok(ExitCode::SUCCESS)
}

/// The key that was kept, whatever its algorithm, or a new one.
fn key(path: &Path, alg: Alg) -> Result<Key, Box<dyn Error>> {
    match std::fs::read_to_string(path) {
        Ok(text) => {
            Key::from_file(&text).map_err(|error| format!("{}: {error}", path.display()).into())
        }
        Err(error) if error.kind() == ErrorKind::NotFound => {
            let key = Key::generate(alg)?;
            make_parent(path)?;
            let mut file = private_file().create_new(true).open(path)?;
            file.write_all(key.to_file()?.as_bytes())?;
            Ok(key)
        }
        Err(error) => Err(format!("{}: {error}", path.display()).into()),
    }
}

fn private_file() -> OpenOptions {
    let mut options = File::options();
    options.write(true).create(true).mode(PRIVATE);
    options
}

fn make_parent(path: &Path) -> io::Result<()> {
    path.parent().map_or(Ok(()), std::fs::create_dir_all)
}

fn now_s() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs())
}
