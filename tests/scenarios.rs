//! The scenario language from outside: the shipped scenarios read, bad ones are refused with a text that helps, and the
//! schema that editors use is the language's own.

use std::fs;
use std::path::{Path, PathBuf};

use squall::scenario::{self, LoadError};

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
    let kept = fs::read_to_string(&path).unwrap_or_default();
    let now = format!("{:#}\n", scenario::schema());
    assert!(
        kept == now,
        "docs/scenario.schema.json is stale; write it anew with\n    cargo run -- schema > docs/scenario.schema.json"
    );
}

fn told(errors: &[LoadError]) -> String {
    let texts: Vec<String> = errors.iter().map(ToString::to_string).collect();
    texts.join("\n\n")
}

/// One file, one mistake, one snapshot of what its author is told.
#[test]
fn each_bad_scenario_is_told_what_is_wrong_and_where() {
    let mut names: Vec<String> = fs::read_dir(root().join("tests/bad_scenarios"))
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    assert!(!names.is_empty());
    for name in names {
        // Beside the package's root, so that the paths in the texts are those of a user who stands there.
        let path = Path::new("tests/bad_scenarios").join(&name);
        let errors = scenario::load(&[path]).expect_err(&name);
        insta::with_settings!({ omit_expression => true, prepend_module_to_snapshot => false, snapshot_path => "snapshots/bad_scenarios" }, {
            insta::assert_snapshot!(name.trim_end_matches(".yaml"), told(&errors));
        });
    }
}

/// What is wrong with these paths, the directory that holds them called `DIR`.
fn told_of(directory: &Path, names: &[&str]) -> String {
    let paths: Vec<PathBuf> = names.iter().map(|name| directory.join(name)).collect();
    let errors = scenario::load(&paths).expect_err("a path that is no good");
    told(&errors).replace(&directory.display().to_string(), "DIR")
}

const GOOD: &str = "name: NAME\nruns_for: 1h\norganizations: { \"1\": {} }\n";

#[test]
fn a_bad_path_is_told_with_the_path() {
    let directory = tempfile::tempdir().unwrap();
    let at = |name: &str| directory.path().join(name);
    fs::create_dir(at("empty")).unwrap();
    fs::create_dir(at("other")).unwrap();
    fs::write(at("other/notes.yml"), "not a scenario by its name").unwrap();
    fs::write(at("binary.yaml"), b"name: \x7fELF\xff\xfe\0\0").unwrap();
    fs::write(at("zeros.yaml"), [0; 64]).unwrap();
    fs::write(at("long.yaml"), "# \n".repeat(400_000)).unwrap();
    insta::assert_snapshot!(
        "bad_paths",
        told_of(
            directory.path(),
            &[
                "missing.yaml",
                "empty",
                "other",
                "binary.yaml",
                "zeros.yaml",
                "long.yaml"
            ]
        )
    );
}

#[test]
fn a_name_that_two_files_have_is_told_with_both() {
    let directory = tempfile::tempdir().unwrap();
    for file in ["b.yaml", "a.yaml"] {
        fs::write(directory.path().join(file), GOOD).unwrap();
    }
    insta::assert_snapshot!(
        "a_name_that_two_files_have",
        told_of(directory.path(), &["b.yaml", "a.yaml"])
    );
}

#[test]
fn all_files_are_read_before_any_is_refused() {
    let directory = tempfile::tempdir().unwrap();
    fs::write(directory.path().join("a.yaml"), GOOD.replace("1h", "1x")).unwrap();
    fs::write(
        directory.path().join("b.yaml"),
        GOOD.replace("runs_for", "runs"),
    )
    .unwrap();
    let errors = scenario::load(&[directory.path().to_owned()]).unwrap_err();
    assert_eq!(errors.len(), 2);
}

#[test]
fn a_directory_means_every_yaml_below_it_once_and_sorted() {
    let directory = tempfile::tempdir().unwrap();
    fs::create_dir_all(directory.path().join("b/deeper")).unwrap();
    for file in ["c.yaml", "a.yaml", "b/deeper/x.yaml", "b/y.yaml", "b/z.txt"] {
        fs::write(directory.path().join(file), GOOD.replace("NAME", file)).unwrap();
    }
    let paths = [directory.path().to_owned(), directory.path().join("a.yaml")];
    let names: Vec<String> = scenario::load(&paths)
        .unwrap()
        .into_iter()
        .map(|scenario| scenario.name)
        .collect();
    assert_eq!(names, ["a.yaml", "b/deeper/x.yaml", "b/y.yaml", "c.yaml"]);
}
