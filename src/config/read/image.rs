//! The `image` section.

use super::{Findings, Input, Placed, missing, named};
use crate::{
    config::{
        finding::Finding,
        image_uri::{self, Caching},
        model::{Build, BuildSecret, Cache, Definition, Image, SecretSource, Task},
        names,
        section::{At, Section, text},
        shape::{ARM, INTEL, PLATFORMS},
        tree::{Node, Value},
    },
    error::Problem,
};
use indexmap::IndexMap;
use std::ops::Range;

/// Reads it. An image of the command line takes the place of the whole section.
pub(super) fn read(
    file: &Section<'_>,
    service: &str,
    placed: Placed<'_>,
    input: &Input<'_>,
    findings: &mut Findings,
) -> Image {
    if let Some(image) = input.image {
        return Image::Uri(image.to_owned());
    }
    let section = file.section("image");
    // Somebody may have written the value itself.
    let is_value = |line: &At<&str>| !line.value.contains("id=");
    let lines = section.texts("secrets").unwrap_or_default();
    findings.hidden.extend(lines.into_iter().filter(is_value).map(|line| line.span));
    let findings = &mut findings.own;
    if let Some(uri) = file.text("image").or_else(|| section.text("uri")) {
        check_uri(&uri, placed, findings);
        let beside = ["uri", "pull-through", "credentials"];
        if let Some(entry) = file.entry("image")
            && let Value::Map(entries) = &entry.node.value
            && let Some(other) = entries.iter().find(|entry| !beside.contains(&&*entry.key))
        {
            let what = format!("`image.{}` has no meaning beside `image.uri`", other.key);
            findings.push(Finding::new(other.key_span.clone(), what).help("take one of them out"));
        }
        return Image::Uri(uri.value.to_owned());
    }
    Image::Build(build(&section, service, input, findings))
}

/// The image of a task: built for its processor, where the file does not say for which.
pub(super) fn for_task(
    image: Image,
    task: &Task,
    file: &Section<'_>,
    findings: &mut Vec<Finding>,
) -> Image {
    let Image::Build(mut build) = image else { return image };
    let architecture = match &task.definition {
        Definition::Block(block) => Some(block.cpu_architecture.as_str()),
        Definition::Json(document) => document["runtimePlatform"]["cpuArchitecture"].as_str(),
    };
    let architecture = architecture.unwrap_or("X86_64");
    let platform = if architecture == "ARM64" { ARM } else { INTEL };
    let given = file.section("image").texts("platforms").unwrap_or_default();
    if given.is_empty() {
        build.platforms = vec![platform.to_owned()];
    } else if given.iter().all(|given| given.value != platform && PLATFORMS.contains(&given.value))
    {
        let list = build.platforms.join(", ");
        let what = format!("the task runs on {architecture}, and the image is built for {list}");
        let mut finding = Finding::new(given[0].span.clone(), what);
        if let Some(entry) = file.section("task").entry("cpu-architecture") {
            finding = finding.also(entry.node.span.clone(), "the task's processor");
        }
        findings.push(finding.help(format!("add `{platform}` to `image.platforms`")));
    }
    Image::Build(build)
}

fn check_uri(uri: &At<&str>, placed: Placed<'_>, findings: &mut Vec<Finding>) {
    let line = format!("image: {{ uri: {}, pull-through: ensure }}", uri.value);
    let caching = Caching { is_ensured: placed.is_cached, line: &line };
    if let Some(problem) = image_uri::refusal(uri.value, placed.region, caching) {
        findings.push(refused(uri.span.clone(), problem));
    }
}

/// The problem of an image, at its place.
pub(in crate::config) fn refused(span: Range<usize>, problem: Problem) -> Finding {
    let mut finding = Finding::new(span, problem.what);
    finding.label = problem.found.join("; ");
    finding.help = problem.help;
    finding
}

fn build(
    section: &Section<'_>,
    service: &str,
    input: &Input<'_>,
    findings: &mut Vec<Finding>,
) -> Build {
    let given = section.text("context");
    let context = given
        .as_ref()
        .map_or_else(|| input.folder.to_owned(), |context| input.folder.join(context.value));
    if let Some(given) = &given
        && !input.files.is_folder(&context)
    {
        findings.push(missing(given.span.clone(), "the build context", &context));
    }
    let given = section.text("dockerfile");
    let dockerfile = given.as_ref().map_or_else(
        || context.join("Dockerfile"),
        |dockerfile| input.folder.join(dockerfile.value),
    );
    if !input.files.is_file(&dockerfile) && (given.is_some() || input.files.is_folder(&context)) {
        let span = given.map_or(0..0, |given| given.span);
        let finding = missing(span, "the Dockerfile", &dockerfile);
        findings.push(
            finding.help(
                "name it in `image.dockerfile`, or give the URI of an image in ECR as `image`",
            ),
        );
    }
    let platforms = section.texts("platforms").unwrap_or_default();
    let build_args = arguments(section, findings);
    let what = "the repository's name";
    let repository = named(section, "repository", what, names::repository, findings);
    let default = service.to_lowercase();
    if repository.is_none()
        && names::ecs(service).is_ok()
        && !service.is_empty()
        && let Err(why) = names::repository(&default)
    {
        let what = format!("the service's name `{service}` makes no name of a repository");
        let finding = Finding::new(0..0, what).label(why);
        findings.push(finding.help("give one in `image.repository`"));
    }
    Build {
        context,
        dockerfile,
        target: section.text("target").map(|at| at.value.to_owned()),
        build_args,
        secrets: secrets(section, input, findings),
        platforms: platforms.iter().map(|at| at.value.to_owned()).collect(),
        cache: match section.text("cache").map(|at| at.value) {
            Some("none") => Cache::None,
            _ => Cache::Registry,
        },
        provenance: section.boolean("provenance").unwrap_or(false),
        repository: repository.unwrap_or(default),
        keep: section.number("keep").map_or(30, |at| at.value),
    }
}

