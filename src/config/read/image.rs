//! The `image` section.

use super::{Input, missing, named};
use crate::config::{
    finding::Finding,
    image_uri,
    model::{Build, BuildSecret, Cache, Image, SecretSource},
    names,
    section::{At, Section},
    tree::Value,
};

/// Reads it. An image of the command line takes the place of the whole section.
pub(super) fn read(
    file: &Section<'_>,
    service: &str,
    region: Option<&str>,
    input: &Input<'_>,
    findings: &mut Vec<Finding>,
) -> Image {
    if let Some(image) = input.image {
        return Image::Uri(image.to_owned());
    }
    let section = file.section("image");
    if let Some(uri) = file.text("image").or_else(|| section.text("uri")) {
        check_uri(&uri, region, findings);
        if let Some(entry) = file.entry("image")
            && let Value::Map(entries) = &entry.node.value
            && let Some(other) = entries.iter().find(|entry| entry.key != "uri")
        {
            let what = format!("`image.{}` has no meaning beside `image.uri`", other.key);
            findings.push(Finding::new(other.key_span.clone(), what).help("take one of them out"));
        }
        return Image::Uri(uri.value.to_owned());
    }
    Image::Build(build(&section, service, input, findings))
}

fn check_uri(uri: &At<&str>, region: Option<&str>, findings: &mut Vec<Finding>) {
    if let Some(problem) = refusal(uri.value, region) {
        let mut finding = Finding::new(uri.span.clone(), problem.what);
        if let Some(why) = problem.found.first() {
            finding = finding.label(why.clone());
        }
        findings.push(match problem.help {
            Some(help) => finding.help(help),
            None => finding,
        });
    }
}

/// Why it cannot be deployed, as far as that can be told without AWS.
pub(in crate::config) fn refusal(uri: &str, region: Option<&str>) -> Option<crate::error::Problem> {
    match (image_uri::parse(uri), region) {
        (None, _) => Some(image_uri::outside(uri)),
        (Some(_), Some(region)) => image_uri::check(uri, region).err(),
        (Some(_), None) => None,
    }
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
    let platforms: Vec<String> = section
        .texts("platforms")
        .map(|list| list.iter().map(|at| at.value.to_owned()).collect())
        .filter(|list: &Vec<_>| !list.is_empty())
        .unwrap_or_else(|| vec!["linux/amd64".to_owned()]);
    let build_args = section.map("build-args");
    for (name, at) in &build_args {
        let at = At { value: name.as_str(), span: at.span.clone() };
        at.must("the build argument", names::variable, findings);
    }
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
        build_args: build_args.into_iter().map(|(name, at)| (name, at.value)).collect(),
        secrets: secrets(section, input, findings),
        platforms,
        cache: match section.text("cache").map(|at| at.value) {
            Some("none") => Cache::None,
            _ => Cache::Registry,
        },
        provenance: section.boolean("provenance").unwrap_or(false),
        repository: repository.unwrap_or(default),
        keep: section.number("keep").map_or(30, |at| at.value),
    }
}

fn secrets(
    section: &Section<'_>,
    input: &Input<'_>,
    findings: &mut Vec<Finding>,
) -> Vec<BuildSecret> {
    let mut secrets = Vec::new();
    for node in section.list("secrets").unwrap_or_default() {
        if !matches!(node.value, Value::Map(_)) {
            continue;
        }
        let secret = section.inside(node);
        let source = match (secret.text("env"), secret.text("file")) {
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
        let Some(id) = secret.text("id") else {
            let finding = Finding::new(node.span.clone(), "a secret without an `id`");
            findings.push(finding.help("give the id of `RUN --mount=type=secret,id=…`"));
            continue;
        };
        secrets.push(BuildSecret { id: id.value.to_owned(), source });
    }
    secrets
}
