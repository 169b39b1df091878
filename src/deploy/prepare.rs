//! Everything before the first change: who we are, what is there, what is to be done.

use super::Run;
use crate::{
    aws::Reader,
    config::model::{Build, Image},
    cost::{self, prices::PriceList},
    error::{Error, Problem, Result, told_first},
    event::{Event, Phase},
    image::{self, engine::Engine},
    names::Names,
    plan::{Plan, build, change::Change, task},
    world::{self, World, certificates},
};
use futures_util::FutureExt as _;
use std::time::Duration;
use tokio::time::sleep;

/// What is known when nothing was changed yet.
#[derive(Debug)]
pub struct Prepared {
    /// The right to read.
    pub aws: Reader,
    /// What things are called.
    pub names: Names,
    /// The tag of the image that is built.
    pub tag: Option<String>,
    /// What is there.
    pub world: World,
    /// What is to be done.
    pub plan: Plan,
    /// Whether an image can be built.
    engine: Option<Result<Engine, Problem>>,
}

impl Prepared {
    /// The engine, where the plan has an image to build.
    pub fn engine(&self) -> Result<Option<&Engine>> {
        let builds = self.plan.steps.values().any(|step| matches!(step.change, Change::Image(_)));
        match &self.engine {
            Some(engine) if builds => {
                engine.as_ref().map(Some).map_err(|problem| Error::Refused(problem.clone()))
            }
            _ => Ok(None),
        }
    }
}

/// Between two looks at a VPC in which another run may be making things.
const SETTLES: Duration = Duration::from_secs(2);

/// Reads everything, and computes the plan. The engine is looked at meanwhile, and judged only where
/// the plan needs it.
pub async fn prepare(run: &Run<'_>) -> Result<Prepared> {
    look(run, None).await
}

/// The same once more, by the way that the calls before went.
pub async fn again(run: &Run<'_>, before: &Prepared) -> Result<Prepared> {
    look(run, Some(before.aws.clone())).await
}

async fn look(run: &Run<'_>, aws: Option<Reader>) -> Result<Prepared> {
    run.events.send(Event::Phase(Phase::Observe));
    let is_again = aws.is_some();
    let (engine, seen) = tokio::join!(engine(run), read(run, aws).boxed());
    let mut seen = seen?;
    let mut plan = planned(run, &seen);
    if matches!(plan, Err(Error::Unreachable(_))) && (is_again || may_be_half_made(&seen.world)) {
        sleep(SETTLES).await;
        seen = read(run, Some(seen.aws)).boxed().await?;
        plan = planned(run, &seen);
    }
    let plan = plan?;
    let Seen { aws, names, tag, world } = seen;
    Ok(Prepared { aws, names, tag, world, plan, engine })
}

/// Whether another run may be making what the tasks need. EC2's answers to several questions are not
/// of one moment: an endpoint is told before its route or the rule of its group. So what was not there
/// in one look is looked for once more; a VPC in which nothing is ours has nobody at work.
fn may_be_half_made(world: &World) -> bool {
    world.endpoints.iter().any(|endpoint| endpoint.ownership.is_managed())
}

fn planned(run: &Run<'_>, seen: &Seen) -> Result<Plan> {
    let inputs = build::Inputs {
        config: run.config,
        context: run.context,
        names: &seen.names,
        tag: seen.tag.as_deref(),
        world: &seen.world,
    };
    let mut plan = build::plan(&inputs)?;
    plan.cost = cost::change::line(&plan, &seen.world.identity.region, &PriceList::own());
    Ok(plan)
}

fn build_of<'a>(run: &Run<'a>) -> Option<&'a Build> {
    match &run.config.image {
        Image::Build(build) => Some(build),
        Image::Uri(_) => None,
    }
}

async fn engine(run: &Run<'_>) -> Option<Result<Engine, Problem>> {
    Some(image::check(build_of(run)?, &run.context.variables).await)
}

/// One look.
struct Seen {
    aws: Reader,
    names: Names,
    tag: Option<String>,
    world: World,
}

async fn read(run: &Run<'_>, aws: Option<Reader>) -> Result<Seen> {
    let Run { config, context, .. } = *run;
    let number = config.preview_of.as_ref().map(|preview_of| preview_of.number);
    let tag = build_of(run)
        .map(|build| image::tag::tag(build, number, context.commit.as_deref(), &context.variables))
        .transpose()
        .map_err(Error::Refused)?;
    let aws = match aws {
        Some(aws) => aws,
        None => run.connect().await?,
    };
    let names = Names::of(config, &aws.region);
    let judged = task::judged(config, &aws.region);
    let wanted = world::Wanted { tag: tag.as_deref(), judged: judged.as_ref() };
    // All at once; but an image that no task could pull is told before anything else that is wrong.
    let pull_through = world::pull_through::observe(&aws, config).boxed();
    let world = world::observe(&aws, config, &names, wanted);
    let world = async {
        let of_file = certificates::of_file(&aws, config).map(Ok);
        let (mut world, of_file) = tokio::try_join!(world.boxed(), of_file.boxed())?;
        world.certificates = certificates::observe(&aws, config, &world, of_file).await?;
        Ok(world)
    };
    let (pull_through, mut world) = told_first(pull_through, world.boxed()).await?;
    world.pull_through = pull_through;
    Ok(Seen { aws, names, tag, world })
}