/// Build arguments, as names with values or as a list of `NAME` and `NAME=VALUE`.
fn arguments(
    section: &Section<'_>,
    findings: &mut Vec<Finding>,
) -> IndexMap<String, Option<String>> {
    let mut arguments = IndexMap::new();
    for (name, at) in section.map("build-args") {
        let spot = At { value: name.as_str(), span: at.span };
        spot.must("the build argument", names::variable, findings);
        arguments.insert(name, at.value.map(|at| at.value));
    }
    for At { value, span } in section.texts("build-args").unwrap_or_default() {
        let (name, value) =
            value.split_once('=').map_or((value, None), |(name, value)| (name, Some(value)));
        let spot = At { value: name, span };
        if name.is_empty() {
            findings.push(Finding::new(spot.span, "a build argument without a name"));
        } else if arguments.contains_key(name) {
            findings
                .push(Finding::new(spot.span, format!("the build argument `{name}` stands twice")));
        } else {
            spot.must("the build argument", names::variable, findings);
            arguments.insert(name.to_owned(), value.map(str::to_owned));
        }
    }
    arguments
}

/// A build secret as it is written.
#[derive(Default)]
struct Written<'a> {
    id: Option<At<&'a str>>,
    env: Option<At<&'a str>>,
    file: Option<At<&'a str>>,
}

impl<'a> Written<'a> {
    fn of(node: &'a Node, findings: &mut Vec<Finding>) -> Option<Self> {
        if let Some(line) = text(node) {
            return Self::of_line(&line, findings);
        }
        let secret = matches!(node.value, Value::Map(_)).then(|| Section::of(node))?;
        let [id, env, file] = ["id", "env", "file"].map(|key| secret.text(key));
        Some(Self { id, env, file })
    }

    /// As buildx takes it: `id=npm,env=NPM_TOKEN`.
    /// <https://docs.docker.com/reference/cli/docker/buildx/build/#secret>
    fn of_line(line: &At<&'a str>, findings: &mut Vec<Finding>) -> Option<Self> {
        let mut written = Self::default();
        let mut kind = None;
        for word in line.value.split(',') {
            let (key, value) = word.split_once('=').unwrap_or((word, ""));
            let value = At { value: value.trim(), span: line.span.clone() };
            match key.trim() {
                "id" => written.id = Some(value),
                "env" => written.env = Some(value),
                "src" | "source" | "file" => written.file = Some(value),
                "type" => kind = Some(value.value),
                _ => {
                    // It is not repeated: somebody may have written the value itself.
                    let finding = Finding::new(line.span.clone(), "a secret is not understood");
                    findings
                        .push(finding.help("write `id=NAME,env=VARIABLE` or `id=NAME,src=FILE`"));
                    return None;
                }
            }
        }
        if kind == Some("env") && written.env.is_none() {
            written.env = written.file.take();
        }
        Some(written)
    }
}

fn secrets(
    section: &Section<'_>,
    input: &Input<'_>,
    findings: &mut Vec<Finding>,
) -> Vec<BuildSecret> {
    let mut secrets: Vec<BuildSecret> = Vec::new();
    for node in section.list("secrets").unwrap_or_default() {
        let Some(secret) = Written::of(node, findings) else { continue };
        let source = match (secret.env, secret.file) {
            (Some(env), None) => {
                env.must("the variable", names::variable, findings);
                SecretSource::Env(env.value.to_owned())
            }
            (None, Some(file)) => {
                let path = input.folder.join(file.value);
                if !input.files.is_file(&path) {
                    findings.push(missing(file.span, "the secret's file", &path));
                }
                SecretSource::File(path)
            }
            _ => {
                let finding =
                    Finding::new(node.span.clone(), "a secret without a source, or with two");
                findings.push(finding.help("give either `env` or `file`"));
                continue;
            }
        };
        let Some(id) = secret.id.filter(|id| !id.value.is_empty()) else {
            let finding = Finding::new(node.span.clone(), "a secret without an `id`");
            findings.push(finding.help("give the id of `RUN --mount=type=secret,id=…`"));
            continue;
        };
        if secrets.iter().any(|other| other.id == id.value) {
            let what = format!("the secret `{}` stands twice", id.value);
            findings.push(Finding::new(id.span, what));
            continue;
        }
        secrets.push(BuildSecret { id: id.value.to_owned(), source });
    }
    secrets
}
