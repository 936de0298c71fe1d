//! What a shell and a reader of manuals want: `squall completions` and `squall man`, both made from the command line's
//! own definition.

use std::fs;
use std::path::PathBuf;

use clap::{Args, CommandFactory};
use clap_complete::Shell;
use squall::exit::Exit;

use super::{Cli, out};

/// Print what completes this command line in a shell
///
/// bash: squall completions bash > ~/.local/share/bash-completion/completions/squall
/// zsh:  squall completions zsh > _squall     # in a directory of $fpath
/// fish: squall completions fish > ~/.config/fish/completions/squall.fish
#[derive(Debug, Args)]
#[command(verbatim_doc_comment)]
pub(super) struct Completions {
    /// Which shell
    #[arg(value_name = "SHELL")]
    shell: Shell,
}

impl Completions {
    pub(super) fn run(&self) -> anyhow::Result<Exit> {
        let mut text = Vec::new();
        clap_complete::generate(self.shell, &mut Cli::command(), "squall", &mut text);
        out::say(&String::from_utf8(text)?)?;
        Ok(Exit::Held)
    }
}

/// Print the manual page, or write one for each command
///
/// To read it at once: squall man | man -l -
#[derive(Debug, Args)]
pub(super) struct Man {
    /// Write squall.1, squall-run.1 and the others here; the directory is made if need be [default: print squall.1]
    #[arg(value_name = "DIR")]
    directory: Option<PathBuf>,
}

impl Man {
    pub(super) fn run(&self) -> anyhow::Result<Exit> {
        let Some(directory) = &self.directory else {
            let mut page = Vec::new();
            clap_mangen::Man::new(Cli::command()).render(&mut page)?;
            out::say(&String::from_utf8(page)?)?;
            return Ok(Exit::Held);
        };
        let written = fs::create_dir_all(directory)
            .and_then(|()| clap_mangen::generate_to(Cli::command(), directory));
        if let Err(error) = written {
            out::complain(&format!("{}: {error}", directory.display()))?;
            return Ok(Exit::Usage);
        }
        Ok(Exit::Held)
    }
}
