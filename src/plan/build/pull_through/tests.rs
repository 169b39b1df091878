use super::*;
use crate::image::{
    reference::Reference,
    upstream::{Place, place},
};
use serde_json::json;

fn identity() -> Identity {
    Identity {
        account: "123456789012".to_owned(),
        partition: "aws".to_owned(),
        region: "eu-west-1".to_owned(),
    }
}

fn outside_of(images: &[(&str, &str)]) -> Vec<Outside> {
    let identity = identity();
    let outside = |&(container, image): &(&str, &str)| {
        let image = Reference::parse(image).expect("a reference");
        let found = place(&image, Some(&identity.region), Some(&identity.account));
        let Place::Upstream(upstream) = found else { panic!("{found:?}") };
        Outside { container: container.to_owned(), image, upstream }
    };
    images.iter().map(outside).collect()
}

const SECRET: &str =
    "arn:aws:secretsmanager:eu-west-1:123456789012:secret:ecr-pullthroughcache/docker-hub-a1b2c3";

/// What the plan is made from, with nothing there but a secret for Docker Hub.
struct Scene {
    outside: Vec<Outside>,
    file: model::PullThrough,
    found: PullThrough,
    revision: Value,
}

impl Scene {
    fn new(images: &[(&str, &str)]) -> Self {
        let secret = secret::Observed { arn: SECRET.to_owned(), kms_key: None, is_deleted: false };
        let secrets = [("docker.io".to_owned(), secret)].into();
        Self {
            outside: outside_of(images),
            file: model::PullThrough { is_ensured: true, ..Default::default() },
            found: PullThrough { secrets, ..Default::default() },
            revision: json!({"containerDefinitions": []}),
        }
    }

    fn rule(mut self, prefix: &str, url: &str, credential: Option<&str>) -> Self {
        let settings = rule::Settings {
            prefix: prefix.to_owned(),
            upstream_registry: String::new(),
            upstream_url: url.to_owned(),
            credential_arn: credential.map(str::to_owned),
            custom_role_arn: None,
        };
        self.found.rules.push(rule::Observed { settings, is_whole: true });
        self
    }

    fn pulled(&self) -> (Plan, Result<BTreeMap<String, Known>, Problem>) {
        let mut plan = Plan::default();
        let asked = Asked {
            outside: &self.outside,
            file: &self.file,
            identity: &identity(),
            found: &self.found,
            revisions: &[&self.revision],
            registry: None,
        };
        let images = super::pulled(&asked, &mut plan);
        (plan, images)
    }

    fn plan(&self) -> (Plan, BTreeMap<String, Known>) {
        let (plan, images) = self.pulled();
        (plan, images.expect("it can be pulled"))
    }

    fn refused(&self) -> Problem {
        self.pulled().1.expect_err("it is refused")
    }
}

const HUB: &str = "registry-1.docker.io";
const NGINX: [(&str, &str); 1] = [("proxy", "nginx:1.29")];

fn digest() -> String {
    format!("sha256:{}", "0a".repeat(32))
}

