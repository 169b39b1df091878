//! The VPC endpoints, by which private tasks reach AWS.

use super::Inputs;
use crate::{
    address::{Address, Kind, Known},
    config::model::Endpoints,
    error::{Error, Problem, Result},
    network::{
        model::{Group, Topology},
        needs::Need,
        net::{Net, Share, share},
        placement::Placement,
        subnets::{Classified, Subnet},
    },
    plan::{Plan, change::Change},
    resource::{
        Action,
        endpoint::{self, Settings, service_name},
        vpc,
    },
    world::World,
};
use indexmap::IndexMap;
use std::collections::BTreeSet;

/// Plans the endpoints of everything that the tasks need; yields what the service has to wait for.
pub(super) fn endpoints(
    inputs: &Inputs<'_>,
    placement: &Placement,
    group: Option<&Known>,
    needs: &[Need],
    plan: &mut Plan,
) -> Result<Vec<Known>> {
    let Inputs { config, world, .. } = *inputs;
    if config.network.endpoints != Endpoints::Ensure {
        return Ok(Vec::new());
    }
    let dns = dns(inputs, plan);
    let mut stands_on = Vec::new();
    let mut services: IndexMap<&str, Vec<&Need>> = IndexMap::new();
    for need in needs.iter().filter(|need| !need.is_outside) {
        services.entry(&need.service).or_default().push(need);
    }
    for (service, needs) in services {
        let is_interface = needs.iter().any(|need| need.has_interface());
        let desired = desired(inputs, service, is_interface, placement, group, dns.as_ref())?;
        let (known, step) = one(inputs, &desired, service, &needs);
        stands_on.push(known);
        plan.add(Address::new(Kind::Endpoint, service), step.0, &step.1);
    }
    check_names(world, plan)?;
    if plan.steps.values().any(|step| matches!(step.change, Change::Endpoint(_))) {
        check_owner(&world.identity.account, &world.vpc.subnets, &placement.tasks)?;
    }
    let turns_private_dns_on = |change: &Change| match change {
        Change::Endpoint(Action::Create(to)) => to.private_dns == Some(true),
        Change::Endpoint(Action::Update { from, to, .. }) => from.private_dns != to.private_dns,
        _ => false,
    };
    if dns.is_none() && plan.steps.values().any(|step| turns_private_dns_on(&step.change)) {
        check_dns(world)?;
    }
    Ok(stands_on)
}

/// Turns the VPC's DNS attributes on, where the file asks for that.
fn dns(inputs: &Inputs<'_>, plan: &mut Plan) -> Option<Known> {
    let Inputs { config, world, .. } = *inputs;
    if !config.network.ensure_dns {
        return None;
    }
    let address = Address::new(Kind::Vpc, &world.vpc.id);
    let change = vpc::diff(&world.vpc.id, world.vpc.dns);
    let is_changed = change.is_some();
    plan.add(address.clone(), change.map(Change::Vpc), "private DNS needs both DNS attributes");
    is_changed.then_some(Known::After(address))
}

fn desired(
    inputs: &Inputs<'_>,
    service: &str,
    is_interface: bool,
    placement: &Placement,
    group: Option<&Known>,
    dns: Option<&Known>,
) -> Result<Settings> {
    let world = inputs.world;
    let subnets =
        if is_interface { served(world, service, &placement.endpoints)? } else { BTreeSet::new() };
    Ok(Settings {
        service_name: service_name(&world.identity.region, service),
        endpoint_type: if is_interface { "Interface" } else { "Gateway" }.to_owned(),
        vpc: world.vpc.id.clone(),
        private_dns: is_interface.then_some(true),
        subnets,
        security_groups: group.into_iter().filter(|_| is_interface).cloned().collect(),
        route_tables: if is_interface { BTreeSet::new() } else { placement.route_tables.clone() },
        stands_on: dns.into_iter().filter(|_| is_interface).cloned().collect(),
        is_available: true,
        is_ours: true,
        used_by_this_stack: Some(true),
    })
}

type Step = (Option<Change>, String);

