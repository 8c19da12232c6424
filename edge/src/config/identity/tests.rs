use std::path::PathBuf;

use super::*;
use crate::config::Config;

const SECRET_WORD: &str = "a-secret-of-24-letters-or-more";
const KEYS: &str = r#"{"keys":[{"kty":"oct","kid":"k",
    "k":"AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8"}]}"#;

/// A file that goes with the value.
struct Temporary(PathBuf);

impl Temporary {
    fn new(name: &str, text: &str) -> Self {
        let path = std::env::temp_dir().join(format!("firstcome-{}-{name}", std::process::id()));
        std::fs::write(&path, text).unwrap();
        Self(path)
    }

    fn path(&self) -> &str {
        self.0.to_str().unwrap()
    }
}

impl Drop for Temporary {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.0);
    }
}

fn mode(pairs: &[(&str, &str)]) -> Result<Mode, BadSetting> {
    let servers = [("FIRSTCOME_REDIS", "127.0.0.1:1"), ("FIRSTCOME_KAFKA", "127.0.0.1:2")];
    let config = Config::read(&Settings(&|name| {
        let mut all = pairs.iter().chain(&servers);
        all.find(|(key, _)| *key == name).map(|(_, value)| (*value).to_owned())
    }));
    config.map(|config| config.identity)
}

const JWT: [(&str, &str); 4] = [
    ("FIRSTCOME_IDENTITY", "jwt"),
    (ISSUER, "https://id.example"),
    (AUDIENCE, "firstcome"),
    (KEYS_URL, "https://id.example/keys"),
];
const HEADER: [(&str, &str); 3] =
    [("FIRSTCOME_IDENTITY", "header"), (PEERS, "10.0.0.7"), (SECRET.name, SECRET_WORD)];

/// The pairs, with one more in front, which counts.
fn with<'a>(pairs: &[(&'a str, &'a str)], more: (&'a str, &'a str)) -> Vec<(&'a str, &'a str)> {
    [&[more], pairs].concat()
}

#[test]
fn a_mode_that_is_whole_is_taken() {
    assert_eq!(mode(&[("FIRSTCOME_IDENTITY", "open")]), Ok(Mode::Open));
    let Ok(Mode::Jwt(setting)) = mode(&JWT) else { panic!("{:?}", mode(&JWT)) };
    assert_eq!(
        (setting.issuer.as_str(), setting.audience.as_str()),
        ("https://id.example", "firstcome")
    );
    let Ok(Mode::Header(setting)) = mode(&HEADER) else { panic!("{:?}", mode(&HEADER)) };
    assert!(setting.peers.has("10.0.0.7".parse().unwrap()));
    // What is empty is not set.
    assert_eq!(
        mode(&[("FIRSTCOME_IDENTITY", "open"), (ISSUER, ""), (SECRET.name, " ")]),
        Ok(Mode::Open)
    );
}

#[test]
fn a_mode_that_is_half_set_is_refused_by_the_name_that_is_missing() {
    for (whole, missing) in [
        (&JWT[..], ISSUER),
        (&JWT, AUDIENCE),
        (&JWT, KEYS_URL),
        (&HEADER, PEERS),
        (&HEADER, SECRET.name),
    ] {
        for without in ["", " "] {
            let error = mode(&with(whole, (missing, without))).unwrap_err();
            assert_eq!((error.name, error.problem.as_str()), (missing, "is not set"));
        }
    }
}

#[test]
fn what_belongs_to_another_mode_is_refused_and_not_repeated() {
    for (whole, foreign) in [
        (&[("FIRSTCOME_IDENTITY", "open")][..], &OF_JWT[..]),
        (&[("FIRSTCOME_IDENTITY", "open")], &OF_HEADER),
        (&JWT, &OF_HEADER),
        (&HEADER, &OF_JWT),
    ] {
        for &name in foreign {
            let error = mode(&with(whole, (name, SECRET_WORD))).unwrap_err();
            assert_eq!((error.name, error.problem.as_str()), (name, "is set"));
            assert!(error.wanted.contains("FIRSTCOME_IDENTITY="), "{error}");
        }
    }
}

#[test]
fn a_bad_value_is_named_with_what_was_read() {
    for (whole, name, value) in [
        (&JWT[..], "FIRSTCOME_IDENTITY", "token"),
        (&JWT, KEYS_URL, "http://id.example/keys"),
        (&JWT, KEYS_URL, "id.example"),
        (&HEADER, PEERS, "gateway-1"),
    ] {
        let error = mode(&with(whole, (name, value))).unwrap_err();
        assert_eq!((error.name, error.problem), (name, format!("is {value:?}")));
    }
    let long = "x".repeat(MAX_CLAIM_BYTES + 1);
    assert_eq!(mode(&with(&JWT, (AUDIENCE, &long))).unwrap_err().name, AUDIENCE);
}

#[test]
fn secrets_are_never_repeated() {
    let short = &SECRET_WORD[..20];
    let error = mode(&with(&HEADER, (SECRET.name, short))).unwrap_err();
    assert!(error.name == SECRET.name && !error.to_string().contains(short), "{error}");
    let error = mode(&with(&JWT, (KEYS_URL, "https://me:hidden@id.example/"))).unwrap_err();
    assert!(error.name == KEYS_URL && !error.to_string().contains("hidden"), "{error}");
    assert!(!format!("{:?}", mode(&HEADER)).contains(SECRET_WORD));
}

#[test]
fn secrets_and_keys_come_from_files_as_well() {
    let secret = Temporary::new("secret", &format!("{SECRET_WORD}\n"));
    let from_file = with(&HEADER, (SECRET.name, ""));
    assert_eq!(mode(&with(&from_file, (SECRET.file, secret.path()))), mode(&HEADER));
    let both = mode(&with(&HEADER, (SECRET.file, secret.path()))).unwrap_err();
    assert_eq!(
        (both.name, both.problem.as_str()),
        (SECRET.file, "is set beside FIRSTCOME_GATEWAY_SECRET")
    );
    let missing = mode(&with(&from_file, (SECRET.file, "/nowhere"))).unwrap_err();
    assert!(missing.problem.starts_with("names \"/nowhere\", which cannot be read"), "{missing}");

    let keys = Temporary::new("keys", KEYS);
    let from_file = with(&JWT, (KEYS_URL, ""));
    let good = mode(&with(&from_file, (KEYS_FILE, keys.path())));
    assert!(matches!(good, Ok(Mode::Jwt(jwt::Setting { source: Source::File(_), .. }))));
    assert_eq!(mode(&with(&JWT, (KEYS_FILE, keys.path()))).unwrap_err().name, KEYS_FILE);
    let empty = Temporary::new("no-keys", r#"{"keys":[]}"#);
    let none = mode(&with(&from_file, (KEYS_FILE, empty.path()))).unwrap_err();
    assert!(none.problem.contains("none of its keys can be used"), "{none}");
    let missing = mode(&with(&from_file, (KEYS_FILE, "/nowhere"))).unwrap_err();
    assert!(missing.problem.contains("cannot be used"), "{missing}");
    let ca = mode(&with(&JWT, (KEYS_CA_FILE, keys.path()))).unwrap_err();
    assert!(ca.name == KEYS_CA_FILE && ca.problem.contains("cannot be used"), "{ca}");
}
