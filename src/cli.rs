//! The command line, which is also the action's inputs: the same flags, from `INPUT_*`.

use crate::policy::subject::Purpose;
use clap::{Args, Parser, Subcommand, ValueEnum};
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
  ecs-private-deploy plan                      what a deploy would do; changes nothing
  ecs-private-deploy deploy --config api.yml   build, make sure, roll out
  ecs-private-deploy destroy                   take down what a deploy made
  ecs-private-deploy continue                  let a rollout that pauses go on
  ecs-private-deploy rollback                  bring the last version back
  ecs-private-deploy doctor                    can the tasks start, and if not why not
  ecs-private-deploy doctor --cluster prod --service web
  ecs-private-deploy cost --gb 500             a month's price, against NAT gateways
  ecs-private-deploy iam-policy --for preview  the least that the role needs

The region and the credentials are found as the AWS CLI finds them.";

/// What to do.
#[derive(Debug, Subcommand)]
pub enum Command {
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
    /// Print the JSON Schema of the file, for editors
    Schema,
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
}

/// The image, where it is not the file's.
#[derive(Debug, Args)]
pub struct Image {
    /// An image in a private ECR repository of the region, deployed instead of building one
    #[arg(long, value_name = "URI")]
    pub image: Option<String>,
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
            Self::Deploy(Deploy { common, .. })
            | Self::Plan(Plan { common, .. })
            | Self::Destroy(Destroy { common, .. })
            | Self::Continue(Steer { common })
            | Self::Rollback(Steer { common })
            | Self::Doctor(Doctor { common, .. })
            | Self::Cost(Cost { common, .. })
            | Self::IamPolicy(IamPolicy { common, .. }) => Some(common),
            Self::Schema => None,
        }
    }

    /// The image, where it is not the file's.
    pub fn image(&self) -> Option<&str> {
        match self {
            Self::Deploy(Deploy { image, .. }) | Self::Plan(Plan { image, .. }) => {
                image.image.as_deref()
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
    let command = input("command").unwrap_or_else(|| "deploy".to_owned());
    let mut flags = vec!["config", "working-directory", "aws-region", "environment"];
    match command.as_str() {
        "deploy" | "plan" => flags.push("image"),
        // A workflow that says `command: destroy` has been asked already, when it was written.
        "destroy" | "continue" | "rollback" | "cost" | "doctor" | "iam-policy" => {}
        _ => flags.clear(),
    }
    let confirmed = (command == "destroy").then(|| "--yes".to_owned());
    let program = given.into_iter().next().unwrap_or_else(|| "ecs-private-deploy".into());
    let flags = flags
        .into_iter()
        // One word, so that a value which begins with a hyphen stays a value.
        .filter_map(|name| input(name).map(|value| format!("--{name}={value}")));
    // A command that begins with a hyphen would be a flag.
    let command = command.trim_start_matches('-').to_owned();
    let words = std::iter::once(command).chain(confirmed).chain(flags).map(OsString::from);
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
        assert_eq!(parsed.command.image(), Some("--help"));
    }

    #[test]
    fn without_inputs_it_deploys_and_a_destroy_is_not_asked_again() {
        assert_eq!(words(&["p"], &[("GITHUB_ACTIONS", "true")]), ["p", "deploy"]);
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
    fn arguments_win_and_a_terminal_has_no_inputs() {
        let inputs = [("GITHUB_ACTIONS", "true"), ("INPUT_COMMAND", "destroy")];
        assert_eq!(words(&["p", "plan"], &inputs), ["p", "plan"]);
        assert_eq!(words(&["p"], &[("INPUT_COMMAND", "destroy")]), ["p"]);
    }

    #[test]
    fn the_flags_are_well_formed() {
        use clap::CommandFactory as _;
        Cli::command().debug_assert();
    }
}
