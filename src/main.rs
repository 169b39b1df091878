//! The program: parse, run, exit code.

use clap::{Parser as _, error::ErrorKind};
use ecs_private_deploy::{
    choice::{Choice, Chosen, choose, load},
    cli::{self, Cli, Command, Destroy, Format, PreviewCommand},
    config::{self, model::Config},
    context::{self, Context},
    cost,
    deploy::{
        self, Run, cancel, destroy, preview,
        steer::{self, decision::Word},
    },
    doctor,
    error::{Error, Problem, Result},
    event::{self, Event, Events, Outcome, Source},
    exit,
    identity::Session,
    plan::view::{self, View},
    policy,
    preview::list,
    report::{self, Setup, annotation::mask, confirm, fatal, files, redact, stdout},
    secret::Secrets,
    signals::Signals,
};
use std::{collections::BTreeMap, path::Path, process::ExitCode};

fn main() -> ExitCode {
    let (given, variables) = context::of_process();
    let is_action = context::is_action(&variables);
    let cli = match Cli::try_parse_from(cli::arguments(given, &variables)) {
        Ok(cli) => cli,
        Err(answer) => {
            let is_asked =
                matches!(answer.kind(), ErrorKind::DisplayHelp | ErrorKind::DisplayVersion);
            if is_asked || !is_action {
                answer.exit();
            }
            fatal::print(&answer.to_string(), is_action);
            return exit::CONFIG.into();
        }
    };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let result = match runtime {
        Ok(runtime) => {
            let result = runtime.block_on(Box::pin(unless_twice(cli, variables)));
            // A question that nobody answers any more must not hold the program.
            runtime.shutdown_background();
            result
        }
        Err(error) => Err(Error::Unexpected(Problem::new(format!("no runtime: {error}")))),
    };
    result
        .unwrap_or_else(|error| {
            fatal::print(&error.to_string(), is_action);
            error.exit_code()
        })
        .into()
}

/// Runs it. Whoever sends a second signal does not wait for the last words that the first one brings.
async fn unless_twice(cli: Cli, variables: BTreeMap<String, String>) -> Result<u8> {
    let (mut signals, mut again) = (Signals::listen()?, Signals::listen()?);
    let twice = async {
        again.next().await;
        again.next().await
    };
    tokio::select! {
        result = Box::pin(run(cli, variables, &mut signals)) => result,
        signal = twice => {
            let problem = Problem::new(format!("the run was ended at once by a second {signal}"));
            let help = "run it again: it takes up where this run stopped";
            Err(Error::Unexpected(problem.help(help)))
        }
    }
}

async fn run(cli: Cli, variables: BTreeMap<String, String>, signals: &mut Signals) -> Result<u8> {
    let is_action = context::is_action(&variables);
    let Some(common) = cli.command.common() else {
        return print(&config::schema(), false);
    };
    let verbose = common.verbose;
    if let Command::Cost(given) = &cli.command {
        let config = given.endpoint_units.is_none().then(|| load(&cli.command)).transpose()?;
        return print(&cost::answer(given, config.as_ref(), &variables)?, is_action);
    }
    if let Command::IamPolicy(given) = &cli.command {
        let answer = policy::answer(given, &load(&cli.command)?, &variables)?;
        answer.notes.iter().for_each(|note| fatal::note(note, is_action));
        return print(&answer.text, is_action);
    }
    if let Command::Doctor(given) = &cli.command {
        return doctor(given, &cli.command, &variables, signals).await;
    }
    let context = Context::read(variables, common.environment.clone())?;
    let chosen = match choose(cli.command, &context)? {
        Choice::Nothing(why) => return Ok(nothing(why, context).await),
        Choice::Do(chosen) => *chosen,
    };
    let Chosen { command, config, number, because } = chosen;
    let secrets = Secrets::of(&context.variables);
    let common = command.common().expect("a command on a file");
    let session = Session::of(&common.credentials, &context.variables, &secrets)?;
    let mut context = match number {
        Some(number) => context.about(number),
        None => context,
    };
    context.session = session.into();
    check_environment(&context.variables)?;
    if let Command::Preview(cli::Preview { command: PreviewCommand::List(given) }) = &command {
        return previews(given.format, &config, &context, &secrets, signals).await;
    }
    if let Command::Destroy(given) = &command {
        let asking = confirmed(given, &config, &context, &secrets);
        unless_ended(asking, signals).await.map_err(|error| error.redacted(&secrets))?;
    }
    let (events, receiver) = Events::channel();
    let setup = Setup {
        context: &context,
        secrets: secrets.clone(),
        verbose,
        service: &config.service,
        command: kind(&command),
        preview: config.preview_of.as_ref().map(|of| of.number),
    };
    let reporters = report::run(receiver, secrets.clone(), setup.reporters());
    let engine = async {
        if let Some(text) = because {
            events.send(Event::Line { source: Source::Decided, text });
        }
        let run = Run::new(&config, &context, &secrets, &events);
        let result = Box::pin(conduct(&command, &run, signals)).await;
        if let Ok(outcome) = &result {
            events.send(Event::Finished(Box::new(outcome.clone())));
        }
        drop(events);
        result
    };
    let (outcome, ()) = tokio::join!(engine, reporters);
    let outcome = outcome?;
    // Data comes last, when nothing else moves on the terminal.
    if let (Command::Plan(given), Some(plan), None) = (&command, &outcome.plan, &outcome.error) {
        print(&render(&redact::plan(plan, &secrets), given.format), is_action)?;
    }
    Ok(outcome.exit_code)
}

