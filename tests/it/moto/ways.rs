//! How a preview is found: its rule, its certificate, and the load balancer that has room for it.

mod certificates;
mod rules;
mod spread;

use super::{stack::Stack, states::same};
use aws_sdk_elasticloadbalancingv2::types::Rule;
use ecs_private_deploy::{
    apply::{Applied, Images, apply},
    aws::Reader,
    config::model::Config,
    context::Context,
    error::Result,
    event::Events,
    names::Names,
    plan::{Plan, build, task, teardown},
    preview,
    resource::task_definition,
    tags,
    world::{self, World, certificates as covered},
};
use futures_util::FutureExt as _;
use std::collections::BTreeSet;

/// The main service's host.
const HOST: &str = "load-balancer: { host: web.example.com }\n";

/// A pull request's preview of a stack's service.
struct Preview<'a> {
    stack: &'a Stack,
    config: Config,
}

impl<'a> Preview<'a> {
    fn of(stack: &'a Stack, number: u64) -> Self {
        Self { stack, config: preview::config(&stack.config(), number) }
    }

    async fn look(&self) -> Result<(Reader, Names, World)> {
        let aws = Reader::new(&self.stack.moto.config()).await?;
        let names = Names::of(&self.config, &aws.region);
        let judged = task::judged(&self.config, &aws.region);
        let wanted = world::Wanted { tag: None, judged: judged.as_ref() };
        let mut world = world::observe(&aws, &self.config, &names, wanted).boxed().await?;
        let of_file = covered::of_file(&aws, &self.config).await;
        world.certificates = covered::observe(&aws, &self.config, &world, of_file).await?;
        Ok((aws, names, world))
    }

    async fn plan(&self) -> Result<Plan> {
        let (_, names, world) = self.look().await?;
        let (config, context) = (&self.config, &Context::default());
        build::plan(&build::Inputs { config, context, names: &names, tag: None, world: &world })
    }

    async fn refused(&self) -> String {
        match self.plan().await {
            Ok(plan) => panic!("it is not refused: {:?}", plan.steps.keys()),
            Err(error) => {
                assert_eq!(error.exit_code(), ecs_private_deploy::exit::REFUSED);
                error.to_string()
            }
        }
    }

    async fn apply(&self, plan: &Plan) -> Applied {
        let aws = Reader::new(&self.stack.moto.config()).await.expect("moto answers");
        let build = |_, _| async { panic!("no test here has an image to build") }.boxed();
        let pull = |_, _| async { panic!("no test here has an image to pull") }.boxed_local();
        let images = Images { build: Box::new(build), pull: Box::new(pull) };
        let stack = tags::Stack::of(&self.config, &Context::default());
        let (events, _) = Events::channel();
        apply(plan, &aws, &stack, &images, &events, tokio::time::Instant::now()).await
    }

    /// Plans and applies; yields the steps.
    async fn up(&self) -> BTreeSet<String> {
        let plan = self.plan().await.unwrap_or_else(|error| panic!("{error}"));
        is_done(&self.apply(&plan).await)
    }

    async fn teardown(&self) -> Plan {
        let (aws, names, world) = self.look().await.expect("it is read");
        let family = task::family(&self.config);
        let revisions = task_definition::observe_owned(&aws, &family).await.expect("revisions");
        let (config, names, world) = (&self.config, &names, &world);
        let inputs = teardown::Inputs { config, names, world, revisions: &revisions, images: None };
        teardown::plan(&inputs)
    }

    async fn down(&self) -> BTreeSet<String> {
        let plan = self.teardown().await;
        is_done(&self.apply(&plan).await)
    }

    /// Where it answers.
    async fn url(&self) -> String {
        let (_, _, world) = self.look().await.expect("it is read");
        let dns = world.load_balancer.as_ref().map(|found| found.dns.as_str());
        world.place.url(&self.config.load_balancer, dns).expect("it answers")
    }
}

/// The steps, none of which failed.
fn is_done(applied: &Applied) -> BTreeSet<String> {
    assert!(applied.failed.is_empty(), "{:#?}", applied.failed);
    applied.done.iter().map(ToString::to_string).collect()
}

/// The names of the load balancers, and the rules of each with their priorities, in the order in which they
/// are asked.
async fn rules(stack: &Stack, name: &str) -> Vec<Rule> {
    let elb = &stack.account.elb;
    let found = elb.describe_load_balancers().names(name).send().await.expect("it is there");
    let arn = found.load_balancers()[0].load_balancer_arn().expect("an ARN").to_owned();
    let listeners =
        elb.describe_listeners().load_balancer_arn(arn).send().await.expect("listeners");
    let mut rules = Vec::new();
    for listener in listeners.listeners() {
        let arn = listener.listener_arn().expect("an ARN");
        let found = elb.describe_rules().listener_arn(arn).page_size(400).send().await;
        rules.extend(found.expect("rules").rules.unwrap_or_default());
    }
    rules.retain(|rule| rule.is_default() != Some(true));
    rules.sort_by_key(priority);
    rules
}

fn priority(rule: &Rule) -> u32 {
    rule.priority().and_then(|priority| priority.parse().ok()).expect("a number")
}

async fn load_balancers(stack: &Stack) -> Vec<String> {
    let found = stack.account.elb.describe_load_balancers().send().await.expect("load balancers");
    let mut names: Vec<_> = found
        .load_balancers()
        .iter()
        .map(|found| found.load_balancer_name().expect("a name").to_owned())
        .collect();
    names.sort();
    names
}
