//! Sources that read the APIs of Azure.

pub mod retail_prices;
