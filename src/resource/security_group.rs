//! An EC2 security group and the sources that it admits.

use super::{Action, changed};
use crate::{
    address::Known,
    apply::Outputs,
    aws::{
        Reader, Writer, ec2_tag_specification, ec2_tags,
        explain::{Explain as _, Failure},
        settle::{Settling, is_not_known_yet},
    },
    tags::{self, Ownership, Tags},
};
use aws_sdk_ec2::types::{
    Filter, IpPermission, IpRange, Ipv6Range, ResourceType, SecurityGroup, UserIdGroupPair,
};
use serde::{Serialize, Serializer};
use std::{collections::BTreeSet, fmt, time::Duration};

/// What a security group looks like. Its outbound rules are EC2's default: everything.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Settings {
    /// Its name; one per VPC.
    pub name: String,
    /// Said by EC2's console; fixed when the group is made.
    pub description: String,
    /// The VPC.
    pub vpc: String,
    /// Who may connect.
    pub ingress: BTreeSet<Ingress>,
    /// Whether this stack is registered as a user of it; `None` where it belongs to one stack.
    pub used_by_this_stack: Option<bool>,
}

impl super::Settings for Settings {
    fn references(&self) -> Vec<&Known> {
        fn group(ingress: &Ingress) -> Option<&Known> {
            match &ingress.source {
                Source::Group(group) => Some(group),
                Source::Cidr(_) => None,
            }
        }
        self.ingress.iter().filter_map(group).collect()
    }
}

/// One inbound rule, TCP.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Ingress {
    /// The port.
    pub port: u16,
    /// Where from.
    pub source: Source,
}

/// Where a connection comes from.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Source {
    /// An IPv4 or IPv6 block.
    Cidr(String),
    /// Whatever carries this security group.
    Group(Known),
}

impl fmt::Display for Ingress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.source {
            Source::Cidr(cidr) => write!(f, "tcp {} from {cidr}", self.port),
            Source::Group(group) => write!(f, "tcp {} from {group}", self.port),
        }
    }
}

impl Serialize for Ingress {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// A security group that is there.
#[derive(Debug, Clone)]
pub struct Observed {
    /// Its id.
    pub id: String,
    /// Whose it is.
    pub ownership: Ownership,
    /// How it is set.
    pub settings: Settings,
}

/// Reads the groups of these names in the VPC.
async fn observe(
    aws: &Reader,
    vpc: &str,
    names: &[String],
    stack: &str,
) -> Result<Vec<Observed>, Failure> {
    let filter = |name: &str, values: Vec<String>| {
        Filter::builder().name(name).set_values(Some(values)).build()
    };
    let groups = aws
        .ec2
        .describe_security_groups()
        .filters(filter("vpc-id", vec![vpc.to_owned()]))
        .filters(filter("group-name", names.to_vec()))
        .send()
        .await
        .explain("ec2:DescribeSecurityGroups", vpc)?;
    Ok(observed(groups.security_groups(), names, stack))
}

/// Those of the VPC's groups that carry one of these names.
pub fn observed(found: &[SecurityGroup], names: &[String], stack: &str) -> Vec<Observed> {
    let is_named = |group: &&SecurityGroup| {
        group.group_name().is_some_and(|name| names.iter().any(|known| known == name))
    };
    found.iter().filter(is_named).map(|group| one(group, stack)).collect()
}

fn one(group: &SecurityGroup, stack: &str) -> Observed {
    let tags = group.tags().iter().filter_map(|tag| Some((tag.key()?, tag.value()?)));
    let ownership = Ownership::read(tags);
    let is_shared = !ownership.users.is_empty();
    Observed {
        id: group.group_id().unwrap_or_default().to_owned(),
        settings: Settings {
            name: group.group_name().unwrap_or_default().to_owned(),
            description: group.description().unwrap_or_default().to_owned(),
            vpc: group.vpc_id().unwrap_or_default().to_owned(),
            ingress: group.ip_permissions().iter().flat_map(ingress).collect(),
            used_by_this_stack: is_shared.then(|| ownership.is_used_by(stack)),
        },
        ownership,
    }
}

/// The rules of one permission. Ours are of one TCP port each; what somebody opened by hand beyond
/// that (a range, another protocol) is not in this form, and stays.
fn ingress(permission: &IpPermission) -> Vec<Ingress> {
    let port = permission.from_port().and_then(|port| u16::try_from(port).ok());
    let (Some(port), true) = (port, permission.from_port() == permission.to_port()) else {
        return Vec::new();
    };
    if permission.ip_protocol() != Some("tcp") {
        return Vec::new();
    }
    let v4 = permission.ip_ranges().iter().filter_map(|range| range.cidr_ip());
    let v6 = permission.ipv6_ranges().iter().filter_map(|range| range.cidr_ipv6());
    let groups = permission.user_id_group_pairs().iter().filter_map(|pair| pair.group_id());
    v4.chain(v6)
        .map(|cidr| Source::Cidr(cidr.to_owned()))
        .chain(groups.map(|group| Source::Group(Known::Now(group.to_owned()))))
        .map(|source| Ingress { port, source })
        .collect()
}

/// What is missing or differs. A group that other stacks use too keeps what they opened in it.
pub fn diff(
    desired: &Settings,
    observed: Option<&Observed>,
    stack: &str,
) -> Option<Action<Settings>> {
    let Some(observed) = observed else { return Some(Action::Create(desired.clone())) };
    if !observed.ownership.is_managed() {
        return None;
    }
    let mut to = Settings { description: observed.settings.description.clone(), ..desired.clone() };
    if observed.ownership.has_other_users(stack) {
        to.ingress.extend(observed.settings.ingress.iter().cloned());
    }
    changed(&observed.id, &observed.settings, &to)
}

/// The calls that [`apply`] makes.
pub fn calls(action: &Action<Settings>) -> Vec<&'static str> {
    let mut calls = Vec::new();
    let (from, to) = match action {
        Action::Create(to) => {
            calls.push("ec2:CreateSecurityGroup");
            (None, to)
        }
        Action::Update { from, to, .. } => (Some(from), to),
        Action::Delete { .. } => return vec!["ec2:DeleteSecurityGroup"],
    };
    let (opened, closed) = rules(from, to);
    if !opened.is_empty() {
        calls.push("ec2:AuthorizeSecurityGroupIngress");
    }
    if !closed.is_empty() {
        calls.push("ec2:RevokeSecurityGroupIngress");
    }
    match from.map(|from| (from.used_by_this_stack, to.used_by_this_stack)) {
        Some((before, Some(true))) if before != Some(true) => calls.push("ec2:CreateTags"),
        Some((Some(true), Some(false))) => calls.push("ec2:DeleteTags"),
        _ => {}
    }
    calls
}

