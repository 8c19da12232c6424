//! The public contract, as `/openapi.json` serves it.

/// Made of `openapi.yaml` beside it by `ops/checks/openapi.py`.
pub const DOCUMENT: &str = include_str!("../openapi.json");

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use serde_json::Value;

    use super::*;
    use crate::code::Code;
    use crate::routes::Route;

    fn document() -> Value {
        serde_json::from_str(DOCUMENT).unwrap()
    }

    /// A limit says by itself when to ask again, and every answer of a code that has a range does.
    fn asks_again(code: Code) -> bool {
        code.retry_after().is_some() || code == Code::TooManyRequests
    }

    #[test]
    fn it_has_every_code_with_its_status_and_title_and_no_other() {
        let document = document();
        let responses = document["components"]["responses"].as_object().unwrap().values();
        let mut shown = BTreeSet::new();
        for response in responses {
            let examples = &response["content"]["application/problem+json"]["examples"];
            for (word, example) in examples.as_object().unwrap() {
                let told = &example["value"];
                let code = Code::ALL.into_iter().find(|code| code.as_str() == word);
                // NGINX has words of an edge with statuses of its own: 431, 502, 504.
                if let Some(code) = code.filter(|code| code.status().as_u16() == told["status"]) {
                    assert_eq!(told["title"], code.title(), "{word}");
                    assert_eq!(told.get("retry_after_ms").is_some(), asks_again(code), "{word}");
                    shown.insert(word.as_str());
                }
            }
        }
        let problems = Code::ALL.into_iter().filter(|code| code.status().as_u16() >= 400);
        let ours: BTreeSet<&str> = problems.map(Code::as_str).collect();
        assert_eq!(shown, ours);
        let listed = document["components"]["schemas"]["Code"]["enum"].as_array().unwrap();
        let listed: BTreeSet<&str> = listed.iter().map(|code| code.as_str().unwrap()).collect();
        assert_eq!(listed, ours);
        let outcomes =
            &document["components"]["schemas"]["Issued"]["properties"]["outcome"]["enum"];
        let wins = [Code::Issued, Code::AlreadyIssued].map(Code::as_str);
        assert_eq!(*outcomes, Value::from(wins.to_vec()));
    }

    #[test]
    fn it_has_every_route_and_no_other() {
        let document = document();
        let items = document["paths"].as_object().unwrap().values();
        let operations = items.flat_map(|item| item.as_object().unwrap().values());
        let names: BTreeSet<&str> =
            operations.map(|operation| operation["operationId"].as_str().unwrap()).collect();
        // The demo page is for people.
        let none = [Route::Demo, Route::Unknown];
        let routes = Route::ALL.into_iter().filter(|route| !none.contains(route));
        assert_eq!(names, routes.map(Route::as_str).collect());
    }
}
