//! Who may name whom: the packages, and the modules of `src`.

use crate::source::{Source, files, none};

/// A package, and which of the others it may name, as code and as dependency.
const PACKAGES: &[(&str, &[&str])] = &[
    ("protocol", &[]),
    ("session", &["squall_protocol"]),
    ("mock-server", &["squall_protocol"]),
    ("benches", &["squall_protocol", "squall_session", "squall"]),
    ("browser", &[]),
    ("xtask", &[]),
];

/// All of ours, as code names them.
const OURS: &[&str] = &[
    "squall_protocol",
    "squall_session",
    "squall_mock_server",
    "squall",
];

/// Where in `src` the session may be named: by what runs it, and by what looks after its gateway and its store. Whoever judges it knows
/// nothing of it, and above all shares no code with its limiter.
const NAMES_SESSION: &[&str] = &[
    "src/engine",
    "src/subject",
    "src/run.rs",
    "src/gateway",
    "src/cli/store.rs",
];

/// Where in `src` the mock server may be named.
const NAMES_SERVER: &[&str] = &["src/engine"];

/// Where in `src` the mock server's faults may be named, and nothing else of it: they are words of the language.
const NAMES_FAULTS: &[&str] = &["src/scenario"];

/// The modules of `src`, and which others each may use. Data flows one way: words to scenarios to plans to traces to
/// findings. `engine`, `subject` and `run` know each other: they are the one place that brings all together.
const MODULES: &[(&str, &[&str])] = &[
    ("words", &[]),
    ("seed", &[]),
    ("trace", &["words"]),
    ("keep_alive", &["words", "seed", "trace"]),
    ("scenario", &["words", "seed", "trace"]),
    ("plan", &["words", "seed", "trace", "scenario"]),
    ("oracle", &["words", "trace"]),
    ("expect", &["words", "trace", "scenario", "plan", "oracle"]),
    (
        "engine",
        &[
            "words", "seed", "trace", "scenario", "plan", "oracle", "expect", "subject",
        ],
    ),
    ("subject", &["words", "seed", "trace", "scenario", "run"]),
    (
        "run",
        &[
            "words", "seed", "trace", "scenario", "plan", "oracle", "engine", "subject",
        ],
    ),
    ("gateway", &["trace", "scenario", "engine", "run"]),
];

/// Whether the line names this crate or module: the whole word, followed by a path or an end.
fn names(line: &str, word: &str) -> bool {
    line.match_indices(word).any(|(at, _)| {
        let part = |c: char| c.is_alphanumeric() || c == '_';
        let (before, after) = (&line[..at], &line[at + word.len()..]);
        !before.ends_with(part) && !after.starts_with(part)
    })
}

/// Whether the line names the crate `squall` itself, which is also a word of prose and the stem of the others' names.
fn names_crate(line: &str, name: &str) -> bool {
    match name {
        "squall" => {
            line.contains("use squall::")
                || line.contains(" squall::")
                || line.contains("(squall::")
        }
        name => names(line, name),
    }
}

fn below(path: &str, places: &[&str]) -> bool {
    places.iter().any(|place| {
        path == *place || path.starts_with(&format!("{place}/")) || path == format!("{place}.rs")
    })
}

fn told(source: &Source, number: usize, what: &str) -> String {
    format!("{}:{number}: names {what}", source.path)
}

#[test]
fn each_package_names_only_what_it_builds_upon() {
    let mut found = Vec::new();
    for (package, may) in PACKAGES {
        for source in files(package, "rs") {
            for (number, line) in source.code() {
                for other in OURS.iter().filter(|other| !may.contains(other)) {
                    let own = format!("squall_{}", package.replace('-', "_"));
                    if **other != own && names_crate(line, other) {
                        found.push(told(&source, number, other));
                    }
                }
            }
        }
        for manifest in files(package, "toml") {
            for (number, line) in manifest.text.lines().enumerate() {
                for other in OURS.iter().filter(|other| !may.contains(other)) {
                    let dependency = other.replace('_', "-");
                    if line.starts_with(&format!("{dependency}."))
                        || line.starts_with(&format!("{dependency} ="))
                    {
                        found.push(told(&manifest, number + 1, &dependency));
                    }
                }
            }
        }
    }
    none(
        &found,
        "The session knows nothing of the mock server, and the other way round; the protocol knows neither. What needs \
         both goes to src/engine or to a test in tests/; what both need goes to protocol/.",
    );
}

#[test]
fn only_engines_and_subjects_name_the_session_and_the_server() {
    let mut found = Vec::new();
    for source in files("src", "rs") {
        for (number, line) in source.code() {
            if names(line, "squall_session") && !below(&source.path, NAMES_SESSION) {
                found.push(told(&source, number, "squall_session"));
            }
            let fault =
                line.contains("squall_mock_server::fault") && below(&source.path, NAMES_FAULTS);
            if names(line, "squall_mock_server") && !fault && !below(&source.path, NAMES_SERVER) {
                found.push(told(&source, number, "squall_mock_server"));
            }
        }
    }
    none(
        &found,
        "Who judges a run shares no code with what runs: say it again in src/words.rs or in the trace, and translate in \
         src/engine. Faults are named through squall::scenario.",
    );
}

#[test]
fn a_module_uses_only_those_that_the_flow_allows() {
    let mut found = Vec::new();
    for (module, may) in MODULES {
        let place = format!("src/{module}");
        let sources = files("src", "rs")
            .into_iter()
            .filter(|source| below(&source.path, &[&place]));
        for source in sources.filter(|source| !source.is_test()) {
            for (number, line) in source.shipped() {
                for (other, _) in MODULES
                    .iter()
                    .filter(|(other, _)| other != module && !may.contains(other))
                {
                    if names(line, &format!("crate::{other}")) {
                        found.push(told(&source, number, &format!("crate::{other}")));
                    }
                }
            }
        }
    }
    none(
        &found,
        "Data flows one way (the list is in src/lib.rs): pass the value in, or move what both need up.",
    );
}

#[test]
fn a_name_is_found_whole() {
    assert!(names(
        "use squall_session::limiter::Permit;",
        "squall_session"
    ));
    assert!(!names("use squall_session_mock::Permit;", "squall_session"));
    assert!(names("use crate::run;", "crate::run") && !names("use crate::runner;", "crate::run"));
    assert!(
        names_crate("    squall::run(scenario)", "squall")
            && !names_crate("// squall is loud", "squall")
    );
}
