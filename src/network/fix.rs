//! What mends a path: as a command for the person, and as a change of the model, so that what is said
//! can be shown to help.

use super::{
    model::{Acl, Endpoint, EndpointKind, Entry, Group, Peer, Rule, Topology},
    net::{Net, Ports},
};
use serde_json::{Value, json};
use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
};

/// A change that mends one hop. `Display` is the command that makes it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fix {
    /// Amazon's resolver answers.
    EnableDnsSupport {
        /// The VPC.
        vpc: String,
    },
    /// Private DNS works.
    EnableDnsHostnames {
        /// The VPC.
        vpc: String,
    },
    /// The service's own name leads to the endpoint.
    EnablePrivateDns {
        /// The endpoint.
        endpoint: String,
    },
    /// The route table gets the gateway endpoint's route.
    AssociateTable {
        /// The endpoint.
        endpoint: String,
        /// The route table.
        table: String,
    },
    /// The endpoint gets interfaces.
    AddSubnets {
        /// The endpoint.
        endpoint: String,
        /// Where, one a zone.
        subnets: BTreeSet<String>,
    },
    /// The endpoint is on its way.
    Await {
        /// The endpoint.
        endpoint: String,
    },
    /// An endpoint is made.
    Create(NewEndpoint),
    /// A security group gets a rule for HTTPS.
    Authorize {
        /// The group.
        group: String,
        /// Which of its rules.
        direction: Direction,
        /// The other side.
        peer: Peer,
    },
    /// A network ACL gets a rule for TCP that comes before the one that denies.
    AllowInAcl {
        /// The ACL.
        acl: String,
        /// The new rule's number.
        number: u16,
        /// Which of its rules.
        direction: Direction,
        /// The destination's ports.
        ports: Ports,
        /// The other side.
        cidr: Net,
    },
    /// A network ACL loses a rule that no other can come before.
    DropAclEntry {
        /// The ACL.
        acl: String,
        /// The rule's number.
        number: u16,
        /// Which of its rules.
        direction: Direction,
    },
    /// The endpoint's policy allows these too.
    AllowInPolicy {
        /// The endpoint.
        endpoint: String,
        /// The policy as it will be.
        policy: String,
    },
    /// The endpoint's policy loses a statement that denies.
    DropStatement {
        /// The endpoint.
        endpoint: String,
        /// Its `Sid`, or which one it is.
        statement: String,
        /// The policy as it will be.
        policy: String,
    },
}

/// Which way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Direction {
    /// Inbound.
    In,
    /// Outbound.
    Out,
}

/// An endpoint to make.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewEndpoint {
    /// The region.
    pub region: String,
    /// The VPC.
    pub vpc: String,
    /// `ecr.api`.
    pub service: String,
    /// The one that stands in its place and does not work.
    pub replaces: Option<String>,
    /// What it has.
    pub place: Place,
}

/// The group that one command makes and the next ones name: its id is the shell's to know.
const NEW_GROUP: &str = "\"$group\"";

/// Where a new endpoint stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Place {
    /// A gateway, in these route tables.
    Tables(BTreeSet<String>),
    /// Interfaces.
    Subnets {
        /// One a zone.
        subnets: BTreeSet<String>,
        /// A group that admits HTTPS from the tasks; where there is none, one is made that admits it
        /// from the VPC.
        group: Result<String, Vec<Net>>,
    },
}

