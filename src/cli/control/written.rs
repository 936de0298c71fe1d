//! Faults on the command line and in its answers.

use serde_json::Value;

/// `key=value`, where a number, `true` or `false` is one, and everything else is a text.
pub(super) fn parameter(written: &str) -> Result<(String, Value), String> {
    let (key, value) = written
        .split_once('=')
        .filter(|(key, _)| !key.is_empty())
        .ok_or_else(|| format!("{written:?} is no KEY=VALUE, as in code=1011"))?;
    let value = serde_json::from_str(value)
        .ok()
        .filter(|value: &Value| value.is_number() || value.is_boolean() || value.is_string())
        .unwrap_or_else(|| value.into());
    Ok((key.to_owned(), value))
}

/// Which connections: a number, or a word that the server knows or not.
pub(super) fn which(written: &str) -> Value {
    let number = written.parse::<u64>().map(Value::from);
    number.unwrap_or_else(|_| written.into())
}

/// A fault as a scenario writes it.
pub(super) fn fault(fault: &Value) -> String {
    let Some((name, parameters)) = fault.as_object().and_then(|it| it.iter().next()) else {
        return fault.to_string();
    };
    let parameters = parameters.as_object().into_iter().flatten();
    let parameters: Vec<String> = parameters
        .map(|(key, value)| match value {
            Value::String(text) if !text.is_empty() => format!("{key}: {text}"),
            value => format!("{key}: {value}"),
        })
        .collect();
    match parameters.as_slice() {
        [] => name.clone(),
        some => format!("{name} {{ {} }}", some.join(", ")),
    }
}

/// Whom a fault concerns.
pub(super) fn target(target: &Value) -> String {
    let whose = match target["account"].as_str() {
        Some(account) => format!("org {account}"),
        None => "everybody".to_owned(),
    };
    match &target["connection"] {
        Value::String(word) if word == "old" => format!("{whose}, old connections"),
        Value::Number(nth) => format!("{whose}, connection {nth}"),
        _ => whose,
    }
}

/// All about a fault that stands.
pub(super) fn whole(standing: &Value) -> String {
    let ends = standing["ends_at"].as_str();
    let ends = ends.map(|at| format!(", until {at}")).unwrap_or_default();
    format!(
        "{}, of {}{ends}",
        fault(&standing["fault"]),
        target(&standing["target"])
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_parameter_is_a_number_a_truth_or_a_text() {
        for (written, meant) in [
            ("code=1011", json!(1011)),
            ("reads=false", json!(false)),
            ("by=2s", json!("2s")),
            ("reason=", json!("")),
            ("reason=a=b", json!("a=b")),
            (r#"reason="1011""#, json!("1011")),
            ("reason={}", json!("{}")),
        ] {
            assert_eq!(parameter(written).unwrap().1, meant, "{written}");
        }
        assert!(parameter("1011").is_err() && parameter("=1").is_err());
    }

    #[test]
    fn a_standing_fault_is_told_in_a_line() {
        let standing = json!({
            "id": 1,
            "fault": {"close": {"code": 1011, "reason": ""}},
            "target": {"account": "2", "connection": 3},
            "ends_at": "2026-01-19T14:00:00Z",
        });
        assert_eq!(
            whole(&standing),
            r#"close { code: 1011, reason: "" }, of org 2, connection 3, until 2026-01-19T14:00:00Z"#
        );
        assert_eq!(
            whole(&json!({"fault": {"eof": {}}, "target": {"connection": "all"}})),
            "eof, of everybody"
        );
    }
}
