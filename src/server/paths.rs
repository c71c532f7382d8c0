//! Paths that more than one module names.

/// Where the description of the cost model is. It is a part of the program: a page may be read where nothing else can be.
pub(super) const COST_MODEL: &str = "/docs/cost-model";

/// Where a reload is asked for.
pub(super) const RELOAD: &str = "/-/reload";
