//! Which subnets are public and which are private, by their routes and nothing else: not by their
//! names, and not by whether they hand out public addresses.
//! <https://docs.aws.amazon.com/vpc/latest/userguide/configure-subnets.html#subnet-types>

use std::fmt;

/// A subnet as EC2 describes it, without its routes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Subnet {
    /// Its id.
    pub id: String,
    /// `eu-west-1a`.
    pub zone: String,
    /// Its IPv4 block.
    pub cidr: String,
    /// IPv4 addresses that are free.
    pub free_addresses: u32,
    /// Whether it has no IPv4 at all.
    pub is_ipv6_native: bool,
    /// Whether it stands on an Outpost.
    pub is_on_outpost: bool,
    /// The account that owns it; another one where it is shared with this one.
    pub owner: String,
    /// What VPC Block Public Access does to it: `off`, `block-ingress`, `block-bidirectional`.
    pub block_public_access: String,
}

/// A route table of the VPC.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RouteTable {
    /// Its id.
    pub id: String,
    /// Whether it serves the subnets that have none of their own.
    pub is_main: bool,
    /// The subnets that it is associated with by name.
    pub subnets: Vec<String>,
    /// Its routes.
    pub routes: Vec<Route>,
}

/// A route.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Route {
    /// `0.0.0.0/0`, `::/0`, another block, or a prefix list's id.
    pub destination: String,
    /// Where it leads.
    pub target: Target,
    /// Whether it leads there: EC2 says `blackhole` of a route whose target is gone.
    pub is_active: bool,
}

/// Where a route leads, by the prefix of the target's id.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Target {
    /// The internet, both ways.
    InternetGateway(String),
    /// The internet or another network, outwards only.
    Nat(String),
    /// A transit gateway, a peering, a VPN, an appliance: whatever lies behind cannot be seen from here.
    Elsewhere(String),
    /// Inside the VPC, or a gateway endpoint.
    Inside,
}

/// What a subnet is good for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Class {
    /// Its default route leads to an internet gateway: an internet-facing load balancer can stand here.
    Public,
    /// No route of it leads to an internet gateway: tasks can stand here.
    Private {
        /// The default route's target, where there is a default route.
        egress: Option<String>,
    },
    /// Neither; the reason is for the user.
    Unusable(String),
}

/// A subnet, with what its routes say.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Classified {
    /// The subnet.
    pub subnet: Subnet,
    /// The route table in force for it.
    pub route_table: String,
    /// What it is good for.
    pub class: Class,
}

impl fmt::Display for Classified {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { subnet, route_table, class } = self;
        write!(f, "{} in {} ({}): ", subnet.id, subnet.zone, subnet.cidr)?;
        match class {
            Class::Public => write!(f, "public by {route_table}"),
            Class::Private { egress: None } => {
                write!(f, "private, no default route in {route_table}")
            }
            Class::Private { egress: Some(egress) } => {
                write!(f, "private, by {egress} in {route_table}")
            }
            Class::Unusable(reason) => write!(f, "not used, {reason}"),
        }
    }
}

/// Classifies the VPC's subnets, sorted by zone and id.
pub fn classify(subnets: &[Subnet], tables: &[RouteTable], region: &str) -> Vec<Classified> {
    let mut classified: Vec<_> =
        subnets.iter().map(|subnet| one(subnet.clone(), tables, region)).collect();
    classified.sort_by(|a, b| (&a.subnet.zone, &a.subnet.id).cmp(&(&b.subnet.zone, &b.subnet.id)));
    classified
}

/// A table that names the subnet, else the main one: EC2 never names an implicit association.
/// <https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DescribeRouteTables.html>
fn table_of<'a>(subnet: &Subnet, tables: &'a [RouteTable]) -> Option<&'a RouteTable> {
    let named = tables.iter().find(|table| table.subnets.contains(&subnet.id));
    named.or_else(|| tables.iter().find(|table| table.is_main))
}

fn one(subnet: Subnet, tables: &[RouteTable], region: &str) -> Classified {
    let Some(table) = table_of(&subnet, tables) else {
        let class = Class::Unusable("no route table serves it".to_owned());
        return Classified { subnet, route_table: String::new(), class };
    };
    let class = class(&subnet, table, region);
    Classified { subnet, route_table: table.id.clone(), class }
}

