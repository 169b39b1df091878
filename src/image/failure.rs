//! Why a build failed, read from the last lines that buildx wrote: pure.

use crate::error::Problem;

/// Why there is no image.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Failure {
    /// The registry did not set the tag, as it does where the tag exists and is immutable: another run
    /// has pushed this commit meanwhile. What the tag names now can be asked for; the problem is for
    /// the case that it names nothing.
    TagTaken(Problem),
    /// The build or the push failed.
    Failed(Problem),
}

impl From<Problem> for Failure {
    fn from(problem: Problem) -> Self {
        Self::Failed(problem)
    }
}

/// What the last lines say about why.
pub(super) fn diagnose(tail: &[String], status: &str, repository_uri: &str, tag: &str) -> Failure {
    let last = tail.iter().rev().find_map(|line| line.strip_prefix("ERROR: "));
    let error = last.unwrap_or_default();
    let said = |what: &str| error.contains(what);
    let image = format!("`{repository_uri}:{tag}`");
    let problem = |what: String, help: &str| Problem {
        found: evidence(tail),
        ..Problem::new(what).help(help)
    };

    // ECR says "cannot be overwritten because the tag is immutable" in one place and "…because the
    // repository is…" in another, and an engine may drop the words of the answer and keep the 400.
    // https://github.com/moby/buildkit/issues/3776
    let immutable = said("cannot be overwritten") && said("immutable");
    let put = said("PUT request") && said(&format!("/manifests/{tag}: 400 Bad Request"));
    if immutable || put {
        return Failure::TagTaken(problem(
            format!("pushing {image}: the registry did not set the tag"),
            "run again; a tag that is immutable and taken has to be deleted first",
        ));
    }
    let (what, help) = if let Some(code) = exit_code(error) {
        let help = if evidence(tail).iter().any(|line| line.contains("exec format error")) {
            "the platform is not this machine's: set up emulation, as docker/setup-qemu-action does, \
             or build on a machine of that platform"
        } else {
            "mend the step that `>>>` points at; nothing was pushed"
        };
        (format!("building {image}: a step of the Dockerfile ended with exit code {code}"), help)
    } else if said("no basic auth")
        || said("401 Unauthorized")
        || said("403 Forbidden")
        || said("denied")
    {
        // A builder without the containerd store pushes after the solve.
        let pushing = !said("failed to solve") || said("failed to push");
        if pushing || said(super::digest::host(repository_uri)) {
            (
                format!("pushing {image}: the registry refused the login"),
                "allow `ecr:InitiateLayerUpload`, `ecr:UploadLayerPart`, `ecr:CompleteLayerUpload`, \
                 `ecr:BatchCheckLayerAvailability`, `ecr:BatchGetImage` and `ecr:PutImage` on the \
                 repository",
            )
        } else {
            (
                format!("building {image}: a registry refused to give a base image"),
                "check its name, and log in to its registry before this step",
            )
        }
    } else if said("toomanyrequests") {
        (
            format!("building {image}: a registry's rate limit was reached"),
            "log in to that registry before this step, or take the base image from a registry \
             without that limit",
        )
    } else if said("name unknown") || said("failed to push") && said("404 Not Found") {
        (
            format!("pushing {image}: the repository does not exist"),
            "run again: the next run makes it",
        )
    } else {
        (
            format!("building {image}: docker ended with {status}"),
            "mend what docker names, and run again",
        )
    };
    Failure::Failed(problem(what, help))
}

/// The exit code of the step that failed.
fn exit_code(error: &str) -> Option<&str> {
    let (_, code) = error.split_once("did not complete successfully: exit code: ")?;
    Some(code.split(|c: char| !c.is_ascii_digit()).next().unwrap_or(code))
}

