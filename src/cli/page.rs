//! The report in a browser, written where a flag says.

use std::path::Path;

use squall::exit::Exit;
use squall::report::html;

use super::out;

/// Whether it can be written there; what stands in the way was told.
pub(super) fn prepare(directory: &Path) -> anyhow::Result<bool> {
    match html::prepare(directory) {
        Ok(()) => Ok(true),
        Err(error) => {
            out::complain(&complaint(directory, &error))?;
            Ok(false)
        }
    }
}

/// Writes it, and says where it is, where that is not in the way of a program.
pub(super) fn write(
    report: &html::Report<'_>,
    directory: &Path,
    aloud: bool,
) -> anyhow::Result<Exit> {
    match report.write(directory) {
        Ok(page) => {
            if aloud {
                out::say(&format!("report: {}\n", page.display()))?;
            }
            Ok(Exit::Held)
        }
        Err(error) => {
            out::complain(&complaint(directory, &error))?;
            Ok(Exit::Usage)
        }
    }
}

fn complaint(directory: &Path, error: &std::io::Error) -> String {
    format!("--report: {}: {error}", directory.display())
}
