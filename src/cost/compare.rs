//! Interface endpoints against NAT gateways: what each costs a month, and from which volume on the
//! endpoints are no dearer.

use super::{
    money::Usd,
    prices::{HOURS, Prices},
};

/// What is compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sides {
    /// Interface endpoints, each counted once a zone. The gateway endpoint of S3 is free, and the
    /// image's layers come through it.
    pub endpoint_units: u32,
    /// NAT gateways.
    pub nat_gateways: u32,
    /// Whether the public IPv4 address of each NAT gateway is counted; without one there is no way out.
    pub public_ipv4: bool,
}

/// What the two cost a month.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Compared {
    /// The endpoints.
    pub endpoints: Usd,
    /// The NAT gateways.
    pub nat: Usd,
    /// From so many hundredths of a GB a month on the endpoints are no dearer; 0 where they never are,
    /// `None` where they always are.
    pub break_even: Option<i128>,
}

/// Compares at a volume, in GB a month.
pub fn compare(prices: &Prices, sides: Sides, gb: u64) -> Compared {
    Compared {
        endpoints: endpoints(prices, sides.endpoint_units) + volume(prices, gb),
        nat: nat(prices, sides) + prices.nat_gb.times(gb),
        break_even: break_even(prices, sides),
    }
}

/// A month of so many endpoints in one zone each, without what goes through them.
pub fn endpoints(prices: &Prices, units: u32) -> Usd {
    prices.endpoint_hour.times(HOURS).times(units)
}

/// What goes through them: the tiers count over all endpoints of the region.
fn volume(prices: &Prices, gb: u64) -> Usd {
    let mut begins = 0;
    let mut sum = Usd::default();
    for tier in &prices.endpoint_gb {
        let end = tier.up_to.unwrap_or(u64::MAX).min(gb);
        sum = sum + tier.usd.times(end.saturating_sub(begins));
        begins = begins.max(end);
    }
    sum
}

fn nat(prices: &Prices, sides: Sides) -> Usd {
    let address = if sides.public_ipv4 { prices.ipv4_hour } else { Usd::default() };
    (prices.nat_hour + address).times(HOURS).times(sides.nat_gateways)
}

/// Walks the tiers until what a GB saves has paid for what the endpoints cost more.
fn break_even(prices: &Prices, sides: Sides) -> Option<i128> {
    let zero = Usd::default();
    let mut dearer = endpoints(prices, sides.endpoint_units) - nat(prices, sides);
    let mut begins = 0;
    for tier in &prices.endpoint_gb {
        if dearer <= zero {
            break;
        }
        let saved = prices.nat_gb - tier.usd;
        let in_tier = tier.up_to.map(|end| saved.times(end - begins));
        if saved > zero && in_tier.is_none_or(|most| most >= dearer) {
            return Some(i128::from(begins) * 100 + dearer.hundredths_of(saved));
        }
        dearer = dearer - in_tier?;
        begins = tier.up_to?;
    }
    (dearer <= zero).then_some(0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cost::{
        money::decimal,
        prices::{PriceList, Tier},
    };

    fn seoul() -> Prices {
        PriceList::own().of("ap-northeast-2").expect("it is there").clone()
    }

    fn shown(sides: Sides, gb: u64) -> (String, String, Option<String>) {
        let Compared { endpoints, nat, break_even } = compare(&seoul(), sides, gb);
        (endpoints.to_string(), nat.to_string(), break_even.map(decimal))
    }

    fn text(endpoints: &str, nat: &str, break_even: &str) -> (String, String, Option<String>) {
        (endpoints.to_owned(), nat.to_owned(), Some(break_even.to_owned()))
    }

    #[test]
    fn the_published_comparison_for_seoul_is_met_to_the_cent() {
        let sides = Sides { endpoint_units: 4, nat_gateways: 1, public_ipv4: false };
        assert_eq!(shown(sides, 1_024), text("48.20", "103.49", "0.00"));
        assert_eq!(shown(sides, 1_024_000), text("10277.96", "60459.07", "0.00"));
    }

    #[test]
    fn what_three_endpoints_in_two_zones_really_cost() {
        let bare = Sides { endpoint_units: 6, nat_gateways: 1, public_ipv4: false };
        assert_eq!(shown(bare, 1_024), text("67.18", "103.49", "283.06"));
        assert_eq!(shown(bare, 1_024_000), text("10296.94", "60459.07", "283.06"));
        let with = Sides { public_ipv4: true, ..bare };
        assert_eq!(shown(with, 1_024), text("67.18", "107.14", "208.57"));
        let two = Sides { nat_gateways: 2, ..with };
        assert_eq!(shown(two, 1_024), text("67.18", "153.86", "0.00"));
    }

    #[test]
    fn every_tier_has_its_price() {
        let none = Sides { endpoint_units: 0, nat_gateways: 0, public_ipv4: true };
        let gb = |gb| shown(none, gb).0;
        assert_eq!(gb(1_048_576), "10485.76");
        assert_eq!(gb(1_048_577), "10485.77");
        assert_eq!(gb(5_242_880), "35651.58");
        assert_eq!(gb(6_242_880), "39651.58");
    }

    #[test]
    fn the_break_even_may_lie_in_a_later_tier_or_nowhere() {
        let usd = |text: &str| Usd::parse(text).expect("a price");
        let tiers = |first: &str, then: &str| {
            vec![Tier { usd: usd(first), up_to: Some(100) }, Tier { usd: usd(then), up_to: None }]
        };
        // One endpoint costs 7.30 more than nothing, and a GB through a NAT gateway 0.05.
        let of = |endpoint_gb| {
            let prices =
                Prices { endpoint_hour: usd("0.01"), nat_gb: usd("0.05"), endpoint_gb, ..seoul() };
            let sides = Sides { endpoint_units: 1, nat_gateways: 0, public_ipv4: true };
            break_even(&prices, sides).map(decimal)
        };
        assert_eq!(of(tiers("0.05", "0.04")), Some("830.00".to_owned()));
        // The first hundred GB cost 1.00 more than through the NAT gateway.
        assert_eq!(of(tiers("0.06", "0.04")), Some("930.00".to_owned()));
        assert_eq!(of(tiers("0.04", "0.06")), None);
        assert_eq!(of(tiers("0.05", "0.05")), None);
    }

    #[test]
    fn at_the_break_even_both_cost_the_same() {
        let sides = Sides { endpoint_units: 6, nat_gateways: 1, public_ipv4: true };
        let before = compare(&seoul(), sides, 208);
        let after = compare(&seoul(), sides, 209);
        assert!(before.endpoints > before.nat && after.endpoints < after.nat);
    }
}
