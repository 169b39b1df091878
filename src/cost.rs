//! What it costs a month: endpoints against NAT gateways, and what a plan adds to the bill. Pure: the
//! prices come from a file that has their date and source.

pub mod bill;
pub mod change;
pub mod compare;
pub mod money;
pub mod prices;
pub mod report;
pub mod view;

mod read;
