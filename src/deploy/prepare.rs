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
    let (engine, read) = tokio::join!(engine(run), read(run, aws));
    let (aws, names, tag, world) = read?;
    let inputs = build::Inputs {
        config: run.config,
        context: run.context,
        names: &names,
        tag: tag.as_deref(),
        world: &world,
    };
    let mut plan = build::plan(&inputs)?;
    plan.cost = cost::change::line(&plan, &world.identity.region, &PriceList::own());
    Ok(Prepared { aws, names, tag, world, plan, engine })
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

async fn read(
    run: &Run<'_>,
    aws: Option<Reader>,
) -> Result<(Reader, Names, Option<String>, World)> {
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
    Ok((aws, names, tag, world))
}
