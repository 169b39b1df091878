//! `doctor`: whether a private task can start, and where it cannot, the hop that fails and the change
//! that mends it.

pub mod report;
pub mod subject;

mod read;

use crate::{
    aws,
    cli::{self, Format},
    config::model::{Config, Endpoints},
    error::{Error, Problem, Result, told_first},
    identity::Session,
    network::{addresses::Line, diagnose::Diagnosis},
};
use futures_util::FutureExt as _;
use std::collections::BTreeMap;

/// What the doctor found: plain data, which every view is made from.
#[derive(Debug, Clone)]
pub struct Report {
    /// What was looked at: `service web of cluster prod`, `task definition web:3`.
    pub subject: String,
    /// `eu-west-1`.
    pub region: String,
    /// The VPC's id.
    pub vpc: String,
    /// The zones of the task's subnets, by the subnet's id.
    pub zones: BTreeMap<String, String>,
    /// The verdicts, the problems with their fixes, the warnings.
    pub diagnosis: Diagnosis,
    /// The addresses of the subnets.
    pub addresses: Vec<Line>,
    /// Why the addresses do not suffice, where they do not.
    pub short: Option<Problem>,
    /// What was taken for granted, because nothing said otherwise or it could not be read.
    pub assumed: Vec<String>,
    /// The VPC as a Mermaid flowchart.
    pub picture: String,
}

impl Report {
    /// Whether something is known not to work.
    pub fn is_broken(&self) -> bool {
        !self.diagnosis.problems.is_empty() || self.short.is_some()
    }
}

/// Reads what the flags or the file name, and examines it. Nothing is changed.
///
/// # Errors
/// What is named is not there, or cannot be read at all. A read that is refused and that one can do
/// without makes what depends on it unknown.
pub async fn run(
    given: &cli::Doctor,
    config: Option<&Config>,
    session: &Session,
) -> Result<Report> {
    let region = config.and_then(|config| config.region.as_ref());
    let region = region.or(given.common.aws_region.as_ref()).filter(|region| !region.is_empty());
    let aws = session.connect(region.map(String::as_str)).await?;
    let named = match (config, &given.service) {
        (Some(config), _) => Some((config.cluster.as_str(), config.service.as_str())),
        (None, Some(service)) => {
            Some((given.cluster.as_deref().unwrap_or("default"), service.as_str()))
        }
        (None, None) => None,
    };
    let described = async {
        match named {
            Some((cluster, service)) => Ok(read::describe(&aws.ecs, cluster, service).await?),
            None => Ok(None),
        }
    };
    // Whose the credentials are is asked meanwhile; where they are wrong, that is what is told.
    let (_, described) = told_first(aws.identity().boxed(), described.boxed()).await?;
    let (subject, vpc) = match (config, described, named) {
        (Some(config), described, _) => {
            read::of_file(&aws, config, described, given).boxed().await?
        }
        (None, Some(described), _) => {
            read::of_service(&aws, described, given, None).boxed().await?
        }
        (None, None, Some((cluster, service))) => {
            let aws::Identity { region, account, .. } = aws.identity().await?;
            return Err(Error::refused(
                format!(
                    "there is no service `{service}` in cluster `{cluster}` in {region} of account {account}"
                ),
                "check the names, the region and the account; the services there are: aws ecs \
                 list-services --cluster CLUSTER",
            ));
        }
        (None, None, None) => read::of_task(&aws, given).await?,
    };
    let mut report = subject::examine(&subject, &vpc)?;
    let makes_them = config.is_some_and(|config| config.network.endpoints == Endpoints::Ensure);
    if makes_them && !report.diagnosis.problems.is_empty() {
        report.assumed.push(
            "this is the VPC as it is; `deploy` makes the endpoints that are missing, and `plan` says \
             what is left then"
                .to_owned(),
        );
    }
    Ok(report)
}

/// The report in the form that was asked for.
pub fn render(report: &Report, format: Format) -> String {
    match format {
        Format::Text => report::text(report),
        Format::Json => format!("{:#}", report::json(report)),
        Format::Markdown => report::markdown(report),
    }
}