#[test]
fn one_rule_an_upstream_and_one_pull_a_container() {
    let scene = Scene::new(&[
        ("proxy", "nginx:1.29"),
        ("cache", "redis:8"),
        ("agent", "public.ecr.aws/x/agent:1"),
    ]);
    let (plan, images) = scene.plan();
    insta::assert_snapshot!(format!("{:#}", plan.view()), @"
    + pull-through-cache-rule/docker-hub  images of Docker Hub are pulled through it
        prefix: docker-hub
        upstream-registry: docker-hub
        upstream-url: registry-1.docker.io
        credential-arn: arn:aws:secretsmanager:eu-west-1:123456789012:secret:ecr-pullthroughcache/docker-hub-a1b2c3
    + cached-image/proxy                  docker.io/library/nginx:1.29 is not cached in eu-west-1 yet
        image: docker.io/library/nginx:1.29
        rule: (known after pull-through-cache-rule/docker-hub)
        registry: 123456789012.dkr.ecr.eu-west-1.amazonaws.com
        repository: library/nginx
        tag: 1.29
    + cached-image/cache                  docker.io/library/redis:8 is not cached in eu-west-1 yet
        image: docker.io/library/redis:8
        rule: (known after pull-through-cache-rule/docker-hub)
        registry: 123456789012.dkr.ecr.eu-west-1.amazonaws.com
        repository: library/redis
        tag: 8
    + pull-through-cache-rule/ecr-public  images of ECR Public are pulled through it
        prefix: ecr-public
        upstream-registry: ecr-public
        upstream-url: public.ecr.aws
    + cached-image/agent                  public.ecr.aws/x/agent:1 is not cached in eu-west-1 yet
        image: public.ecr.aws/x/agent:1
        rule: (known after pull-through-cache-rule/ecr-public)
        registry: 123456789012.dkr.ecr.eu-west-1.amazonaws.com
        repository: x/agent
        tag: 1
    5 to create, 0 unchanged
    ");
    let proxy = Address::new(Kind::CachedImage, "proxy");
    assert_eq!(images["proxy"], Known::After(proxy.clone()));
    let rule = Address::new(Kind::PullThroughCacheRule, "docker-hub");
    assert_eq!(plan.needs(&proxy), [&rule]);
}

#[test]
fn a_second_run_plans_nothing() {
    let mut scene = Scene::new(&NGINX).rule("hub", HUB, Some(SECRET));
    scene.found.digests.insert("proxy".to_owned(), digest());
    let uri = "123456789012.dkr.ecr.eu-west-1.amazonaws.com/hub/library/nginx";
    let image = format!("{uri}@{}", digest());
    scene.revision = json!({"containerDefinitions": [{"name": "proxy", "image": image}]});
    let (plan, images) = scene.plan();
    assert_eq!((plan.steps.len(), plan.unchanged), (0, 2));
    assert_eq!(images["proxy"], Known::Now(image));

    // The tag has moved, or the cache has lost it.
    scene.found.digests.insert("proxy".to_owned(), format!("sha256:{}", "1b".repeat(32)));
    let (plan, _) = scene.plan();
    let step = &plan.steps[&Address::new(Kind::CachedImage, "proxy")];
    assert_eq!(
        step.reason,
        "docker.io/library/nginx:1.29 is cached, and no revision has its digest"
    );
    scene.found.digests.clear();
    assert_eq!(scene.plan().0.steps.len(), 1);
}

#[test]
fn the_address_of_an_emulator_takes_the_place_of_the_registrys() {
    let mut scene = Scene::new(&NGINX).rule("hub", HUB, Some(SECRET));
    scene.found.digests.insert("proxy".to_owned(), digest());
    let image = format!("localhost:5000/hub/library/nginx@{}", digest());
    let revision = json!({"containerDefinitions": [{"name": "proxy", "image": image}]});
    let asked = Asked {
        outside: &scene.outside,
        file: &scene.file,
        identity: &identity(),
        found: &scene.found,
        revisions: &[&revision],
        registry: Some("localhost:5000"),
    };
    let images = super::pulled(&asked, &mut Plan::default()).expect("it can be pulled");
    assert_eq!(images["proxy"], Known::Now(image));
}

#[test]
fn a_prefix_that_is_taken_is_refused_with_what_to_make() {
    let scene = Scene::new(&NGINX).rule("docker-hub", "quay.io", None);
    insta::assert_snapshot!(scene.refused(), @"
    pull-through cache rule `docker-hub` is not for all of registry-1.docker.io, but caches quay.io
      help: make a rule with another prefix, which is then used: aws ecr create-pull-through-cache-rule --region eu-west-1 --ecr-repository-prefix PREFIX --upstream-registry-url registry-1.docker.io
    ");
}

#[test]
fn a_missing_secret_is_refused_with_the_command() {
    let mut scene = Scene::new(&NGINX);
    scene.found.secrets.clear();
    insta::assert_snapshot!(scene.refused(), @r#"
    secret `ecr-pullthroughcache/docker-hub` does not exist in eu-west-1
      ECR logs in to Docker Hub with it
      help: make it: aws secretsmanager create-secret --region eu-west-1 --name ecr-pullthroughcache/docker-hub --secret-string '{"username":"NAME","accessToken":"TOKEN"}'
            or take Docker's official images from ECR Public, which needs no login: public.ecr.aws/docker/library/NAME:TAG
    "#);
    // A rule that is there has its own.
    let mut scene = scene.rule("docker-hub", HUB, Some(SECRET));
    assert_eq!(scene.plan().0.steps.len(), 1);
    scene.file.credentials =
        [("docker.io".to_owned(), "ecr-pullthroughcache/mine".to_owned())].into();
    let warnings = scene.plan().0.warnings;
    assert!(
        warnings[0].contains("something else than `ecr-pullthroughcache/mine`"),
        "{warnings:?}"
    );
    scene.file.credentials =
        [("docker.io".to_owned(), "ecr-pullthroughcache/docker-hub".to_owned())].into();
    assert_eq!(scene.plan().0.warnings, Vec::<String>::new());
}

#[test]
fn a_secret_that_ecr_cannot_read_is_refused() {
    let refused = |change: fn(&mut secret::Observed)| {
        let mut scene = Scene::new(&NGINX);
        scene.found.secrets.values_mut().for_each(change);
        scene.refused()
    };
    insta::assert_snapshot!(refused(|found| found.kms_key = Some("alias/mine".to_owned())), @"
    secret `ecr-pullthroughcache/docker-hub` is encrypted with the key alias/mine
      ECR reads secrets that have the key `aws/secretsmanager` alone
      help: aws secretsmanager update-secret --region eu-west-1 --secret-id ecr-pullthroughcache/docker-hub --kms-key-id alias/aws/secretsmanager
    ");
    let problem = refused(|found| found.is_deleted = true);
    assert!(problem.what.ends_with("is scheduled for deletion"), "{problem}");
    let problem = refused(|found| found.arn = found.arn.replace("eu-west-1", "eu-west-2"));
    assert!(problem.what.contains("is not of eu-west-1"), "{problem}");
}

#[test]
fn a_login_that_does_not_work_is_told_before_anything_is_pulled() {
    let mut scene = Scene::new(&NGINX).rule("docker-hub", HUB, Some(SECRET));
    scene.found.failures.insert("docker-hub".to_owned(), "401 from upstream".to_owned());
    insta::assert_snapshot!(scene.refused(), @r#"
    pull-through cache rule `docker-hub` cannot log in to Docker Hub
      ecr:ValidatePullThroughCacheRule: 401 from upstream
      help: put a login that works into its secret: aws secretsmanager put-secret-value --region eu-west-1 --secret-id arn:aws:secretsmanager:eu-west-1:123456789012:secret:ecr-pullthroughcache/docker-hub-a1b2c3 --secret-string '{"username":"NAME","accessToken":"TOKEN"}'
    "#);
}

#[test]
fn another_accounts_registry_needs_a_role() {
    let host = "210987654321.dkr.ecr.us-east-1.amazonaws.com";
    let image = format!("{host}/team/agent:1");
    let mut scene = Scene::new(&[("agent", &image)]);
    insta::assert_snapshot!(scene.refused(), @"
    `210987654321.dkr.ecr.us-east-1.amazonaws.com` is another account's registry
      ECR pulls from it with an IAM role of this account
      help: name the role: `image: { pull-through: ensure, credentials: { 210987654321.dkr.ecr.us-east-1.amazonaws.com: arn:aws:iam::123456789012:role/NAME } }`
    ");
    let role = "arn:aws:iam::123456789012:role/pull";
    scene.file.credentials = [(host.to_owned(), role.to_owned())].into();
    let (plan, _) = scene.plan();
    let step = &plan.steps[&Address::new(Kind::PullThroughCacheRule, "210987654321-us-east-1")];
    assert_eq!(step.change.shown().after["custom-role-arn"], role);
    let own = "123456789012.dkr.ecr.us-east-1.amazonaws.com/team/agent:1";
    let (plan, _) = Scene::new(&[("agent", own)]).plan();
    let step = &plan.steps[&Address::new(Kind::PullThroughCacheRule, "ecr-us-east-1")];
    assert_eq!(step.change.shown().after["custom-role-arn"], Value::Null);
}
