//! The shipped scenarios read, and the schema that editors use accepts them.

use std::path::{Path, PathBuf};

use squall::scenario;

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

#[test]
fn every_shipped_scenario_reads_and_is_valid_by_the_schema() {
    let scenarios = scenario::load(&[root().join("scenarios")]).unwrap_or_else(|errors| {
        let texts: Vec<String> = errors.iter().map(ToString::to_string).collect();
        panic!("{}", texts.join("\n"))
    });
    assert!(!scenarios.is_empty());
    let validator = jsonschema::validator_for(&scenario::schema()).unwrap();
    for scenario in scenarios {
        let value: serde_json::Value = serde_yaml::from_str(&scenario.text).unwrap();
        let errors: Vec<String> = validator
            .iter_errors(&value)
            .map(|error| format!("{}: {error}", error.instance_path()))
            .collect();
        assert!(
            errors.is_empty(),
            "{}: {errors:#?}",
            scenario.path.display()
        );
    }
}

#[test]
fn the_schema_in_docs_is_the_one_that_the_command_prints() {
    let path: PathBuf = root().join("docs/scenario.schema.json");
    let kept = std::fs::read_to_string(&path).unwrap_or_default();
    let now = format!("{:#}\n", scenario::schema());
    assert!(
        kept == now,
        "docs/scenario.schema.json is stale; write it anew with\n    cargo run -- schema > docs/scenario.schema.json"
    );
}