impl fmt::Display for Fix {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let modify = "aws ec2 modify-vpc-endpoint --vpc-endpoint-id";
        match self {
            Self::EnableDnsSupport { vpc } => {
                write!(f, "aws ec2 modify-vpc-attribute --vpc-id {vpc} --enable-dns-support")
            }
            Self::EnableDnsHostnames { vpc } => {
                write!(f, "aws ec2 modify-vpc-attribute --vpc-id {vpc} --enable-dns-hostnames")
            }
            Self::EnablePrivateDns { endpoint } => {
                write!(f, "{modify} {endpoint} --private-dns-enabled")
            }
            Self::AssociateTable { endpoint, table } => {
                write!(f, "{modify} {endpoint} --add-route-table-ids {table}")
            }
            Self::AddSubnets { endpoint, subnets } => {
                write!(f, "{modify} {endpoint} --add-subnet-ids {}", words(subnets))
            }
            Self::Await { endpoint } => write!(
                f,
                "# wait until {endpoint} is available\naws ec2 describe-vpc-endpoints \
                 --vpc-endpoint-ids {endpoint} --query 'VpcEndpoints[0].State'"
            ),
            Self::Create(endpoint) => endpoint.fmt(f),
            Self::Authorize { group, direction, peer } => authorize(f, group, *direction, peer),
            Self::AllowInAcl { acl, number, direction, ports, cidr } => write!(
                f,
                "aws ec2 create-network-acl-entry --network-acl-id {acl} {} --rule-number {number} \
                 --protocol tcp --port-range From={},To={} --cidr-block {cidr} --rule-action allow",
                flag(*direction),
                ports.from,
                ports.to
            ),
            Self::DropAclEntry { acl, number, direction } => write!(
                f,
                "aws ec2 delete-network-acl-entry --network-acl-id {acl} {} --rule-number {number}",
                flag(*direction)
            ),
            Self::AllowInPolicy { endpoint, policy } => {
                write!(f, "{modify} {endpoint} --policy-document {}", quoted(policy))
            }
            Self::DropStatement { endpoint, statement, policy } => write!(
                f,
                "# without {}\n{modify} {endpoint} --policy-document {}",
                one_line(statement),
                quoted(policy)
            ),
        }
    }
}

impl fmt::Display for NewEndpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { region, vpc, service, replaces, place } = self;
        if let Some(replaced) = replaces {
            writeln!(f, "aws ec2 delete-vpc-endpoints --vpc-endpoint-ids {replaced}")?;
        }
        if let Place::Subnets { group: Err(cidrs), .. } = place {
            writeln!(
                f,
                "group=$(aws ec2 create-security-group --vpc-id {vpc} --group-name {vpc}-endpoints \
                 --description 'HTTPS from the VPC' --query GroupId --output text)"
            )?;
            for cidr in cidrs {
                writeln!(
                    f,
                    "aws ec2 authorize-security-group-ingress --group-id \"$group\" --protocol tcp \
                     --port 443 --cidr {cidr}"
                )?;
            }
        }
        write!(
            f,
            "aws ec2 create-vpc-endpoint --vpc-id {vpc} --service-name com.amazonaws.{region}.{service} "
        )?;
        match place {
            Place::Tables(tables) => {
                write!(f, "--vpc-endpoint-type Gateway --route-table-ids {}", words(tables))
            }
            Place::Subnets { subnets, group } => write!(
                f,
                "--vpc-endpoint-type Interface --private-dns-enabled --subnet-ids {} \
                 --security-group-ids {}",
                words(subnets),
                group.as_deref().unwrap_or(NEW_GROUP)
            ),
        }
    }
}

fn authorize(
    f: &mut fmt::Formatter<'_>,
    group: &str,
    direction: Direction,
    peer: &Peer,
) -> fmt::Result {
    let verb = match direction {
        Direction::In => "authorize-security-group-ingress",
        Direction::Out => "authorize-security-group-egress",
    };
    write!(
        f,
        "aws ec2 {verb} --group-id {group} --ip-permissions IpProtocol=tcp,FromPort=443,ToPort=443,"
    )?;
    match peer {
        Peer::Cidr(net) => write!(f, "IpRanges='[{{CidrIp={net}}}]'"),
        Peer::PrefixList(id) => write!(f, "PrefixListIds='[{{PrefixListId={id}}}]'"),
        Peer::Group(id) => write!(f, "UserIdGroupPairs='[{{GroupId={id}}}]'"),
    }
}

fn words(ids: &BTreeSet<String>) -> String {
    ids.iter().map(String::as_str).collect::<Vec<_>>().join(" ")
}

fn flag(direction: Direction) -> &'static str {
    match direction {
        Direction::In => "--ingress",
        Direction::Out => "--egress",
    }
}

/// A `Sid` is somebody else's text: nothing in it may end the comment.
fn one_line(text: &str) -> String {
    text.split(char::is_control).collect::<Vec<_>>().join(" ")
}

/// A policy is somebody else's text: nothing in it may end the quotes.
fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', r"'\''"))
}

