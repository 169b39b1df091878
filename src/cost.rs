//! What it costs a month: endpoints against NAT gateways, and what a plan adds to the bill. Nothing is
//! asked of AWS: the prices come from a file that has their date and source.

pub mod bill;
pub mod change;
pub mod compare;
pub mod money;
pub mod prices;
pub mod report;
pub mod tasks;
pub mod view;

mod read;

use crate::{
    cli::{self, Format},
    config::model::Config,
    error::{Error, Problem, Result},
};
use prices::PriceList;
use std::collections::BTreeMap;

/// The answer to `cost`, about the service of the file where one was read.
///
/// # Errors
/// The region or its prices are not known, or the price file is wrong.
pub fn answer(
    given: &cli::Cost,
    config: Option<&Config>,
    variables: &BTreeMap<String, String>,
) -> Result<String> {
    let prices = PriceList::with(given.prices.as_deref())?;
    let of_file = config.and_then(|config| config.region.as_ref());
    let of_variable = |name| variables.get(name);
    let region = of_file
        .or(given.common.aws_region.as_ref())
        .or_else(|| of_variable("AWS_REGION"))
        .or_else(|| of_variable("AWS_DEFAULT_REGION"))
        .filter(|region| !region.is_empty())
        .ok_or_else(|| {
            let problem = Problem::new("no region was found in the file, the flags or AWS_REGION");
            Error::Config(problem.help("name it with `--region REGION`").to_string())
        })?;
    let asked = report::Asked {
        region,
        config,
        zones: given.zones,
        gb: given.gb,
        endpoint_units: given.endpoint_units,
        nat_gateways: given.nat_gateways,
        public_ipv4: !given.without_public_ipv4,
    };
    let report = report::report(&asked, prices.required(region)?);
    Ok(match given.format {
        Format::Text => view::text(&report),
        Format::Json => {
            serde_json::to_string_pretty(&report).expect("a report is plain data with text keys")
        }
        Format::Markdown => view::markdown(&report),
    })
}