/// What has to be opened and what has to be closed.
fn rules<'a>(from: Option<&'a Settings>, to: &'a Settings) -> (Vec<&'a Ingress>, Vec<&'a Ingress>) {
    let Some(from) = from else { return (to.ingress.iter().collect(), Vec::new()) };
    (to.ingress.difference(&from.ingress).collect(), from.ingress.difference(&to.ingress).collect())
}

/// Makes it so; yields the group's id.
pub async fn apply(
    action: &Action<Settings>,
    tags: &Tags,
    aws: &Writer,
    outputs: &Outputs,
) -> Result<String, Failure> {
    let ec2 = &aws.aws.ec2;
    match action {
        Action::Create(to) => {
            let created = ec2
                .create_security_group()
                .group_name(&to.name)
                .description(&to.description)
                .vpc_id(&to.vpc)
                .tag_specifications(ec2_tag_specification(ResourceType::SecurityGroup, tags))
                .send()
                .await
                .explain("ec2:CreateSecurityGroup", format!("group {} in {}", to.name, to.vpc));
            let id = match created {
                Err(failure) if failure.is("InvalidGroup.Duplicate") => {
                    made_meanwhile(to, aws).await?.ok_or(failure)?
                }
                created => created?.group_id.unwrap_or_default(),
            };
            set_rules(aws, outputs, &id, None, to).await?;
            Ok(id)
        }
        Action::Update { id, from, to } => {
            set_rules(aws, outputs, id, Some(from), to).await?;
            let user = ec2_tags(&tags::user(&aws.main));
            match (from.used_by_this_stack, to.used_by_this_stack) {
                (before, Some(true)) if before != Some(true) => {
                    let request = ec2.create_tags().resources(id).set_tags(Some(user));
                    request.send().await.explain("ec2:CreateTags", id)?;
                }
                (Some(true), Some(false)) => {
                    let request = ec2.delete_tags().resources(id).set_tags(Some(user));
                    request.send().await.explain("ec2:DeleteTags", id)?;
                }
                _ => {}
            }
            Ok(id.clone())
        }
        Action::Delete { id, .. } => delete(aws, id).await.map(|()| id.clone()),
    }
}

