//! `squall new`.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use clap::Args;
use squall::exit::Exit;
use squall::runner::quoted;
use squall::scenario;

use super::out;

/// Write a scenario to begin with, every part explained; no file is ever overwritten
#[derive(Debug, Args)]
pub(super) struct New {
    /// What it is called; the file is called so too, with dashes for spaces
    #[arg(value_name = "NAME")]
    name: String,
    /// The directory of the file, which is made if need be
    #[arg(long, value_name = "DIR", default_value = "scenarios")]
    dir: PathBuf,
}

/// A scenario that holds, with a comment for each part.
const TEMPLATE: &str = include_str!("new.yaml");

/// Where the schema is for a scenario of Squall's own, seen from its file.
const SCHEMA: &str = "../docs/scenario.schema.json";

impl New {
    pub(super) fn run(&self) -> anyhow::Result<Exit> {
        let name = self.name.strip_suffix(".yaml").unwrap_or(&self.name);
        let file = file_name(name);
        if file.is_empty() {
            out::complain(&format!(
                "{name:?} has no letter and no digit, so no file can be called after it"
            ))?;
            return Ok(Exit::Usage);
        }
        let path = self.dir.join(format!("{file}.yaml"));
        let (text, schema) = self.text(name);
        if let Err(errors) = scenario::parse(&text, &path) {
            out::complain(&format!("{name:?} is no name: {}", errors[0].problem))?;
            return Ok(Exit::Usage);
        }
        if let Err(error) = self.write(&path, &text) {
            let why = match error.kind() {
                io::ErrorKind::AlreadyExists if path.exists() => {
                    "is there already; choose another name, or remove it".to_owned()
                }
                _ => format!("cannot be written: {error}"),
            };
            out::complain(&format!("{}: {why}", path.display()))?;
            return Ok(Exit::Usage);
        }
        let shown = quoted(&path.display().to_string());
        let mut said = format!("{shown} is written; run it: squall run {shown} --explain\n");
        if let Some(schema) = schema {
            let schema = quoted(&schema.display().to_string());
            said += &format!("for an editor that completes it: squall schema > {schema}\n");
        }
        out::say(&said)?;
        Ok(Exit::Held)
    }

    /// The scenario, and the schema that its first line names, where that is still to be made.
    fn text(&self, name: &str) -> (String, Option<PathBuf>) {
        let text = TEMPLATE.replace("NAME\n#", &format!("{}\n#", scalar(name)));
        if self.dir.join(SCHEMA).exists() {
            return (text, None);
        }
        let beside = "scenario.schema.json";
        let schema = self.dir.join(beside);
        let missing = !schema.exists();
        (text.replace(SCHEMA, beside), missing.then_some(schema))
    }

    fn write(&self, path: &Path, text: &str) -> io::Result<()> {
        fs::create_dir_all(&self.dir)?;
        File::create_new(path)?.write_all(text.as_bytes())
    }
}

/// Letters and digits, with one dash for whatever stands between them.
fn file_name(name: &str) -> String {
    name.to_lowercase()
        .split(|c: char| !c.is_alphanumeric())
        .filter(|word| !word.is_empty())
        .collect::<Vec<_>>()
        .join("-")
}

/// As YAML writes it: plain where nothing in it could mean anything else.
fn scalar(name: &str) -> String {
    let plain = |c: char| c.is_alphanumeric() || " -_',.".contains(c);
    let word = name.contains(' ') && !name.ends_with(' ');
    if word && name.starts_with(char::is_alphabetic) && name.chars().all(plain) {
        name.to_owned()
    } else {
        // What JSON writes, YAML reads.
        serde_json::Value::from(name).to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(text: &str) -> scenario::Scenario {
        scenario::parse(text, Path::new("new.yaml"))
            .unwrap_or_else(|errors| panic!("{}", errors[0]))
    }

    #[test]
    fn what_the_template_leaves_out_in_comments_can_be_put_in() {
        let text = TEMPLATE
            .replace("  # - ", "  - ")
            .replace("\n# source:", "\nsource:")
            .replace("\n# policy:", "\npolicy:");
        let (with, without) = (parsed(&text), parsed(TEMPLATE));
        assert_eq!(with.steps.len(), without.steps.len() + 2);
        assert_ne!(with.policy, without.policy);
    }

    #[test]
    fn a_name_is_read_back_as_it_was_given() {
        for name in [
            "a story",
            "515",
            "yes",
            "a: b # c",
            "it's \"so\"",
            "-x y",
            "é ø",
        ] {
            let new = New {
                name: name.to_owned(),
                dir: PathBuf::from("nowhere"),
            };
            assert_eq!(parsed(&new.text(name).0).name, name);
        }
    }

    #[test]
    fn a_file_is_called_by_what_can_be_typed() {
        assert_eq!(
            file_name("515 after six, quiet hours!"),
            "515-after-six-quiet-hours"
        );
        assert_eq!(file_name("../Etc/passwd"), "etc-passwd");
        assert_eq!(file_name("…"), "");
    }
}
