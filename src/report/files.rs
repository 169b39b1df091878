//! The reporters that write to the runner's files: the step's outputs and the job summary.

use crate::{
    error::Problem,
    event::{Event, Outcome, Outputs},
    report::{Reporter, summary},
};
use std::{
    fmt::Write as _,
    fs::{File, OpenOptions},
    io::Write as _,
    path::{Path, PathBuf},
    time::Duration,
};
use uuid::Uuid;

/// GitHub shows nothing of a larger one:
/// <https://docs.github.com/en/actions/reference/workflows-and-actions/workflow-commands#step-isolation-and-limits>.
const SUMMARY_BYTES: u64 = 1024 * 1024;

/// Writes the outputs when the run has ended, however it did: they say what stands.
pub struct OutputFile(PathBuf);

impl OutputFile {
    /// To the file that `GITHUB_OUTPUT` names.
    pub fn new(path: PathBuf) -> Self {
        Self(path)
    }
}

impl Reporter for OutputFile {
    fn tell(&mut self, event: &Event, _now: Duration) -> Result<(), Problem> {
        let Event::Finished(outcome) = event else { return Ok(()) };
        let text = outputs(&outcome.outputs, &Uuid::new_v4().to_string());
        append(&self.0, |file| file.write_all(text.as_bytes()))
            .map_err(|why| unwritten("the step's outputs", "GITHUB_OUTPUT", &self.0, &why))
    }

    fn is_for_steps(&self) -> bool {
        true
    }
}

/// Writes the job summary when the run has ended.
pub struct SummaryFile {
    path: PathBuf,
    /// What became of each preview that a sweep took down.
    swept: Vec<Outcome>,
}

impl SummaryFile {
    /// To the file that `GITHUB_STEP_SUMMARY` names.
    pub const fn new(path: PathBuf) -> Self {
        Self { path, swept: Vec::new() }
    }
}

impl Reporter for SummaryFile {
    fn tell(&mut self, event: &Event, _now: Duration) -> Result<(), Problem> {
        match event {
            Event::Swept(outcome) => {
                self.swept.push((**outcome).clone());
                Ok(())
            }
            Event::Finished(outcome) => {
                summarize(&self.path, |left| summary::render_swept(outcome, &self.swept, left))
            }
            _ => Ok(()),
        }
    }
}

/// Adds to the job summary what `render` makes of the bytes that are left in it.
///
/// # Errors
/// The file cannot be written.
pub fn summarize(path: &Path, render: impl FnOnce(usize) -> String) -> Result<(), Problem> {
    append(path, |file| {
        // The limit is the step's, and an earlier run of the same step may have written.
        let left = SUMMARY_BYTES.saturating_sub(file.metadata()?.len());
        file.write_all(render(usize::try_from(left).unwrap_or(0)).as_bytes())
    })
    .map_err(|why| unwritten("the job summary", "GITHUB_STEP_SUMMARY", path, &why))
}

/// The outputs as the runner reads them: each between two lines with a word that no value has,
/// because a value with a newline would otherwise set others.
pub fn outputs(outputs: &Outputs, delimiter: &str) -> String {
    let Outputs {
        url,
        image,
        image_digest,
        task_definition_arn,
        service_arn,
        cluster_arn,
        load_balancer_dns,
        changed,
    } = outputs;
    let changed = Some(changed.to_string());
    let values = [
        ("url", url),
        ("image", image),
        ("image-digest", image_digest),
        ("task-definition-arn", task_definition_arn),
        ("service-arn", service_arn),
        ("cluster-arn", cluster_arn),
        ("load-balancer-dns", load_balancer_dns),
        ("changed", &changed),
    ];
    values.into_iter().filter_map(|(name, value)| Some((name, value.as_ref()?))).fold(
        String::new(),
        |mut text, (name, value)| {
            writeln!(text, "{name}<<{delimiter}\n{value}\n{delimiter}")
                .expect("a string can be written");
            text
        },
    )
}

fn append(
    path: &Path,
    write: impl FnOnce(&mut File) -> std::io::Result<()>,
) -> std::io::Result<()> {
    let mut file = OpenOptions::new().append(true).create(true).open(path)?;
    write(&mut file)
}

fn unwritten(what: &str, variable: &str, path: &Path, why: &std::io::Error) -> Problem {
    Problem::new(format!("{what} cannot be written to `{}`: {why}", path.display()))
        .help(format!("`{variable}` must name a file that this program may write"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn finished() -> Event {
        let outputs = Outputs {
            url: Some("http://x".into()),
            image_digest: Some("a\nchanged<<EOF".into()),
            changed: true,
            ..Outputs::default()
        };
        Event::Finished(Box::new(Outcome { service: "web".into(), outputs, ..Outcome::default() }))
    }

    #[test]
    fn outputs_cannot_set_one_another() {
        let Event::Finished(outcome) = finished() else { unreachable!("it is made above") };
        insta::assert_snapshot!(outputs(&outcome.outputs, "7c1e"), @"
        url<<7c1e
        http://x
        7c1e
        image-digest<<7c1e
        a
        changed<<EOF
        7c1e
        changed<<7c1e
        true
        7c1e
        ");
    }

    #[test]
    fn files_are_appended_to_and_the_limit_holds() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("summary");
        std::fs::write(&path, "x".repeat(1024 * 1024 - 300)).expect("a file");
        SummaryFile::new(path.clone()).tell(&finished(), Duration::ZERO).expect("it is writable");
        let written = std::fs::metadata(&path).expect("it is there").len();
        assert!(written > 1024 * 1024 - 300 && written <= SUMMARY_BYTES, "{written}");
    }

    #[test]
    fn a_file_that_cannot_be_written_is_named() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("missing").join("output");
        let problem = OutputFile::new(path)
            .tell(&finished(), Duration::ZERO)
            .expect_err("its folder is missing");
        assert!(problem.to_string().contains("missing/output`: No such file"), "{problem}");
    }
}
