//! The study's report, from a small study.

use std::num::NonZeroUsize;

use squall_protocol::Millis;

use super::{json, paragraph, picture, text};
use crate::keep_alive::{Assumptions, Policy, Question, Row, Study};
use crate::runner;
use crate::seed::Seed;

fn study() -> Study {
    let question = Question {
        seed: Seed(1),
        phases: 20,
        assumptions: Assumptions::default(),
    };
    let sweep = [(25, 60), (240, 60), (10, 20)]
        .map(|(every, dead)| Policy::swept(Millis::from_secs(every), Millis::from_secs(dead)));
    runner::study(question, &sweep, NonZeroUsize::MIN).expect("it can be run")
}

#[test]
fn the_same_seed_gives_the_same_study_whatever_runs_beside_it() {
    let one = study();
    let question = one.question.clone();
    let sweep: Vec<Policy> = one
        .rows
        .iter()
        .filter(|row| row.swept)
        .map(|row| row.policy.clone())
        .collect();
    let many = NonZeroUsize::MIN.saturating_add(3);
    assert_eq!(
        runner::study(question, &sweep, many).expect("it can be run"),
        one
    );
}

#[test]
fn the_paragraph_says_what_the_session_costs_what_it_buys_and_what_it_would_take() {
    let study = study();
    let answer = paragraph::answer(&study);
    for part in [
        "an IQ ping every 25s and a WebSocket Ping every 2m, costs 348 frames an hour",
        "before",
        "Baileys",
        "whatsmeow",
        "whatsapp-rust",
        "For a phone on mobile data, on the assumption of a NAT that forgets after 5m",
        "is an IQ ping every 4m and the end after 1m of silence: ",
        "For a server, where bytes are all that is paid and silence is to be known within 1m 30s, it is one every 25s and the end after 1m of silence: ",
    ] {
        assert!(answer.contains(part), "{part:?} is not in {answer}");
    }
}

/// Over a link that hardly stalls both are safe, and the one with less patience costs no more.
#[test]
fn of_what_costs_the_same_the_sooner_is_recommended_in_whichever_order_they_are_swept() {
    for patience in [[60, 20], [20, 60]] {
        let question = Question {
            seed: Seed(1),
            phases: 20,
            assumptions: Assumptions {
                stall: (Millis::from_secs(1), Millis::from_secs(5)),
                ..Assumptions::default()
            },
        };
        let sweep =
            patience.map(|dead| Policy::swept(Millis::from_secs(30), Millis::from_secs(dead)));
        let study = runner::study(question, &sweep, NonZeroUsize::MIN).expect("it can be run");
        let swept = || study.rows.iter().filter(|row| row.swept);
        assert!(swept().all(Row::is_safe));
        let costs: Vec<f64> = swept().map(|row| row.costs.radio_j).collect();
        assert_eq!(costs[0], costs[1]);
        for row in [study.for_a_phone(), study.for_a_server()] {
            assert_eq!(
                row.map(|row| row.policy.name.as_ref()),
                Some("30s, dead after 20s")
            );
        }
    }
}

#[test]
fn the_tables_name_every_policy_and_every_assumption() {
    let study = study();
    let text = text::report(&study, None);
    for row in &study.rows {
        assert!(
            text.contains(row.policy.name.as_ref()),
            "{}",
            row.policy.name
        );
    }
    for flag in [
        "--latency",
        "--ip v4",
        "--nat-idle 5m",
        "--radio-tail 11s 576ms",
        "--stall 5s..45s",
    ] {
        assert!(text.contains(flag), "{flag}");
    }
}

#[test]
fn json_is_one_object_with_a_format_and_every_policy() {
    let study = study();
    let report: serde_json::Value =
        serde_json::from_str(&json::report(&study, None).expect("it can be written"))
            .expect("JSON");
    assert_eq!(report["format"], 1);
    assert_eq!(report["policies"].as_array().map(Vec::len), Some(8));
    let session = &report["policies"][0];
    assert_eq!(session["measured_in"], "wire");
    assert_eq!(session["per_hour"]["frames"], study.rows[0].costs.frames);
    let worst = session["dead"]["silence"]["worst_ms"].as_u64();
    assert!(worst.is_some_and(|worst| worst <= 85_180), "{worst:?}");
    let zombie = &report["policies"][1]["dead"]["zombie"];
    assert_eq!(
        (&zombie["missed"], &zombie["p50_ms"]),
        (&20.into(), &serde_json::Value::Null)
    );
    assert_eq!(report["for_a_phone"], "4m, dead after 1m");
}

#[test]
fn the_picture_has_a_dot_for_each_policy_and_what_is_not_safe_is_hollow() {
    let mut study = study();
    study.rows[4].policy.name = "<b>&\"".into();
    let svg = picture::svg(&study);
    assert_eq!(svg.matches("<circle").count(), study.rows.len());
    let unsafe_ones = study.rows.iter().filter(|row| !row.is_safe()).count();
    assert!(unsafe_ones > 0, "the slow link alarms somebody");
    assert_eq!(svg.matches(" hollow\"").count(), unsafe_ones);
    assert!(svg.contains("&lt;b&gt;&amp;&quot;") && !svg.contains("<b>"));
    assert!(svg.contains("prefers-color-scheme: dark"));
    assert!(!svg.contains("NaN") && !svg.contains("inf"));
}
