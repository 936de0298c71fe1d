//! Every shipped scenario, run once with the real session on the wire engine: it holds, its trace reads as its snapshot,
//! and docs/coverage.md says what it covers.

mod coverage;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::fs;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, OnceLock};
use std::thread;

use squall::engine::Listener;
use squall::scenario::{self, Scenario};
use squall::subject::Tested;
use squall::trace::{Entry, Prose};
use squall::{Ending, Options, Verdict, run_tested};

use coverage::Seen;

/// Where the snapshots are, one a scenario, by the name of its file.
const SNAPSHOTS: &str = "tests/snapshots/prose";

/// What to do about a snapshot that is not as the run is.
const WAY_OUT: &str = "If the new text is what should happen, take it over and look at the difference:\n    \
     INSTA_UPDATE=always cargo test --test prose && git diff tests/snapshots/prose\n\
     or, one by one: cargo insta test --review --test prose";

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// A run as it is told.
struct Told {
    scenario: Scenario,
    verdict: Verdict,
    prose: String,
    seen: Seen,
}

/// Where a line of prose goes.
type OutFn = Box<dyn FnMut(&str) + Send>;

/// A teller that leaves what it tells where the test finds it.
struct Teller {
    prose: Option<Prose<OutFn>>,
    seen: Arc<Mutex<Seen>>,
}

impl Listener for Teller {
    fn hear(&mut self, entry: &Entry) {
        self.seen.lock().unwrap().observe(&entry.event);
        if let Some(prose) = &mut self.prose {
            prose.observe(entry);
        }
    }
}

impl Drop for Teller {
    /// The run lets go of it at the end; what is still folded is told then.
    fn drop(&mut self) {
        if let Some(prose) = self.prose.take() {
            prose.finish();
        }
    }
}

fn tell(scenario: &Scenario) -> Told {
    let text = Arc::new(Mutex::new(String::new()));
    let lines = Arc::clone(&text);
    let seen = Arc::new(Mutex::new(Seen::default()));
    let sees = Arc::clone(&seen);
    let options = Options {
        writers: Some(Box::new(move |header| {
            let out: OutFn = Box::new(move |line| {
                let _ = writeln!(lines.lock().unwrap(), "{line}");
            });
            vec![Box::new(Teller {
                prose: Some(Prose::new(header, out)),
                seen: sees,
            })]
        })),
        ..Options::default()
    };
    let verdict = run_tested(scenario, Tested::Session, options).expect("a runtime can be had");
    Told {
        scenario: scenario.clone(),
        verdict,
        prose: std::mem::take(&mut *text.lock().unwrap()),
        seen: std::mem::take(&mut *seen.lock().unwrap()),
    }
}

/// Every shipped scenario by the name of its file, each run once, in as many threads as there are cores.
fn told() -> &'static BTreeMap<String, Told> {
    static TOLD: OnceLock<BTreeMap<String, Told>> = OnceLock::new();
    TOLD.get_or_init(|| {
        let scenarios = scenario::load(&[root().join("scenarios")]).unwrap_or_else(|errors| {
            let texts: Vec<String> = errors.iter().map(ToString::to_string).collect();
            panic!("{}", texts.join("\n"))
        });
        let (next, told) = (AtomicUsize::new(0), Mutex::new(BTreeMap::new()));
        let cores = thread::available_parallelism().map_or(2, usize::from);
        // The long ones first, so that no thread is left alone with a year at the end.
        let mut order: Vec<&Scenario> = scenarios.iter().collect();
        order.sort_by_key(|scenario| std::cmp::Reverse(scenario.runs_for));
        thread::scope(|scope| {
            for _ in 0..cores {
                scope.spawn(|| {
                    while let Some(scenario) = order.get(next.fetch_add(1, Ordering::Relaxed)) {
                        let run = tell(scenario);
                        told.lock().unwrap().insert(file_of(scenario), run);
                    }
                });
            }
        });
        told.into_inner().unwrap()
    })
}

fn file_of(scenario: &Scenario) -> String {
    scenario
        .path
        .file_stem()
        .expect("a scenario is a file")
        .to_string_lossy()
        .into_owned()
}

#[test]
fn every_shipped_scenario_holds() {
    let mut wrong = String::new();
    for (file, told) in told() {
        let Verdict {
            findings,
            inconclusive,
            ..
        } = &told.verdict;
        if told.verdict.ending() != Ending::Held {
            let _ = writeln!(
                wrong,
                "scenarios/{file}.yaml: {findings:#?} {inconclusive:#?}\n    cargo run -- run scenarios/{file}.yaml --explain"
            );
        }
    }
    assert!(wrong.is_empty(), "{wrong}");
}

#[test]
fn every_shipped_scenario_reads_as_its_snapshot() {
    let mut differ = Vec::new();
    for (file, told) in told() {
        let compared = catch_unwind(AssertUnwindSafe(|| {
            insta::with_settings!({
                omit_expression => true,
                prepend_module_to_snapshot => false,
                snapshot_path => "../snapshots/prose",
            }, {
                insta::assert_snapshot!(file.as_str(), &told.prose);
            });
        }));
        if compared.is_err() {
            differ.push(format!("{SNAPSHOTS}/{file}.snap"));
        }
    }
    assert!(
        differ.is_empty(),
        "missing, or not as the run is:\n    {}\n{WAY_OUT}",
        differ.join("\n    ")
    );
}

#[test]
fn every_snapshot_has_its_scenario() {
    let scenarios: BTreeSet<PathBuf> = told()
        .keys()
        .map(|file| PathBuf::from(format!("{file}.snap")))
        .collect();
    let orphans: Vec<String> = fs::read_dir(root().join(SNAPSHOTS))
        .expect("the snapshots are there")
        .map(|file| PathBuf::from(file.expect("a directory can be read").file_name()))
        .filter(|file| file.extension().is_some_and(|end| end == "snap"))
        .filter(|file| !scenarios.contains(file))
        .map(|file| file.display().to_string())
        .collect();
    assert!(
        orphans.is_empty(),
        "no scenario of that name any more; delete them: {orphans:?} in {SNAPSHOTS}"
    );
}
