//! The containers whose image is in no private ECR repository of the region.

use crate::{
    address::Known,
    aws::Identity,
    config::{
        image_uri::{self, Caching},
        model::{Config, Definition, Image},
    },
    error::Problem,
    image::{
        reference::Reference,
        upstream::{self, Place, Upstream, place},
    },
};
use std::collections::BTreeMap;

/// A container, and where its image is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outside {
    /// The container's name.
    pub container: String,
    /// Its image.
    pub image: Reference,
    /// The registry that the image is in.
    pub upstream: Upstream,
}

/// The images that the file names, by container: all but one that is built.
pub fn images(config: &Config) -> Vec<(&str, &str)> {
    let own = match &config.image {
        Image::Uri(uri) => Some((&*config.task.container, &**uri)),
        Image::Build(_) => None,
    };
    let sidecars = match &config.task.definition {
        Definition::Json(document) => document["containerDefinitions"].as_array(),
        Definition::Block(_) => None,
    };
    let sidecars = sidecars.into_iter().flatten().filter_map(|container| {
        let name = container["name"].as_str().filter(|name| *name != config.task.container)?;
        Some((name, container["image"].as_str()?))
    });
    own.into_iter().chain(sidecars).collect()
}

/// Those that ECR has to cache.
///
/// # Errors
/// Those that the tasks could not pull, one line each, and what to add.
pub fn outside(config: &Config, identity: &Identity) -> Result<Vec<Outside>, Problem> {
    let Identity { account, region, .. } = identity;
    let is_ensured = config.pull_through.is_ensured;
    let mut outside = Vec::new();
    let mut refused: Vec<(&str, Problem)> = Vec::new();
    for (container, image) in images(config) {
        let own = format!("image: {{ uri: {image}, pull-through: ensure }}");
        let is_own = container == config.task.container;
        let caching = Caching { is_ensured, line: if is_own { &own } else { Caching::LINE } };
        if let Some(problem) = image_uri::refusal(image, Some(region), caching) {
            refused.push((container, problem));
        } else if let Some(image) = Reference::parse(image)
            && let Place::Upstream(upstream) = place(&image, Some(region), Some(account))
        {
            outside.push(Outside { container: container.to_owned(), image, upstream });
        }
    }
    if refused.is_empty() { Ok(outside) } else { Err(together(refused)) }
}

/// What the images are called in the cache, by container, without tag and digest; `prefixes` are those of
/// the account's rules, by upstream. Empty where some image is refused.
pub fn cached(
    config: &Config,
    identity: &Identity,
    prefixes: &BTreeMap<String, String>,
) -> BTreeMap<String, Known> {
    let Identity { account, region, .. } = identity;
    let called = |outside: Outside| {
        let Outside { container, image, upstream } = outside;
        let prefix = prefixes.get(&upstream.url).unwrap_or(&upstream.prefix);
        let repository = upstream::cached(prefix, &image.repository);
        let uri = format!("{account}.dkr.ecr.{region}.amazonaws.com/{repository}");
        (container, Known::Now(uri))
    };
    outside(config, identity).unwrap_or_default().into_iter().map(called).collect()
}

fn together(mut refused: Vec<(&str, Problem)>) -> Problem {
    if let [(container, problem)] = &mut refused[..] {
        problem.what = format!("container `{container}`: {}", problem.what);
        return problem.clone();
    }
    let count = refused.len();
    let help = refused.first().and_then(|(_, problem)| problem.help.clone());
    let mut all = Problem::new(format!("{count} containers have images that no task could pull"));
    for (container, Problem { what, found, .. }) in refused {
        all.found.push(format!("container `{container}`: {what}: {}", found.join("; ")));
    }
    Problem { help, ..all }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::model::*;
    use serde_json::{Value, json};

    fn config(image: Image, containers: &Value, is_ensured: bool) -> Config {
        let document = json!({"family": "web", "containerDefinitions": containers});
        let mut config = crate::config::sample("service: web\n");
        config.image = image;
        config.task.definition = Definition::Json(document);
        config.pull_through.is_ensured = is_ensured;
        config
    }

    fn identity() -> Identity {
        Identity {
            account: "123456789012".to_owned(),
            partition: "aws".to_owned(),
            region: "eu-west-1".to_owned(),
        }
    }

    const HERE: &str = "123456789012.dkr.ecr.eu-west-1.amazonaws.com/web:1";
    const THERE: &str = "123456789012.dkr.ecr.us-east-1.amazonaws.com/log/router:1";

    fn two() -> Value {
        json!([
            {"name": "web", "image": "this is not looked at"},
            {"name": "proxy", "image": "nginx:1.29"},
            {"name": "router", "image": THERE},
            {"name": "own", "image": HERE},
            {"name": "none"},
        ])
    }

    #[test]
    fn sidecars_and_the_own_image_are_looked_at() {
        let found = outside(&config(Image::Uri("quay.io/a/b".into()), &two(), true), &identity());
        let found = found.expect("all can be cached");
        let found: Vec<_> = found
            .iter()
            .map(|found| (&*found.container, &*found.image.repository, &*found.upstream.url))
            .collect();
        let ecr = "123456789012.dkr.ecr.us-east-1.amazonaws.com";
        let expected = [
            ("web", "a/b", "quay.io"),
            ("proxy", "library/nginx", "registry-1.docker.io"),
            ("router", "log/router", ecr),
        ];
        assert_eq!(found, expected);
        let found = outside(&config(Image::Uri(HERE.into()), &json!([]), false), &identity());
        assert_eq!(found, Ok(Vec::new()));
    }

    #[test]
    fn in_the_cache_they_are_called_by_the_rules() {
        let config = config(Image::Uri("quay.io/a/b".into()), &two(), true);
        let hub = ("registry-1.docker.io".to_owned(), "hub".to_owned());
        let found = cached(&config, &identity(), &[hub].into());
        let here =
            |name| Known::Now(format!("123456789012.dkr.ecr.eu-west-1.amazonaws.com/{name}"));
        let expected = [
            ("proxy", here("hub/library/nginx")),
            ("router", here("ecr-us-east-1/log/router")),
            ("web", here("quay/a/b")),
        ];
        let expected = expected.map(|(name, uri)| (name.to_owned(), uri));
        assert_eq!(found, expected.into());
    }

    #[test]
    fn each_container_that_cannot_be_pulled_has_its_line() {
        let refused = outside(&config(Image::Uri(HERE.into()), &two(), false), &identity());
        insta::assert_snapshot!(refused.expect_err("two are outside"), @"
        2 containers have images that no task could pull
          container `proxy`: image `nginx:1.29` is on Docker Hub: a task in a private subnet reaches no registry but ECR of its own region
          container `router`: image `123456789012.dkr.ecr.us-east-1.amazonaws.com/log/router:1` is in us-east-1, and the service in eu-west-1: the ECR endpoints of a VPC lead to the registry of its own region alone
          help: add `image: { pull-through: ensure }`, and ECR keeps a copy in the region
                or copy it yourself: docker buildx imagetools create --tag ACCOUNT.dkr.ecr.eu-west-1.amazonaws.com/nginx:1.29 nginx:1.29
        ");
        let one = json!([{"name": "x", "image": "lscr.io/a/b:1"}]);
        let refused = outside(&config(Image::Uri(HERE.into()), &one, true), &identity());
        let problem = refused.expect_err("nothing caches it");
        assert!(problem.what.starts_with("container `x`: image `lscr.io/a/b:1`"), "{problem}");
    }
}