/// The policy with a statement more.
pub fn allowing(statements: &[Value], requests: &[(&str, &str)]) -> String {
    let actions: BTreeSet<_> = requests.iter().map(|(action, _)| *action).collect();
    let resources: BTreeSet<_> = requests.iter().map(|(_, resource)| *resource).collect();
    let mut all = statements.to_vec();
    all.push(json!({
        "Effect": "Allow", "Principal": "*", "Action": actions, "Resource": resources,
    }));
    policy(&all)
}

/// The policy without one of its statements.
pub fn without(statements: &[Value], index: usize) -> String {
    let kept = statements.iter().enumerate().filter(|(at, _)| *at != index);
    policy(&kept.map(|(_, statement)| statement.clone()).collect::<Vec<_>>())
}

fn policy(statements: &[Value]) -> String {
    json!({ "Version": "2012-10-17", "Statement": statements }).to_string()
}

/// Changes the model as the command would change the VPC. What was not read stays so, and subnets, route
/// tables and network ACLs stay where they are.
pub fn mend(vpc: &mut Topology, fix: &Fix) {
    match fix {
        Fix::EnableDnsSupport { .. } => {
            if let Ok(dns) = &mut vpc.dns {
                dns.support = true;
            }
        }
        Fix::EnableDnsHostnames { .. } => {
            if let Ok(dns) = &mut vpc.dns {
                dns.hostnames = true;
            }
        }
        Fix::EnablePrivateDns { endpoint } => change(vpc, endpoint, |found| {
            found.private_dns = true;
            found.inbound_resolver_only = false;
        }),
        Fix::AssociateTable { endpoint, table } => {
            change(vpc, endpoint, |found| found.tables.extend([table.clone()]));
        }
        Fix::AddSubnets { endpoint, subnets } => {
            change(vpc, endpoint, |found| found.subnets.extend(subnets.iter().cloned()));
        }
        Fix::Await { endpoint } => {
            change(vpc, endpoint, |found| "available".clone_into(&mut found.state));
        }
        Fix::Create(new) => create(vpc, new),
        Fix::Authorize { group, direction, peer } => {
            let rule = Rule::https(peer.clone());
            let found = vpc.groups.as_mut().ok().and_then(|groups| groups.get_mut(group));
            match (found, direction) {
                (Some(group), Direction::In) => group.ingress.push(rule),
                (Some(group), Direction::Out) => group.egress.push(rule),
                (None, _) => {}
            }
        }
        Fix::AllowInAcl { acl, number, direction, ports, cidr } => {
            let entry =
                Entry { allows: true, protocol: "6".to_owned(), ports: *ports, cidr: *cidr };
            if let Some(entries) = entries(vpc, acl, *direction) {
                entries.insert(*number, entry);
            }
        }
        Fix::DropAclEntry { acl, number, direction } => {
            if let Some(entries) = entries(vpc, acl, *direction) {
                entries.remove(number);
            }
        }
        Fix::AllowInPolicy { endpoint, policy } | Fix::DropStatement { endpoint, policy, .. } => {
            change(vpc, endpoint, |found| found.policy = Some(policy.clone()));
        }
    }
}

fn change(vpc: &mut Topology, id: &str, change: impl FnOnce(&mut Endpoint)) {
    let found = vpc.endpoints.as_mut().ok();
    if let Some(found) = found.and_then(|all| all.iter_mut().find(|endpoint| endpoint.id == id)) {
        change(found);
    }
}

fn entries<'a>(
    vpc: &'a mut Topology,
    id: &str,
    direction: Direction,
) -> Option<&'a mut BTreeMap<u16, Entry>> {
    let acl: &mut Acl = vpc.acls.as_mut().ok()?.iter_mut().find(|acl| acl.id == id)?;
    Some(match direction {
        Direction::In => &mut acl.inbound,
        Direction::Out => &mut acl.outbound,
    })
}

