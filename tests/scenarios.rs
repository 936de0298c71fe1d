//! The scenario language from outside: the shipped scenarios read, bad ones are refused with a text that helps, and the
//! schema that editors use is the language's own.

use std::fs;
use std::path::{Path, PathBuf};

use squall::scenario::{self, LoadError};
use squall_mock_server::fault::EngineKind;

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

#[test]
fn every_shipped_scenario_reads_and_is_valid_by_the_schema() {
    let shipped = ["scenarios", "soak"].map(|directory| root().join(directory));
    let scenarios = scenario::load(&shipped).unwrap_or_else(|errors| {
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
fn a_fault_that_the_engine_lacks_is_told_by_name() {
    let path = Path::new("scenarios/515-after-six-quiet-hours.yaml");
    let scenario = &scenario::load(&[path.to_owned()]).unwrap()[0];
    insta::assert_snapshot!(
        "the_engine_lacks_it",
        told(&scenario.lacking(EngineKind::Model))
    );
    assert!(scenario.lacking(EngineKind::Wire).is_empty());
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

/// A judge does not borrow the accused's numbers, so they are written twice.
#[test]
fn the_default_policy_is_the_sessions_own() {
    use squall::trace::Per as Ours;
    use squall_session::policy::{BlockScope, PairingRestart, Policy, Window};
    let (ours, theirs) = (scenario::policy::DEFAULT, Policy::default());
    let limiter = &theirs.limiter;
    assert_eq!(ours.keep_alive, theirs.keep_alive_interval);
    assert_eq!(ours.active_ping, theirs.active_ping_interval);
    assert_eq!(ours.late_after, theirs.late_after);
    assert_eq!(ours.dead_after, theirs.dead_after);
    assert_eq!(ours.zombie_after, theirs.zombie_after);
    assert_eq!(ours.connect_timeout, theirs.connect_timeout);
    assert_eq!(ours.handshake_timeout, theirs.handshake_timeout);
    assert_eq!(ours.login_timeout, theirs.login_timeout);
    assert_eq!(ours.pairing_timeout, theirs.pairing_timeout);
    assert_eq!(
        ours.handoff,
        theirs.pairing_restart == PairingRestart::Handoff
    );
    assert_eq!(ours.global, (limiter.global.max, limiter.global.per));
    match (&ours.per_org, &limiter.per_org.per) {
        ((max, Ours::Rolling(ours)), Window::Rolling(theirs)) => {
            assert_eq!((*max, ours), (limiter.per_org.max, theirs));
        }
        windows => panic!("the default day rolls: {windows:?}"),
    }
    assert_eq!(
        (ours.cooldown, ours.block, ours.delay),
        (limiter.cooldown, limiter.block, limiter.delay)
    );
    assert_eq!(ours.block_all, limiter.block_scope == BlockScope::All);
}

/// What an editor underlines without asking us.
#[test]
fn the_schema_refuses_what_the_language_refuses_by_form() {
    let validator = jsonschema::validator_for(&scenario::schema()).unwrap();
    for name in [
        "two_actions",
        "no_action",
        "two_triggers",
        "no_trigger",
        "unknown_fault",
        "unknown_state",
        "unknown_oracle",
        "unknown_incident",
        "unknown_top_level_key",
        "unknown_step_key",
        "unknown_event",
        "unknown_expectation",
        "no_connection",
        "calendar_for_all",
        "calendar_without_a_zone",
        "missing_keys",
        "wrong_type",
        "negative_seed",
        "steps_that_are_no_list",
        "unknown_end_of_connections",
        "duration_without_a_unit",
        "fault_parameter_missing",
    ] {
        let text =
            fs::read_to_string(root().join(format!("tests/bad_scenarios/{name}.yaml"))).unwrap();
        let value: serde_json::Value = serde_yaml::from_str(&text).unwrap();
        assert!(!validator.is_valid(&value), "{name}");
    }
}

#[test]
fn every_key_of_the_language_explains_itself_to_editors() {
    fn silent(schema: &serde_json::Value, at: &str, found: &mut Vec<String>) {
        if let Some(properties) = schema["properties"].as_object() {
            for (name, property) in properties {
                let variant = properties.len() == 1 && schema.get("description").is_some();
                if property.get("description").is_none() && !variant {
                    found.push(format!("{at}/{name}"));
                }
            }
        }
        for key in ["oneOf", "anyOf"] {
            for part in schema[key].as_array().into_iter().flatten() {
                silent(part, at, found);
            }
        }
    }
    let schema = scenario::schema();
    let mut found = Vec::new();
    silent(&schema, "", &mut found);
    for (name, part) in schema["$defs"].as_object().unwrap() {
        silent(part, name, &mut found);
    }
    assert!(found.is_empty(), "{found:?}");
}

#[test]
fn windows_line_ends_and_a_byte_order_mark_are_read() {
    let text = "\u{feff}".to_owned() + &GOOD.replace('\n', "\r\n");
    let scenario = scenario::parse(&text, Path::new("windows.yaml")).unwrap();
    assert_eq!(scenario.name, "NAME");
}

proptest::proptest! {
    /// Whatever a file holds, the answer is a scenario or an error that can be shown.
    #[test]
    fn no_text_makes_the_reader_panic(
        cut in 0usize..400,
        noise in "[ -~\n\t{}\\[\\]:,&*!|>'\"#é🦀-]{0,12}",
        drop in 0usize..30,
    ) {
        let good = include_str!("../scenarios/515-after-six-quiet-hours.yaml");
        let start = good.find("name:").unwrap();
        let good: Vec<char> = good[start..].chars().collect();
        let cut = cut.min(good.len());
        let text: String = good[..cut].iter().copied()
            .chain(noise.chars())
            .chain(good[cut..].iter().copied().skip(drop))
            .collect();
        if let Err(errors) = scenario::parse(&text, Path::new("noise.yaml")) {
            for error in errors {
                let shown = error.render(true);
                proptest::prop_assert!(shown.contains("noise.yaml"));
            }
        }
    }
}
