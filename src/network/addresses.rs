//! Whether a deployment's addresses fit into its subnets: one for each endpoint, the tasks at the
//! deployment's maximum, the load balancer's.

pub mod view;

use super::{net::Net, subnets::Subnet};
use crate::error::Problem;
use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
};

/// What ELB asks of each subnet of a load balancer: addresses, and a block of at least this size.
/// <https://docs.aws.amazon.com/elasticloadbalancing/latest/application/application-load-balancers.html#subnets-load-balancer>
const LOAD_BALANCER_ADDRESSES: u32 = 8;
const LOAD_BALANCER_PREFIX: u8 = 27;

/// What is to be placed, beside what stands already.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Demand {
    /// The tasks' subnets.
    pub task_subnets: BTreeSet<String>,
    /// How many tasks there will be.
    pub desired_count: u32,
    /// `maximumPercent` of the deployment.
    pub maximum_percent: u32,
    /// The tasks of this service that run now, by subnet: they have their addresses.
    pub running: BTreeMap<String, u32>,
    /// The subnets that each endpoint that is still to be made, or completed, gets an interface in.
    pub endpoints: Vec<BTreeSet<String>>,
    /// The subnets that the load balancer is still to be placed in.
    pub load_balancer: BTreeSet<String>,
}

impl Demand {
    /// The tasks that run at once in the middle of a deployment.
    /// <https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_DeploymentConfiguration.html>
    fn most_tasks(&self) -> u32 {
        // ECS rounds the maximum down, and no deployment could go on if that left nothing above the
        // count; counting up is on the safe side by one address.
        let most = (u64::from(self.desired_count) * u64::from(self.maximum_percent)).div_ceil(100);
        u32::try_from(most).unwrap_or(u32::MAX).max(self.desired_count)
    }
}

/// The addresses of a subnet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line {
    /// The subnet.
    pub subnet: String,
    /// Its zone.
    pub zone: String,
    /// Its block.
    pub cidr: String,
    /// Free now.
    pub free: u32,
    /// One for each new interface of an endpoint.
    pub endpoints: u32,
    /// For the tasks that come on top of those that run.
    pub tasks: u32,
    /// For the load balancer.
    pub load_balancer: u32,
    /// Why the load balancer cannot stand in it, whatever is free.
    pub too_small: Option<String>,
}

impl Line {
    /// What is needed.
    pub fn needed(&self) -> u32 {
        self.endpoints.saturating_add(self.tasks).saturating_add(self.load_balancer)
    }

    /// What is left; `None` where it does not fit.
    pub fn left(&self) -> Option<u32> {
        self.free.checked_sub(self.needed()).filter(|_| self.too_small.is_none())
    }
}

impl fmt::Display for Line {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} in {} ({}): {} free", self.subnet, self.zone, self.cidr, self.free)?;
        let parts = [
            (self.endpoints, "for endpoints"),
            (self.tasks, "for tasks"),
            (self.load_balancer, "for the load balancer"),
        ];
        for (count, what) in parts.into_iter().filter(|(count, _)| *count > 0) {
            write!(f, ", {count} {what}")?;
        }
        if let Some(reason) = &self.too_small {
            return write!(f, ", {reason}");
        }
        match self.free.checked_sub(self.needed()) {
            Some(left) => write!(f, ", {left} left"),
            None => write!(f, ", {} short", self.needed() - self.free),
        }
    }
}

/// A line for each subnet that something is placed in, by zone and id.
pub fn budget(subnets: &[Subnet], demand: &Demand) -> Vec<Line> {
    let tasks = spread(subnets, demand);
    let count =
        |id: &String| demand.endpoints.iter().filter(|endpoint| endpoint.contains(id)).count();
    let mut lines: Vec<_> = subnets
        .iter()
        .map(|subnet| {
            let is_balanced = demand.load_balancer.contains(&subnet.id);
            Line {
                subnet: subnet.id.clone(),
                zone: subnet.zone.clone(),
                cidr: subnet.cidr.clone(),
                free: subnet.free_addresses,
                endpoints: u32::try_from(count(&subnet.id)).unwrap_or(u32::MAX),
                tasks: tasks.get(subnet.id.as_str()).copied().unwrap_or(0),
                load_balancer: if is_balanced { LOAD_BALANCER_ADDRESSES } else { 0 },
                too_small: is_balanced.then(|| too_small(&subnet.cidr)).flatten(),
            }
        })
        .filter(|line| line.needed() > 0 || demand.task_subnets.contains(&line.subnet))
        .collect();
    lines.sort_by(|one, other| (&one.zone, &one.subnet).cmp(&(&other.zone, &other.subnet)));
    lines
}

