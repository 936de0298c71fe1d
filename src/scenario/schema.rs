//! The JSON Schema of the scenario language, with which editors complete and explain.

use schemars::Schema;
use schemars::generate::SchemaSettings;
use schemars::transform::{Transform, transform_subschemas};
use serde_json::Value;

use super::raw::RawScenario;

/// The JSON Schema (draft 2020-12) of a scenario file.
pub fn schema() -> Value {
    SchemaSettings::draft2020_12()
        .with_transform(LeftOutIsNotNull)
        .into_generator()
        .into_root_schema_for::<RawScenario>()
        .to_value()
}

/// A key that may be left out is left out, never written as null.
#[derive(Clone, Debug)]
struct LeftOutIsNotNull;

impl Transform for LeftOutIsNotNull {
    fn transform(&mut self, schema: &mut Schema) {
        transform_subschemas(self, schema);
        let Some(map) = schema.as_object_mut() else {
            return;
        };
        if let Some(Value::Array(types)) = map.get_mut("type") {
            types.retain(|name| name != "null");
            if let [only] = &types[..] {
                let only = only.clone();
                map.insert("type".to_owned(), only);
            }
        }
        if let Some(Value::Array(mut of)) = map.remove("anyOf") {
            of.retain(|schema| schema != &serde_json::json!({ "type": "null" }));
            match (of.len(), of.pop()) {
                (1, Some(Value::Object(only)))
                    if !only.contains_key("description") || !map.contains_key("description") =>
                {
                    map.extend(only);
                }
                (_, Some(last)) => {
                    of.push(last);
                    map.insert("anyOf".to_owned(), Value::Array(of));
                }
                (_, None) => {}
            }
        }
        if map.get("default") == Some(&Value::Null) {
            map.remove("default");
        }
    }
}
