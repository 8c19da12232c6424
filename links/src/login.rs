//! How a program logs in to a server, and where it reads the password.

use std::fmt;
use std::fs::File;
use std::io::{self, Read};

use contract::settings::{BadSetting, Settings};

/// The most bytes of a file with secrets.
const MAX_SECRET_BYTES: u64 = 64 * 1024;

/// A user and a password, which is never shown.
#[derive(Clone, PartialEq, Eq)]
pub struct Login {
    /// The user.
    pub user: String,
    password: String,
}

impl Login {
    /// As a server knows them.
    pub fn new(user: impl Into<String>, password: impl Into<String>) -> Self {
        Self { user: user.into(), password: password.into() }
    }

    /// To be sent to the server, and to nobody else.
    pub fn password(&self) -> &str {
        &self.password
    }

    /// Who logs in to Redis: `FIRSTCOME_REDIS_USER` with `FIRSTCOME_REDIS_PASSWORD`, or with the
    /// file that `FIRSTCOME_REDIS_PASSWORD_FILE` names. None where nothing of it is set.
    pub(crate) fn to_redis(settings: &Settings<'_>) -> Result<Option<Self>, BadSetting> {
        Self::read(settings, &REDIS)
    }

    /// The same for Kafka: `FIRSTCOME_KAFKA_USER` and `FIRSTCOME_KAFKA_PASSWORD`.
    pub(crate) fn to_kafka(settings: &Settings<'_>) -> Result<Option<Self>, BadSetting> {
        Self::read(settings, &KAFKA)
    }

    fn read(settings: &Settings<'_>, of: &Names) -> Result<Option<Self>, BadSetting> {
        match (settings.said(of.user), of.password.word(settings)?) {
            (None, None) => Ok(None),
            (Some(user), Some(password)) if is_word(&user) => Ok(Some(Self { user, password })),
            (Some(user), Some(_)) => Err(bad(of.user, format!("is {user:?}"), of.wants_user)),
            (None, Some(_)) => Err(bad(of.user, "is not set, but a password is", of.wants_user)),
            (Some(_), None) => {
                let problem = format!("is not set, but {} is", of.user);
                Err(bad(of.password.name, problem, of.password.wanted))
            }
        }
    }
}

impl fmt::Debug for Login {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} with a password", self.user)
    }
}

/// Where a login stands.
struct Names {
    user: &'static str,
    wants_user: &'static str,
    password: Secret,
}

const REDIS: Names = Names {
    user: "FIRSTCOME_REDIS_USER",
    wants_user: "a user of ops/redis/users.conf, such as edge; with a password",
    password: Secret {
        name: "FIRSTCOME_REDIS_PASSWORD",
        file: "FIRSTCOME_REDIS_PASSWORD_FILE",
        wanted: "the password of FIRSTCOME_REDIS_USER, without spaces; \
            FIRSTCOME_REDIS_PASSWORD_FILE may name a file with it instead",
    },
};

const KAFKA: Names = Names {
    user: "FIRSTCOME_KAFKA_USER",
    wants_user: "a user that the brokers know, such as edge; with a password",
    password: Secret {
        name: "FIRSTCOME_KAFKA_PASSWORD",
        file: "FIRSTCOME_KAFKA_PASSWORD_FILE",
        wanted: "the password of FIRSTCOME_KAFKA_USER, without spaces; \
            FIRSTCOME_KAFKA_PASSWORD_FILE may name a file with it instead",
    },
};

/// A secret that stands in one variable, or in the file that another one names.
#[derive(Debug, Clone, Copy)]
pub struct Secret {
    /// The variable that holds it.
    pub name: &'static str,
    /// The variable that names a file which holds it.
    pub file: &'static str,
    /// What both take.
    pub wanted: &'static str,
}

impl Secret {
    /// What `parse` makes of a secret that must be there.
    pub fn required<T>(
        &self,
        settings: &Settings<'_>,
        parse: fn(&str) -> Option<T>,
    ) -> Result<T, BadSetting> {
        let found = self.parsed(settings, parse)?;
        found.ok_or_else(|| bad(self.name, "is not set", self.wanted))
    }

    /// One word: a password or a key.
    fn word(&self, settings: &Settings<'_>) -> Result<Option<String>, BadSetting> {
        self.parsed(settings, |text| is_word(text).then(|| text.to_owned()))
    }

    /// What was read is repeated nowhere.
    fn parsed<T>(
        &self,
        settings: &Settings<'_>,
        parse: fn(&str) -> Option<T>,
    ) -> Result<Option<T>, BadSetting> {
        let Some((name, text)) = self.text(settings)? else {
            return Ok(None);
        };
        let problem = "is something else (not shown: it is a secret)";
        parse(text.trim()).map(Some).ok_or_else(|| bad(name, problem, self.wanted))
    }

