//! The command line, which is also the action's inputs: the same flags, from `INPUT_*`.

use crate::{decision::Decision, policy::subject::Purpose};
use clap::{ArgAction, Args, Parser, Subcommand, ValueEnum};
use std::{collections::BTreeMap, ffi::OsString, path::PathBuf};

/// Deploys a container to Amazon ECS in private subnets behind an internet-facing load balancer.
#[derive(Debug, Parser)]
#[command(version, after_help = EXAMPLES, max_term_width = 100)]
pub struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

const EXAMPLES: &str = "\
Examples:
  ecs-private-deploy auto                      what the event asks for, as the action does
  ecs-private-deploy plan                      what a deploy would do; changes nothing
  ecs-private-deploy deploy --config api.yml   build, make sure, roll out
  ecs-private-deploy destroy                   take down what a deploy made
  ecs-private-deploy continue                  let a rollout that pauses go on
  ecs-private-deploy rollback                  bring the last version back
  ecs-private-deploy doctor                    can the tasks start, and if not why not
  ecs-private-deploy doctor --cluster prod --service web
  ecs-private-deploy cost --gb 500             a month's price, against NAT gateways
  ecs-private-deploy iam-policy --for preview  the least that the role needs
  ecs-private-deploy preview up --pr 42        a service of its own for a pull request
  ecs-private-deploy preview list              what stands for pull requests, and what it costs

The region and the credentials are found as the AWS CLI finds them.";

/// What to do.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// What the event asks for that started the workflow: a deploy, a pull request's preview or plan, or a
    /// takedown
    Auto(Up),
    /// Build the image, make sure that all it needs exists, and roll the service out
    Deploy(Deploy),
    /// Say what a deploy would do, and change nothing
    Plan(Plan),
    /// Take down what a deploy made, and nothing else
    Destroy(Destroy),
    /// Let a rollout go on that waits for a word (`rollout: pause:`), and follow it
    Continue(Steer),
    /// Bring the last version back while a rollout is going on, and follow that
    Rollback(Steer),
    /// Say whether a private task can start, and if not why not; changes nothing
    Doctor(Doctor),
    /// Say what a month costs with VPC endpoints and with NAT gateways; asks nobody
    Cost(Cost),
    /// Print the least that the role of a command needs, and who may assume it; asks nobody
    IamPolicy(IamPolicy),
    /// Make, list and take down what pull requests get to try themselves out
    Preview(Preview),
    /// Print the JSON Schema of the file, for editors
    Schema,
}

/// What `auto` and `preview up` take.
#[derive(Debug, Args)]
pub struct Up {
    /// What every command on a file takes.
    #[command(flatten)]
    pub common: Common,
    /// What `deploy` takes too.
    #[command(flatten)]
    pub image: Image,
    /// Which pull request.
    #[command(flatten)]
    pub pull_request: PullRequest,
}

/// What `deploy` takes.
#[derive(Debug, Args)]
pub struct Deploy {
    /// What every command on a file takes.
    #[command(flatten)]
    pub common: Common,
    /// What `plan` takes too.
    #[command(flatten)]
    pub image: Image,
}

/// What `plan` takes.
#[derive(Debug, Args)]
pub struct Plan {
    /// What every command on a file takes.
    #[command(flatten)]
    pub common: Common,
    /// What `deploy` takes too.
    #[command(flatten)]
    pub image: Image,
    /// How the plan is printed
    #[arg(long, value_enum, default_value_t = Format::Text)]
    pub format: Format,
    /// End with 10 where there is something to do
    #[arg(long)]
    pub detailed_exitcode: bool,
}

/// What `destroy` takes.
#[derive(Debug, Args)]
pub struct Destroy {
    /// What every command on a file takes.
    #[command(flatten)]
    pub common: Common,
    /// Do not ask
    #[arg(long, short)]
    pub yes: bool,
}

/// What `continue` and `rollback` take.
#[derive(Debug, Args)]
pub struct Steer {
    /// What every command on a file takes.
    #[command(flatten)]
    pub common: Common,
}

