//! `squall faults NAME`: one fault in full, in the words of the schema.

use serde_json::Value;
use squall::report::table;

/// What a fault does, how it is written and what it takes; or the same of an action on the client's process. `schema` is
/// that of scenarios.
pub(super) fn described(schema: &Value, name: &str) -> Option<String> {
    let faults = schema["$defs"]["FaultSpec"]["oneOf"].as_array()?;
    let fault = faults.iter().find_map(|one| one["properties"].get(name));
    let actions = &schema["$defs"]["Step"]["properties"];
    let what = resolved(schema, fault.or_else(|| actions.get(name))?);
    let parameters = parameters(schema, what);

    let required: Vec<String> = parameters
        .iter()
        .filter(|parameter| parameter.default == REQUIRED)
        .map(|parameter| format!(" {}: …", parameter.name))
        .collect();
    let written = match required.as_slice() {
        [] => format!("{name}: {{}}"),
        some => format!("{name}: {{{} }}", some.join(",")),
    };
    let steps = match fault {
        Some(_) => format!(
            "once:         - {{ at: 1h, inject: {{ {written} }} }}\n\
             for a while:  - {{ at: 1h, fault: {{ {written} }}, for: 5m }}\n"
        ),
        None => format!("as a step:  - {{ at: 1h, {written} }}\n"),
    };
    Some(format!("{}\n\n{steps}\n{}", says(what), told(&parameters)))
}

/// A parameter, as the schema has it.
struct Parameter<'a> {
    name: &'a str,
    /// What there may be.
    values: &'a Value,
    default: String,
    says: String,
}

/// The default of what must be given.
const REQUIRED: &str = "required";

fn parameters<'a>(schema: &'a Value, fault: &'a Value) -> Vec<Parameter<'a>> {
    let required = fault["required"].as_array().map_or(&[][..], Vec::as_slice);
    let properties = fault["properties"].as_object().into_iter().flatten();
    properties
        .map(|(name, property)| Parameter {
            name,
            values: resolved(schema, property),
            default: match &property["default"] {
                _ if required.iter().any(|required| required == name) => REQUIRED.to_owned(),
                Value::Null => "optional".to_owned(),
                Value::String(text) if text.is_empty() => "empty".to_owned(),
                Value::String(text) => text.clone(),
                other => other.to_string(),
            },
            says: says(property),
        })
        .collect()
}

/// What a part of the schema refers to, or itself.
fn resolved<'a>(schema: &'a Value, part: &'a Value) -> &'a Value {
    let name = part["$ref"]
        .as_str()
        .and_then(|to| to.strip_prefix("#/$defs/"));
    name.map_or(part, |name| &schema["$defs"][name])
}

/// The description, on one line and without links into the code.
fn says(part: &Value) -> String {
    part["description"]
        .as_str()
        .unwrap_or_default()
        .replace('\n', " ")
        .replace("[`", "`")
        .replace("`]", "`")
}

/// The parameters as a table, and the words of each that takes one word of a list.
fn told(parameters: &[Parameter<'_>]) -> String {
    if parameters.is_empty() {
        return "It takes no parameters.\n".to_owned();
    }
    let rows = parameters.iter().map(|parameter| {
        vec![
            parameter.name.to_owned(),
            takes(parameter.values),
            parameter.default.clone(),
            parameter.says.clone(),
        ]
    });
    let mut text = table(&["parameter", "takes", "default", "what it is"], rows);
    for parameter in parameters {
        let words = words(parameter.values);
        if !words.is_empty() {
            text.push('\n');
            text.push_str(&table(&[parameter.name, "means"], words));
        }
    }
    text
}

/// What kind of value a parameter takes.
fn takes(values: &Value) -> String {
    let example = values["examples"].as_array().and_then(|all| all.last());
    if let Some(example) = example.and_then(Value::as_str) {
        return format!("like {example}");
    }
    if values["type"].is_array() {
        return "text or number".to_owned();
    }
    match values["type"].as_str() {
        Some("boolean") => "true or false",
        Some("integer") if values["minimum"] == 1 => "number from 1",
        Some("integer") => "number",
        Some("string") if values["enum"].is_null() => "text",
        _ => "a word",
    }
    .to_owned()
}

/// The words of a closed list, each with what it means.
fn words(values: &Value) -> Vec<Vec<String>> {
    let listed = values["oneOf"].as_array().into_iter().flatten();
    let explained = listed.flat_map(|one| {
        let single = one["const"].as_str().map(|word| (word, says(one)));
        let several = one["enum"].as_array().into_iter().flatten();
        let several = several.filter_map(Value::as_str);
        single
            .into_iter()
            .chain(several.map(|word| (word, String::new())))
    });
    explained
        .map(|(word, means)| vec![word.to_owned(), means])
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_fault_is_described_with_its_parameters_and_their_kinds() {
        let schema = squall::scenario::schema();
        for name in crate::cli::lists::faults_by_name() {
            let text = described(&schema, name).unwrap_or_else(|| panic!("{name} is in no schema"));
            assert!(text.contains(&format!("{name}: {{")), "{text}");
            assert!(!text.starts_with('\n'), "{name} says nothing of itself");
            let mut parameters = text
                .lines()
                .skip_while(|line| !line.starts_with("parameter"));
            let table = parameters
                .by_ref()
                .skip(1)
                .take_while(|line| !line.is_empty());
            for line in table {
                let columns = line.split("  ").filter(|column| !column.is_empty()).count();
                assert_eq!(columns, 4, "of {name}: {line}");
            }
        }
    }
}
