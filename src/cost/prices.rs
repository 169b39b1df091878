//! What AWS asks in a region, with the date on which it asked that and where it was read.

use super::{money::Usd, read};
use crate::{
    config,
    error::{Error, Problem, Result},
};
use std::{collections::BTreeMap, path::Path};

/// Hours in a month, as AWS's own calculator counts them.
/// <https://docs.aws.amazon.com/pricing-calculator/latest/userguide/what-is-pricing-calculator.html>
pub const HOURS: u32 = 730;

/// Per cent that is paid at least for a task on Fargate Spot: it is up to 70 per cent cheaper.
/// <https://aws.amazon.com/fargate/pricing/>
pub const SPOT_PERCENT: i128 = 30;

/// The prices of one region, in USD.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Prices {
    /// When they were read: `2026-10-05`.
    pub date: String,
    /// Where.
    pub source: String,
    /// An hour of one interface endpoint in one zone.
    pub endpoint_hour: Usd,
    /// A GB through the region's interface endpoints, cheaper the more there are; the last has no end.
    pub endpoint_gb: Vec<Tier>,
    /// An hour of a NAT gateway.
    pub nat_hour: Usd,
    /// A GB through it.
    pub nat_gb: Usd,
    /// An hour of a public IPv4 address.
    pub ipv4_hour: Usd,
    /// The application load balancer, where its price is known.
    pub load_balancer: Option<LoadBalancer>,
    /// Fargate on x86, where its price is known.
    pub fargate_x86: Option<Fargate>,
    /// Fargate on Arm, where its price is known.
    pub fargate_arm: Option<Fargate>,
}

/// What a GB costs up to a volume.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Tier {
    /// A GB.
    pub usd: Usd,
    /// The month's last GB at this price, counted from its first.
    pub up_to: Option<u64>,
}

/// An application load balancer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LoadBalancer {
    /// An hour.
    pub hour: Usd,
    /// An hour of one capacity unit, where its price is known.
    pub lcu_hour: Option<Usd>,
}

/// Fargate on Linux.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Fargate {
    /// An hour of one vCPU.
    pub vcpu_hour: Usd,
    /// An hour of one GB of memory.
    pub gb_hour: Usd,
}

/// The prices by region.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PriceList(pub(super) BTreeMap<String, Prices>);

impl PriceList {
    /// Those of the program.
    pub fn own() -> Self {
        let text = include_str!("prices.yml");
        Self(read::read("prices.yml", text).expect("a test reads the program's own prices"))
    }

    /// Those of the program, and for the regions that the file has, the file's: a date and a source
    /// belong to all prices of a region, so that nothing is mixed.
    ///
    /// # Errors
    /// Every finding of the file, rendered.
    pub fn with(file: Option<&Path>) -> Result<Self> {
        let mut list = Self::own();
        let Some(path) = file else { return Ok(list) };
        let name = path.display().to_string();
        let text = config::text(path).map_err(|why| {
            let problem = Problem::new(format!("the price file `{name}` cannot be read: {why}"));
            Error::Config(problem.help("check the path").to_string())
        })?;
        list.0.extend(read::read(&name, &text).map_err(Error::Config)?);
        Ok(list)
    }

    /// The prices of a region; one that is unknown is never guessed from another.
    pub fn of(&self, region: &str) -> Option<&Prices> {
        self.0.get(region)
    }

    /// The prices of a region.
    ///
    /// # Errors
    /// There are none.
    pub fn required(&self, region: &str) -> Result<&Prices> {
        self.of(region).ok_or_else(|| {
            let known: Vec<_> = self.0.keys().map(|known| format!("`{known}`")).collect();
            let problem = Problem::new(format!("the prices of `{region}` are not known"))
                .found(format!("known are {}", known.join(", ")))
                .help("give them with `--prices FILE`, in the form of src/cost/prices.yml");
            Error::Config(problem.to_string())
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_own_prices_are_well_formed_and_have_a_date_and_a_source() {
        let list = PriceList::own();
        let regions: Vec<_> = list.0.keys().map(String::as_str).collect();
        assert_eq!(regions, ["ap-northeast-2", "eu-central-1", "us-east-1", "us-west-2"]);
        for (region, prices) in &list.0 {
            assert!(prices.source.starts_with("https://"), "{region}");
            assert!(prices.date.starts_with("2026-"), "{region}");
        }
    }

    #[test]
    fn a_region_without_prices_says_so() {
        let error = PriceList::own().required("mars-north-1").expect_err("nobody knows them");
        assert_eq!(error.exit_code(), crate::exit::CONFIG);
        insta::assert_snapshot!(error, @"
        the prices of `mars-north-1` are not known
          known are `ap-northeast-2`, `eu-central-1`, `us-east-1`, `us-west-2`
          help: give them with `--prices FILE`, in the form of src/cost/prices.yml
        ");
    }
}
