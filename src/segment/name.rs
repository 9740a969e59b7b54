//! Names of segments and objects, and the files they stand for.

use std::borrow::Cow;
use std::path::{Path, PathBuf};

use crate::error::{ErrorKind, Failure};

/// The longest name, in bytes.
pub(crate) const MAX_NAME: usize = 200;

/// Refuses what is not a name.
pub(crate) fn check(name: &str) -> Result<(), Failure> {
    let refuse = |why: String| Err(Failure::new(ErrorKind::InvalidName, why));
    match name {
        "" => refuse("the name is empty, expected 1 to 200 bytes".into()),
        "." | ".." => refuse(format!("`{name}` is not a name")),
        _ if name.len() > MAX_NAME => {
            refuse(format!("the name has {} bytes, expected at most {MAX_NAME}", name.len()))
        }
        _ if name.contains('/') => refuse("the name contains `/`".into()),
        _ if name.contains('\0') => refuse("the name contains a NUL byte".into()),
        _ => Ok(()),
    }
}

/// Where segments live: `COMMONHOLD_DIR`, or `/dev/shm`.
pub(crate) fn directory() -> Cow<'static, Path> {
    let chosen = std::env::var_os("COMMONHOLD_DIR").filter(|directory| !directory.is_empty());
    let Some(directory) = chosen.map(PathBuf::from) else {
        return Cow::Borrowed(Path::new("/dev/shm"));
    };
    // The last one out finds the name again, wherever the process has gone meanwhile.
    Cow::Owned(std::path::absolute(&directory).unwrap_or(directory))
}

/// The file of a segment with this name.
pub(crate) fn path_of(name: &str) -> Result<PathBuf, Failure> {
    path_in(&directory(), name)
}

pub(crate) fn path_in(directory: &Path, name: &str) -> Result<PathBuf, Failure> {
    check(name)?;
    let mut path = PathBuf::with_capacity(directory.as_os_str().len() + 1 + name.len());
    path.push(directory);
    path.push(name);
    Ok(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_checked() {
        for good in ["a", "...", "jobs.1", "päckchen", &"x".repeat(MAX_NAME)] {
            assert!(check(good).is_ok(), "{good:?}");
        }
        for bad in ["", ".", "..", "a/b", "/", "a\0b", &"x".repeat(MAX_NAME + 1)] {
            assert_eq!(check(bad).unwrap_err().kind, ErrorKind::InvalidName, "{bad:?}");
        }
    }
}
