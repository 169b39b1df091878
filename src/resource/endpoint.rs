//! A VPC endpoint: how a task without a way to the internet reaches an AWS service.

mod make;
mod wait;

use super::Action;
use crate::{
    address::{Address, Known},
    apply::Outputs,
    aws::{
        Reader, Writer, ec2_tags,
        explain::{Explain as _, Failure},
    },
    tags::{self, Ownership, Tags},
};
use aws_sdk_ec2::types::{Filter, Tag, UnsuccessfulItem, VpcEndpoint, VpcEndpointType};
use make::{create, modify};
use serde::Serialize;
use std::collections::BTreeSet;
use wait::{Standing, available, gone, unusable};

/// What an endpoint looks like.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Settings {
    /// `com.amazonaws.eu-west-1.ecr.api`.
    pub service_name: String,
    /// `Interface` or `Gateway`.
    pub endpoint_type: String,
    /// The VPC.
    pub vpc: String,
    /// Whether the service's own name leads to it, in the whole VPC; interface endpoints only.
    pub private_dns: Option<bool>,
    /// Where its interfaces stand, one subnet a zone at most; interface endpoints only.
    pub subnets: BTreeSet<String>,
    /// What its interfaces carry; interface endpoints only.
    pub security_groups: BTreeSet<Known>,
    /// The route tables that lead to it; gateway endpoints only.
    pub route_tables: BTreeSet<String>,
    /// What has to be done before: private DNS waits for the VPC's attributes.
    #[serde(skip)]
    pub stands_on: BTreeSet<Known>,
    /// Whether it takes connections; one that a run which was killed has made may not yet.
    #[serde(skip)]
    pub is_available: bool,
    /// Whether this program made it.
    pub is_ours: bool,
    /// Whether this stack is registered as a user of it, or of what was added to it; `None` where it
    /// is somebody else's and nothing was added.
    pub used_by_this_stack: Option<bool>,
}

impl super::Settings for Settings {
    fn references(&self) -> Vec<&Known> {
        self.security_groups.iter().chain(&self.stands_on).collect()
    }
}

/// An endpoint that is there.
#[derive(Debug, Clone)]
pub struct Observed {
    /// Its id.
    pub id: String,
    /// EC2's word for how it is: `available`, `pending`, …
    pub state: String,
    /// Whose it is.
    pub ownership: Ownership,
    /// How it is set.
    pub settings: Settings,
}

/// Reads all endpoints of the VPC that stand or are about to.
pub async fn observe(aws: &Reader, vpc: &str, stack: &str) -> Result<Vec<Observed>, Failure> {
    let filter = Filter::builder().name("vpc-id").values(vpc).build();
    let found = aws.ec2.describe_vpc_endpoints().filters(filter).into_paginator().items().send();
    let found = found.collect::<Result<Vec<_>, _>>().await;
    Ok(observed(&found.explain("ec2:DescribeVpcEndpoints", vpc)?, vpc, stack))
}

/// The endpoints among these that stand or are about to, in the VPC.
pub fn observed(found: &[VpcEndpoint], vpc: &str, stack: &str) -> Vec<Observed> {
    let mut endpoints: Vec<_> = found.iter().map(|endpoint| one(endpoint, stack)).collect();
    endpoints.retain(|endpoint| endpoint.settings.vpc == vpc && stands(&endpoint.state));
    endpoints
}

const PENDING: &str = "pending";

fn stands(state: &str) -> bool {
    ["available", PENDING, "pendingacceptance"].contains(&state)
}

fn one(endpoint: &VpcEndpoint, stack: &str) -> Observed {
    let tags = endpoint.tags().iter().filter_map(|tag| Some((tag.key()?, tag.value()?)));
    let ownership = Ownership::read(tags);
    let is_interface = endpoint.vpc_endpoint_type() == Some(&VpcEndpointType::Interface);
    let groups = endpoint.groups().iter().filter_map(|group| group.group_id());
    // The SDK's enum is in Pascal case and the wire in lower case, so its variants never match.
    let state = endpoint.state().map(|state| state.as_str().to_lowercase()).unwrap_or_default();
    Observed {
        id: endpoint.vpc_endpoint_id().unwrap_or_default().to_owned(),
        settings: Settings {
            service_name: endpoint.service_name().unwrap_or_default().to_owned(),
            endpoint_type: endpoint
                .vpc_endpoint_type()
                .map_or("Gateway", VpcEndpointType::as_str)
                .to_owned(),
            vpc: endpoint.vpc_id().unwrap_or_default().to_owned(),
            private_dns: endpoint.private_dns_enabled().filter(|_| is_interface),
            subnets: endpoint.subnet_ids().iter().cloned().collect(),
            security_groups: groups.map(|group| Known::Now(group.to_owned())).collect(),
            route_tables: endpoint.route_table_ids().iter().cloned().collect(),
            stands_on: BTreeSet::new(),
            is_available: state != PENDING,
            is_ours: ownership.is_managed(),
            used_by_this_stack: (ownership.is_managed() || !ownership.added.is_empty())
                .then(|| ownership.is_used_by(stack)),
        },
        ownership,
        state,
    }
}

