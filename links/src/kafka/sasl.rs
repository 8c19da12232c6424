//! Logging in to brokers.

use contract::settings::{BadSetting, Settings};
use rskafka::client::{Credentials, SaslConfig};

use crate::login::Login;
use crate::tls::Tls;

/// A login, and how it is shown to a broker.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SaslLogin {
    pub(super) mechanism: Mechanism,
    pub(super) login: Login,
}

/// How a password is shown to a broker.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Mechanism {
    /// As it is.
    Plain,
    /// As an answer to a challenge, by RFC 7677.
    ScramSha256,
    /// The same with a longer hash.
    ScramSha512,
}

const MECHANISM: &str = "FIRSTCOME_KAFKA_SASL";
const WANTED: &str = "SCRAM-SHA-512, SCRAM-SHA-256, or PLAIN (over TLS alone), beside \
    FIRSTCOME_KAFKA_USER";

impl Mechanism {
    const ALL: [Self; 3] = [Self::Plain, Self::ScramSha256, Self::ScramSha512];

    /// As the protocol calls it.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Plain => "PLAIN",
            Self::ScramSha256 => "SCRAM-SHA-256",
            Self::ScramSha512 => "SCRAM-SHA-512",
        }
    }
}

impl SaslLogin {
    /// `FIRSTCOME_KAFKA_USER` and `FIRSTCOME_KAFKA_PASSWORD` (as [`Login::to_kafka`] reads them), by
    /// `FIRSTCOME_KAFKA_SASL` (`SCRAM-SHA-512`). PLAIN is refused where everybody on the way could read
    /// the password.
    pub(super) fn read(
        settings: &Settings<'_>,
        tls: Option<&Tls>,
    ) -> Result<Option<Self>, BadSetting> {
        let bad = |problem| Err(BadSetting { name: MECHANISM, problem, wanted: WANTED });
        let said = settings.said(MECHANISM);
        let login = match Login::to_kafka(settings)? {
            Some(login) => login,
            None if said.is_some() => return bad("is set, but no user is".to_owned()),
            None => return Ok(None),
        };
        let Some(text) = said else {
            return Ok(Some(Self { mechanism: Mechanism::ScramSha512, login }));
        };
        match Mechanism::ALL.into_iter().find(|mechanism| mechanism.name() == text) {
            Some(Mechanism::Plain) if tls.is_none() => bad("is \"PLAIN\" without TLS".to_owned()),
            Some(mechanism) => Ok(Some(Self { mechanism, login })),
            None => bad(format!("is {text:?}")),
        }
    }

    pub(super) fn for_rskafka(&self) -> SaslConfig {
        let shown = Credentials::new(self.login.user.clone(), self.login.password().to_owned());
        match self.mechanism {
            Mechanism::Plain => SaslConfig::Plain(shown),
            Mechanism::ScramSha256 => SaslConfig::ScramSha256(shown),
            Mechanism::ScramSha512 => SaslConfig::ScramSha512(shown),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tls::Authorities;

    const USER: (&str, &str) = ("FIRSTCOME_KAFKA_USER", "edge");
    const PASSWORD: (&str, &str) = ("FIRSTCOME_KAFKA_PASSWORD", "s3cret");

    fn read(set: &[(&str, &str)], tls: Option<&Tls>) -> Result<Option<SaslLogin>, String> {
        let get = |name: &str| {
            let found = set.iter().find(|(set, _)| *set == name);
            found.map(|(_, value)| (*value).to_owned())
        };
        SaslLogin::read(&Settings(&get), tls).map_err(|error| error.to_string())
    }

    fn tls() -> Tls {
        Tls::trusting(Authorities::Public).unwrap()
    }

    fn mechanism(name: &str, tls: Option<&Tls>) -> Result<Mechanism, String> {
        let login = read(&[USER, PASSWORD, (MECHANISM, name)], tls)?;
        Ok(login.expect("a user is named").mechanism)
    }

    #[test]
    fn a_login_is_by_challenge_unless_told_otherwise() {
        assert_eq!(read(&[], None), Ok(None));
        let login = read(&[USER, PASSWORD], None).unwrap().unwrap();
        assert_eq!(login.mechanism, Mechanism::ScramSha512);
        assert_eq!(login.login, Login::new("edge", "s3cret"));
        assert_eq!(mechanism("SCRAM-SHA-256", None), Ok(Mechanism::ScramSha256));
        assert_eq!(mechanism("PLAIN", Some(&tls())), Ok(Mechanism::Plain));
    }

    #[test]
    fn what_is_half_set_or_would_show_the_password_is_refused() {
        let open = mechanism("PLAIN", None).unwrap_err();
        assert!(open.starts_with("FIRSTCOME_KAFKA_SASL is \"PLAIN\" without TLS"), "{open}");
        let unknown = mechanism("GSSAPI", Some(&tls())).unwrap_err();
        assert!(unknown.contains("is \"GSSAPI\"; it wants SCRAM-SHA-512"), "{unknown}");
        let nobody = read(&[(MECHANISM, "PLAIN")], Some(&tls())).unwrap_err();
        assert!(nobody.contains("no user is"), "{nobody}");
        let half = read(&[USER], None).unwrap_err();
        assert!(half.starts_with("FIRSTCOME_KAFKA_PASSWORD is not set"), "{half}");
    }
}