/// What one service's endpoint lacks, and why it is wanted.
fn one(inputs: &Inputs<'_>, desired: &Settings, service: &str, needs: &[&Need]) -> (Known, Step) {
    let Inputs { config, world, .. } = *inputs;
    let mut desired = desired.clone();
    let observed =
        endpoint::choose(&world.endpoints, &desired.service_name, &desired.endpoint_type);
    let served = endpoint::served_by_others(&world.endpoints, &desired.service_name, observed);
    desired.route_tables.retain(|table| !served.contains(table));
    let is_foreign = observed.is_some_and(|found| !found.ownership.is_managed());
    let change = if is_foreign && !config.network.adopt {
        // Whether it serves the tasks as it is, is for the verdict to say.
        None
    } else {
        let opens = observed.is_some_and(|found| is_foreign && !admits(inputs, found));
        endpoint::diff(&desired, observed, opens, |id| zone_of(world, id))
    };
    let reason = match (&change, observed) {
        (Some(Action::Update { .. }), Some(found)) if is_foreign => {
            format!("{} stands and does not serve these tasks yet", found.id)
        }
        (Some(Action::Update { .. }), _) => "does not serve these tasks yet".to_owned(),
        _ => {
            let why: Vec<_> = needs.iter().map(|need| need.why.as_str()).collect();
            format!("for {}", why.join(", "))
        }
    };
    let known = match (&change, observed) {
        (None, Some(found)) => Known::Now(found.id.clone()),
        _ => Known::After(Address::new(Kind::Endpoint, service)),
    };
    (known, (change.map(Change::Endpoint), reason))
}

fn zone_of(world: &World, id: &str) -> Option<String> {
    let found = world.vpc.subnets.iter().find(|found| found.subnet.id == id);
    found.map(|found| found.subnet.zone.clone())
}

/// Whether the groups of somebody else's endpoint admit HTTPS from the VPC, as far as that is known.
fn admits(inputs: &Inputs<'_>, found: &endpoint::Observed) -> bool {
    let Some(Topology { groups: Ok(groups), cidrs, .. }) = &inputs.world.topology else {
        return true;
    };
    let carried = found.settings.security_groups.iter().filter_map(Known::now);
    let groups = carried.filter_map(|id| groups.get(id));
    let blocks: Vec<Net> = groups.flat_map(Group::https_from).collect();
    cidrs.iter().all(|cidr| share(*cidr, blocks.iter().copied()) == Share::All)
}

/// Those of the subnets whose zones the endpoint service stands in; it serves the whole VPC from there.
fn served(world: &World, service: &str, subnets: &BTreeSet<String>) -> Result<BTreeSet<String>> {
    let region = &world.identity.region;
    let Some(Topology { offered: Ok(offered), .. }) = &world.topology else {
        return Ok(subnets.clone());
    };
    // An answer without any service does not tell.
    if offered.is_empty() {
        return Ok(subnets.clone());
    }
    let name = service_name(region, service);
    let Some(zones) = offered.get(service) else {
        return Err(Error::refused(
            format!("there is no endpoint service {name}, which the tasks need"),
            "check `network.reach`; the names: aws ec2 describe-vpc-endpoint-services --query \
             ServiceNames",
        ));
    };
    let is_served = |id: &&String| zone_of(world, id).is_some_and(|zone| zones.contains(&zone));
    let served: BTreeSet<_> = subnets.iter().filter(is_served).cloned().collect();
    if !served.is_empty() {
        return Ok(served);
    }
    let problem = Problem::new(format!("{name} serves none of the zones of the tasks"))
        .found(format!("it serves {}", zones.iter().cloned().collect::<Vec<_>>().join(", ")));
    let problem = subnets.iter().fold(problem, |problem, id| {
        problem.found(format!("{id} is in {}", zone_of(world, id).unwrap_or_default()))
    });
    Err(Error::Refused(problem.help(
        "make a private subnet, and a public one for the load balancer, in a zone that it serves",
    )))
}

