//! Makes an endpoint, or completes one, so that doing it twice is doing it once.

use super::{
    Observed, Settings, added, apply, choose, diff, is_modified, observe,
    wait::{Standing, available, unusable},
};
use crate::{
    address::Known,
    apply::Outputs,
    aws::{
        Writer, client_token, ec2_tag_specification,
        explain::{Explain as _, Failure},
        settle::{Settling, is_not_known_yet},
    },
    tags::Tags,
};
use aws_sdk_ec2::types::ResourceType;
use std::{collections::BTreeSet, time::Duration};

/// The private DNS name of a deleted endpoint stays taken for some minutes.
const FREED: Settling = Settling {
    what: "the private name that a deleted endpoint had",
    longest: Duration::from_mins(5),
    pause: Duration::from_secs(15),
};
/// So many tokens are tried, each of which may be a deleted endpoint's.
const TOKENS: usize = 10;
const CONFLICT: &str = "conflicting DNS domain";

/// Makes the endpoint, or takes the one that is there by now: of another run, or of a call of this one
/// whose answer was lost.
pub(super) async fn create(
    to: &Settings,
    tags: &Tags,
    aws: &Writer,
    outputs: &Outputs,
) -> Result<String, Failure> {
    let mut gone = Vec::new();
    while gone.len() < TOKENS {
        let once = async || match create_once(to, &gone, tags, aws, outputs).await {
            Err(failure) if failure.already_exists() => {
                take(to, aws, outputs, &failure).await?.ok_or(failure)
            }
            created => created,
        };
        let is_freed = |failure: &Failure| failure.message.contains(CONFLICT);
        let passes = |failure: &Failure| is_freed(failure) || is_not_known_yet(failure);
        let id = aws.settled(FREED, passes, once).await?;
        if available(aws, &id, to.private_dns).await? == Standing::Available {
            return Ok(id);
        }
        gone.push(id);
    }
    Err(unusable(&gone.join(", "), "gone as soon as it was made"))
}

/// The endpoint of the service that another run of this program has made; `None` where there is none.
async fn take(
    to: &Settings,
    aws: &Writer,
    outputs: &Outputs,
    taken: &Failure,
) -> Result<Option<String>, Failure> {
    let endpoints = observe(&aws.aws, &to.vpc, &aws.main).await?;
    let Some(found) = choose(&endpoints, &to.service_name, &to.endpoint_type) else {
        return Ok(None);
    };
    if !found.ownership.is_managed() {
        return Err(taken.clone());
    }
    let groups = outputs.resolve_all(&to.security_groups).into_iter().map(Known::Now).collect();
    // Which zones are missing is for the next plan, which knows them.
    let subnets = found.settings.subnets.clone();
    let wanted = Settings { security_groups: groups, subnets, ..to.clone() };
    if let Some(action) = diff(&wanted, Some(found), false, |_| None) {
        Box::pin(apply(&action, &Tags::new(), aws, outputs)).await?;
    }
    Ok(Some(found.id.clone()))
}

async fn create_once(
    to: &Settings,
    gone: &[String],
    tags: &Tags,
    aws: &Writer,
    outputs: &Outputs,
) -> Result<String, Failure> {
    let groups = outputs.resolve_all(&to.security_groups);
    let some = |ids: &BTreeSet<String>| (!ids.is_empty()).then(|| ids.iter().cloned().collect());
    let created = aws
        .aws
        .ec2
        .create_vpc_endpoint()
        .vpc_endpoint_type(to.endpoint_type.as_str().into())
        .vpc_id(&to.vpc)
        .service_name(&to.service_name)
        .set_private_dns_enabled(to.private_dns)
        .set_subnet_ids(some(&to.subnets))
        .set_client_token(token(to, &groups, gone, &aws.main))
        .set_security_group_ids((!groups.is_empty()).then_some(groups))
        .set_route_table_ids(some(&to.route_tables))
        .tag_specifications(ec2_tag_specification(ResourceType::VpcEndpoint, tags))
        .send()
        .await
        .explain("ec2:CreateVpcEndpoint", format!("{} in {}", to.service_name, to.vpc))?;
    Ok(created.vpc_endpoint.and_then(|endpoint| endpoint.vpc_endpoint_id).unwrap_or_default())
}

/// The same request has the same token, so that a run which was killed before it read the answer does
/// not make a second endpoint. EC2 also knows the tokens of endpoints that are deleted, and answers with
/// the deleted one: where one is made again after a `destroy`, its security group is another one as a
/// rule, and so is the token; where the group stayed because others use it, the answer is an endpoint that
/// is gone, and its id makes the next token. A stack's tags are its own, and a token with other tags is an
/// error. A gateway endpoint needs none: a route table takes one route to a service only.
/// <https://docs.aws.amazon.com/ec2/latest/devguide/ec2-api-idempotency.html>
fn token(to: &Settings, groups: &[String], gone: &[String], stack: &str) -> Option<String> {
    if groups.is_empty() {
        return None;
    }
    let text = serde_json::to_string(&(stack, to, groups, gone));
    Some(client_token(&text.expect("settings are plain data")))
}

pub(super) async fn modify(
    id: &str,
    from: &Settings,
    to: &Settings,
    aws: &Writer,
    outputs: &Outputs,
) -> Result<(), Failure> {
    let (on, off) = (added(from, to), added(to, from));
    let groups = |groups: &[Known]| groups.iter().map(|group| outputs.resolve(group)).collect();
    let some = |ids: Vec<String>| (!ids.is_empty()).then_some(ids);
    let modified = aws
        .aws
        .ec2
        .modify_vpc_endpoint()
        .vpc_endpoint_id(id)
        .set_private_dns_enabled(to.private_dns.filter(|_| from.private_dns != to.private_dns))
        .set_add_subnet_ids(some(on.subnets))
        .set_remove_subnet_ids(some(off.subnets))
        .set_add_security_group_ids(some(groups(&on.security_groups)))
        .set_remove_security_group_ids(some(groups(&off.security_groups)))
        .set_add_route_table_ids(some(on.route_tables))
        .set_remove_route_table_ids(some(off.route_tables))
        .send()
        .await
        .explain("ec2:ModifyVpcEndpoint", id);
    let Err(failure) = modified else { return Ok(()) };
    // ModifyVpcEndpoint takes no client token, and what is there already cannot be added again: the
    // answer to a first call may be lost.
    let endpoints = observe(&aws.aws, &to.vpc, &aws.main).await;
    let is_done = |found: &&Observed| found.id == id && !is_modified(&found.settings, to);
    match endpoints.unwrap_or_default().iter().find(is_done) {
        Some(_) => Ok(()),
        None => Err(failure),
    }
}
