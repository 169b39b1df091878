//! The preview of a pull request: made and taken down, and never made for one that is closed.
//!
//! A pull request that is closed while its preview is being made has its takedown find half of it, or
//! nothing, and the rest would stand for ever. So whether it is open is asked before the first write and
//! again after the last one: whoever closes it after that has a takedown that finds everything.

pub mod look;
pub mod sweep;

use super::{Run, destroy, ending};
use crate::{
    aws::Reader,
    error::{Error, Problem, Result},
    event::{Command, Event, Outcome, Outputs, Source},
    plan::view::View,
    preview::standing::{Asker, Standing},
};
use futures_util::FutureExt as _;
use std::time::Duration;
use tokio::time::sleep;

/// Makes or updates the preview that the run's config is, unless its pull request is closed. Where that
/// is closed meanwhile, what was made is taken down at once, whatever else went wrong.
pub async fn up(run: &Run<'_>) -> Outcome {
    let number = number(run);
    let asker = match Asker::new(run.context, run.events) {
        Ok(asker) => asker,
        Err(why) => {
            run.events.send(Event::Warning(unasked(number, &why)));
            return made(run).await;
        }
    };
    let before = asker.about(number).await;
    match &before {
        Standing::Open | Standing::Elsewhere(_) => {}
        Standing::Closed { .. } => return unmade(run, number, &before),
        Standing::Unknown(why) => run.events.send(Event::Warning(unasked(number, why))),
    }
    let outcome = made(run).await;
    if outcome.error.is_some() && !outcome.changed {
        return outcome;
    }
    let after = asker.about(number).await;
    match &after {
        Standing::Closed { .. } => taken_back(run, number, &after, outcome).await,
        Standing::Unknown(why) if before == Standing::Open => {
            run.events.send(Event::Warning(unasked(number, why)));
            outcome
        }
        _ => outcome,
    }
}

/// What else would be taken down is the main service.
fn number(run: &Run<'_>) -> u64 {
    run.config.preview_of.as_ref().expect("the config is a preview's").number
}

async fn made(run: &Run<'_>) -> Outcome {
    Outcome { command: Command::PreviewUp, ..super::deploy(run).boxed_local().await }
}

fn unasked(number: u64, why: &Problem) -> String {
    let help = why.help.as_ref().map(|help| format!("\nhelp: {help}")).unwrap_or_default();
    format!(
        "whether pull request {number} is open is not known, and its preview may outlive it: {}{help}",
        why.what
    )
}

/// `pull request 42 is merged since 2026-11-25T13:00:00Z`.
fn closed(number: u64, standing: &Standing) -> String {
    let at = match standing {
        Standing::Closed { at: Some(at), .. } => format!(" since {at}"),
        _ => String::new(),
    };
    format!("pull request {number} is {}{at}", standing.word())
}

fn unmade(run: &Run<'_>, number: u64, standing: &Standing) -> Outcome {
    let why = Problem::new(closed(number, standing)).found("nothing was made");
    Outcome { neutral: Some(why), ..run.outcome(Command::PreviewUp) }
}

/// What stood for a moment is gone again.
async fn taken_back(run: &Run<'_>, number: u64, standing: &Standing, made: Outcome) -> Outcome {
    let what = format!("{}, and was open when its preview was begun", closed(number, standing));
    run.events.send(Event::Warning(format!("{what}; it is taken down again")));
    let down = down(run).await;
    let changed = made.changed || down.changed;
    let mut timeline = made.timeline;
    timeline.extend(down.timeline);
    // Where it does not go, the takedown is what failed.
    let command = if down.error.is_some() { down.command } else { made.command };
    let neutral = down.error.is_none().then(|| Problem::new(what));
    let outputs = Outputs { changed, ..Outputs::default() };
    Outcome {
        command,
        neutral,
        plan: down.plan,
        error: down.error,
        changed,
        outputs,
        timeline,
        exit_code: down.exit_code,
        ..run.outcome(command)
    }
}

/// How often the preview is looked for until nothing of it is found any more.
const LOOKS: u32 = 4;
/// Between two looks that found something: AWS shows for a moment what it has deleted.
const PAUSE: Duration = Duration::from_secs(3);

/// Takes down the preview that the run's config is. Afterwards it is looked for once more, since another
/// run may have made something meanwhile; what does not go is an error.
pub async fn down(run: &Run<'_>) -> Outcome {
    match run.connect().await {
        Ok(aws) => down_by(run, aws).await,
        Err(error) => {
            let mut outcome = run.outcome(Command::PreviewDown);
            ending::fail(&mut outcome, &error);
            outcome
        }
    }
}

/// The same by a way that calls have gone already.
async fn down_by(run: &Run<'_>, aws: Reader) -> Outcome {
    let preview = Some(number(run));
    let mut outcome = Outcome { preview, ..run.outcome(Command::PreviewDown) };
    if let Err(error) = gone(run, aws, &mut outcome).boxed_local().await {
        ending::fail(&mut outcome, &error);
    }
    outcome
}

async fn gone(run: &Run<'_>, aws: Reader, outcome: &mut Outcome) -> Result<()> {
    let mut planned = destroy::look(run, aws).await?;
    outcome.timeline.push(run.span("observe", Duration::ZERO));
    destroy::apply(run, &planned, outcome).await?;
    if planned.plan.steps.is_empty() {
        return Ok(());
    }
    // The first plan is what was taken down; what another run made meanwhile is told as it goes.
    let first = outcome.plan.take();
    let rest = async {
        for look in 1..LOOKS {
            planned = destroy::again(run, &planned).await.map_err(unsure)?;
            if planned.plan.steps.is_empty() {
                return Ok(());
            }
            if look + 1 < LOOKS {
                destroy::apply(run, &planned, outcome).await?;
                let text = "what was taken down to be gone from AWS's answers".to_owned();
                run.events.send(Event::Line { source: Source::Waiting, text });
                sleep(PAUSE).await;
            }
        }
        Err(stays(&planned.plan.view()))
    };
    let result = rest.await;
    outcome.plan = first;
    result
}

/// Something was taken down already.
fn unsure(error: Error) -> Error {
    match error {
        Error::Refused(problem) | Error::Unexpected(problem) => {
            let what = "things were taken down, and whether all of them are gone is not known";
            Error::Partial(problem.found(what))
        }
        other => other,
    }
}

fn stays(plan: &View) -> Error {
    let left: Vec<_> = plan.steps.keys().map(ToString::to_string).collect();
    let what = format!("what was taken down stands again, or still: {}", left.join(", "));
    let help = "another run makes it at the same time: let it end or cancel it, and run this again";
    Error::Partial(Problem::new(what).help(help))
}
