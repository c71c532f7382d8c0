//! Price facts, as data with a date and a source. All are US dollars without tax.
//!
//! What the program knows of prices without asking anybody stands here and nowhere else.

pub mod api_gateway;
pub mod azure;
pub mod ebs;
pub mod ec2;
pub mod eks;
pub mod fargate;
pub mod lambda;
pub mod load_balancer;
pub mod logs;
pub mod network;
mod region_table;
mod tiers;

pub use tiers::Tiers;

/// The date of the price lists that the embedded figures were read from.
pub const AS_OF: &str = "2026-07";

/// A price fact of this module, which is a quantity by inspection; a constant that is none does not compile.
const fn known<T: Copy>(fact: Result<T, crate::units::QuantityError>) -> T {
    match fact {
        Ok(fact) => fact,
        Err(_) => panic!("a price fact is not a quantity"),
    }
}
