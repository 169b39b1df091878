//! Takes down what belongs to closed pull requests, and what has stood longer than the file's `ttl`.

use super::{Run, down_by, look};
use crate::{
    address::{Address, Kind},
    aws::Reader,
    deploy::ending,
    error::{Error, Problem, Result},
    event::{Command, Event, Events, Outcome, Source, Span},
    preview::{
        self,
        fate::{self, Why},
        find,
        found::{self, Found},
        list::ttl,
        standing::{Asker, Standing},
    },
    report::format::plural,
};
use futures_util::{FutureExt as _, StreamExt as _, stream};
use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};
use tokio::time::sleep;

/// Previews that are taken down at once. Each waits most of its time for its tasks to end.
const AT_ONCE: usize = 4;

/// How often what was taken down is looked for in AWS's lists, which show it for a moment longer.
const LOOKS: u32 = 4;
const PAUSE: Duration = Duration::from_secs(3);

/// Sweeps. It ends well only where all that has to go is gone, and where what has to go is known.
pub async fn sweep(run: &Run<'_>) -> Outcome {
    let mut outcome = run.outcome(Command::PreviewSweep);
    if let Err(error) = all(run, &mut outcome).boxed_local().await {
        ending::fail(&mut outcome, &error);
    }
    outcome
}

async fn all(run: &Run<'_>, outcome: &mut Outcome) -> Result<()> {
    let Run { config, context, events, .. } = *run;
    let asker = Asker::new(context, events);
    let ttl = ttl(config);
    if let Err(why) = &asker {
        let what = format!("which pull requests are closed is not known: {}", why.what);
        if ttl.is_none() {
            let problem = Problem { what, ..why.clone() };
            return Err(Error::Config(problem.to_string()));
        }
        events.send(Event::Warning(format!("{what}; only `ttl` counts")));
    }
    let looked = look::look(run, &asker).await?;
    outcome.timeline.push(run.span("observe", Duration::ZERO));
    let now = jiff::Timestamp::now().as_second();
    let going = looked.found.iter().filter_map(|found| {
        let standing = looked.standings.get(&found.number)?;
        Some((found, fate::why(standing, found.deployed, ttl, now)?))
    });
    let going: Vec<_> = going.collect();
    let text = format!(
        "{} of `{}`, of which {} to go",
        plural(looked.found.len(), "preview"),
        config.service,
        going.len()
    );
    events.send(Event::Line { source: Source::Sweep, text });
    let asker = asker.as_ref().ok();
    let mut ended: BTreeMap<u64, Result<Outcome, Problem>> = stream::iter(going)
        .map(|(found, why)| one(run, &looked.aws, asker, found, why))
        .buffer_unordered(AT_ONCE)
        .collect()
        .await;
    let gone = ended.values().filter_map(|ended| ended.as_ref().ok());
    outcome.changed = gone.clone().any(|gone| gone.changed);
    outcome.outputs.changed = outcome.changed;
    outcome.timeline.extend(gone.flat_map(|gone| gone.timeline.iter().cloned()));
    let gone: BTreeSet<u64> = ended
        .iter()
        .filter(|(_, ended)| ended.as_ref().is_ok_and(|gone| gone.error.is_none()))
        .map(|(number, _)| *number)
        .collect();
    for left in left(run, &looked.aws, &gone).await? {
        let parts = left.parts.join(", ");
        let problem = Problem::new(format!("still there, or there again: {parts}"));
        ended.insert(left.number, Err(problem));
    }
    if asker.is_some() {
        for (number, standing) in &looked.standings {
            if let Standing::Unknown(why) = standing {
                let what = format!("whether its pull request is open is not known: {}", why.what);
                ended.entry(*number).or_insert(Err(Problem { what, ..why.clone() }));
            }
        }
    }
    judge(&config.service, &ended, outcome.changed)
}