    /// All of it, and which variable it came by. A file has 64 KiB at most: one that was cut would
    /// hold half a secret.
    fn text(&self, settings: &Settings<'_>) -> Result<Option<(&'static str, String)>, BadSetting> {
        match (settings.said(self.name), settings.said(self.file)) {
            (None, None) => Ok(None),
            (Some(text), None) => Ok(Some((self.name, text))),
            (Some(_), Some(_)) => {
                Err(bad(self.file, format!("is set beside {}", self.name), self.wanted))
            }
            (None, Some(path)) => match read_bounded(&path) {
                Ok(text) => Ok(Some((self.file, text))),
                Err(error) => {
                    let problem = format!("names {path:?}, which cannot be read: {error}");
                    Err(bad(self.file, problem, self.wanted))
                }
            },
        }
    }
}

fn read_bounded(path: &str) -> io::Result<String> {
    let mut text = String::new();
    File::open(path)?.take(MAX_SECRET_BYTES + 1).read_to_string(&mut text)?;
    if text.len() as u64 > MAX_SECRET_BYTES {
        return Err(io::Error::new(io::ErrorKind::InvalidData, "it has more than 64 KiB"));
    }
    Ok(text)
}

fn is_word(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_graphic())
}

fn bad(name: &'static str, problem: impl Into<String>, wanted: &'static str) -> BadSetting {
    BadSetting { name, problem: problem.into(), wanted }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(set: &[(&str, &str)]) -> Result<Option<Login>, String> {
        let get = |name: &str| {
            let found = set.iter().find(|(set, _)| *set == name);
            found.map(|(_, value)| (*value).to_owned())
        };
        Login::to_redis(&Settings(&get)).map_err(|error| error.to_string())
    }

    const USER: (&str, &str) = ("FIRSTCOME_REDIS_USER", "edge");
    const PASSWORD: (&str, &str) = ("FIRSTCOME_REDIS_PASSWORD", " s3cret\n");

    #[test]
    fn a_user_logs_in_with_a_password_and_without_both_nobody_does() {
        assert_eq!(read(&[]), Ok(None));
        let empty = ["FIRSTCOME_REDIS_USER", "FIRSTCOME_REDIS_PASSWORD"].map(|name| (name, ""));
        assert_eq!(read(&empty), Ok(None));
        assert_eq!(read(&[USER, PASSWORD]), Ok(Some(Login::new("edge", "s3cret"))));
    }

    #[test]
    fn half_of_a_login_is_refused() {
        let alone = read(&[USER]).unwrap_err();
        assert!(alone.starts_with("FIRSTCOME_REDIS_PASSWORD is not set"), "{alone}");
        let nobody = read(&[PASSWORD]).unwrap_err();
        assert!(nobody.starts_with("FIRSTCOME_REDIS_USER is not set"), "{nobody}");
        let blank = read(&[("FIRSTCOME_REDIS_USER", "a b"), PASSWORD]).unwrap_err();
        assert!(blank.starts_with("FIRSTCOME_REDIS_USER is \"a b\""), "{blank}");
    }

    #[test]
    fn a_password_comes_from_a_file_as_well_and_from_one_place_only() {
        let path = std::env::temp_dir().join(format!("firstcome-login-{}", std::process::id()));
        std::fs::write(&path, "from-a-file\n").unwrap();
        let path = path.to_str().unwrap();
        let file = ("FIRSTCOME_REDIS_PASSWORD_FILE", path);
        assert_eq!(read(&[USER, file]), Ok(Some(Login::new("edge", "from-a-file"))));
        let both = read(&[USER, file, PASSWORD]).unwrap_err();
        assert!(
            both.starts_with(
                "FIRSTCOME_REDIS_PASSWORD_FILE is set beside FIRSTCOME_REDIS_PASSWORD"
            ),
            "{both}"
        );
        std::fs::write(path, "a".repeat(64 * 1024)).unwrap();
        assert_eq!(read(&[USER, file]).unwrap().unwrap().password().len(), 64 * 1024);
        std::fs::write(path, "a".repeat(64 * 1024 + 1)).unwrap();
        let large = read(&[USER, file]).unwrap_err();
        assert!(large.contains("more than 64 KiB"), "{large}");
        std::fs::remove_file(path).unwrap();
        let missing = read(&[USER, file]).unwrap_err();
        assert!(missing.contains("cannot be read"), "{missing}");
    }

    #[test]
    fn a_password_is_shown_nowhere() {
        let spaced = read(&[USER, ("FIRSTCOME_REDIS_PASSWORD", "hunter 2")]).unwrap_err();
        assert!(!spaced.contains("hunter"), "{spaced}");
        assert_eq!(format!("{:?}", Login::new("edge", "hunter2")), "edge with a password");
    }
}