/// Tells why nothing is done, in the log and the job summary. A comment would take the place of one that
/// says what stands.
async fn nothing(why: Problem, mut context: Context) -> u8 {
    if let Some(github) = &mut context.github {
        github.token = None;
    }
    let (events, receiver) = Events::channel();
    let setup = Setup {
        context: &context,
        secrets: Secrets::default(),
        verbose: false,
        service: "",
        command: event::Command::Deploy,
        preview: None,
    };
    let reporters = setup.reporters();
    events.send(Event::Finished(Box::new(Outcome { neutral: Some(why), ..Outcome::default() })));
    drop(events);
    report::run(receiver, setup.secrets, reporters).await;
    exit::OK
}

async fn doctor(
    given: &cli::Doctor,
    command: &Command,
    variables: &BTreeMap<String, String>,
    signals: &mut Signals,
) -> Result<u8> {
    let config = given.is_about_file().then(|| load(command)).transpose()?;
    check_environment(variables)?;
    let is_action = context::is_action(variables);
    let secrets = Secrets::of(variables);
    let session = Session::of(&given.common.credentials, variables, &secrets)?;
    let asking = Box::pin(doctor::run(given, config.as_ref(), &session));
    let report = without_reporter(unless_ended(asking, signals).await, &secrets, is_action)?;
    let render = |format| secrets.redact(&doctor::render(&report, format));
    print(&render(given.format), is_action)?;
    if let (true, Some(annotation)) = (is_action, doctor::report::annotation(&report)) {
        fatal::command(&secrets.redact(&annotation));
    }
    summarize(&render(Format::Markdown), variables);
    Ok(if report.is_broken() { exit::REFUSED } else { exit::OK })
}

/// What stands for pull requests.
async fn previews(
    format: Format,
    config: &Config,
    context: &Context,
    secrets: &Secrets,
    signals: &mut Signals,
) -> Result<u8> {
    let is_action = context::is_action(&context.variables);
    let (events, _) = Events::channel();
    let run = Run::new(config, context, secrets, &events);
    let list = unless_ended(Box::pin(preview::look::list(&run)), signals).await;
    let list = without_reporter(list, secrets, is_action)?;
    let render = |format| match format {
        Format::Text => secrets.redact(&list::view::text(&list)),
        Format::Json => secrets.redact(&list::view::json(&list)),
        Format::Markdown => secrets.redact(&list::view::markdown(&list)),
    };
    print(&render(format), is_action)?;
    summarize(&render(Format::Markdown), &context.variables);
    Ok(exit::OK)
}

/// What came of something that no reporter tells of: the runner hears what it must not show, before
/// anything is printed, and an error has nothing of it.
fn without_reporter<T>(result: Result<T>, secrets: &Secrets, is_action: bool) -> Result<T> {
    if is_action {
        secrets.all().iter().for_each(|secret| fatal::command(&mask(secret.expose())));
    }
    result.map_err(|error| error.redacted(secrets))
}

/// Writes an answer that is printed already to the job summary too.
fn summarize(markdown: &str, variables: &BTreeMap<String, String>) {
    let is_action = context::is_action(variables);
    let summary = variables.get("GITHUB_STEP_SUMMARY").filter(|path| !path.is_empty());
    let Some(path) = summary.filter(|_| is_action) else { return };
    let written = files::summarize(Path::new(path), |left| {
        if markdown.len() <= left { markdown.to_owned() } else { String::new() }
    });
    // That it stands nowhere else does not change it.
    if let Err(problem) = written {
        fatal::print(&problem.to_string(), is_action);
    }
}