fn too_small(cidr: &str) -> Option<String> {
    let prefix = cidr.parse::<Net>().ok()?.prefix();
    (prefix > LOAD_BALANCER_PREFIX)
        .then(|| format!("a /{prefix} where a load balancer needs a /{LOAD_BALANCER_PREFIX}"))
}

/// ECS spreads a service's tasks over the zones evenly, and over the subnets of a zone it says nothing:
/// here, too, evenly. What runs has its address.
/// <https://docs.aws.amazon.com/AmazonECS/latest/developerguide/service-rebalancing.html>
fn spread<'a>(subnets: &'a [Subnet], demand: &Demand) -> BTreeMap<&'a str, u32> {
    let mut zones: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for subnet in subnets.iter().filter(|subnet| demand.task_subnets.contains(&subnet.id)) {
        zones.entry(&subnet.zone).or_default().push(&subnet.id);
    }
    let shares = |most: u32, places: usize| {
        let places = u32::try_from(places).unwrap_or(u32::MAX).max(1);
        move |at: usize| {
            most / places + u32::from(u32::try_from(at).is_ok_and(|at| at < most % places))
        }
    };
    let of_zone = shares(demand.most_tasks(), zones.len());
    let mut tasks = BTreeMap::new();
    for (at, ids) in zones.into_values().enumerate() {
        let of_subnet = shares(of_zone(at), ids.len());
        for (at, id) in ids.into_iter().enumerate() {
            let running = demand.running.get(id).copied().unwrap_or(0);
            tasks.insert(id, of_subnet(at).saturating_sub(running));
        }
    }
    tasks
}