/// A name leads to one endpoint of a VPC only, and EC2 refuses a second one with private DNS.
/// <https://docs.aws.amazon.com/vpc/latest/privatelink/create-interface-endpoint.html#considerations-interface-endpoints>
fn check_names(world: &World, plan: &Plan) -> Result<()> {
    for step in plan.steps.values() {
        let Change::Endpoint(Action::Update { id, from, to }) = &step.change else { continue };
        if from.private_dns == to.private_dns {
            continue;
        }
        let holds_the_name = |other: &&endpoint::Observed| {
            other.id != *id
                && other.settings.service_name == to.service_name
                && other.settings.private_dns == Some(true)
        };
        if let Some(other) = world.endpoints.iter().find(holds_the_name) {
            return Err(Error::refused(
                format!(
                    "{id} of {} needs private DNS, and {} has it in the same VPC: two cannot",
                    to.service_name, other.id
                ),
                format!(
                    "delete one of the two, or turn it off there: aws ec2 modify-vpc-endpoint \
                     --vpc-endpoint-id {} --no-private-dns-enabled",
                    other.id
                ),
            ));
        }
    }
    Ok(())
}

/// In subnets that another account shares, only that account makes endpoints, or sees them.
/// <https://docs.aws.amazon.com/vpc/latest/privatelink/create-interface-endpoint.html#considerations-interface-endpoints>
fn check_owner(account: &str, subnets: &[Classified], tasks: &BTreeSet<String>) -> Result<()> {
    let is_foreign = |subnet: &&Subnet| {
        tasks.contains(&subnet.id) && !subnet.owner.is_empty() && subnet.owner != account
    };
    let Some(subnet) = subnets.iter().map(|found| &found.subnet).find(is_foreign) else {
        return Ok(());
    };
    Err(Error::refused(
        format!(
            "{} is shared by account {}, and account {account} cannot make endpoints in it",
            subnet.id, subnet.owner
        ),
        "let that account make the endpoints, and write `network: { endpoints: off }`",
    ))
}

/// <https://docs.aws.amazon.com/vpc/latest/privatelink/privatelink-access-aws-services.html#privatelink-dns-concepts>
fn check_dns(world: &World) -> Result<()> {
    let vpc = &world.vpc;
    let off: Vec<_> = [
        ("enableDnsSupport", "--enable-dns-support", vpc.dns.support),
        ("enableDnsHostnames", "--enable-dns-hostnames", vpc.dns.hostnames),
    ]
    .into_iter()
    .filter(|(_, _, is_on)| !is_on)
    .collect();
    if off.is_empty() {
        return Ok(());
    }
    let problem = Problem::new(format!(
        "{} has DNS attributes off that endpoints with private DNS need",
        vpc.id
    ));
    let problem =
        off.iter().fold(problem, |problem, (name, ..)| problem.found(format!("{name} is off")));
    let fix = |(_, flag, _): &(&str, &str, bool)| {
        format!("aws ec2 modify-vpc-attribute --vpc-id {} {flag}", vpc.id)
    };
    let help = off.iter().map(fix).collect::<Vec<_>>().join("\n");
    Err(Error::Refused(problem.help(format!("{help}\nor write `network: {{ dns: ensure }}`"))))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::network::subnets::Class;

    #[test]
    fn endpoints_in_the_subnets_of_another_account_are_refused() {
        let subnet = Subnet {
            id: "subnet-1".to_owned(),
            zone: "eu-west-1a".to_owned(),
            cidr: "10.0.0.0/24".to_owned(),
            free_addresses: 251,
            is_ipv6_native: false,
            is_on_outpost: false,
            owner: "222222222222".to_owned(),
            block_public_access: "off".to_owned(),
        };
        let class = Class::Private { egress: None };
        let subnets = [Classified { subnet, route_table: "rtb-1".to_owned(), class }];
        let tasks = BTreeSet::from(["subnet-1".to_owned()]);
        assert!(check_owner("222222222222", &subnets, &tasks).is_ok());
        let refused = check_owner("111111111111", &subnets, &tasks).expect_err("it is refused");
        insta::assert_snapshot!(refused, @"
        subnet-1 is shared by account 222222222222, and account 111111111111 cannot make endpoints in it
          help: let that account make the endpoints, and write `network: { endpoints: off }`
        ");
    }
}
