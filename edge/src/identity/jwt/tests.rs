use hyper::header::HeaderValue;
use rig::tokens::{Alg, Key};
use serde_json::{Value, json};

use super::*;
use crate::identity::jwk::{self, Origin};

fn rules() -> Rules {
    Rules::new("issuer", "audience")
}

fn current(keys: &[&Key]) -> Current {
    let set = json!({ "keys": keys.iter().map(|key| key.jwk()).collect::<Vec<_>>() });
    let keys = jwk::parse(set.to_string().as_bytes(), Origin::File).unwrap();
    Current { keys, generation: 1, ..Current::default() }
}

fn claims() -> Value {
    let now = now_s();
    json!({"iss": "issuer", "aud": "audience", "sub": "ann", "nbf": now, "exp": now + 600})
}

fn with(claim: &str, value: Value) -> Value {
    let mut claims = claims();
    claims[claim] = value;
    claims
}

fn without(claim: &str) -> Value {
    let mut claims = claims();
    claims.as_object_mut().unwrap().remove(claim);
    claims
}

fn user(found: Result<Known, Refused>) -> Result<String, Refused> {
    found.map(|known| known.user.as_str().to_owned())
}

#[test]
fn a_token_of_each_algorithm_names_its_user_until_it_ends() {
    for alg in Alg::ALL {
        let key = Key::generate(alg).unwrap();
        let known = rules().verify(&key.token(&claims()).unwrap(), &current(&[&key])).unwrap();
        assert_eq!(known.user.as_str(), "ann", "{alg:?}");
        assert_eq!(known.ends_s, claims()["exp"].as_u64().unwrap() + LEEWAY_S, "{alg:?}");
    }
}

#[test]
fn what_a_token_says_must_fit() {
    let key = Key::generate(Alg::EdDsa).unwrap();
    let current = current(&[&key]);
    let now = now_s();
    let cases = [
        (claims(), Ok("ann".to_owned())),
        (with("aud", json!(["other", "audience"])), Ok("ann".to_owned())),
        // Within the leeway, with some seconds for this test.
        (with("exp", json!(now - LEEWAY_S + 10)), Ok("ann".to_owned())),
        (with("nbf", json!(now + LEEWAY_S)), Ok("ann".to_owned())),
        (with("exp", json!(now as f64 + 600.5)), Ok("ann".to_owned())),
        (with("exp", json!(now - LEEWAY_S - 1)), Err(Refused::Expired)),
        (with("exp", json!(0)), Err(Refused::Expired)),
        (with("nbf", json!(now + LEEWAY_S + 600)), Err(Refused::TooEarly)),
        (with("iss", json!("somebody")), Err(Refused::Issuer)),
        (with("iss", json!("Issuer")), Err(Refused::Issuer)),
        (with("aud", json!("somebody")), Err(Refused::Audience)),
        (with("aud", json!([])), Err(Refused::Audience)),
        (with("exp", json!("soon")), Err(Refused::Claims)),
        (with("exp", json!(-1)), Err(Refused::Claims)),
        (with("nbf", json!(null)), Err(Refused::Claims)),
        (with("iss", json!(7)), Err(Refused::Claims)),
        (with("sub", json!(7)), Err(Refused::Claims)),
        (with("sub", json!("")), Err(Refused::Subject)),
        (with("sub", json!("ann@example")), Err(Refused::Subject)),
        (with("sub", json!("a".repeat(65))), Err(Refused::Subject)),
        (json!("a text"), Err(Refused::Claims)),
    ];
    for (claims, expected) in cases {
        let token = key.token(&claims).unwrap();
        assert_eq!(user(rules().verify(&token, &current)), expected, "{claims}");
    }
    for missing in REQUIRED {
        let token = key.token(&without(missing)).unwrap();
        assert_eq!(user(rules().verify(&token, &current)), Err(Refused::Claims), "{missing}");
    }
}

#[test]
fn the_key_chooses_how_a_token_is_verified() {
    let rsa = Key::generate(Alg::Rs256).unwrap();
    let secret = Key::generate(Alg::Hs256).unwrap();
    let current = current(&[&rsa, &secret]);
    let sign = |key: &Key, header: Value| key.sign(&header, &claims()).unwrap();
    let refused = |token: &str| rules().verify(token, &current).unwrap_err();

    // The secret's signature under the name of the RSA key, whichever algorithm is named.
    for alg in ["HS256", "RS256"] {
        let token = sign(&secret, json!({"typ": "JWT", "alg": alg, "kid": rsa.kid()}));
        assert_eq!(refused(&token), Refused::Signature, "{alg}");
    }
    // The header's own key, or where to find one, is not looked at.
    let other = Key::generate(Alg::Es256).unwrap();
    let header = json!({"alg": "ES256", "jwk": other.jwk(), "jku": "http://127.0.0.1/"});
    assert_eq!(refused(&sign(&other, header)), Refused::UnknownKey);
    let named = json!({"alg": "ES256", "kid": other.kid()});
    assert_eq!(refused(&sign(&other, named)), Refused::UnknownKey);
}

#[test]
fn an_hmac_over_a_public_key_is_no_signature() {
    let rsa = Key::generate(Alg::Rs256).unwrap();
    let token = hmac_with_public_key(&rsa);
    assert_eq!(user(rules().verify(&token, &current(&[&rsa]))), Err(Refused::Signature));
}

