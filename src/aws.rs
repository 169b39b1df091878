//! The AWS clients: one type that reads and one that writes, so that planning cannot change anything.

mod buckets;
pub mod explain;
mod limiter;
mod patience;
#[cfg(test)]
pub(crate) mod replay;
pub mod settle;
pub mod wire;

use crate::{
    error::{Error, Problem, Result},
    event::Events,
    network::needs::partition,
    tags::{Stack, Tags},
};
use aws_config::{
    BehaviorVersion, Region, SdkConfig, stalled_stream_protection::StalledStreamProtectionConfig,
};
use aws_sdk_ecs::types::{AwsVpcConfiguration, NetworkConfiguration};
use explain::Explain as _;
use patience::{Patience, retries, timeouts};
use sha2::{Digest as _, Sha256};
use std::{collections::BTreeSet, sync::Arc};
use tokio::sync::OnceCell;
use wire::Wire;

/// Reads AWS, in one account and region.
#[derive(Debug, Clone)]
pub struct Reader {
    /// Certificates.
    pub acm: aws_sdk_acm::Client,
    /// Repositories and images.
    pub ecr: aws_sdk_ecr::Client,
    /// Clusters, services and task definitions.
    pub ecs: aws_sdk_ecs::Client,
    /// The VPC.
    pub ec2: aws_sdk_ec2::Client,
    /// Load balancers.
    pub elb: aws_sdk_elasticloadbalancingv2::Client,
    /// Roles.
    pub iam: aws_sdk_iam::Client,
    /// Log groups and logs.
    pub logs: aws_sdk_cloudwatchlogs::Client,
    /// What is known about secrets, never what is in them.
    pub secrets: aws_sdk_secretsmanager::Client,
    /// `eu-west-1`.
    pub region: String,
    /// What all of these go through.
    pub wire: Wire,
    sts: aws_sdk_sts::Client,
    whose: Arc<OnceCell<Identity>>,
}

/// Whose the credentials are, and where they work.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Identity {
    /// Twelve digits.
    pub account: String,
    /// `aws`, `aws-cn`, `aws-us-gov`.
    pub partition: String,
    /// `eu-west-1`.
    pub region: String,
}

impl Identity {
    /// Anybody's credentials in a region, for what is the same for all accounts. The account has an
    /// account's form, without which an image's address is none of ECR.
    pub fn of_anybody(region: &str) -> Self {
        Self {
            account: "000000000000".to_owned(),
            partition: partition(region).to_owned(),
            region: region.to_owned(),
        }
    }
}

/// Finds region and credentials, and asks nobody yet.
pub async fn load(region: Option<&str>) -> SdkConfig {
    let mut loader = aws_config::defaults(BehaviorVersion::latest());
    if let Some(region) = region {
        loader = loader.region(Region::new(region.to_owned()));
    }
    loader.load().await
}

/// A client of the service that retries and waits as every other one.
macro_rules! client {
    ($service:ident, $config:expr) => {
        $service::Client::from_conf(
            $service::config::Builder::from($config).retry_classifier(Patience).build(),
        )
    };
}

/// The client that asks for a role's credentials. It has a way of its own: what it asks for changes
/// nothing, and is not what the others wait for.
pub fn sts(config: &SdkConfig) -> aws_sdk_sts::Client {
    client!(aws_sdk_sts, &patient(config, Wire::through(config.http_client())))
}

/// The configuration with the patience that all clients have.
fn patient(config: &SdkConfig, wire: Wire) -> SdkConfig {
    config
        .to_builder()
        .http_client(wire)
        .retry_config(retries())
        .timeout_config(timeouts())
        // It takes the wait for a place in a bucket for a connection that has stalled.
        .stalled_stream_protection(StalledStreamProtectionConfig::disabled())
        .build()
}

impl Reader {
    /// Asks STS whose the credentials of `config` are.
    pub async fn new(config: &SdkConfig) -> Result<Self> {
        let reader = Self::open(config)?;
        reader.identity().await?;
        Ok(reader)
    }

    /// Clients of `config`, of which none has asked anything.
    pub fn open(config: &SdkConfig) -> Result<Self> {
        let region = config.region().map(ToString::to_string);
        let Some(region) = region.filter(|region| !region.trim().is_empty()) else {
            return Err(Error::refused(
                "no AWS region was found in the file, the environment or the profile",
                "add `region:` to the file, or set AWS_REGION",
            ));
        };
        let wire = Wire::through(config.http_client());
        let config = &patient(config, wire.clone());
        Ok(Self {
            acm: client!(aws_sdk_acm, config),
            ecr: client!(aws_sdk_ecr, config),
            ecs: client!(aws_sdk_ecs, config),
            ec2: client!(aws_sdk_ec2, config),
            elb: client!(aws_sdk_elasticloadbalancingv2, config),
            iam: client!(aws_sdk_iam, config),
            logs: client!(aws_sdk_cloudwatchlogs, config),
            secrets: client!(aws_sdk_secretsmanager, config),
            sts: client!(aws_sdk_sts, config),
            region,
            wire,
            whose: Arc::default(),
        })
    }

