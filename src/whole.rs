//! A file that is written whole or not at all: it grows beside its place, and what was there stays until it is done.

use std::fs::{self, File};
use std::io::{self, ErrorKind, Write};
use std::path::{Path, PathBuf};

use tempfile::NamedTempFile;

/// A file that is not in its place yet, and never will be if it is dropped before it is [kept](Self::keep).
#[derive(Debug)]
pub struct WholeFile(Grows);

#[derive(Debug)]
enum Grows {
    Beside(NamedTempFile, PathBuf),
    /// Not a file but a pipe or a device, which nothing can take the place of.
    There(File),
}

impl WholeFile {
    /// A file that is to be at this path.
    ///
    /// # Errors
    /// It could not be written there.
    pub fn at(path: &Path) -> io::Result<Self> {
        match fs::metadata(path) {
            Ok(found) if found.is_dir() => return Err(ErrorKind::IsADirectory.into()),
            Ok(found) if !found.is_file() => {
                let there = File::options().write(true).open(path)?;
                return Ok(Self(Grows::There(there)));
            }
            _ => {}
        }
        // A link goes on leading to where it led.
        let place = fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
        let directory = match place.parent() {
            Some(parent) if parent != Path::new("") => parent,
            _ => Path::new("."),
        };
        let mut beside = tempfile::Builder::new();
        beside.prefix(".squall-");
        // For whoever may read what is written there, not for its maker alone.
        #[cfg(unix)]
        let readable = std::os::unix::fs::PermissionsExt::from_mode(0o666);
        #[cfg(unix)]
        beside.permissions(readable);
        Ok(Self(Grows::Beside(beside.tempfile_in(directory)?, place)))
    }

    /// It is whole: it takes its place.
    ///
    /// # Errors
    /// What the file system says; then what was there is there still.
    pub fn keep(self) -> io::Result<()> {
        match self.0 {
            Grows::Beside(file, place) => {
                file.as_file().sync_all()?;
                file.persist(place).map_err(|error| error.error)?;
                Ok(())
            }
            Grows::There(mut file) => file.flush(),
        }
    }
}

impl Write for WholeFile {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match &mut self.0 {
            Grows::Beside(file, _) => file.write(bytes),
            Grows::There(file) => file.write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match &mut self.0 {
            Grows::Beside(file, _) => file.flush(),
            Grows::There(file) => file.flush(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(directory: &Path) -> Vec<String> {
        let entries = fs::read_dir(directory).unwrap();
        entries
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect()
    }

    #[test]
    fn what_was_there_stays_until_all_of_the_other_is_there() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("report");
        fs::write(&path, "old").unwrap();
        let mut broken = WholeFile::at(&path).unwrap();
        broken.write_all(b"ne").unwrap();
        drop(broken);
        assert_eq!(fs::read_to_string(&path).unwrap(), "old");
        let mut whole = WholeFile::at(&path).unwrap();
        whole.write_all(b"new").unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), "old");
        whole.keep().unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), "new");
        assert_eq!(names(directory.path()), ["report"]);
    }

    #[test]
    fn where_no_file_can_be_is_known_at_once() {
        let directory = tempfile::tempdir().unwrap();
        assert!(WholeFile::at(directory.path()).is_err());
        assert!(WholeFile::at(&directory.path().join("nowhere/report")).is_err());
        assert!(names(directory.path()).is_empty());
    }

    #[cfg(unix)]
    #[test]
    fn a_link_and_a_device_stay_what_they_are() {
        let directory = tempfile::tempdir().unwrap();
        let [file, link] = ["file", "link"].map(|name| directory.path().join(name));
        fs::write(&file, "old").unwrap();
        std::os::unix::fs::symlink(&file, &link).unwrap();
        let mut whole = WholeFile::at(&link).unwrap();
        whole.write_all(b"new").unwrap();
        whole.keep().unwrap();
        assert!(link.is_symlink());
        assert_eq!(fs::read_to_string(&file).unwrap(), "new");
        let mut null = WholeFile::at(Path::new("/dev/null")).unwrap();
        null.write_all(b"new").unwrap();
        null.keep().unwrap();
        assert!(!fs::metadata("/dev/null").unwrap().is_file());
    }
}
