//! The `breakeven` command.

fn main() {}