/// `ecr.api` of `com.amazonaws.eu-west-1.ecr.api`; China's names may begin with `cn.`.
pub fn short_name<'a>(name: &'a str, region: &str) -> Option<&'a str> {
    let rest = name.strip_prefix("cn.").unwrap_or(name).strip_prefix("com.amazonaws.")?;
    rest.strip_prefix(region)?.strip_prefix('.')
}

/// `com.amazonaws.eu-west-1.ecr.api`. In China some services' names begin with `cn.`, ECR's among them;
/// those of CloudWatch Logs, S3, Secrets Manager and SSM do not.
/// <https://github.com/aws/aws-cdk/blob/main/packages/aws-cdk-lib/aws-ec2/lib/vpc-endpoint.ts>
pub fn service_name(region: &str, service: &str) -> String {
    let prefix = if region.starts_with("cn-") && service.starts_with("ecr.") { "cn." } else { "" };
    format!("{prefix}com.amazonaws.{region}.{service}")
}

/// The endpoint to use for a service: ours before another's, then the one that private DNS leads to.
pub fn choose<'a>(
    endpoints: &'a [Observed],
    service_name: &str,
    endpoint_type: &str,
) -> Option<&'a Observed> {
    endpoints
        .iter()
        .filter(|endpoint| {
            let settings = &endpoint.settings;
            settings.service_name == service_name && settings.endpoint_type == endpoint_type
        })
        .max_by_key(|endpoint| {
            let preference =
                (endpoint.ownership.is_managed(), endpoint.settings.private_dns == Some(true));
            (preference, std::cmp::Reverse(&endpoint.id))
        })
}

/// The route tables that another endpoint of the service is on already: a table takes one route to a
/// service only.
pub fn served_by_others(
    endpoints: &[Observed],
    service_name: &str,
    chosen: Option<&Observed>,
) -> BTreeSet<String> {
    let is_other = |endpoint: &&Observed| {
        endpoint.settings.service_name == service_name
            && chosen.is_some_and(|chosen| chosen.id != endpoint.id)
    };
    let others = endpoints.iter().filter(is_other);
    others.flat_map(|endpoint| endpoint.settings.route_tables.iter().cloned()).collect()
}

/// What is missing. An endpoint serves the whole VPC, so nothing is ever taken from one here: it is
/// completed. One of somebody else's gets the groups only where `opens` says that its own do not admit
/// the tasks. `zone_of` tells a subnet's zone, because EC2 takes one subnet a zone.
pub fn diff(
    desired: &Settings,
    observed: Option<&Observed>,
    opens: bool,
    zone_of: impl Fn(&str) -> Option<String>,
) -> Option<Action<Settings>> {
    let Some(observed) = observed else { return Some(Action::Create(desired.clone())) };
    let stands_on = desired.stands_on.clone();
    let from = &Settings { stands_on, ..observed.settings.clone() };
    let mut to = from.clone();
    if from.private_dns == Some(false) {
        to.private_dns = desired.private_dns;
    }
    to.route_tables.extend(desired.route_tables.iter().cloned());
    let served: BTreeSet<_> = from.subnets.iter().filter_map(|subnet| zone_of(subnet)).collect();
    let missing = |subnet: &&String| zone_of(subnet).is_none_or(|zone| !served.contains(&zone));
    to.subnets.extend(desired.subnets.iter().filter(missing).cloned());
    // Every network interface carries a group; an answer without one does not tell.
    if opens || from.is_ours && !from.security_groups.is_empty() {
        to.security_groups.extend(desired.security_groups.iter().cloned());
    }
    if from.used_by_this_stack.is_some() || to != *from {
        to.used_by_this_stack = Some(true);
    }
    to.is_available |= from.is_ours;
    super::changed(&observed.id, from, &to)
}

/// What [`diff`] added to an endpoint, and what goes again when it is taken back.
struct Added {
    subnets: Vec<String>,
    security_groups: Vec<Known>,
    route_tables: Vec<String>,
}