const fn kind(command: &Command) -> event::Command {
    match command {
        Command::Plan(_) => event::Command::Plan,
        Command::Destroy(_) => event::Command::Destroy,
        Command::Continue(_) => event::Command::Continue,
        Command::Rollback(_) => event::Command::Rollback,
        Command::Preview(given) => match given.command {
            PreviewCommand::Up(_) => event::Command::PreviewUp,
            PreviewCommand::Down(_) => event::Command::PreviewDown,
            PreviewCommand::List(_) | PreviewCommand::Sweep(_) => event::Command::PreviewSweep,
        },
        Command::Auto(_)
        | Command::Deploy(_)
        | Command::Doctor(_)
        | Command::Cost(_)
        | Command::IamPolicy(_)
        | Command::Schema => event::Command::Deploy,
    }
}

/// Runs the command, unless somebody ends it.
async fn conduct(command: &Command, run: &Run<'_>, signals: &mut Signals) -> Result<Outcome> {
    let signal = tokio::select! {
        outcome = dispatch(command, run) => return outcome,
        signal = signals.next() => signal,
    };
    Ok(cancel::cancelled(run, kind(command), signal).await)
}

/// The same for what changes nothing.
async fn unless_ended<T>(
    asking: impl Future<Output = Result<T>>,
    signals: &mut Signals,
) -> Result<T> {
    tokio::select! {
        result = asking => result,
        signal = signals.next() => {
            let problem = Problem::new(format!("the run was ended by {signal}"));
            Err(Error::Unexpected(problem.help("nothing was changed")))
        }
    }
}

/// What the AWS SDK would panic on, or call by another name.
fn check_environment(variables: &BTreeMap<String, String>) -> Result<()> {
    let wrong = |name: &str, what: &str, help: &str| {
        let problem = Problem::new(format!("{name} {what}")).help(help);
        Err(Error::Config(problem.to_string()))
    };
    for name in ["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"] {
        if variables
            .get(name)
            .is_some_and(|value| !value.bytes().all(|byte| byte.is_ascii_graphic()))
        {
            let help = "paste it anew, without blanks and line ends";
            return wrong(name, "has a character that no key has", help);
        }
    }
    if variables.get("AWS_ENDPOINT_URL").is_some_and(String::is_empty) {
        return wrong("AWS_ENDPOINT_URL", "is empty", "unset it, or give it an address");
    }
    Ok(())
}

async fn dispatch(command: &Command, run: &Run<'_>) -> Result<Outcome> {
    match command {
        Command::Auto(_)
        | Command::Deploy(_)
        | Command::Doctor(_)
        | Command::Cost(_)
        | Command::IamPolicy(_)
        | Command::Schema => Ok(Box::pin(deploy::deploy(run)).await),
        Command::Continue(_) => Ok(Box::pin(steer::steer(run, Word::Continue)).await),
        Command::Rollback(_) => Ok(Box::pin(steer::steer(run, Word::Rollback)).await),
        Command::Plan(given) => {
            let (mut outcome, planned) = Box::pin(deploy::plan(run)).await;
            if planned.is_ok_and(|plan| given.detailed_exitcode && !plan.steps.is_empty()) {
                outcome.exit_code = exit::CHANGES;
            }
            Ok(outcome)
        }
        Command::Destroy(_) => {
            let planned = Box::pin(destroy::plan(run)).await;
            Ok(destroy::destroy(run, planned).await)
        }
        Command::Preview(given) => Ok(match given.command {
            PreviewCommand::Up(_) => Box::pin(preview::up(run)).await,
            PreviewCommand::Down(_) => Box::pin(preview::down(run)).await,
            PreviewCommand::List(_) | PreviewCommand::Sweep(_) => {
                Box::pin(preview::sweep::sweep(run)).await
            }
        }),
    }
}

/// Asks before anything is taken down. It is planned apart, so that nothing else writes to the terminal
/// while somebody is asked.
async fn confirmed(
    given: &Destroy,
    config: &Config,
    context: &Context,
    secrets: &Secrets,
) -> Result<()> {
    if given.yes {
        return Ok(());
    }
    let (events, _) = Events::channel();
    let run = Run::new(config, context, secrets, &events);
    let planned = Box::pin(destroy::plan(&run)).await?;
    if planned.plan.steps.is_empty()
        || confirm::destroy(&planned.plan.view(), &config.service).await?
    {
        return Ok(());
    }
    let problem = Problem::new(format!("taking `{}` down was not confirmed", config.service));
    Err(Error::Refused(problem.help("nothing was changed")))
}

fn render(plan: &View, format: Format) -> String {
    match format {
        Format::Text => format!("{plan:#}"),
        Format::Json => {
            serde_json::to_string_pretty(plan).expect("a plan is plain data with text keys")
        }
        Format::Markdown => view::markdown(plan),
    }
}

fn print(text: &str, is_action: bool) -> Result<u8> {
    stdout::print(text, is_action)
        .map(|()| exit::OK)
        .map_err(|error| Error::Unexpected(Problem::new(format!("standard output: {error}"))))
}
