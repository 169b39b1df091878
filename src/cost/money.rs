//! Money in whole numbers: sums of prices with nine decimals are exact, and are rounded once, when they
//! are shown.

use serde::{Serialize, Serializer};
use std::{
    fmt,
    iter::Sum,
    ops::{Add, Neg, Sub},
};

/// A number with two decimals when it is shown: USD in billionths, exact in sums.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Usd(i128);

const DECIMALS: usize = 9;
const CENT: i128 = 10_000_000;

impl Usd {
    /// Reads `0.0225`: digits, and at most nine decimals.
    pub fn parse(text: &str) -> Option<Self> {
        let (whole, decimals) = text.split_once('.').map_or((text, "0"), |parts| parts);
        let is_digits = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
        let is_well = (1..=DECIMALS).contains(&whole.len())
            && (1..=DECIMALS).contains(&decimals.len())
            && is_digits(whole)
            && is_digits(decimals);
        is_well.then(|| format!("{whole}{decimals:0<DECIMALS$}").parse().ok().map(Self)).flatten()
    }

    /// So many times as much.
    #[must_use]
    pub fn times(self, count: impl Into<i128>) -> Self {
        Self(self.0 * count.into())
    }

    /// A part of it, rounded to a billionth.
    #[must_use]
    pub fn part(self, numerator: i128, denominator: i128) -> Self {
        Self(rounded(self.0 * numerator, denominator))
    }

    /// How many of `other` it makes, in hundredths.
    pub fn hundredths_of(self, other: Self) -> i128 {
        rounded(self.0 * 100, other.0)
    }

    /// Whole cents.
    pub fn cents(self) -> i128 {
        rounded(self.0, CENT)
    }

    /// Whole USD, for `about 98 USD`.
    pub fn whole(self) -> i128 {
        rounded(self.0, CENT * 100)
    }

    /// As it is, without zeros at its end: the price of one GB is less than a cent can say.
    pub fn exact(self) -> String {
        let unit = CENT * 100;
        let decimals = format!("{:0>DECIMALS$}", (self.0 % unit).abs());
        let text = format!("{}.{}", self.0 / unit, decimals.trim_end_matches('0'));
        text.trim_end_matches('.').to_owned()
    }
}

/// The quotient, half away from zero; the denominator is above zero.
const fn rounded(numerator: i128, denominator: i128) -> i128 {
    (numerator + numerator.signum() * (denominator / 2)) / denominator
}

/// A number of hundredths as text: `4820` as `48.20`.
pub fn decimal(hundredths: i128) -> String {
    let sign = if hundredths < 0 { "-" } else { "" };
    format!("{sign}{}.{:02}", hundredths.abs() / 100, hundredths.abs() % 100)
}

/// A number of hundredths as JSON: `4820` as 48.2.
pub fn number(hundredths: i128) -> serde_json::Number {
    serde_json::from_str(&decimal(hundredths)).expect("a decimal number is JSON")
}

impl fmt::Display for Usd {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&decimal(self.cents()))
    }
}

impl Serialize for Usd {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        number(self.cents()).serialize(serializer)
    }
}

impl Add for Usd {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self(self.0 + other.0)
    }
}

impl Sub for Usd {
    type Output = Self;

    fn sub(self, other: Self) -> Self {
        Self(self.0 - other.0)
    }
}

impl Neg for Usd {
    type Output = Self;

    fn neg(self) -> Self {
        Self(-self.0)
    }
}

impl Sum for Usd {
    fn sum<I: Iterator<Item = Self>>(amounts: I) -> Self {
        amounts.fold(Self::default(), Add::add)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn usd(text: &str) -> Usd {
        Usd::parse(text).expect("it is a price")
    }

    #[test]
    fn prices_are_digits_with_at_most_nine_decimals() {
        for (text, exact) in
            [("0.013", "0.013"), ("12", "12"), ("0.000000001", "0.000000001"), ("1.50", "1.5")]
        {
            assert_eq!(usd(text).exact(), exact);
        }
        for text in ["", ".5", "5.", "-1", "1e3", "0.0000000001", "1_000", "0x1", "٣", "9999999999"]
        {
            assert_eq!(Usd::parse(text), None, "{text}");
        }
    }

    #[test]
    fn it_is_rounded_once_half_away_from_zero() {
        assert_eq!(usd("0.005").to_string(), "0.01");
        assert_eq!((-usd("0.005")).to_string(), "-0.01");
        assert_eq!(usd("0.004999999").to_string(), "0.00");
        assert_eq!(usd("0.0004").times(3).times(5).to_string(), "0.01");
        assert_eq!(serde_json::to_string(&usd("48.2")).expect("a number"), "48.2");
    }
}
