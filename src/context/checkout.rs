//! Which commit is checked out: what a build takes, whatever the event says.

use std::{fs, path::Path};

/// The commit that the folder's files are of, as far as the repository that it is in says. A checkout
/// leaves a commit, or the name of a branch, in `HEAD`.
/// <https://git-scm.com/docs/gitrepository-layout>
pub fn commit(folder: &Path) -> Option<String> {
    let git = folder.ancestors().map(|folder| folder.join(".git")).find(|git| git.is_dir())?;
    let read = |name: &str| fs::read_to_string(git.join(name)).ok();
    let head = read("HEAD")?;
    let Some(branch) = head.trim().strip_prefix("ref: ") else { return hash(&head) };
    if branch.split('/').any(|part| part.is_empty() || part == "..") {
        return None;
    }
    read(branch).as_deref().and_then(hash).or_else(|| {
        let packed = read("packed-refs")?;
        let mut lines = packed.lines().filter_map(|line| line.split_once(' '));
        lines.find(|(_, name)| *name == branch).and_then(|(commit, _)| hash(commit))
    })
}

fn hash(text: &str) -> Option<String> {
    let text = text.trim();
    let is_hash = matches!(text.len(), 40 | 64) && text.bytes().all(|b| b.is_ascii_hexdigit());
    is_hash.then(|| text.to_ascii_lowercase())
}

#[cfg(test)]
mod tests {
    use super::*;

    const COMMIT: &str = "0123456789abcdef0123456789abcdef01234567";

    #[test]
    fn it_is_found_from_a_folder_below_in_every_form() {
        let folder = tempfile::tempdir().expect("a folder");
        let write = |name: &str, text: &str| {
            let path = folder.path().join(name);
            fs::create_dir_all(path.parent().expect("it has one")).expect("a folder");
            fs::write(path, text).expect("a file");
        };
        let below = folder.path().join("services/api");
        fs::create_dir_all(&below).expect("a folder");
        write(".git/HEAD", &format!("{COMMIT}\n"));
        assert_eq!(commit(&below).as_deref(), Some(COMMIT));
        write(".git/HEAD", "ref: refs/heads/main\n");
        assert_eq!(commit(&below), None);
        let other = "9".repeat(40);
        write(".git/packed-refs", &format!("# pack-refs with: peeled\n{other} refs/heads/main\n"));
        assert_eq!(commit(&below), Some(other));
        write(".git/refs/heads/main", COMMIT);
        assert_eq!(commit(&below).as_deref(), Some(COMMIT));
        write(".git/HEAD", "ref: ../../etc/passwd\n");
        assert_eq!(commit(&below), None);
        write(".git/HEAD", "gibberish");
        assert_eq!(commit(&below), None);
    }
}
