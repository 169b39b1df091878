//! The image's tag: the commit, or where there is none a fingerprint of what is built.

use crate::{config::model::Build, error::Problem};
use sha2::{Digest as _, Sha256};
use std::{
    collections::BTreeMap,
    fs, io,
    os::unix::{ffi::OsStrExt as _, fs::PermissionsExt as _},
    path::{Path, PathBuf},
};

/// The image's tag: the commit, where one is known; otherwise `content-` and twelve hex digits of a
/// SHA-256 over the build context, the Dockerfile and the options. What `.dockerignore` leaves out
/// counts too, which costs a build that was not needed and never leaves one out that was.
/// A preview's begins with `pr-`, its pull request's number and a hyphen.
///
/// # Errors
/// A file of the context that cannot be read.
pub fn tag(
    build: &Build,
    preview: Option<u64>,
    commit: Option<&str>,
    environment: &BTreeMap<String, String>,
) -> Result<String, Problem> {
    let start = preview.map(of_preview).unwrap_or_default();
    // Hex digits of SHA-1, or of SHA-256 in a repository that uses that.
    let is_commit = |text: &&str| {
        matches!(text.len(), 40 | 64) && text.bytes().all(|byte| byte.is_ascii_hexdigit())
    };
    if let Some(commit) = commit.filter(is_commit) {
        return Ok(format!("{start}{}", commit.to_ascii_lowercase()));
    }
    let mut entries = BTreeMap::new();
    walk(&build.context, &build.context, &mut entries)?;
    let dockerfile = file(&build.dockerfile)?;
    let fingerprint = fingerprint(&entries, &dockerfile, &options(build, environment));
    let (first, _) = fingerprint.split_first_chunk().expect("a SHA-256 has 32 bytes");
    Ok(format!("{start}content-{:012x}", u64::from_be_bytes(*first) >> 16))
}

/// What the tags of a preview's images begin with.
pub fn of_preview(number: u64) -> String {
    format!("pr-{number}-")
}

/// What the walk found at a path.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Entry {
    Folder { mode: u32 },
    File { mode: u32, sha256: [u8; 32] },
    Link { target: PathBuf },
}

/// The same for the same content, whatever the order in which the files were read, and wherever they
/// stand.
fn fingerprint(
    entries: &BTreeMap<PathBuf, Entry>,
    dockerfile: &[u8; 32],
    options: &[String],
) -> [u8; 32] {
    let mut hash = Sha256::new();
    // Each with its length before it, so that no two lists of fields give the same bytes.
    let mut field = |bytes: &[u8]| {
        hash.update(u64::try_from(bytes.len()).expect("a length fits").to_be_bytes());
        hash.update(bytes);
    };
    field(dockerfile);
    for option in options {
        field(option.as_bytes());
    }
    for (path, entry) in entries {
        field(path.as_os_str().as_bytes());
        match entry {
            Entry::Folder { mode } => field(format!("folder {mode:o}").as_bytes()),
            Entry::File { mode, sha256 } => {
                field(format!("file {mode:o}").as_bytes());
                field(sha256);
            }
            Entry::Link { target } => {
                field(b"link");
                field(target.as_os_str().as_bytes());
            }
        }
    }
    hash.finalize().into()
}

/// What of the options changes the image. The values of secrets do not.
fn options(build: &Build, environment: &BTreeMap<String, String>) -> Vec<String> {
    let mut options = vec![
        format!("target={}", build.target.as_deref().unwrap_or_default()),
        format!("platforms={}", build.platforms.join(",")),
        format!("provenance={}", build.provenance),
    ];
    options.extend(build.build_args.iter().map(|(name, given)| {
        let value = given.as_ref().or_else(|| environment.get(name));
        format!("{name}={}", value.map_or("", String::as_str))
    }));
    options
}

/// Reads the folder, which is the context or below it, and all that is in it.
fn walk(
    context: &Path,
    folder: &Path,
    entries: &mut BTreeMap<PathBuf, Entry>,
) -> Result<(), Problem> {
    let all = fs::read_dir(folder)
        .and_then(Iterator::collect::<io::Result<Vec<_>>>)
        .map_err(|error| unreadable(folder, &error))?;
    for entry in all {
        if entry.file_name() == ".git" {
            continue;
        }
        let path = entry.path();
        let relative = path.strip_prefix(context).expect("it is below the context").to_owned();
        let metadata = fs::symlink_metadata(&path).map_err(|error| unreadable(&path, &error))?;
        let mode = metadata.permissions().mode() & 0o777;
        if metadata.is_dir() {
            walk(context, &path, entries)?;
            entries.insert(relative, Entry::Folder { mode });
        } else if metadata.is_symlink() {
            let target = fs::read_link(&path).map_err(|error| unreadable(&path, &error))?;
            entries.insert(relative, Entry::Link { target });
        } else if metadata.is_file() {
            entries.insert(relative, Entry::File { mode, sha256: file(&path)? });
        }
    }
    Ok(())
}