/// What `doctor` takes.
#[derive(Debug, Args)]
pub struct Doctor {
    /// What every command on a file takes.
    #[command(flatten)]
    pub common: Common,
    /// An ECS service, whoever deployed it; no file is read then
    #[arg(long, value_name = "NAME", conflicts_with_all = ["config", "task_definition", "vpc", "subnets"])]
    pub service: Option<String>,
    /// The service's cluster [default: default]
    #[arg(long, value_name = "NAME", requires = "service")]
    pub cluster: Option<String>,
    /// A task definition without any service: a file (`./web.json`), a family, `family:revision` or an ARN
    #[arg(long, value_name = "NAME", conflicts_with = "config")]
    pub task_definition: Option<String>,
    /// The VPC that the task is to run in [default: the only one of the region]
    #[arg(long, value_name = "ID", conflicts_with = "config")]
    pub vpc: Option<String>,
    /// The subnets that the task may be placed in [default: every private one]
    #[arg(long, value_name = "ID,…", value_delimiter = ',', conflicts_with = "config")]
    pub subnets: Vec<String>,
    /// The task's security groups [default: one that lets everything out]
    #[arg(long, value_name = "ID,…", value_delimiter = ',', conflicts_with_all = ["config", "service"])]
    pub security_groups: Vec<String>,
    /// AWS services that the application calls: `sqs,dynamodb`
    #[arg(long, value_name = "NAME,…", value_delimiter = ',', conflicts_with = "config")]
    pub reach: Vec<String>,
    /// How it is printed
    #[arg(long, value_enum, default_value_t = Format::Text)]
    pub format: Format,
}

impl Doctor {
    /// Whether it is about what the file says.
    pub fn is_about_file(&self) -> bool {
        self.service.is_none()
            && self.task_definition.is_none()
            && self.vpc.is_none()
            && self.subnets.is_empty()
    }
}

/// What `cost` takes.
#[derive(Debug, Args)]
pub struct Cost {
    /// What every command on a file takes.
    #[command(flatten)]
    pub common: Common,
    /// The zones that the tasks run in
    #[arg(long, value_name = "N", default_value_t = 2, value_parser = clap::value_parser!(u32).range(1..=16))]
    pub zones: u32,
    /// GB a month that go through the endpoints or the NAT gateways
    #[arg(long, value_name = "N", default_value_t = 0)]
    pub gb: u64,
    /// Endpoints, each counted once a zone, in place of those of the service; no file is read then
    #[arg(long, value_name = "N", conflicts_with = "config")]
    pub endpoint_units: Option<u32>,
    /// NAT gateways that the endpoints are compared with [default: 1]
    #[arg(long, value_name = "N")]
    pub nat_gateways: Option<u32>,
    /// Leave out the public IPv4 addresses of the NAT gateways, without which none has a way out
    #[arg(long)]
    pub without_public_ipv4: bool,
    /// Prices of other regions or of another day, in the form of src/cost/prices.yml
    #[arg(long, value_name = "FILE")]
    pub prices: Option<PathBuf>,
    /// How it is printed
    #[arg(long, value_enum, default_value_t = Format::Text)]
    pub format: Format,
}

/// What `iam-policy` takes.
#[derive(Debug, Args)]
pub struct IamPolicy {
    /// What every command on a file takes.
    #[command(flatten)]
    pub common: Common,
    /// What the role is for
    #[arg(long = "for", value_name = "COMMAND", value_enum, default_value_t = Purpose::Deploy)]
    pub purpose: Purpose,
    /// How it is printed
    #[arg(long, value_enum, default_value_t = PolicyFormat::Json)]
    pub format: PolicyFormat,
    /// Print who may assume the role, in place of what it may do
    #[arg(long)]
    pub trust: bool,
    /// Print this one where one policy is not enough
    #[arg(long, value_name = "N", conflicts_with = "trust")]
    pub part: Option<usize>,
    /// The AWS account [default: the one that the file names, or any]
    #[arg(long, value_name = "ID")]
    pub account: Option<String>,
    /// The repository whose workflow runs assume the role [default: GITHUB_REPOSITORY]
    #[arg(long, value_name = "OWNER/NAME")]
    pub repository: Option<String>,
    /// The number of the repository's owner [default: GITHUB_REPOSITORY_OWNER_ID]
    #[arg(long, value_name = "N")]
    pub owner_id: Option<u64>,
    /// The number of the repository [default: GITHUB_REPOSITORY_ID]
    #[arg(long, value_name = "N")]
    pub repository_id: Option<u64>,
    /// The branch whose runs may assume the role, where their jobs have no `--environment`
    #[arg(long, value_name = "NAME")]
    pub branch: Option<String>,
}