fn create(vpc: &mut Topology, new: &NewEndpoint) {
    let id = format!("vpce-{}", new.service);
    let (kind, subnets, tables, group) = match &new.place {
        Place::Tables(tables) => (EndpointKind::Gateway, BTreeSet::new(), tables.clone(), None),
        Place::Subnets { subnets, group } => {
            (EndpointKind::Interface, subnets.clone(), BTreeSet::new(), Some(group))
        }
    };
    let group = group.map(|group| match group {
        Ok(group) => group.clone(),
        Err(cidrs) => {
            let id = NEW_GROUP.to_owned();
            let rule = |cidr: &Net| Rule::https(Peer::Cidr(*cidr));
            let name = format!("{}-endpoints", new.vpc);
            let ingress = cidrs.iter().map(rule).collect();
            if let Ok(groups) = &mut vpc.groups {
                groups.insert(id.clone(), Group { name, ingress, egress: Vec::new() });
            }
            id
        }
    });
    let Ok(endpoints) = &mut vpc.endpoints else { return };
    endpoints.retain(|endpoint| Some(&endpoint.id) != new.replaces.as_ref());
    endpoints.push(Endpoint {
        id,
        service: new.service.clone(),
        kind,
        state: "available".to_owned(),
        owner: vpc.account.clone(),
        subnets,
        interfaces: BTreeSet::new(),
        addresses: BTreeMap::new(),
        groups: group.into_iter().collect(),
        private_dns: kind == EndpointKind::Interface,
        inbound_resolver_only: false,
        tables,
        policy: None,
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_for_each() {
        let cidr: Net = "10.0.0.0/16".parse().expect("a block");
        let set = |ids: &[&str]| ids.iter().map(|&id| id.to_owned()).collect::<BTreeSet<_>>();
        let new = |place| NewEndpoint {
            region: "eu-west-1".to_owned(),
            vpc: "vpc-1".to_owned(),
            service: "ecr.api".to_owned(),
            replaces: None,
            place,
        };
        let group = "sg-1".to_owned();
        let peer = Peer::Group("sg-2".to_owned());
        let fixes = [
            Fix::Authorize {
                group: group.clone(),
                direction: Direction::In,
                peer: Peer::Cidr(cidr),
            },
            Fix::Authorize { group, direction: Direction::Out, peer },
            Fix::AllowInAcl {
                acl: "acl-1".to_owned(),
                number: 90,
                direction: Direction::Out,
                ports: Ports { from: 1024, to: 65535 },
                cidr,
            },
            Fix::AllowInPolicy { endpoint: "vpce-1".to_owned(), policy: "{'}".to_owned() },
            Fix::Create(new(Place::Subnets { subnets: set(&["a", "b"]), group: Err(vec![cidr]) })),
            Fix::Create(new(Place::Tables(set(&["rtb-1"])))),
        ];
        let texts: Vec<_> = fixes.iter().map(ToString::to_string).collect();
        insta::assert_snapshot!(texts.join("\n"), @r#"
        aws ec2 authorize-security-group-ingress --group-id sg-1 --ip-permissions IpProtocol=tcp,FromPort=443,ToPort=443,IpRanges='[{CidrIp=10.0.0.0/16}]'
        aws ec2 authorize-security-group-egress --group-id sg-1 --ip-permissions IpProtocol=tcp,FromPort=443,ToPort=443,UserIdGroupPairs='[{GroupId=sg-2}]'
        aws ec2 create-network-acl-entry --network-acl-id acl-1 --egress --rule-number 90 --protocol tcp --port-range From=1024,To=65535 --cidr-block 10.0.0.0/16 --rule-action allow
        aws ec2 modify-vpc-endpoint --vpc-endpoint-id vpce-1 --policy-document '{'\''}'
        group=$(aws ec2 create-security-group --vpc-id vpc-1 --group-name vpc-1-endpoints --description 'HTTPS from the VPC' --query GroupId --output text)
        aws ec2 authorize-security-group-ingress --group-id "$group" --protocol tcp --port 443 --cidr 10.0.0.0/16
        aws ec2 create-vpc-endpoint --vpc-id vpc-1 --service-name com.amazonaws.eu-west-1.ecr.api --vpc-endpoint-type Interface --private-dns-enabled --subnet-ids a b --security-group-ids "$group"
        aws ec2 create-vpc-endpoint --vpc-id vpc-1 --service-name com.amazonaws.eu-west-1.ecr.api --vpc-endpoint-type Gateway --route-table-ids rtb-1
        "#);
    }
}