fn added(from: &Settings, to: &Settings) -> Added {
    Added {
        subnets: to.subnets.difference(&from.subnets).cloned().collect(),
        security_groups: to.security_groups.difference(&from.security_groups).cloned().collect(),
        route_tables: to.route_tables.difference(&from.route_tables).cloned().collect(),
    }
}

fn is_modified(from: &Settings, to: &Settings) -> bool {
    (from.private_dns, &from.subnets, &from.security_groups, &from.route_tables)
        != (to.private_dns, &to.subnets, &to.security_groups, &to.route_tables)
}

/// What private DNS is called among the things that were added to somebody else's endpoint.
const PRIVATE_DNS: &str = "private-dns";

/// What becomes of an endpoint when the stack goes: one of ours that nobody else uses is deleted, and
/// what was added to somebody else's is taken out again by the last stack that uses it.
pub fn release(observed: &Observed, stack: &str, after: Vec<Address>) -> Option<Action<Settings>> {
    let Observed { id, ownership, settings, .. } = observed;
    if !ownership.is_used_by(stack) {
        return None;
    }
    let is_last = !ownership.has_other_users(stack);
    if settings.is_ours && is_last {
        return Some(Action::Delete { id: id.clone(), settings: settings.clone(), after });
    }
    let mut to = Settings { used_by_this_stack: Some(false), ..settings.clone() };
    if !settings.is_ours && is_last {
        for (added, _) in &ownership.added {
            if added == PRIVATE_DNS {
                to.private_dns = Some(false);
            }
            to.subnets.remove(added);
            to.security_groups.remove(&Known::Now(added.clone()));
            to.route_tables.remove(added);
        }
        to.used_by_this_stack = None;
    }
    super::changed(id, settings, &to)
}

/// The tags that go on and the tags that come off when `from` becomes `to`.
fn tag_changes(from: &Settings, to: &Settings, stack: &str) -> (Tags, Tags) {
    let additions = |from: &Settings, to: &Settings| {
        let mut tags = Tags::new();
        if !from.is_ours {
            let Added { subnets, route_tables, security_groups } = added(from, to);
            let turned_on = from.private_dns != Some(true) && to.private_dns == Some(true);
            let dns = turned_on.then(|| PRIVATE_DNS.to_owned());
            let groups = security_groups.iter().map(Known::to_string);
            let ids = subnets.into_iter().chain(route_tables).chain(groups).chain(dns);
            let ids: Vec<_> = ids.collect();
            tags = tags::added(stack, &ids);
        }
        if from.used_by_this_stack != Some(true) && to.used_by_this_stack == Some(true) {
            tags.extend(tags::user(stack));
        }
        tags
    };
    (additions(from, to), additions(to, from))
}

/// The calls that [`apply`] makes.
pub fn calls(action: &Action<Settings>, stack: &str) -> Vec<&'static str> {
    match action {
        Action::Create(_) => vec!["ec2:CreateVpcEndpoint"],
        Action::Update { from, to, .. } => {
            let (on, off) = tag_changes(from, to, stack);
            let mut calls = Vec::new();
            if !on.is_empty() {
                calls.push("ec2:CreateTags");
            }
            if is_modified(from, to) {
                calls.push("ec2:ModifyVpcEndpoint");
            }
            if !off.is_empty() {
                calls.push("ec2:DeleteTags");
            }
            calls
        }
        Action::Delete { .. } => vec!["ec2:DeleteVpcEndpoints"],
    }
}

