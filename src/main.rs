//! The program: parse, run, exit code.

use clap::{Parser as _, error::ErrorKind};
use ecs_private_deploy::{
    cli::{self, Cli, Command, Destroy, Format},
    config::{self, model::Config},
    context::{self, Context},
    deploy::{self, Run, destroy},
    error::{Error, Problem, Result},
    event::{self, Event, Events, Outcome},
    exit,
    plan::view::{self, View},
    report::{self, Setup, confirm, fatal, stdout},
    secret::{Secret, Secrets},
};
use std::{collections::BTreeMap, path::Path, process::ExitCode, sync::atomic::Ordering};
use tokio::signal::unix::{SignalKind, signal};

fn main() -> ExitCode {
    let (given, variables) = context::of_process();
    let is_action = variables.get("GITHUB_ACTIONS").is_some_and(|value| value == "true");
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
        Ok(runtime) => runtime.block_on(Box::pin(run(&cli, variables))),
        Err(error) => Err(Error::Unexpected(Problem::new(format!("no runtime: {error}")))),
    };
    result
        .unwrap_or_else(|error| {
            fatal::print(&error.to_string(), is_action);
            error.exit_code()
        })
        .into()
}

async fn run(cli: &Cli, variables: BTreeMap<String, String>) -> Result<u8> {
    let Some(common) = cli.command.common() else {
        return print(&config::schema());
    };
    let context = Context::read(variables, common.environment.clone())?;
    let config = load(&cli.command)?;
    let secrets = Secrets::default();
    for name in ["AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"] {
        if let Some(value) = context.variables.get(name).filter(|value| !value.is_empty()) {
            secrets.add(&Secret::new(value));
        }
    }
    let (events, receiver) = Events::channel();
    let setup = Setup {
        context: &context,
        secrets: secrets.clone(),
        verbose: common.verbose,
        service: &config.service,
        command: kind(&cli.command),
    };
    let reporters = report::run(receiver, secrets.clone(), setup.reporters());
    let engine = async {
        let run = Run::new(&config, &context, &secrets, &events);
        let result = Box::pin(conduct(&cli.command, &run)).await;
        if let Ok(outcome) = &result {
            events.send(Event::Finished(Box::new(outcome.clone())));
        }
        drop(events);
        result.map(|outcome| outcome.exit_code)
    };
    let (code, ()) = tokio::join!(engine, reporters);
    code
}

const fn kind(command: &Command) -> event::Command {
    match command {
        Command::Plan(_) => event::Command::Plan,
        Command::Destroy(_) => event::Command::Destroy,
        Command::Deploy(_) | Command::Schema => event::Command::Deploy,
    }
}

/// The file, with what the flags say in its place.
fn load(command: &Command) -> Result<Config> {
    let common = command.common().expect("a command on a file");
    let folder = common.working_directory.as_deref().unwrap_or(Path::new(""));
    let file = common.config.as_ref().map(|file| folder.join(file));
    let mut config = config::load(file.as_deref(), folder, command.image())?;
    config.region = config.region.take().or_else(|| common.aws_region.clone());
    Ok(config)
}

/// Runs the command, unless somebody ends it: then what runs is dropped, which ends the build and takes
/// its files away, and the next run goes on from there.
async fn conduct(command: &Command, run: &Run<'_>) -> Result<Outcome> {
    let mut terminate = handler(SignalKind::terminate())?;
    let mut interrupt = handler(SignalKind::interrupt())?;
    tokio::select! {
        outcome = dispatch(command, run) => outcome,
        _ = terminate.recv() => Ok(cancelled(command, run)),
        _ = interrupt.recv() => Ok(cancelled(command, run)),
    }
}

fn handler(kind: SignalKind) -> Result<tokio::signal::unix::Signal> {
    signal(kind).map_err(|error| Error::Unexpected(Problem::new(format!("no signals: {error}"))))
}

fn cancelled(command: &Command, run: &Run<'_>) -> Outcome {
    let is_applying = run.is_applying.load(Ordering::Relaxed);
    let problem = Problem::new("the run was ended by a signal");
    let (exit_code, help) = if is_applying {
        (exit::PARTIAL, "run it again: it takes up where this run stopped")
    } else {
        (exit::UNEXPECTED, "nothing was changed")
    };
    Outcome {
        command: kind(command),
        service: run.config.service.clone(),
        error: Some(problem.help(help)),
        changed: is_applying,
        exit_code,
        ..Outcome::default()
    }
}

async fn dispatch(command: &Command, run: &Run<'_>) -> Result<Outcome> {
    match command {
        Command::Deploy(_) | Command::Schema => Ok(Box::pin(deploy::deploy(run)).await),
        Command::Plan(given) => {
            let (mut outcome, planned) = Box::pin(deploy::plan(run)).await;
            if let Ok(plan) = planned {
                print(&render(&plan, given.format))?;
                if given.detailed_exitcode && !plan.steps.is_empty() {
                    outcome.exit_code = exit::CHANGES;
                }
            }
            Ok(outcome)
        }
        Command::Destroy(given) => Box::pin(destroy(given, run)).await,
    }
}

async fn destroy(given: &Destroy, run: &Run<'_>) -> Result<Outcome> {
    let planned = Box::pin(destroy::plan(run)).await;
    if let Ok(planned) = &planned
        && !given.yes
        && !planned.plan.steps.is_empty()
        && !confirm::destroy(&planned.plan.view(), &run.config.service).await?
    {
        return Ok(destroy::declined(run));
    }
    Ok(destroy::destroy(run, planned).await)
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

fn print(text: &str) -> Result<u8> {
    stdout::print(text)
        .map(|()| exit::OK)
        .map_err(|error| Error::Unexpected(Problem::new(format!("standard output: {error}"))))
}
