//! From the command line, and where that says `auto` the run's event, to one command on one file: of a
//! preview, the file that its pull request gets.

use crate::{
    cli::{self, Command, PreviewCommand},
    config::{
        self,
        model::{Config, Image},
    },
    context::{self, Context, checkout},
    decision::{self, Decision, Given},
    error::{Error, Problem, Result},
    preview,
};
use std::path::Path;

/// What a run does.
#[derive(Debug)]
pub enum Choice {
    /// Nothing, and why; it ends well.
    Nothing(Problem),
    /// A command.
    Do(Box<Chosen>),
}

/// A command on a file.
#[derive(Debug)]
pub struct Chosen {
    /// What to do; never `auto`.
    pub command: Command,
    /// The file, or what a pull request's preview is made from.
    pub config: Config,
    /// The pull request that it is about, where the command or the event says so.
    pub number: Option<u64>,
    /// What the event has decided, where it has.
    pub because: Option<String>,
}

/// What the event asks for, where the command is `auto`; and nothing that would build the code of a fork.
///
/// # Errors
/// The file, the event or the flags are wrong.
pub fn choose(command: Command, context: &Context) -> Result<Choice> {
    let decision = decide(&command, context)?;
    if let Some(Decision::Nothing(why)) = decision {
        return Ok(Choice::Nothing(why));
    }
    let config = load(&command)?;
    let has_previews = config.preview.is_some();
    let (because, number) = match &decision {
        Some(decision) => (Some(decision.words(&context.trigger, has_previews)), decision.number()),
        None => (None, None),
    };
    let command = match &decision {
        Some(decision) => command.decided(decision, has_previews),
        None => command,
    };
    if let (Some(_), Image::Build(build)) = (command.image(), &config.image) {
        decision::check_out(&context.trigger, checkout::commit(&build.context).as_deref())?;
    }
    let config = of_preview(&command, context, config)?;
    let number = config.preview_of.as_ref().map(|of| of.number).or(number);
    Ok(Choice::Do(Box::new(Chosen { command, config, number, because })))
}

/// What the event decides: of `auto` all, of another command whether it may build what is there.
fn decide(command: &Command, context: &Context) -> Result<Option<Decision>> {
    let Some(image) = command.image() else { return Ok(None) };
    let auto = match command {
        Command::Auto(auto) => Some(auto),
        _ => None,
    };
    let given = Given {
        number: auto.and_then(|auto| auto.pull_request.pr),
        allows_forks: image.allow_forks,
        may_have_credentials: context::may_have_credentials(&context.variables),
        is_dependabot: context::is_dependabot(&context.variables),
    };
    match auto {
        Some(_) => decision::decide(&context.trigger, &given).map(Some),
        None => Ok(decision::forbidden(&context.trigger, &given).map(Decision::Nothing)),
    }
}

/// The file, with what the flags say in its place.
///
/// # Errors
/// Every finding, rendered.
pub fn load(command: &Command) -> Result<Config> {
    let common = command.common().expect("a command on a file");
    let folder = common.working_directory.as_deref().unwrap_or(Path::new(""));
    let file = common.config.as_ref().map(|file| folder.join(file));
    let image = command.image().and_then(|image| image.image.as_deref());
    let mut config = config::load(file.as_deref(), folder, image)?;
    let given = common.aws_region.as_ref().filter(|region| !region.is_empty());
    config.region = config.region.take().or_else(|| given.cloned());
    Ok(config)
}

/// The preview's config, where the command is about one.
fn of_preview(command: &Command, context: &Context, config: Config) -> Result<Config> {
    let Command::Preview(cli::Preview { command }) = command else { return Ok(config) };
    let given = match command {
        PreviewCommand::Up(given) => {
            if config.preview.is_none() {
                let problem =
                    Problem::new("the file has no `preview:`, so no pull request gets one");
                let help = "add `preview: {}` to it: each is then found under `/pr-N`";
                return Err(Error::Config(problem.help(help).to_string()));
            }
            &given.pull_request
        }
        PreviewCommand::Down(given) => &given.pull_request,
        PreviewCommand::List(_) | PreviewCommand::Sweep(_) => return Ok(config),
    };
    let of_event = context.github.as_ref().and_then(|github| github.pull_request);
    let number = given.pr.or(of_event).ok_or_else(|| {
        let problem = Problem::new("no pull request is named, and this run's event has none");
        Error::Config(problem.help("add `--pr N`, in a workflow the input `pr`").to_string())
    })?;
    Ok(preview::config(&config, number))
}