/// Takes one down, unless its pull request has been opened again meanwhile.
async fn one(
    run: &Run<'_>,
    aws: &Reader,
    asker: Option<&Asker<'_>>,
    found: &Found,
    why: Why,
) -> (u64, Result<Outcome, Problem>) {
    let (number, name) = (found.number, &found.name);
    if let (Why::Closed { .. }, Some(asker)) = (&why, asker) {
        match asker.about(number).await {
            Standing::Unknown(why) => return (number, Err(why)),
            Standing::Closed { .. } => {}
            standing => {
                let text = format!("{name} stays: its pull request is {}", standing.word());
                run.events.send(Event::Line { source: Source::Sweep, text });
                return (number, Ok(Outcome::default()));
            }
        }
    }
    let text = format!("{name} goes: {why}");
    run.events.send(Event::Line { source: Source::Sweep, text });
    run.events.send(Event::StepStarted(Address::new(Kind::Service, name)));
    let start = run.began.elapsed();
    let config = preview::config(run.config, number);
    // The steps of many at once would be one heap; what each came to is told instead.
    let (events, mut told) = Events::channel();
    let down = Run { began: run.began, ..Run::new(&config, run.context, run.secrets, &events) };
    let mut outcome = down_by(&down, aws.clone()).await;
    while let Ok(event) = told.try_recv() {
        if let Event::Warning(text) = event {
            run.events.send(Event::Warning(format!("{name}: {text}")));
        }
    }
    for text in outcome.plan.iter().flat_map(|plan| &plan.warnings) {
        run.events.send(Event::Warning(format!("{name}: {text}")));
    }
    run.events.send(Event::Swept(Box::new(outcome.clone())));
    outcome.timeline = vec![Span { name: name.clone(), start, end: run.began.elapsed() }];
    (number, Ok(outcome))
}

/// What AWS still lists of those that are gone.
async fn left(run: &Run<'_>, aws: &Reader, gone: &BTreeSet<u64>) -> Result<Vec<Found>> {
    let mut left = Vec::new();
    for look in 0..LOOKS {
        if gone.is_empty() {
            break;
        }
        if look > 0 {
            let text = "what was taken down to be gone from AWS's lists".to_owned();
            run.events.send(Event::Line { source: Source::Waiting, text });
            sleep(PAUSE).await;
        }
        let listed = find::list(aws, run.config).await?;
        left = found::previews(run.config, &aws.region, &listed);
        left.retain(|found| gone.contains(&found.number));
        if left.is_empty() {
            break;
        }
    }
    Ok(left)
}

/// An error where something stays that has to go, or may have to.
fn judge(
    service: &str,
    ended: &BTreeMap<u64, Result<Outcome, Problem>>,
    changed: bool,
) -> Result<()> {
    let stays: Vec<(u64, &Problem)> = ended
        .iter()
        .filter_map(|(number, ended)| {
            let problem = match ended {
                Ok(outcome) => outcome.error.as_ref()?,
                Err(problem) => problem,
            };
            Some((*number, problem))
        })
        .collect();
    let Some((number, first)) = stays.first() else { return Ok(()) };
    let what = format!("not swept: {} of `{service}`", plural(stays.len(), "preview"));
    let mut problem = Problem::new(what);
    for (number, why) in &stays {
        problem = problem.found(format!("#{number}: {}", why.what));
    }
    let help = first.help.as_ref().map(|help| format!("#{number}: {help}\n")).unwrap_or_default();
    let problem = problem.help(format!(
        "{help}run it again; one alone is taken down by `preview down --pr {number}`"
    ));
    Err(if changed { Error::Partial(problem) } else { Error::Refused(problem) })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_stays_is_loud_and_the_rest_is_not() {
        let gone = || Ok(Outcome { changed: true, ..Outcome::default() });
        let ended = |ended: Vec<(u64, Result<Outcome, Problem>)>| ended.into_iter().collect();
        assert!(judge("web", &ended(vec![(1, gone())]), true).is_ok());
        assert!(judge("web", &BTreeMap::new(), false).is_ok());
        let failed =
            Outcome { error: Some(Problem::new("service/web-pr-2: no")), ..Outcome::default() };
        let unknown = Problem::new("still there, or there again: target group").help("x");
        let all = ended(vec![(1, gone()), (2, Ok(failed)), (3, Err(unknown))]);
        let error = judge("web", &all, true).expect_err("two stay");
        assert!(matches!(&error, Error::Partial(_)));
        insta::assert_snapshot!(error, @r"
        not swept: 2 previews of `web`
          #2: service/web-pr-2: no
          #3: still there, or there again: target group
          help: run it again; one alone is taken down by `preview down --pr 2`
        ");
        assert!(matches!(judge("web", &all, false), Err(Error::Refused(_))));
    }
}