/// How a policy is printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum PolicyFormat {
    /// One document, as IAM takes it.
    Json,
    /// A template that makes the role.
    Cloudformation,
    /// Resources that make the role.
    Terraform,
}

/// What `preview` takes.
#[derive(Debug, Args)]
pub struct Preview {
    /// What is done with previews.
    #[command(subcommand)]
    pub command: PreviewCommand,
}

/// What is done with previews.
#[derive(Debug, Subcommand)]
pub enum PreviewCommand {
    /// Make or update the preview of a pull request, unless that is closed
    Up(Up),
    /// Take down the preview of a pull request, open or not, and nothing that is shared
    Down(PreviewDown),
    /// Say what stands, since when, for which pull request, and what it costs a month
    List(PreviewMany),
    /// Take down what belongs to closed pull requests or has stood longer than its `ttl`
    Sweep(PreviewMany),
}

/// What `preview down` takes.
#[derive(Debug, Args)]
pub struct PreviewDown {
    /// What every command on a file takes.
    #[command(flatten)]
    pub common: Common,
    /// Which pull request.
    #[command(flatten)]
    pub pull_request: PullRequest,
}

/// What `preview list` and `preview sweep` take.
#[derive(Debug, Args)]
pub struct PreviewMany {
    /// What every command on a file takes.
    #[command(flatten)]
    pub common: Common,
    /// How it is printed
    #[arg(long, value_enum, default_value_t = Format::Text)]
    pub format: Format,
}

/// Which pull request.
#[derive(Debug, Args)]
pub struct PullRequest {
    /// The pull request's number [default: that of the workflow's event]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    pub pr: Option<u64>,
}

impl PreviewCommand {
    /// What every command on a file takes.
    pub const fn common(&self) -> &Common {
        match self {
            Self::Up(Up { common, .. })
            | Self::Down(PreviewDown { common, .. })
            | Self::List(PreviewMany { common, .. })
            | Self::Sweep(PreviewMany { common, .. }) => common,
        }
    }
}

/// What every command on a file takes.
#[derive(Debug, Args)]
pub struct Common {
    /// The file that says what to deploy [default: ecs-deploy.yml]
    #[arg(long, short, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// The folder that the file's path is relative to
    #[arg(long, value_name = "FOLDER")]
    pub working_directory: Option<PathBuf>,
    /// The AWS region, where the file gives none
    #[arg(long, visible_alias = "region", value_name = "REGION")]
    pub aws_region: Option<String>,
    /// The name of the environment that is deployed to, shown in the report
    #[arg(long, value_name = "NAME")]
    pub environment: Option<String>,
    /// Show the build's output as it comes
    #[arg(long, short)]
    pub verbose: bool,
    /// Whose credentials the run has.
    #[command(flatten)]
    pub credentials: Credentials,
}

