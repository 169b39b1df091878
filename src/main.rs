//! The program: parse, run, exit code.

use clap::Parser as _;
use ecs_private_deploy::{
    cli::{Cli, Command, Common, Format},
    config, context,
    context::Context,
    deploy::{self, Run, destroy},
    event::{Command as Kind, Event, Events},
    exit,
    plan::view,
    report,
    secret::Secrets,
};

#[tokio::main(flavor = "current_thread")]
async fn main() -> std::process::ExitCode {
    let cli = Cli::parse();
    let variables: std::collections::BTreeMap<String, String> = std::env::vars().collect();
    let github = variables.get("GITHUB_REPOSITORY").map(|repository| context::GitHub {
        repository: repository.clone(),
        api_url: "https://api.github.com".into(),
        server_url: "https://github.com".into(),
        run_id: None,
        pull_request: None,
        token: None,
        output: variables.get("GITHUB_OUTPUT").map(Into::into),
        step_summary: variables.get("GITHUB_STEP_SUMMARY").map(Into::into),
    });
    let context = Context {
        registry: variables.get("ECS_PRIVATE_DEPLOY_REGISTRY").cloned(),
        variables,
        github,
        ..Context::default()
    };
    let (common, kind) = match &cli.command {
        Command::Deploy { common } => (common, Kind::Deploy),
        Command::Plan { common, .. } => (common, Kind::Plan),
        Command::Destroy { common, .. } => (common, Kind::Destroy),
    };
    let Common { config: file } = common;
    let file = file.clone().unwrap_or_else(|| "ecs-deploy.yml".into());
    let file = std::path::absolute(file).unwrap();
    let config = config::load(Some(&file)).unwrap();
    let secrets = Secrets::default();
    let (events, receiver) = Events::channel();
    let setup = report::Setup {
        context: &context,
        secrets: secrets.clone(),
        verbose: false,
        service: &config.service,
        command: kind,
    };
    let reporters = tokio::spawn(report::run(receiver, secrets.clone(), setup.reporters()));
    let run = Run::new(&config, &context, &secrets, &events);
    let mut outcome = match &cli.command {
        Command::Deploy { .. } => deploy::deploy(&run).await,
        Command::Plan { format, detailed_exitcode, .. } => {
            let (mut outcome, planned) = deploy::plan(&run).await;
            if let Ok(plan) = planned {
                let text = match format {
                    Format::Text => format!("{:#}", *plan),
                    Format::Json => serde_json::to_string_pretty(&*plan).unwrap(),
                    Format::Markdown => view::markdown(&plan),
                };
                report::stdout::print(&text).unwrap();
                if *detailed_exitcode && !plan.steps.is_empty() {
                    outcome.exit_code = exit::CHANGES;
                }
            }
            outcome
        }
        Command::Destroy { .. } => {
            let planned = destroy::plan(&run).await;
            destroy::destroy(&run, planned).await
        }
    };
    let code = outcome.exit_code;
    outcome.outputs.changed = outcome.changed;
    drop(run);
    events.send(Event::Finished(Box::new(outcome)));
    drop(events);
    let _ = reporters.await;
    std::process::ExitCode::from(code)
}
