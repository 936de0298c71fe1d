//! The one place that prints. The streams take colours out where nobody could see them: in pipes, files, under NO_COLOR.

use std::io::{self, Write};

/// Writes to the standard output. Whoever reads it may go away; that is no error.
pub(super) fn say(text: &str) -> io::Result<()> {
    unless_gone(anstream::stdout().lock().write_all(text.as_bytes()))
}

/// Writes an error to the standard error, with a line end.
pub(super) fn complain(text: &str) -> io::Result<()> {
    let head = anstyle::AnsiColor::Red.on_default().bold();
    unless_gone(writeln!(
        anstream::stderr().lock(),
        "{head}error:{head:#} {text}"
    ))
}

/// Writes a remark to the standard error, with a line end.
pub(super) fn remark(text: &str) -> io::Result<()> {
    unless_gone(writeln!(anstream::stderr().lock(), "note: {text}"))
}

fn unless_gone(written: io::Result<()>) -> io::Result<()> {
    match written {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        other => other,
    }
}