/// Whose credentials the run has. Names and meanings are those of the inputs of
/// aws-actions/configure-aws-credentials.
#[derive(Debug, Default, Args)]
#[command(next_help_heading = "Credentials")]
pub struct Credentials {
    /// The role to assume: with GitHub's OIDC token in a job that may have one, otherwise with the
    /// credentials that are found [default: none, they are used as they are]
    #[arg(long, value_name = "ARN")]
    pub role_to_assume: Option<String>,
    /// What CloudTrail calls the session [default: GitHubActions-RUN_ID]
    #[arg(long, value_name = "NAME")]
    pub role_session_name: Option<String>,
    /// How long a session lasts; it is renewed before its end [default: 3600]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(i32).range(900..=43200))]
    pub role_duration_seconds: Option<i32>,
    /// What the role's trust policy wants to hear, where it is assumed with credentials
    #[arg(long, value_name = "ID")]
    pub role_external_id: Option<String>,
    /// Whom GitHub's OIDC token is for [default: sts.amazonaws.com]
    #[arg(long, value_name = "NAME")]
    pub audience: Option<String>,
    /// Assume the role with the credentials of the environment, also where there is an OIDC token
    #[arg(long, num_args = 0..=1, require_equals = true, default_missing_value = "true",
        default_value = "false", hide_default_value = true, hide_possible_values = true,
        action = clap::ArgAction::Set, value_parser = truth, value_name = "BOOL")]
    pub role_chaining: bool,
    /// Give a session that is assumed with credentials no tags that say which run it is
    #[arg(long, num_args = 0..=1, require_equals = true, default_missing_value = "true",
        default_value = "false", hide_default_value = true, hide_possible_values = true,
        action = clap::ArgAction::Set, value_parser = truth, value_name = "BOOL")]
    pub role_skip_session_tagging: bool,
    /// Take the account's number out of logs and reports; outputs keep it
    #[arg(long, num_args = 0..=1, require_equals = true, default_missing_value = "true",
        default_value = "false", hide_default_value = true, hide_possible_values = true,
        action = clap::ArgAction::Set, value_parser = truth, value_name = "BOOL")]
    pub mask_aws_account_id: bool,
    /// Accounts that may be worked in [default: any]
    #[arg(long, value_name = "ID,…", value_delimiter = ',')]
    pub allowed_account_ids: Vec<String>,
}

/// The inputs that become flags of [`Credentials`].
const CREDENTIALS: [&str; 9] = [
    "role-to-assume",
    "role-session-name",
    "role-duration-seconds",
    "role-external-id",
    "audience",
    "role-chaining",
    "role-skip-session-tagging",
    "mask-aws-account-id",
    "allowed-account-ids",
];

/// A boolean as a workflow writes it: <https://yaml.org/spec/1.2/spec.html#id2804923>.
fn truth(text: &str) -> Result<bool, String> {
    match text {
        "true" | "True" | "TRUE" => Ok(true),
        "false" | "False" | "FALSE" => Ok(false),
        _ => Err("it is `true` or `false`".to_owned()),
    }
}

/// What becomes the image.
#[derive(Debug, Args)]
pub struct Image {
    /// An image in a private ECR repository of the region, deployed instead of building one
    #[arg(long, value_name = "URI")]
    pub image: Option<String>,
    /// Build the pull requests of forks too, with this job's credentials: docs/pull-requests.md says what
    /// that means
    #[arg(long, num_args = 0..=1, require_equals = true, default_missing_value = "true",
        default_value = "false", hide_default_value = true, hide_possible_values = true,
        action = ArgAction::Set, value_parser = truth, value_name = "BOOL")]
    pub allow_forks: bool,
}

/// How an answer is printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// For people.
    Text,
    /// For programs.
    Json,
    /// For a comment.
    Markdown,
}

impl Command {
    /// What every command on a file takes; `None` for one that takes no file.
    pub const fn common(&self) -> Option<&Common> {
        match self {
            Self::Auto(Up { common, .. })
            | Self::Deploy(Deploy { common, .. })
            | Self::Plan(Plan { common, .. })
            | Self::Destroy(Destroy { common, .. })
            | Self::Continue(Steer { common })
            | Self::Rollback(Steer { common })
            | Self::Doctor(Doctor { common, .. })
            | Self::Cost(Cost { common, .. })
            | Self::IamPolicy(IamPolicy { common, .. }) => Some(common),
            Self::Preview(Preview { command }) => Some(command.common()),
            Self::Schema => None,
        }
    }

    /// The command that the decision is, where this is `auto`.
    #[must_use]
    pub fn decided(self, decision: &Decision, has_previews: bool) -> Self {
        let Self::Auto(Up { common, image, .. }) = self else { return self };
        let pull_request = |number: u64| PullRequest { pr: Some(number) };
        let preview = |command| Self::Preview(Preview { command });
        match *decision {
            Decision::Deploy => Self::Deploy(Deploy { common, image }),
            Decision::Update(number) if has_previews => {
                let pull_request = pull_request(number);
                preview(PreviewCommand::Up(Up { common, image, pull_request }))
            }
            // To plan changes nothing.
            Decision::Update(_) | Decision::Nothing(_) => {
                Self::Plan(Plan { common, image, format: Format::Text, detailed_exitcode: false })
            }
            Decision::TakeDown(number) => {
                let pull_request = pull_request(number);
                preview(PreviewCommand::Down(PreviewDown { common, pull_request }))
            }
        }
    }