/// Makes it so, and waits until the endpoint takes connections; yields its id.
pub async fn apply(
    action: &Action<Settings>,
    tags: &Tags,
    aws: &Writer,
    outputs: &Outputs,
) -> Result<String, Failure> {
    match action {
        Action::Create(to) => create(to, tags, aws, outputs).await,
        Action::Update { id, from, to } => {
            let ec2 = &aws.aws.ec2;
            let groups = outputs.resolve_all(&to.security_groups);
            let security_groups = groups.into_iter().map(Known::Now).collect();
            let to = &Settings { security_groups, ..to.clone() };
            let (on, off) = tag_changes(from, to, &aws.main);
            // What was added is written down before it is added, so that a run which is killed in
            // between can still be undone.
            if !on.is_empty() {
                let request = ec2.create_tags().resources(id).set_tags(Some(ec2_tags(&on)));
                request.send().await.explain("ec2:CreateTags", id)?;
            }
            if is_modified(from, to) {
                modify(id, from, to, aws, outputs).await?;
            }
            if is_modified(from, to) || !from.is_available {
                let turned_on = from.private_dns != to.private_dns;
                let name = to.private_dns.filter(|_| turned_on || !from.is_available);
                if available(aws, id, name).await? == Standing::Gone {
                    return Err(unusable(id, "gone"));
                }
            }
            if !off.is_empty() {
                // By key alone: the value may name another stack.
                let keys = off.keys().map(|key| Tag::builder().key(key).build()).collect();
                let request = ec2.delete_tags().resources(id).set_tags(Some(keys));
                request.send().await.explain("ec2:DeleteTags", id)?;
            }
            Ok(id.clone())
        }
        Action::Delete { id, .. } => {
            let request = aws.aws.ec2.delete_vpc_endpoints().vpc_endpoint_ids(id);
            match request.send().await.explain("ec2:DeleteVpcEndpoints", id) {
                Err(failure) if failure.is("InvalidVpcEndpointId.NotFound") => {}
                deleted => refusal(id, deleted?.unsuccessful()).map_or(Ok(()), Err)?,
            }
            gone(aws, id).await?;
            Ok(id.clone())
        }
    }
}

/// DeleteVpcEndpoints answers 200 also where it refuses, and says so in a list.
/// <https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DeleteVpcEndpoints.html>
fn refusal(id: &str, unsuccessful: &[UnsuccessfulItem]) -> Option<Failure> {
    let error = unsuccessful.first()?.error();
    let code = error.and_then(|error| error.code()).unwrap_or("UnknownError");
    (code != "InvalidVpcEndpointId.NotFound").then(|| Failure {
        operation: "ec2:DeleteVpcEndpoints",
        on: id.to_owned(),
        code: Some(code.to_owned()),
        message: error.and_then(|error| error.message()).unwrap_or_default().to_owned(),
        request_id: None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use aws_sdk_ec2::types::UnsuccessfulItemError;

    fn gateway(id: &str, table: &str) -> Observed {
        let table = VpcEndpoint::builder()
            .vpc_endpoint_id(id)
            .vpc_endpoint_type(VpcEndpointType::Gateway)
            .service_name("com.amazonaws.eu-west-1.s3")
            .route_table_ids(table)
            .build();
        one(&table, "web")
    }

    #[test]
    fn a_route_table_that_another_endpoint_serves_is_served() {
        let endpoints = [gateway("vpce-1", "rtb-1"), gateway("vpce-2", "rtb-2")];
        let served = |service| served_by_others(&endpoints, service, Some(&endpoints[0]));
        assert_eq!(served("com.amazonaws.eu-west-1.s3"), BTreeSet::from(["rtb-2".to_owned()]));
        assert_eq!(served("com.amazonaws.eu-west-1.dynamodb"), BTreeSet::new());
    }

    fn item(code: &str) -> UnsuccessfulItem {
        let error = UnsuccessfulItemError::builder().code(code).message("in use").build();
        UnsuccessfulItem::builder().resource_id("vpce-1").error(error).build()
    }

    #[test]
    fn a_deletion_that_is_refused_inside_a_good_answer_is_refused() {
        let refused = refusal("vpce-1", &[item("OperationNotPermitted")]).expect("it is refused");
        assert!(refused.is("OperationNotPermitted") && refused.message == "in use");
        assert_eq!(refusal("vpce-1", &[item("InvalidVpcEndpointId.NotFound")]), None);
        assert_eq!(refusal("vpce-1", &[]), None);
    }

    #[test]
    fn a_services_short_name() {
        let name = |name| short_name(name, "eu-west-1");
        assert_eq!(name("com.amazonaws.eu-west-1.ecr.api"), Some("ecr.api"));
        assert_eq!(name("com.amazonaws.eu-west-2.ecr.api"), None);
        assert_eq!(name("com.amazonaws.vpce.eu-west-1.vpce-svc-1"), None);
        let china = short_name("cn.com.amazonaws.cn-north-1.ecr.api", "cn-north-1");
        assert_eq!(china, Some("ecr.api"));
    }

    #[test]
    fn ecr_has_a_name_of_its_own_in_china() {
        let name = service_name;
        assert_eq!(name("eu-west-1", "ecr.api"), "com.amazonaws.eu-west-1.ecr.api");
        assert_eq!(name("cn-north-1", "ecr.dkr"), "cn.com.amazonaws.cn-north-1.ecr.dkr");
        assert_eq!(name("cn-north-1", "logs"), "com.amazonaws.cn-north-1.logs");
    }
}