/// The last section that buildx prints about a failing step, which ends in the error itself. Others
/// before it tell of things that did not matter, such as a cache that is not there yet.
fn evidence(tail: &[String]) -> Vec<String> {
    let is_rule = |line: &str| line.len() > 3 && line.bytes().all(|byte| byte == b'-');
    let section = tail.iter().rposition(|line| line.starts_with(" > "));
    let lines = match (section, tail.iter().rposition(|line| line.starts_with("ERROR: "))) {
        (Some(section), _) if !tail[section].contains("importing cache manifest") => {
            &tail[section..]
        }
        (_, Some(error)) => &tail[error..],
        _ => &tail[tail.len().saturating_sub(10)..],
    };
    lines.iter().filter(|line| !is_rule(line)).map(|line| line.trim_end().to_owned()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const REPOSITORY: &str = "1.dkr.ecr.eu-west-1.amazonaws.com/web";

    fn after(output: &str) -> Failure {
        let tail: Vec<_> = output.lines().map(str::to_owned).collect();
        diagnose(&tail, "exit status: 1", REPOSITORY, "0f3c")
    }

    fn failed(output: &str) -> Problem {
        match after(output) {
            Failure::Failed(problem) => problem,
            Failure::TagTaken(problem) => panic!("not about the tag: {problem}"),
        }
    }

    #[test]
    fn a_failing_step_is_shown_with_its_line_and_its_words() {
        let output = r#"#7 ERROR: process "/bin/sh -c echo oh no >&2; exit 3" did not complete successfully: exit code: 3
------
 > importing cache manifest from 1.dkr.ecr.eu-west-1.amazonaws.com/web:buildcache:
------
------
 > [3/3] RUN echo oh no >&2; exit 3:
0.139 oh no
------
Dockerfile:3
--------------------
   1 |     FROM busybox:1.37
   2 |     RUN echo one
   3 | >>> RUN echo oh no >&2; exit 3
   4 |     
--------------------
ERROR: failed to solve: process "/bin/sh -c echo oh no >&2; exit 3" did not complete successfully: exit code: 3"#;
        insta::assert_snapshot!(failed(output), @r#"
        building `1.dkr.ecr.eu-west-1.amazonaws.com/web:0f3c`: a step of the Dockerfile ended with exit code 3
           > [3/3] RUN echo oh no >&2; exit 3:
          0.139 oh no
          Dockerfile:3
             1 |     FROM busybox:1.37
             2 |     RUN echo one
             3 | >>> RUN echo oh no >&2; exit 3
             4 |
          ERROR: failed to solve: process "/bin/sh -c echo oh no >&2; exit 3" did not complete successfully: exit code: 3
          help: mend the step that `>>>` points at; nothing was pushed
        "#);
    }

    #[test]
    fn a_foreign_platform_without_emulation() {
        let output = " > [2/2] RUN true:\n0.1 exec /bin/sh: exec format error\n\
            ERROR: failed to solve: process \"/bin/sh -c true\" did not complete successfully: exit code: 255";
        assert!(failed(output).help.is_some_and(|help| help.contains("emulation")));
    }

    #[test]
    fn a_missing_stage_is_told_in_dockers_words() {
        let output = "------\n > importing cache manifest from x:buildcache:\n------\n\
            ERROR: failed to solve: target stage \"zz\" could not be found";
        insta::assert_snapshot!(failed(output), @r#"
        building `1.dkr.ecr.eu-west-1.amazonaws.com/web:0f3c`: docker ended with exit status: 1
          ERROR: failed to solve: target stage "zz" could not be found
          help: mend what docker names, and run again
        "#);
    }

    #[test]
    fn a_tag_that_may_not_be_moved_is_not_a_failed_build() {
        for words in [
            "tag invalid: The image tag '0f3c' already exists in the 'web' repository and cannot be overwritten because the tag is immutable.",
            "tag invalid: The image tag '0f3c' already exists in the 'web' repository and cannot be overwritten because the repository is immutable.",
            "failed to solve: failed to push x/web:0f3c: unexpected status from PUT request to https://x/v2/web/manifests/0f3c: 400 Bad Request",
        ] {
            let failure = after(&format!("ERROR: {words}"));
            assert!(matches!(failure, Failure::TagTaken(_)), "{words}: {failure:?}");
        }
    }

    #[test]
    fn a_refused_push_names_the_permissions() {
        for words in ["no basic auth credentials", "401 Unauthorized", "403 Forbidden"] {
            let url = "https://1.dkr.ecr.eu-west-1.amazonaws.com/v2/web/blobs/uploads/";
            let output =
                format!("ERROR: failed to solve: failed to push {REPOSITORY}:0f3c: {url}: {words}");
            let problem = failed(&output);
            assert!(problem.help.is_some_and(|help| help.contains("ecr:PutImage")), "{words}");
        }
    }

    #[test]
    fn a_base_image_that_is_refused_is_not_the_push() {
        let output = "ERROR: failed to solve: nope/x:1: pull access denied, repository does not exist or \
            may require authorization: server message: insufficient_scope: authorization failed";
        insta::assert_snapshot!(failed(output), @r"
        building `1.dkr.ecr.eu-west-1.amazonaws.com/web:0f3c`: a registry refused to give a base image
          ERROR: failed to solve: nope/x:1: pull access denied, repository does not exist or may require authorization: server message: insufficient_scope: authorization failed
          help: check its name, and log in to its registry before this step
        ");
    }

    #[test]
    fn without_an_error_line_the_last_lines_are_shown() {
        let output = (0..20).map(|n| format!("line {n}")).collect::<Vec<_>>().join("\n");
        let problem = failed(&output);
        assert_eq!(problem.found.len(), 10);
        assert_eq!(problem.found.last().map(String::as_str), Some("line 19"));
    }
}