    /// What becomes the image, where the command has anything to do with one.
    pub const fn image(&self) -> Option<&Image> {
        match self {
            Self::Auto(Up { image, .. })
            | Self::Deploy(Deploy { image, .. })
            | Self::Plan(Plan { image, .. })
            | Self::Preview(Preview { command: PreviewCommand::Up(Up { image, .. }) }) => {
                Some(image)
            }
            _ => None,
        }
    }
}

/// The arguments of this run: the program's own, or as an action, which GitHub's runner starts without
/// arguments, the inputs. An input that is not given is an empty variable.
/// <https://docs.github.com/en/actions/reference/workflows-and-actions/metadata-syntax#inputs>
pub fn arguments(given: Vec<OsString>, variables: &BTreeMap<String, String>) -> Vec<OsString> {
    let is_action = crate::context::is_action(variables);
    if given.len() > 1 || !is_action {
        return given;
    }
    let input = |name: &str| {
        let value = variables.get(&format!("INPUT_{}", name.to_uppercase()))?.trim();
        (!value.is_empty()).then(|| value.to_owned())
    };
    let command = input("command").unwrap_or_else(|| "auto".to_owned());
    let mut flags = vec!["config", "working-directory", "aws-region", "environment"];
    flags.extend(CREDENTIALS);
    match command.as_str() {
        "deploy" | "plan" => flags.extend(["image", "allow-forks"]),
        "auto" | "preview-up" => flags.extend(["image", "allow-forks", "pr"]),
        "preview-down" => flags.push("pr"),
        // A workflow that says `command: destroy` has been asked already, when it was written.
        "destroy" | "continue" | "rollback" | "cost" | "doctor" | "preview-list"
        | "preview-sweep" | "iam-policy" => {}
        _ => flags.clear(),
    }
    let confirmed = (command == "destroy").then(|| "--yes".to_owned());
    let program = given.into_iter().next().unwrap_or_else(|| "ecs-private-deploy".into());
    let flags = flags
        .into_iter()
        // One word, so that a value which begins with a hyphen stays a value.
        .filter_map(|name| input(name).map(|value| format!("--{name}={value}")));
    // A command that begins with a hyphen would be a flag.
    let command = command.trim_start_matches('-');
    // An input is one word.
    let command = command.strip_prefix("preview-").map_or_else(
        || vec![command.to_owned()],
        |rest| vec!["preview".to_owned(), rest.to_owned()],
    );
    let words = command.into_iter().chain(confirmed).chain(flags).map(OsString::from);
    std::iter::once(program).chain(words).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(given: &[&str], variables: &[(&str, &str)]) -> Vec<String> {
        let variables =
            variables.iter().map(|&(name, value)| (name.to_owned(), value.to_owned())).collect();
        let words = arguments(given.iter().map(Into::into).collect(), &variables);
        words.into_iter().map(|word| word.into_string().expect("UTF-8")).collect()
    }

    #[test]
    fn the_inputs_are_the_same_flags() {
        let inputs = [
            ("GITHUB_ACTIONS", "true"),
            ("INPUT_COMMAND", "plan"),
            ("INPUT_CONFIG", "api.yml"),
            ("INPUT_WORKING-DIRECTORY", "services/api"),
            ("INPUT_AWS-REGION", ""),
            ("INPUT_IMAGE", "--help"),
            ("INPUT_GITHUB-TOKEN", "secret"),
        ];
        let words = words(&["program"], &inputs);
        let expected = [
            "program",
            "plan",
            "--config=api.yml",
            "--working-directory=services/api",
            "--image=--help",
        ];
        assert_eq!(words, expected);
        let parsed = Cli::try_parse_from(&words).expect("they parse");
        let image = parsed.command.image().and_then(|image| image.image.as_deref());
        assert_eq!(image, Some("--help"));
    }

    #[test]
    fn without_inputs_it_goes_by_the_event_and_a_destroy_is_not_asked_again() {
        assert_eq!(words(&["p"], &[("GITHUB_ACTIONS", "true")]), ["p", "auto"]);
        let inputs =
            [("GITHUB_ACTIONS", "true"), ("INPUT_COMMAND", "destroy"), ("INPUT_IMAGE", "x")];
        assert_eq!(words(&["p"], &inputs), ["p", "destroy", "--yes"]);
    }

    #[test]
    fn cost_is_asked_about_the_file_or_about_numbers() {
        let inputs = [
            ("GITHUB_ACTIONS", "true"),
            ("INPUT_COMMAND", "cost"),
            ("INPUT_AWS-REGION", "us-east-1"),
            ("INPUT_IMAGE", "x"),
        ];
        assert_eq!(words(&["p"], &inputs), ["p", "cost", "--aws-region=us-east-1"]);
        let parse = |words: &[&str]| Cli::try_parse_from([&["p", "cost"], words].concat());
        assert!(parse(&["--endpoint-units", "4", "--gb", "1024", "--region", "x"]).is_ok());
        assert!(parse(&["--endpoint-units", "4", "--config", "api.yml"]).is_err());
        assert!(parse(&["--zones", "0"]).is_err());
    }

    #[test]
    fn every_input_of_the_action_is_a_flag_of_a_command() {
        let action = include_str!("../action.yml");
        let (_, inputs) = action.split_once("\ninputs:\n").expect("it has inputs");
        let (inputs, _) = inputs.split_once("\n\n").expect("they end");
        let names = inputs.lines().filter_map(|line| line.strip_prefix("  ")?.strip_suffix(':'));
        let names: Vec<_> = names.filter(|name| !name.starts_with(' ')).collect();
        assert!(names.contains(&"allow-forks"), "{names:?}");
        for name in names.iter().filter(|name| !["command", "github-token"].contains(*name)) {
            let is_flag = ["auto", "deploy", "iam-policy"].into_iter().any(|command| {
                let given = format!("INPUT_{}", name.to_uppercase());
                let variables =
                    [("GITHUB_ACTIONS", "true"), ("INPUT_COMMAND", command), (&given, "x")];
                words(&["p"], &variables).contains(&format!("--{name}=x"))
            });
            assert!(is_flag, "the input {name} goes nowhere");
        }
    }

    #[test]
    fn a_fork_is_allowed_by_one_word() {
        let of = |value| {
            let inputs = [("GITHUB_ACTIONS", "true"), ("INPUT_ALLOW-FORKS", value)];
            let parsed = Cli::try_parse_from(words(&["p"], &inputs));
            parsed.ok().and_then(|cli| Some(cli.command.image()?.allow_forks))
        };
        assert_eq!((of(""), of("false"), of("true")), (Some(false), Some(false), Some(true)));
        assert_eq!((of("yes"), of("1")), (None, None));
        let parsed = Cli::try_parse_from(["p", "preview", "up", "--allow-forks", "--pr", "1"]);
        assert!(parsed.expect("it parses").command.image().is_some_and(|image| image.allow_forks));
        assert!(Cli::try_parse_from(["p", "preview", "down", "--allow-forks"]).is_err());
    }

    #[test]
    fn what_the_event_asks_for_is_one_of_the_other_commands() {
        let of = |decision, has_previews| {
            let words = ["p", "auto", "--config=api.yml", "--image=x", "--allow-forks"];
            let parsed = Cli::try_parse_from(words).expect("it parses");
            let command = parsed.command.decided(&decision, has_previews);
            let config = &command.common().expect("it is about a file").config;
            assert_eq!(config.as_deref(), Some(std::path::Path::new("api.yml")));
            let image = command.image().and_then(|image| image.image.clone()).is_some();
            let number = match &command {
                Command::Preview(Preview { command: PreviewCommand::Up(given) }) => {
                    given.pull_request.pr
                }
                Command::Preview(Preview { command: PreviewCommand::Down(given) }) => {
                    given.pull_request.pr
                }
                _ => None,
            };
            let name = format!("{command:?}");
            let name = name.split(|c: char| !c.is_alphanumeric()).next().unwrap_or_default();
            (name.to_owned(), image, number)
        };
        let is = |name: &str, image, number| (name.to_owned(), image, number);
        assert_eq!(of(Decision::Deploy, true), is("Deploy", true, None));
        assert_eq!(of(Decision::Update(42), true), is("Preview", true, Some(42)));
        assert_eq!(of(Decision::Update(42), false), is("Plan", true, None));
        for has_previews in [true, false] {
            let down = of(Decision::TakeDown(42), has_previews);
            assert_eq!(down, is("Preview", false, Some(42)));
        }
    }

    #[test]
    fn a_preview_is_two_words_and_has_a_number() {
        let of = |command| {
            let inputs = [
                ("GITHUB_ACTIONS", "true"),
                ("INPUT_COMMAND", command),
                ("INPUT_PR", "42"),
                ("INPUT_IMAGE", "x"),
            ];
            let words = words(&["p"], &inputs);
            assert!(Cli::try_parse_from(&words).is_ok(), "{words:?}");
            words
        };
        assert_eq!(of("preview-up"), ["p", "preview", "up", "--image=x", "--pr=42"]);
        assert_eq!(of("preview-down"), ["p", "preview", "down", "--pr=42"]);
        assert_eq!(of("preview-list"), ["p", "preview", "list"]);
        assert_eq!(of("preview-sweep"), ["p", "preview", "sweep"]);
        let parse = |words: &[&str]| Cli::try_parse_from([&["p", "preview"], words].concat());
        assert!(parse(&["up", "--pr", "0"]).is_err() && parse(&["down", "--pr", "-1"]).is_err());
        assert!(parse(&["list", "--pr", "1"]).is_err() && parse(&[]).is_err());
    }

    #[test]
    fn arguments_win_and_a_terminal_has_no_inputs() {
        let inputs = [("GITHUB_ACTIONS", "true"), ("INPUT_COMMAND", "destroy")];
        assert_eq!(words(&["p", "plan"], &inputs), ["p", "plan"]);
        assert_eq!(words(&["p"], &[("INPUT_COMMAND", "destroy")]), ["p"]);
    }

    #[test]
    fn the_credentials_inputs_are_flags_of_every_command_that_asks_aws() {
        for command in ["deploy", "plan", "destroy", "continue", "rollback", "doctor"] {
            let inputs = [
                ("GITHUB_ACTIONS", "true"),
                ("INPUT_COMMAND", command),
                ("INPUT_ROLE-TO-ASSUME", "arn:aws:iam::123456789012:role/deploy"),
                ("INPUT_ROLE-DURATION-SECONDS", "900"),
                ("INPUT_ROLE-CHAINING", "True"),
                ("INPUT_ROLE-SKIP-SESSION-TAGGING", "false"),
                ("INPUT_MASK-AWS-ACCOUNT-ID", ""),
                ("INPUT_ALLOWED-ACCOUNT-IDS", "123456789012, 123456789013"),
            ];
            let parsed = Cli::try_parse_from(words(&["p"], &inputs)).expect("they parse");
            let given = &parsed.command.common().expect("it is about a file").credentials;
            assert_eq!(given.role_duration_seconds, Some(900));
            assert!(given.role_chaining && !given.role_skip_session_tagging);
            assert!(!given.mask_aws_account_id);
            assert_eq!(given.allowed_account_ids, ["123456789012", " 123456789013"]);
        }
        let parse = |flag: &str| Cli::try_parse_from(["p", "plan", flag]);
        assert!(parse("--role-chaining").is_ok_and(|cli| {
            cli.command.common().is_some_and(|common| common.credentials.role_chaining)
        }));
        for flag in ["--role-chaining=yes", "--role-duration-seconds=60"] {
            assert!(parse(flag).is_err(), "{flag}");
        }
    }

    #[test]
    fn the_flags_are_well_formed() {
        use clap::CommandFactory as _;
        Cli::command().debug_assert();
    }
}