    /// Whose the credentials are. STS is asked once, when somebody first wants to know: most of what is
    /// read does not depend on it.
    pub async fn identity(&self) -> Result<&Identity> {
        self.whose.get_or_try_init(|| self.ask_whose()).await
    }

    /// The same clients, whose credentials are of this account: STS has said so already.
    #[must_use]
    pub fn known_as(mut self, account: &str, partition: &str) -> Self {
        let (account, partition) = (account.to_owned(), partition.to_owned());
        let identity = Identity { account, partition, region: self.region.clone() };
        self.whose = Arc::new(OnceCell::new_with(Some(identity)));
        self
    }

    async fn ask_whose(&self) -> Result<Identity> {
        let region = self.region.clone();
        let caller = self
            .sts
            .get_caller_identity()
            .send()
            .await
            .explain("sts:GetCallerIdentity", format!("the credentials for {region}"))
            .map_err(|failure| failure.refused())?;
        let arn = caller.arn().unwrap_or_default();
        let partition = arn.split(':').nth(1).unwrap_or("aws").to_owned();
        let account = caller.account().unwrap_or_default().to_owned();
        if account.is_empty() {
            return Err(Error::Unexpected(Problem::new(
                "sts:GetCallerIdentity answered without an account",
            )));
        }
        Ok(Identity { account, partition, region })
    }
}

/// Changes AWS for one stack. Only `apply` makes one.
#[derive(Debug)]
pub struct Writer {
    /// The same clients.
    pub aws: Reader,
    /// The stack whose name own things' tags carry.
    pub stack: String,
    /// The stack that shared things are registered for.
    pub main: String,
    /// Who is told what is waited for.
    pub events: Events,
}

impl Writer {
    /// The right to change what `aws` reads.
    pub(crate) fn new(aws: Reader, stack: impl Into<Stack>, events: Events) -> Self {
        let Stack { name, main, .. } = stack.into();
        Self { aws, stack: name, main, events }
    }
}

/// A client token: the same for the same text, in 32 hex digits. ECS takes 36 characters at most, EC2
/// 64.
pub fn client_token(text: &str) -> String {
    let digest = Sha256::digest(text.as_bytes());
    let start = digest.first_chunk().copied().map_or(0, u128::from_be_bytes);
    format!("{start:032x}")
}

/// EC2's shape of tags.
pub fn ec2_tags(tags: &Tags) -> Vec<aws_sdk_ec2::types::Tag> {
    tags.iter()
        .map(|(key, value)| aws_sdk_ec2::types::Tag::builder().key(key).value(value).build())
        .collect()
}

/// Tags of a thing that EC2 is about to create.
pub fn ec2_tag_specification(
    resource: aws_sdk_ec2::types::ResourceType,
    tags: &Tags,
) -> aws_sdk_ec2::types::TagSpecification {
    aws_sdk_ec2::types::TagSpecification::builder()
        .resource_type(resource)
        .set_tags(Some(ec2_tags(tags)))
        .build()
}

/// ELB's shape of tags.
pub fn elb_tags(tags: &Tags) -> Vec<aws_sdk_elasticloadbalancingv2::types::Tag> {
    use aws_sdk_elasticloadbalancingv2::types::Tag;
    tags.iter().map(|(key, value)| Tag::builder().key(key).value(value).build()).collect()
}

/// ECS's shape of a task's network.
pub fn ecs_network(
    subnets: &BTreeSet<String>,
    security_groups: Vec<String>,
    assign_public_ip: &str,
) -> NetworkConfiguration {
    let vpc = AwsVpcConfiguration::builder()
        .set_subnets(Some(subnets.iter().cloned().collect()))
        .set_security_groups(Some(security_groups))
        .assign_public_ip(assign_public_ip.into())
        .build()
        .expect("subnets are given");
    NetworkConfiguration::builder().awsvpc_configuration(vpc).build()
}

/// ECS's shape of tags.
pub fn ecs_tags(tags: &Tags) -> Vec<aws_sdk_ecs::types::Tag> {
    tags.iter()
        .map(|(key, value)| aws_sdk_ecs::types::Tag::builder().key(key).value(value).build())
        .collect()
}
