//! The OpenAPI document: complete, and true of every answer in these tests.

use std::sync::OnceLock;

use serde_json::{Value, json};

use super::{Answer, ask, get, open};

static DOCUMENT: OnceLock<Value> = OnceLock::new();

/// The document, asked for once.
fn document() -> &'static Value {
    DOCUMENT.get_or_init(|| {
        let (sender, receiver) = std::sync::mpsc::channel();
        let asked = std::thread::spawn(move || {
            open(|host| async move {
                let request = "GET /admin/openapi.json HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n";
                sender.send(super::raw(&host, request).await.json()).unwrap();
            });
        });
        asked.join().unwrap();
        receiver.recv().unwrap()
    })
}

/// The path of the document that this one is an instance of.
fn template(path: &str) -> Option<&'static Value> {
    let path = path.split('?').next().unwrap_or_default();
    let paths = document()["paths"].as_object().unwrap();
    let fits = |template: &str| {
        let (parts, given) = (template.split('/'), path.split('/'));
        parts.clone().count() == given.clone().count()
            && parts
                .zip(given)
                .all(|(part, given)| part.starts_with('{') || part == given)
    };
    let found = paths.iter().find(|(template, _)| fits(template));
    found.map(|(_, operations)| operations)
}

/// Whether the document says that this may be answered to that.
#[track_caller]
pub(super) fn holds(method: &str, path: &str, answer: &Answer) {
    let operation = template(path).map(|operations| &operations[method.to_ascii_lowercase()]);
    let documented = operation.and_then(|it| {
        let responses = it["responses"].as_object()?;
        responses
            .get(&answer.status.to_string())
            .or(responses.get("default"))
    });
    let Some(response) = documented else {
        assert!(
            [404, 405, 403, 401].contains(&answer.status),
            "{method} {path} is in no document: {answer:?}"
        );
        return;
    };
    let media = answer.header("content-type").unwrap_or_default();
    let Some(content) = response.get("content") else {
        assert_eq!(answer.body, "", "{method} {path}");
        return;
    };
    let schema = content
        .get(media)
        .unwrap_or_else(|| panic!("{method} {path}: {media} is not documented: {content}"));
    if media.ends_with("/json") || media.ends_with("+json") {
        conforms(&schema["schema"], &answer.json());
    }
}

#[track_caller]
fn conforms(schema: &Value, value: &Value) {
    let mut whole = schema.clone();
    whole["components"] = document()["components"].clone();
    let validator = jsonschema::validator_for(&whole).unwrap();
    let faults: Vec<String> = validator
        .iter_errors(value)
        .map(|it| it.to_string())
        .collect();
    assert!(faults.is_empty(), "{faults:?}: {value}");
}

#[test]
fn every_route_is_documented_with_what_it_answers() {
    let paths = document()["paths"].as_object().unwrap();
    let mut found = Vec::new();
    for (path, operations) in paths {
        for (method, operation) in operations.as_object().unwrap() {
            assert!(
                operation["responses"]["default"]["content"]["application/problem+json"]
                    .is_object(),
                "{method} {path}"
            );
            let said = operation["summary"]
                .as_str()
                .or(operation["description"].as_str());
            assert!(said.is_some_and(|text| !text.is_empty()), "{method} {path}");
            found.push(format!("{} {path}", method.to_uppercase()));
        }
    }
    found.sort();
    assert_eq!(
        found,
        [
            "DELETE /admin/accounts/{name}/ban",
            "DELETE /admin/accounts/{name}/devices/{device}",
            "DELETE /admin/connections/{id}",
            "DELETE /admin/faults/{id}",
            "GET /admin/accounts",
            "GET /admin/accounts/{name}",
            "GET /admin/connections",
            "GET /admin/connections/{id}",
            "GET /admin/events",
            "GET /admin/faults",
            "GET /admin/faults/{id}",
            "GET /admin/openapi.json",
            "GET /admin/root-key",
            "PATCH /admin/faults/{id}",
            "POST /admin/accounts/{name}/pair",
            "POST /admin/faults",
            "POST /admin/inject",
            "POST /admin/mock-phone/scan-qr",
            "POST /admin/reset",
            "PUT /admin/accounts/{name}",
            "PUT /admin/accounts/{name}/ban",
            "PUT /admin/faults/{id}",
        ]
    );
}

#[test]
fn what_the_routes_speak_of_is_all_in_the_document() {
    let text = document().to_string();
    let names = text.split("\"#/components/schemas/").skip(1);
    for name in names.map(|rest| rest.split('"').next().unwrap()) {
        assert!(
            document()["components"]["schemas"][name].is_object(),
            "{name}"
        );
    }
}

#[test]
fn a_fault_of_the_register_conforms_and_a_misspelt_one_does_not() {
    let fault =
        json!({"$ref": "#/components/schemas/Fault", "components": document()["components"]});
    let validator = jsonschema::validator_for(&fault).unwrap();
    assert!(validator.is_valid(&json!({"close": {"code": 1011}})));
    assert!(!validator.is_valid(&json!({"clsoe": {}})));
    assert!(!validator.is_valid(&json!({"close": {"cod": 1011}})));
    let text = fault.to_string();
    for info in squall_mock_server::fault::REGISTER {
        assert!(
            text.contains(&format!("\"{}\"", info.name)),
            "{}",
            info.name
        );
    }
}

#[test]
fn the_pages_of_the_wrong_method_or_of_no_name_are_problems() {
    open(|host| async move {
        let answer = ask(&host, "DELETE", "/admin/faults", Value::Null).await;
        assert_eq!(answer.problem(), "urn:squall:method-not-allowed");
        let allow = answer.header("allow").unwrap();
        assert!(allow.contains("GET") && allow.contains("POST"), "{allow}");
        for path in ["/admin/fault", "/admin", "/nothing", "/dashboard"] {
            let answer = ask(&host, "GET", path, Value::Null).await;
            assert_eq!(answer.problem(), "urn:squall:no-such-page", "{path}");
        }
    });
}

#[test]
fn the_root_key_is_told_in_two_ways() {
    open(|host| async move {
        let key = get(&host, "/admin/root-key").await;
        let root = host.server.root().0;
        let hex: String = root.iter().map(|byte| format!("{byte:02x}")).collect();
        assert_eq!(key["hex"], hex);
        assert_eq!(key["base64"].as_str().unwrap().len(), 44);
    });
}

#[test]
fn every_kind_of_problem_and_every_page_is_told_to_people_too() {
    let page = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/control-api.md");
    let page = std::fs::read_to_string(page).unwrap();
    let kinds = document()["components"]["schemas"]["Kind"]["enum"]
        .as_array()
        .unwrap();
    assert_eq!(kinds.len(), 18);
    for kind in kinds {
        let name = kind.as_str().unwrap().strip_prefix("urn:squall:").unwrap();
        assert!(
            page.contains(&format!("`{name}`")),
            "{name} is not in docs/control-api.md"
        );
    }
    for path in document()["paths"].as_object().unwrap().keys() {
        assert!(page.contains(path), "{path} is not in docs/control-api.md");
    }
}