/// Refuses what does not fit, with the numbers, and with the zones in which it would.
pub fn check(subnets: &[Subnet], demand: &Demand) -> Result<Vec<Line>, Box<Problem>> {
    let lines = budget(subnets, demand);
    let short: Vec<_> = lines.iter().filter(|line| line.left().is_none()).collect();
    if short.is_empty() {
        return Ok(lines);
    }
    let what = match short[..] {
        [line] => format!("{} has not enough addresses", line.subnet),
        _ => format!("{} subnets have not enough addresses", short.len()),
    };
    let problem =
        short.iter().fold(Problem::new(what), |problem, line| problem.found(line.to_string()));
    let fits: BTreeSet<_> = lines
        .iter()
        .filter(|line| line.left().is_some())
        .filter(|line| !short.iter().any(|short| short.zone == line.zone))
        .map(|line| line.zone.as_str())
        .collect();
    let wanted: BTreeSet<_> = lines.iter().map(|line| line.subnet.as_str()).collect();
    let worst = short.iter().map(|line| line.needed()).max().unwrap_or(0);
    let others: Vec<_> = subnets
        .iter()
        .filter(|subnet| !wanted.contains(subnet.id.as_str()) && subnet.free_addresses >= worst)
        .map(|subnet| {
            format!("{} in {} has {} free", subnet.id, subnet.zone, subnet.free_addresses)
        })
        .collect();
    let mut help = if fits.is_empty() {
        "it fits in no zone".to_owned()
    } else {
        format!("it fits in {}", fits.into_iter().collect::<Vec<_>>().join(", "))
    };
    help.push_str(": free addresses, use larger subnets, or lower `rollout.desired-count`");
    for other in others {
        help.push('\n');
        help.push_str(&other);
    }
    Err(Box::new(problem.help(help)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::network::scene::{set, subnet};
    use proptest::prelude::*;

    fn with(id: &str, zone: &str, cidr: &str, free: u32) -> Subnet {
        Subnet { free_addresses: free, ..subnet(id, zone, cidr) }
    }

    fn demand() -> Demand {
        Demand {
            task_subnets: set(&["a", "b"]),
            desired_count: 3,
            maximum_percent: 200,
            running: BTreeMap::new(),
            endpoints: vec![set(&["a", "b"]); 3],
            load_balancer: set(&["pa", "pb"]),
        }
    }

    fn text(result: Result<Vec<Line>, Box<Problem>>) -> String {
        match result {
            Ok(lines) => lines.iter().map(Line::to_string).collect::<Vec<_>>().join("\n"),
            Err(problem) => problem.to_string(),
        }
    }

    #[test]
    fn the_numbers() {
        let subnets = [
            with("a", "a", "10.0.1.0/24", 251),
            with("b", "b", "10.0.2.0/28", 11),
            with("pa", "a", "10.0.3.0/27", 8),
            with("pb", "b", "10.0.4.0/24", 251),
            with("other", "c", "10.0.5.0/24", 251),
        ];
        insta::assert_snapshot!(text(check(&subnets, &demand())), @"
        a in eu-west-1a (10.0.1.0/24): 251 free, 3 for endpoints, 3 for tasks, 245 left
        pa in eu-west-1a (10.0.3.0/27): 8 free, 8 for the load balancer, 0 left
        b in eu-west-1b (10.0.2.0/28): 11 free, 3 for endpoints, 3 for tasks, 5 left
        pb in eu-west-1b (10.0.4.0/24): 251 free, 8 for the load balancer, 243 left
        ");
    }

    #[test]
    fn a_full_block_is_refused_with_what_would_fit() {
        let subnets = [
            with("a", "a", "10.0.1.0/24", 251),
            with("b", "b", "10.0.2.0/28", 2),
            with("pa", "a", "10.0.3.0/24", 251),
            with("pb", "b", "10.0.4.0/28", 11),
            with("larger", "b", "10.0.5.0/24", 251),
        ];
        insta::assert_snapshot!(text(check(&subnets, &demand())), @"
        2 subnets have not enough addresses
          b in eu-west-1b (10.0.2.0/28): 2 free, 3 for endpoints, 3 for tasks, 4 short
          pb in eu-west-1b (10.0.4.0/28): 11 free, 8 for the load balancer, a /28 where a load balancer needs a /27
          help: it fits in eu-west-1a: free addresses, use larger subnets, or lower `rollout.desired-count`
                larger in eu-west-1b has 251 free
        ");
    }

    #[test]
    fn tasks_that_run_have_their_addresses() {
        let subnets = [with("a", "a", "10.0.1.0/28", 2)];
        let running = BTreeMap::from([("a".to_owned(), 3)]);
        let demand = Demand {
            endpoints: vec![],
            load_balancer: set(&[]),
            task_subnets: set(&["a"]),
            running,
            ..demand()
        };
        insta::assert_snapshot!(text(check(&subnets, &demand)), @"
        a has not enough addresses
          a in eu-west-1a (10.0.1.0/28): 2 free, 3 for tasks, 1 short
          help: it fits in no zone: free addresses, use larger subnets, or lower `rollout.desired-count`
        ");
    }

    #[test]
    fn an_uneven_maximum_is_counted_up() {
        let demand = Demand { desired_count: 3, maximum_percent: 150, ..Demand::default() };
        assert_eq!(demand.most_tasks(), 5);
        let least = Demand { desired_count: 3, maximum_percent: 50, ..Demand::default() };
        assert_eq!(least.most_tasks(), 3);
    }

    proptest! {
        #[test]
        fn every_task_has_a_place(desired in 0_u32..500, percent in 100_u32..300, places in prop::collection::vec(0_usize..4, 1..9)) {
            let zones = ["a", "b", "c", "d"];
            let subnets: Vec<_> = places
                .iter()
                .enumerate()
                .map(|(at, zone)| with(&format!("s{at}"), zones[*zone], "10.0.0.0/16", 60_000))
                .collect();
            let demand = Demand {
                task_subnets: subnets.iter().map(|subnet| subnet.id.clone()).collect(),
                desired_count: desired,
                maximum_percent: percent,
                ..Demand::default()
            };
            let lines = budget(&subnets, &demand);
            prop_assert_eq!(lines.len(), subnets.len());
            prop_assert_eq!(lines.iter().map(|line| line.tasks).sum::<u32>(), demand.most_tasks());
            prop_assert!(check(&subnets, &demand).is_ok());
        }
    }
}
