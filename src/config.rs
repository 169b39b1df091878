//! The file that the user writes: read, checked as a whole, and made into plain values. Every error
//! is told at once, with the line that it is about.

pub mod finding;
pub mod image_uri;
pub mod model;
pub mod names;

mod check;
mod definition;
mod dockerfile;
mod fargate;
mod read;
mod schema;
mod section;
mod shape;
pub(crate) mod tree;
mod values;

use crate::error::{Error, Problem, Result};
use finding::{Finding, render};
use model::Config;
use read::{Files, Findings, Input};
use std::{
    fs,
    io::{self, Read as _},
    ops::Range,
    path::{Path, PathBuf},
};

/// What the file is called where nobody says.
const NAMES: [&str; 2] = ["ecs-deploy.yml", "ecs-deploy.yaml"];

/// Reads the file, or where none is given `ecs-deploy.yml` in `folder`. `image` takes the place of the
/// file's.
///
/// # Errors
/// Every finding, rendered.
pub fn load(file: Option<&Path>, folder: &Path, image: Option<&str>) -> Result<Config> {
    let path = match file {
        Some(file) => file.to_owned(),
        None => found(folder)?,
    };
    let failed = |why: &io::Error| {
        let help = match file {
            Some(_) => "check the path, which is relative to the working directory",
            None => "write the file, or name it with `--config FILE`",
        };
        let what = format!("`{}` cannot be read: {why}", path.display());
        Error::Config(Problem::new(what).help(help).to_string())
    };
    let text = Disk.text(&path).map_err(|why| failed(&why))?;
    // The program changes no folder, so that a relative path could do; but reports show it, and a
    // build's context must not depend on where it is read.
    let absolute = std::path::absolute(&path).map_err(|why| failed(&why))?;
    let folder = absolute.parent().unwrap_or(Path::new("/"));
    let config = parse(&text, &path, folder, image, &Disk).map_err(Error::Config)?;
    let is_ensured = config.pull_through.is_ensured;
    let caching = image_uri::Caching { is_ensured, line: image_uri::Caching::LINE };
    let region = config.region.as_deref();
    let refused = image.and_then(|image| image_uri::refusal(image, region, caching));
    match refused {
        Some(mut problem) => {
            problem.what = format!("the flag `--image`: {}", problem.what);
            Err(Error::Config(problem.to_string()))
        }
        None => Ok(config),
    }
}

fn found(folder: &Path) -> Result<PathBuf> {
    let there =
        NAMES.iter().map(|name| folder.join(name)).find(|path| path.symlink_metadata().is_ok());
    there.ok_or_else(|| {
        let here = if folder.as_os_str().is_empty() { Path::new(".") } else { folder };
        let what = format!("there is no `{}` in `{}`", NAMES[0], here.display());
        Error::Config(
            Problem::new(what).help("write one, or name it with `--config FILE`").to_string(),
        )
    })
}

/// The text of a file of the user's, of at most 1 MiB.
pub(crate) fn text(path: &Path) -> io::Result<String> {
    Disk.text(path)
}

/// A task definition in ECS's JSON, also as `aws ecs describe-task-definition` wraps it.
///
/// # Errors
/// The file cannot be read, is no JSON, or has no containers: rendered.
pub fn task_definition(path: &Path) -> Result<serde_json::Value> {
    let text = Disk.text(path).map_err(|why| {
        let what = format!("the task definition `{}` cannot be read: {why}", path.display());
        Error::Config(Problem::new(what).help("check the path").to_string())
    })?;
    definition::document(&text)
        .map_err(|finding| Error::Config(render(&path.display().to_string(), &text, &[*finding])))
}

/// The JSON Schema of the file.
pub fn schema() -> String {
    serde_json::to_string_pretty(&schema::schema()).expect("a schema is plain data")
}

/// A file's model, for tests of what is made of it; the folder has an empty Dockerfile.
#[cfg(test)]
pub(crate) fn sample(text: &str) -> Config {
    let files = tests::Memory::new(&[("Dockerfile", "FROM scratch\nEXPOSE 8080\n")]);
    parse(text, Path::new("ecs-deploy.yml"), Path::new("/app"), None, &files).expect("it is well")
}

fn parse(
    text: &str,
    path: &Path,
    folder: &Path,
    image: Option<&str>,
    files: &dyn Files,
) -> std::result::Result<Config, String> {
    let name = path.display().to_string();
    let tree = tree::parse(text).map_err(|finding| render(&name, text, &[*finding]))?;
    if tree.value == tree::Value::Null {
        let finding = Finding::new(0..0, "the file is empty");
        let help = "begin with `service: NAME` and `task: { port: 8080 }`";
        return Err(render(&name, text, &[finding.help(help)]));
    }
    let mut findings = Findings::default();
    let whole = shape::Shape::Section(shape::FILE);
    check::check(&tree, &whole, "", &mut findings.own);
    if !matches!(tree.value, tree::Value::Map(_)) {
        return Err(render(&name, text, &findings.own));
    }
    let input = Input { folder, files, image };
    let config = read::read(&tree, &input, &mut findings);
    let shown = conceal(text, &findings.hidden);
    let own = (!findings.own.is_empty()).then(|| render(&name, &shown, &findings.own));
    let theirs = findings
        .definition
        .as_ref()
        .map(|(path, text, findings)| render(&path.display().to_string(), text, findings));
    let all: Vec<_> = own.into_iter().chain(theirs).collect();
    if all.is_empty() { Ok(config) } else { Err(all.join("\n\n")) }
}

/// The text with asterisks in the place of what must not be seen, byte for byte.
fn conceal(text: &str, hidden: &[Range<usize>]) -> String {
    let mut bytes = text.as_bytes().to_vec();
    for at in hidden.iter().flat_map(Clone::clone) {
        if !matches!(bytes[at], b'\n' | b'\r') {
            bytes[at] = b'*';
        }
    }
    String::from_utf8(bytes).expect("whole characters gave way to ASCII")
}

/// The machine's own disk.
struct Disk;

impl Files for Disk {
    fn text(&self, path: &Path) -> io::Result<String> {
        let mut bytes = Vec::new();
        // One byte more than is taken, so that a longer file is seen to be one, and no endless one is
        // read to its end.
        fs::File::open(path)?.take(tree::MOST as u64 + 1).read_to_end(&mut bytes)?;
        if bytes.len() > tree::MOST {
            return Err(io::Error::new(io::ErrorKind::FileTooLarge, "it has more than 1 MiB"));
        }
        let text = String::from_utf8(bytes)
            .map_err(|_| io::Error::new(io::ErrorKind::InvalidData, "it is no UTF-8 text"))?;
        Ok(text.strip_prefix('\u{feff}').map(str::to_owned).unwrap_or(text))
    }

    fn is_folder(&self, path: &Path) -> bool {
        path.is_dir()
    }

    fn is_file(&self, path: &Path) -> bool {
        path.is_file()
    }
}

#[cfg(test)]
mod tests;