fn class(subnet: &Subnet, table: &RouteTable, region: &str) -> Class {
    if subnet.is_ipv6_native {
        return Class::Unusable("it has no IPv4, which a Fargate task needs to start".to_owned());
    }
    if subnet.is_on_outpost {
        return Class::Unusable("it stands on an Outpost".to_owned());
    }
    // A Local Zone or Wavelength Zone is called `us-west-2-lax-1a`, a zone of the region `us-west-2a`.
    let zone_letter = subnet.zone.strip_prefix(region).unwrap_or_default();
    if zone_letter.len() != 1 {
        return Class::Unusable(format!("{} is not a zone of the region itself", subnet.zone));
    }
    let active = || table.routes.iter().filter(|route| route.is_active);
    let default = active().find(|route| route.destination == "0.0.0.0/0");
    let to_internet = active().find_map(|route| match &route.target {
        Target::InternetGateway(id) => Some((route.destination.as_str(), id)),
        _ => None,
    });
    match (default.map(|route| &route.target), to_internet) {
        (Some(Target::InternetGateway(_)), _) if subnet.block_public_access != "off" => {
            let mode = &subnet.block_public_access;
            Class::Unusable(format!("VPC Block Public Access ({mode}) closes it to the internet"))
        }
        (Some(Target::InternetGateway(_)), _) => Class::Public,
        (_, Some((destination, id))) => Class::Unusable(format!(
            "its route to {destination} leads to {id}, but its IPv4 default route does not"
        )),
        (Some(Target::Nat(id) | Target::Elsewhere(id)), None) => {
            Class::Private { egress: Some(id.clone()) }
        }
        (Some(Target::Inside) | None, None) => Class::Private { egress: None },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn subnet(id: &str) -> Subnet {
        Subnet {
            id: id.to_owned(),
            zone: "eu-west-1a".to_owned(),
            cidr: "10.0.0.0/24".to_owned(),
            free_addresses: 251,
            is_ipv6_native: false,
            is_on_outpost: false,
            owner: "1".to_owned(),
            block_public_access: "off".to_owned(),
        }
    }

    fn route(destination: &str, target: Target) -> Route {
        Route { destination: destination.to_owned(), target, is_active: true }
    }

    fn internet() -> Target {
        Target::InternetGateway("igw-1".to_owned())
    }

    fn table(id: &str, is_main: bool, subnets: &[&str], routes: Vec<Route>) -> RouteTable {
        let subnets = subnets.iter().map(|&id| id.to_owned()).collect();
        RouteTable { id: id.to_owned(), is_main, subnets, routes }
    }

    fn class_with(subnet: Subnet, routes: Vec<Route>) -> Class {
        let tables = [table("rtb-1", true, &[], routes)];
        classify(&[subnet], &tables, "eu-west-1").remove(0).class
    }

    #[test]
    fn a_subnet_without_a_table_of_its_own_has_the_main_one() {
        let tables = [
            table("rtb-own", false, &["subnet-a"], vec![route("0.0.0.0/0", internet())]),
            table("rtb-main", true, &[], vec![]),
        ];
        let found = classify(&[subnet("subnet-a"), subnet("subnet-b")], &tables, "eu-west-1");
        assert_eq!(found[0].class, Class::Public);
        assert_eq!(found[1].class, Class::Private { egress: None });
        assert_eq!(found[1].route_table, "rtb-main");
    }

    #[test]
    fn a_blackhole_leads_nowhere() {
        let gone = Route { is_active: false, ..route("0.0.0.0/0", internet()) };
        assert_eq!(class_with(subnet("subnet-a"), vec![gone]), Class::Private { egress: None });
    }

    #[test]
    fn a_nat_gateway_is_private_and_named() {
        let nat = Target::Nat("nat-1".to_owned());
        let found = class_with(subnet("subnet-a"), vec![route("0.0.0.0/0", nat)]);
        assert_eq!(found, Class::Private { egress: Some("nat-1".to_owned()) });
    }

    #[test]
    fn a_subnet_with_internet_over_ipv6_alone_is_neither() {
        let found = class_with(subnet("subnet-a"), vec![route("::/0", internet())]);
        insta::assert_debug_snapshot!(found, @r#"
        Unusable(
            "its route to ::/0 leads to igw-1, but its IPv4 default route does not",
        )
        "#);
    }

    #[test]
    fn blocked_public_access_makes_a_public_subnet_dead() {
        let blocked =
            Subnet { block_public_access: "block-ingress".to_owned(), ..subnet("subnet-a") };
        let found = class_with(blocked, vec![route("0.0.0.0/0", internet())]);
        assert!(matches!(found, Class::Unusable(reason) if reason.contains("block-ingress")));
    }

    #[test]
    fn local_zones_outposts_and_ipv6_only_are_left_out() {
        let local = Subnet { zone: "eu-west-1-lon-1a".to_owned(), ..subnet("subnet-a") };
        let outpost = Subnet { is_on_outpost: true, ..subnet("subnet-a") };
        let six = Subnet { is_ipv6_native: true, ..subnet("subnet-a") };
        for odd in [local, outpost, six] {
            assert!(matches!(class_with(odd, vec![]), Class::Unusable(_)));
        }
    }
}