fn file(path: &Path) -> Result<[u8; 32], Problem> {
    let mut hash = Writer(Sha256::new());
    fs::File::open(path)
        .and_then(|mut file| io::copy(&mut file, &mut hash))
        .map_err(|error| unreadable(path, &error))?;
    Ok(hash.0.finalize().into())
}

/// Lets `io::copy` feed a hash.
struct Writer(Sha256);

impl io::Write for Writer {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.update(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn unreadable(path: &Path, error: &io::Error) -> Problem {
    Problem::new(format!("reading `{}` for the image's tag: {error}", path.display()))
        .help("make it readable, or move it out of the build context")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::image::command::tests;
    use std::os::unix::fs::symlink;
    use tempfile::TempDir;

    fn context() -> (TempDir, Build) {
        let folder = TempDir::new().expect("a folder");
        fs::create_dir_all(folder.path().join("src")).expect("a folder");
        fs::create_dir_all(folder.path().join(".git")).expect("a folder");
        for (name, text) in [("Dockerfile", "FROM scratch"), ("src/a", "a"), (".git/HEAD", "x")] {
            fs::write(folder.path().join(name), text).expect("a file");
        }
        symlink("nowhere", folder.path().join("link")).expect("a link");
        let build = Build {
            context: folder.path().to_owned(),
            dockerfile: folder.path().join("Dockerfile"),
            ..tests::build()
        };
        (folder, build)
    }

    fn content(build: &Build) -> String {
        tag(build, None, None, &BTreeMap::new()).expect("all can be read")
    }

    #[test]
    fn the_commit_is_the_tag() {
        let commit = "6E10e655827736c2edba0bdb6e272a07753fd34b";
        let (_folder, build) = context();
        let tag = tag(&build, None, Some(commit), &BTreeMap::new()).expect("nothing is read");
        assert_eq!(tag, commit.to_lowercase());
    }

    #[test]
    fn what_is_no_commit_does_not_become_a_tag() {
        let (_folder, build) = context();
        for wrong in ["", "main", "6e10e65", "6e10e655827736c2edba0bdb6e272a07753fd34 "] {
            assert_eq!(
                tag(&build, None, Some(wrong), &BTreeMap::new()).expect("read"),
                content(&build)
            );
        }
    }

    #[test]
    fn the_same_content_elsewhere_has_the_same_tag() {
        let (one, two) = (context(), context());
        let tag = content(&one.1);
        assert_eq!(tag, content(&two.1));
        let hex = tag.strip_prefix("content-").expect("it says so");
        assert!(hex.len() == 12 && hex.bytes().all(|byte| byte.is_ascii_hexdigit()), "{tag}");
        fs::write(two.0.path().join(".git/HEAD"), "y").expect("a file");
        assert_eq!(tag, content(&two.1));
    }

    #[test]
    fn every_change_of_content_changes_the_tag() {
        let changes: [fn(&Path); 5] = [
            |root| fs::write(root.join("src/a"), "b").expect("a file"),
            |root| fs::write(root.join("Dockerfile"), "FROM x").expect("a file"),
            |root| fs::rename(root.join("src/a"), root.join("src/b")).expect("a file"),
            |root| {
                fs::set_permissions(root.join("src/a"), fs::Permissions::from_mode(0o755))
                    .expect("a file");
            },
            |root| {
                fs::remove_file(root.join("link")).expect("a link");
                symlink("elsewhere", root.join("link")).expect("a link");
            },
        ];
        let (_folder, before) = context();
        for (index, change) in changes.iter().enumerate() {
            let (folder, build) = context();
            change(folder.path());
            assert_ne!(content(&build), content(&before), "change {index}");
        }
    }

    #[test]
    fn every_option_that_changes_the_image_changes_the_tag() {
        let (_folder, build) = context();
        let argument = |value: Option<&str>| Build {
            build_args: [("A".to_owned(), value.map(str::to_owned))].into(),
            ..build.clone()
        };
        let environment = BTreeMap::from([("A".to_owned(), "2".to_owned())]);
        let from_environment =
            tag(&argument(None), None, None, &environment).expect("all can be read");
        let tags = [
            content(&build),
            content(&Build { target: Some("x".into()), ..build.clone() }),
            content(&Build { platforms: vec!["linux/arm64".into()], ..build.clone() }),
            content(&Build { provenance: true, ..build.clone() }),
            content(&argument(Some("1"))),
            from_environment.clone(),
        ];
        let distinct: std::collections::BTreeSet<_> = tags.iter().collect();
        assert_eq!(distinct.len(), tags.len(), "{tags:?}");
        assert_eq!(from_environment, content(&argument(Some("2"))));
    }

    #[test]
    fn a_context_that_is_missing_is_named() {
        let build = Build { context: "/nowhere".into(), ..tests::build() };
        insta::assert_snapshot!(tag(&build, None, None, &BTreeMap::new()).expect_err("it is missing"), @r"
        reading `/nowhere` for the image's tag: No such file or directory (os error 2)
          help: make it readable, or move it out of the build context
        ");
    }
}
