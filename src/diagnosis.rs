//! Why a task did not start or stay, from what AWS says of it and from what is known of its VPC; pure.
//!
//! [`read`] turns a text into a typed [`cause`], or says that it is not known; [`ground`] asks the model of
//! the VPC about it; [`answer`] puts the first cause first and folds what follows from it.

pub mod answer;
pub mod cause;
pub mod extract;
pub mod ground;
pub mod health;
pub mod line;
pub mod read;
pub mod reading;
pub mod wordings;

#[cfg(test)]
mod docs;
#[cfg(test)]
mod properties;
#[cfg(test)]
mod rows;
#[cfg(test)]
mod tests;
