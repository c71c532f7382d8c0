//! Other people's input: what pods, annotations and servers send must neither stop, delay nor swell the rest.

#![allow(clippy::unwrap_used, clippy::panic)]

#[path = "../support/mod.rs"]
mod support;

mod annotations;
mod bodies;
mod prometheus_answers;
mod targets;