/// What a careless verifier would take: HS256, with the published key as the secret.
fn hmac_with_public_key(rsa: &Key) -> String {
    let secret =
        jsonwebtoken::EncodingKey::from_secret(rsa.jwk()["n"].as_str().unwrap().as_bytes());
    let header = Header { kid: Some(rsa.kid().to_owned()), ..Header::new(Algorithm::HS256) };
    jsonwebtoken::encode(&header, &claims(), &secret).unwrap()
}

#[test]
fn what_is_no_token_of_ours_is_refused() {
    let key = Key::generate(Alg::Es256).unwrap();
    let current = current(&[&key]);
    let good = key.token(&claims()).unwrap();
    let (message, signature) = good.rsplit_once('.').unwrap();
    let (header, payload) = message.split_once('.').unwrap();
    let kid = key.kid();
    let sign = |header: Value| key.sign(&header, &claims()).unwrap();
    let cases = [
        (String::new(), Refused::NotAToken),
        ("a.b".to_owned(), Refused::NotAToken),
        ("a.b.c".to_owned(), Refused::NotAToken),
        (format!("{good}.{signature}"), Refused::NotAToken),
        (format!("{message}."), Refused::Signature),
        (format!("{message}.{}", &signature[1..]), Refused::Signature),
        (format!("{header}.{payload}x.{signature}"), Refused::Signature),
        (format!("{good}{}", "x".repeat(MAX_TOKEN_BYTES)), Refused::NotAToken),
        (sign(json!({"alg": "none", "kid": kid})), Refused::NotAToken),
        (sign(json!({"alg": "None", "kid": kid})), Refused::NotAToken),
        (sign(json!({"kid": kid})), Refused::NotAToken),
        (sign(json!({"alg": "ES256"})), Refused::UnknownKey),
        (sign(json!({"alg": "ES384", "kid": kid})), Refused::Signature),
        (sign(json!({"alg": "ES256", "kid": kid, "crit": ["b64"]})), Refused::NotAToken),
        (sign(json!({"alg": "ES256", "kid": kid, "typ": "logout+jwt"})), Refused::NotAToken),
    ];
    for (token, expected) in cases {
        assert_eq!(user(rules().verify(&token, &current)), Err(expected), "{token}");
    }
    for typ in ["jwt", "application/at+jwt", "at+JWT"] {
        let token = sign(json!({"alg": "ES256", "kid": kid, "typ": typ}));
        assert_eq!(user(rules().verify(&token, &current)), Ok("ann".to_owned()), "{typ}");
    }
    assert_eq!(user(rules().verify(&good, &Current::default())), Err(Refused::NoKeys));
}

#[test]
fn a_bearer_token_comes_once() {
    let headers = |values: &[&str]| {
        let mut headers = HeaderMap::new();
        for value in values {
            headers.append(AUTHORIZATION, HeaderValue::from_str(value).unwrap());
        }
        headers
    };
    for good in ["Bearer a.b.c", "bearer a.b.c", "BEARER  a.b.c"] {
        assert_eq!(bearer(&headers(&[good])), Ok("a.b.c"), "{good}");
    }
    for bad in [&[][..], &["Bearer a", "Bearer a"], &["a.b.c"], &["Basic a.b.c"], &["Bearer"]] {
        assert_eq!(bearer(&headers(bad)), Err(Refused::NoToken), "{bad:?}");
    }
}

/// RFC 7515, A.1 and A.3, and RFC 8037, A.4: keys, messages and signatures that others computed.
#[test]
fn the_examples_of_the_rfcs_verify_with_the_keys_that_are_read_here() {
    let set = json!({"keys": [
        {"kid": "HS256", "kty": "oct", "k": "AyM1SysPpbyDfgZld3umj1qzKObwVMkoqQ-EstJQLr_T-1qS0gZH75\
            aKtMN3Yj0iPS4hcgUuTwjAzZr1Z9CAow"},
        {"kid": "ES256", "kty": "EC", "crv": "P-256",
            "x": "f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU",
            "y": "x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0"},
        {"kid": "EdDSA", "kty": "OKP", "crv": "Ed25519",
            "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"},
    ]});
    let keys = jwk::parse(set.to_string().as_bytes(), Origin::File).unwrap();
    let payload = "eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFt\
        cGxlLmNvbS9pc19yb290Ijp0cnVlfQ";
    let cases = [
        (
            "HS256",
            format!("eyJ0eXAiOiJKV1QiLA0KICJhbGciOiJIUzI1NiJ9.{payload}"),
            "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk",
        ),
        (
            "ES256",
            format!("eyJhbGciOiJFUzI1NiJ9.{payload}"),
            "DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmXFCgfTjDxw5djxLa8ISlSApmWQxfKTUJqPP3-Kg6NU1Q",
        ),
        (
            "EdDSA",
            "eyJhbGciOiJFZERTQSJ9.RXhhbXBsZSBvZiBFZDI1NTE5IHNpZ25pbmc".to_owned(),
            "hgyY0il_MGCjP0JzlnLWG1PPOt7-09PGcvMg3AIbQR6dWbhijcNR4ki4iylGjg5BhVsPt9g7sVvpAr_MuM0KAg",
        ),
    ];
    for (kid, message, signature) in cases {
        let key = &keys[kid];
        let verify = |message: &str| {
            let message = message.as_bytes();
            jsonwebtoken::crypto::verify(signature, message, &key.decoding, key.algorithm).unwrap()
        };
        assert!(verify(&message), "{kid}");
        assert!(!verify(&format!("{message}x")), "{kid}");
    }
}
