//! How a run is called on a command line and on a disk.

use std::path::Path;

use squall_protocol::Instant;

use crate::engine::Engine;
use crate::engine::live::Reach;
use crate::seed::Seed;

/// The line that runs it again. What is as by default is left out; the seed never is.
pub fn replay(
    path: &Path,
    seed: Seed,
    subject: &str,
    (engine, reach): (Engine, &Reach),
    until: Option<Instant>,
) -> String {
    let mut line = format!(
        "squall run {} --seed {seed}",
        quoted(&path.display().to_string())
    );
    if subject != "session" {
        line.push_str(&format!(" --subject {}", quoted(subject)));
    }
    if engine != Engine::default() {
        line.push_str(&format!(" --engine {}", engine.name()));
        line.push_str(&reached(reach));
    }
    line.push_str(&ends(until));
    line.push_str(" --explain");
    line
}

/// The flags that say how the live engine reaches its server.
fn reached(reach: &Reach) -> String {
    let server = match reach {
        Reach::Beside => return String::new(),
        Reach::BesideOverTls => return " --tls".to_owned(),
        Reach::Elsewhere(server) => server,
    };
    let scheme = if server.trusts.is_some() { "wss" } else { "ws" };
    let host = match server.host.contains(':') {
        true => format!("[{}]", server.host),
        false => server.host.clone(),
    };
    let url = format!("{scheme}://{host}:{}/ws/chat", server.port);
    let root_key: String = server
        .root_key
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect();
    let mut flags = format!(" --connect {} --root-key {root_key}", quoted(&url));
    if let Some(trusts) = &server.trusts {
        flags.push_str(&format!(
            " --trust {}",
            quoted(&trusts.file.display().to_string())
        ));
    }
    flags
}

/// The flag that ends a run there, if anything does.
pub(super) fn ends(until: Option<Instant>) -> String {
    let flag = |until: Instant| {
        let length = until.since_start().to_string().replace(' ', "");
        format!(" --until {}", quoted(&length))
    };
    until.map(flag).unwrap_or_default()
}

/// As a shell takes it for one word.
pub fn quoted(word: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_./:=,@%+".contains(c);
    if !word.is_empty() && word.chars().all(plain) {
        word.to_owned()
    } else {
        format!("'{}'", word.replace('\'', r"'\''"))
    }
}

/// The file name of a full trace: never a path, never hidden, never too long; two names never share one.
pub fn trace_file(scenario: &str, subject: &str, seed: Seed) -> String {
    const LONGEST: usize = 80;
    let safe = |c: char| {
        if c.is_ascii_alphanumeric() || c == '_' {
            c
        } else {
            '-'
        }
    };
    let name: String = scenario.chars().take(LONGEST).map(safe).collect();
    // Spaces became dashes and nothing else changed: the name can be told back. Else a part of its hash tells it apart.
    let told_back = !name.is_empty() && name.replace('-', " ") == scenario;
    let apart = match told_back {
        true => String::new(),
        false => format!("-{}", &blake3::hash(scenario.as_bytes()).to_hex()[..8]),
    };
    format!("{name}{apart}.{subject}.{seed}.jsonl.zst")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::live::{Elsewhere, Trusts};
    use std::collections::BTreeSet;

    #[test]
    fn a_replay_line_names_what_differs_from_the_default_and_always_the_seed() {
        let line = |subject, until| {
            replay(
                Path::new("scenarios/x.yaml"),
                Seed(7),
                subject,
                (Engine::Wire, &Reach::Beside),
                until,
            )
        };
        assert_eq!(
            line("session", None),
            "squall run scenarios/x.yaml --seed 7 --explain"
        );
        assert_eq!(
            line("before", Some(Instant::at(90_061_000))),
            "squall run scenarios/x.yaml --seed 7 --subject before --until 1d1h1m1s --explain"
        );
    }

    #[test]
    fn a_run_in_real_time_is_replayed_against_the_same_server() {
        let line = |reach| {
            let live = (Engine::Live, &reach);
            replay(Path::new("x.yaml"), Seed(7), "session", live, None)
        };
        assert_eq!(
            line(Reach::BesideOverTls),
            "squall run x.yaml --seed 7 --engine live --tls --explain"
        );
        let server = |host: &str, trusts| {
            Reach::Elsewhere(Elsewhere {
                host: host.to_owned(),
                port: 8080,
                root_key: [0xab; 32],
                trusts,
            })
        };
        let key = "ab".repeat(32);
        assert_eq!(
            line(server("localhost", None)),
            format!(
                "squall run x.yaml --seed 7 --engine live --connect ws://localhost:8080/ws/chat --root-key {key} --explain"
            )
        );
        let trusts = Trusts {
            file: "my certificate.pem".into(),
            pem: String::new(),
        };
        assert_eq!(
            line(server("::1", Some(trusts))),
            format!(
                "squall run x.yaml --seed 7 --engine live --connect 'wss://[::1]:8080/ws/chat' --root-key {key} --trust 'my certificate.pem' --explain"
            )
        );
    }

    #[test]
    fn a_path_that_a_shell_would_split_is_quoted() {
        assert_eq!(quoted("a b.yaml"), "'a b.yaml'");
        assert_eq!(quoted("it's"), r"'it'\''s'");
        assert_eq!(quoted("$(boom)"), "'$(boom)'");
        assert_eq!(quoted(""), "''");
    }

    #[test]
    fn a_duration_on_the_command_line_reads_back() {
        let text = "1d 1h 1m 1s 1ms".replace(' ', "");
        assert_eq!(text.parse(), Ok(squall_protocol::Millis::new(90_061_001)));
    }

    #[test]
    fn a_trace_file_is_never_a_path_and_two_scenarios_never_share_one() {
        assert_eq!(
            trace_file("515 after six quiet hours", "session", Seed(7)),
            "515-after-six-quiet-hours.session.7.jsonl.zst"
        );
        let long = "x".repeat(500);
        let names = [
            "a b",
            "a-b",
            "a/b",
            "../../etc/passwd",
            "..",
            "",
            "é",
            "è",
            ".hidden",
            &long,
            "a\nb",
        ];
        let files: BTreeSet<String> = names
            .iter()
            .map(|name| trace_file(name, "session", Seed(1)))
            .collect();
        assert_eq!(files.len(), names.len());
        for file in files {
            assert!(!file.starts_with('.') && file.len() < 120, "{file}");
            assert!(!file.contains(['/', '\\', '\n', '\0']), "{file}");
        }
    }
}
