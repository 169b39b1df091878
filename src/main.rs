//! The program: parse, run, exit code.

use clap::{Parser as _, error::ErrorKind};
use ecs_private_deploy::{
    cli::{self, Cli, Command, Destroy, Format},
    config::{self, model::Config},
    context::{self, Context},
    cost,
    deploy::{
        self, Run, cancel, destroy,
        steer::{self, decision::Word},
    },
    doctor,
    error::{Error, Problem, Result},
    event::{self, Event, Events, Outcome},
    exit,
    plan::view::{self, View},
    policy,
    report::{self, Setup, confirm, fatal, files, stdout},
    secret::{Secret, Secrets},
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
            let result = runtime.block_on(Box::pin(unless_twice(&cli, variables)));
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
async fn unless_twice(cli: &Cli, variables: BTreeMap<String, String>) -> Result<u8> {
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

async fn run(cli: &Cli, variables: BTreeMap<String, String>, signals: &mut Signals) -> Result<u8> {
    let is_action = context::is_action(&variables);
    let Some(common) = cli.command.common() else {
        return print(&config::schema(), false);
    };
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
    let config = load(&cli.command)?;
    check_environment(&context.variables)?;
    if let Command::Destroy(given) = &cli.command {
        unless_ended(confirmed(given, &config, &context), signals).await?;
    }
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
        let result = Box::pin(conduct(&cli.command, &run, signals)).await;
        if let Ok(outcome) = &result {
            events.send(Event::Finished(Box::new(outcome.clone())));
        }
        drop(events);
        result
    };
    let (outcome, ()) = tokio::join!(engine, reporters);
    let outcome = outcome?;
    // Data comes last, when nothing else moves on the terminal.
    if let (Command::Plan(given), Some(plan), None) = (&cli.command, &outcome.plan, &outcome.error)
    {
        print(&render(plan, given.format), is_action)?;
    }
    Ok(outcome.exit_code)
}

async fn doctor(
    given: &cli::Doctor,
    command: &Command,
    variables: &BTreeMap<String, String>,
    signals: &mut Signals,
) -> Result<u8> {
    let config = given.is_about_file().then(|| load(command)).transpose()?;
    check_environment(variables)?;
    let report = unless_ended(Box::pin(doctor::run(given, config.as_ref())), signals).await?;
    let is_action = context::is_action(variables);
    print(&doctor::render(&report, given.format), is_action)?;
    if let (true, Some(annotation)) = (is_action, doctor::report::annotation(&report)) {
        fatal::command(&annotation);
    }
    let summary = variables.get("GITHUB_STEP_SUMMARY").filter(|path| !path.is_empty());
    if let (true, Some(path)) = (is_action, summary) {
        let written = files::summarize(Path::new(path), |left| {
            let text = doctor::render(&report, Format::Markdown);
            if text.len() <= left { text } else { String::new() }
        });
        // The answer is printed already; that it stands nowhere else does not change it.
        if let Err(problem) = written {
            fatal::print(&problem.to_string(), is_action);
        }
    }
    Ok(if report.is_broken() { exit::REFUSED } else { exit::OK })
}

const fn kind(command: &Command) -> event::Command {
    match command {
        Command::Plan(_) => event::Command::Plan,
        Command::Destroy(_) => event::Command::Destroy,
        Command::Continue(_) => event::Command::Continue,
        Command::Rollback(_) => event::Command::Rollback,
        Command::Deploy(_)
        | Command::Doctor(_)
        | Command::Cost(_)
        | Command::IamPolicy(_)
        | Command::Schema => event::Command::Deploy,
    }
}

/// The file, with what the flags say in its place.
fn load(command: &Command) -> Result<Config> {
    let common = command.common().expect("a command on a file");
    let folder = common.working_directory.as_deref().unwrap_or(Path::new(""));
    let file = common.config.as_ref().map(|file| folder.join(file));
    let mut config = config::load(file.as_deref(), folder, command.image())?;
    let given = common.aws_region.as_ref().filter(|region| !region.is_empty());
    config.region = config.region.take().or_else(|| given.cloned());
    Ok(config)
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
        Command::Deploy(_)
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
    }
}

/// Asks before anything is taken down. It is planned apart, so that nothing else writes to the terminal
/// while somebody is asked.
async fn confirmed(given: &Destroy, config: &Config, context: &Context) -> Result<()> {
    if given.yes {
        return Ok(());
    }
    let (secrets, (events, _)) = (Secrets::default(), Events::channel());
    let run = Run::new(config, context, &secrets, &events);
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
