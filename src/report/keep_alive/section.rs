//! The study as a section of the report in a browser.

use serde::Serialize;

use super::machine::Took;
use super::paragraph;
use super::picture;
use super::tables::{Table, assumed, tables};
use crate::keep_alive::Study;

/// What the section shows. All of it becomes text but the picture, which is markup of our own.
#[derive(Clone, Debug, Serialize)]
pub struct Section {
    seed: u64,
    policies: usize,
    answer: String,
    tables: Vec<Table>,
    assumed: Vec<(String, String)>,
    #[serde(skip)]
    pub(in crate::report) picture: String,
}

impl Section {
    /// Of a study; and of what it takes of the machine, where that was measured.
    pub fn new(study: &Study, took: Option<&[Took]>) -> Self {
        Self {
            seed: study.question.seed.0,
            policies: study.rows.len(),
            answer: paragraph::answer(study),
            tables: tables(study, took),
            assumed: assumed(&study.question.assumptions),
            picture: picture::inside_a_page(study),
        }
    }
}