/// The group that another run made since this one looked, with this stack as one of its users.
async fn made_meanwhile(to: &Settings, aws: &Writer) -> Result<Option<String>, Failure> {
    let name = std::slice::from_ref(&to.name);
    let found = observe(&aws.aws, &to.vpc, name, &aws.main).await?;
    let Some(found) = found.into_iter().find(|found| found.ownership.is_managed()) else {
        return Ok(None);
    };
    if to.used_by_this_stack == Some(true) && found.settings.used_by_this_stack != Some(true) {
        let user = ec2_tags(&tags::user(&aws.main));
        let request = aws.aws.ec2.create_tags().resources(&found.id).set_tags(Some(user));
        request.send().await.explain("ec2:CreateTags", &found.id)?;
    }
    Ok(Some(found.id))
}

async fn set_rules(
    aws: &Writer,
    outputs: &Outputs,
    id: &str,
    from: Option<&Settings>,
    to: &Settings,
) -> Result<(), Failure> {
    let (opened, closed) = rules(from, to);
    let permissions = |rules: Vec<&Ingress>| {
        rules.into_iter().map(|rule| permission(rule, outputs)).collect::<Vec<_>>()
    };
    let opened = permissions(opened);
    if !opened.is_empty() && !open(aws, id, opened.clone()).await? {
        // Where one rule of a call is there already, EC2 adds none of the others.
        for permission in opened {
            open(aws, id, vec![permission]).await?;
        }
    }
    let closed = permissions(closed);
    if !closed.is_empty() && !close(aws, id, closed.clone()).await? {
        // Nor does it take any of the others away where one is gone already.
        for permission in closed {
            close(aws, id, vec![permission]).await?;
        }
    }
    Ok(())
}

/// Adds the rules; `false` where one of them is there already.
async fn open(aws: &Writer, id: &str, rules: Vec<IpPermission>) -> Result<bool, Failure> {
    let opened = aws.settled(Settling::MADE, is_not_known_yet, async || {
        let request = aws.aws.ec2.authorize_security_group_ingress().group_id(id);
        let request = request.set_ip_permissions(Some(rules.clone()));
        request.send().await.explain("ec2:AuthorizeSecurityGroupIngress", id)
    });
    match opened.await {
        Err(failure) if failure.is("InvalidPermission.Duplicate") => Ok(false),
        opened => opened.map(|_| true),
    }
}

/// Takes the rules away; `false` where one of them is gone already.
async fn close(aws: &Writer, id: &str, rules: Vec<IpPermission>) -> Result<bool, Failure> {
    let request = aws.aws.ec2.revoke_security_group_ingress().group_id(id);
    let closed = request.set_ip_permissions(Some(rules)).send().await;
    match closed.explain("ec2:RevokeSecurityGroupIngress", id) {
        Err(failure) if failure.is("InvalidPermission.NotFound") => Ok(false),
        closed => closed.map(|_| true),
    }
}

fn permission(rule: &Ingress, outputs: &Outputs) -> IpPermission {
    let port = i32::from(rule.port);
    let permission = IpPermission::builder().ip_protocol("tcp").from_port(port).to_port(port);
    match &rule.source {
        Source::Cidr(cidr) if cidr.contains(':') => {
            permission.ipv6_ranges(Ipv6Range::builder().cidr_ipv6(cidr).build())
        }
        Source::Cidr(cidr) => permission.ip_ranges(IpRange::builder().cidr_ip(cidr).build()),
        Source::Group(group) => permission.user_id_group_pairs(
            UserIdGroupPair::builder().group_id(outputs.resolve(group)).build(),
        ),
    }
    .build()
}

/// Network interfaces of a deleted load balancer, endpoint or task hold their group for some minutes.
const HELD: Settling = Settling {
    what: "the network interfaces that still carry it",
    longest: Duration::from_mins(7),
    pause: Duration::from_secs(10),
};

async fn delete(aws: &Writer, id: &str) -> Result<(), Failure> {
    let is_held = |failure: &Failure| failure.is("DependencyViolation");
    let deleted = aws.settled(HELD, is_held, async || {
        let request = aws.aws.ec2.delete_security_group().group_id(id);
        request.send().await.explain("ec2:DeleteSecurityGroup", id)
    });
    match deleted.await {
        Err(failure) if !failure.is("InvalidGroup.NotFound") => Err(failure),
        _ => Ok(()),
    }
}
