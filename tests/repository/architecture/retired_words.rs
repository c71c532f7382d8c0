//! The vocabulary: words that no identifier has any more.

use super::{SourceFile, finds, holds};

/// Words of an earlier vocabulary, each with the name that takes its place.
const RETIRED_WORDS: &[(&str, &str)] = &[
    ("at_home", "current_cost, current_platform"),
    ("awaited", "wait_for_change"),
    ("befall", "applies_to"),
    ("birth", "start_time"),
    ("chance", "rng"),
    ("circumstances", "workload_inputs"),
    ("dearest", "most expensive"),
    ("door", "http_endpoint"),
    ("durable", "persisted"),
    ("estate", "cluster"),
    ("fleet", "supervisor"),
    ("held_back", "cpu_throttling"),
    ("in_cluster", "kubernetes_projection"),
    ("kept_ready", "provisioned_concurrency"),
    ("lack", "missing"),
    ("ladder", "intervals"),
    ("last_look", "last_snapshot_at"),
    ("lateness", "ingestion_delay"),
    ("left_out", "discarded"),
    ("mistake", "config_error"),
    ("node_split", "resource_prices"),
    ("odd", "unexpected"),
    ("on_the_wall", "to_real_duration"),
    ("pipeline", "engine"),
    ("purse", "budget_balance"),
    ("ratchet", "cold_starts_from_peaks"),
    ("ready_share", "provisioned_share"),
    ("rung", "interval_step"),
    ("salvage", "partial_results"),
    ("stake", "poll_priority"),
    ("stranger", "unmatched"),
    ("subject", "workload"),
    ("sure_start", "certain_cold_start"),
    ("surroundings", "ancillary_charges"),
    ("tally", "discard_counts"),
    ("told", "the verb of the domain"),
    ("trouble", "warning"),
    ("wishes", "price_queries"),
];

/// Identifiers with a retired word: names of foreign APIs, and keys of files, which change with the public names.
const KEPT_IDENTIFIERS: &[&str] = &[
    // The service account of a pod, as Kubernetes clients call it.
    "InCluster",
    // Keys of the configuration.
    "front_door",
    "front_door_usd_per_million",
    "surroundings",
];

/// The identifiers of a line: what is no string and no comment.
fn identifiers(line: &str) -> impl Iterator<Item = &str> {
    let code = line.split("//").next().unwrap_or_default();
    let outside = code.split('"').step_by(2);
    let words = outside.flat_map(|part| {
        part.split(|letter: char| !(letter.is_ascii_alphanumeric() || letter == '_'))
    });
    words.filter(|word| {
        word.starts_with(|letter: char| letter.is_ascii_alphabetic() || letter == '_')
    })
}

/// `KeptReadyShare` and `kept_provisioned_share` as `_kept_provisioned_share_`.
fn snake_case(identifier: &str) -> String {
    let mut snake = String::from("_");
    let mut after_lower = false;
    for letter in identifier.chars() {
        if letter.is_ascii_uppercase() && after_lower {
            snake.push('_');
        }
        after_lower = letter.is_ascii_lowercase() || letter.is_ascii_digit();
        snake.push(letter.to_ascii_lowercase());
    }
    snake + "_"
}

fn retired_words(file: &SourceFile) -> Vec<(usize, String)> {
    let mut broken = Vec::new();
    for (number, line) in &file.lines {
        // The name of a test is a sentence.
        let is_sentence = line.contains("fn ") && line.matches('_').count() > 5;
        for identifier in identifiers(line).filter(|_| !is_sentence) {
            let snake = snake_case(identifier);
            let found = RETIRED_WORDS.iter().find(|(word, _)| {
                [format!("_{word}_"), format!("_{word}s_")]
                    .iter()
                    .any(|word| snake.contains(word))
            });
            if let Some((_, instead)) = found
                && !KEPT_IDENTIFIERS.contains(&identifier)
            {
                broken.push((*number, format!("{identifier}: use {instead}")));
            }
        }
    }
    broken
}

#[test]
fn no_identifier_has_a_retired_word() {
    holds(retired_words);
    let path = "src/a.rs";
    finds(
        retired_words,
        path,
        "let told = 1; // told",
        &["1: told: use the verb of the domain"],
    );
    finds(
        retired_words,
        path,
        "struct KeptReadyShare;",
        &["1: KeptReadyShare: use provisioned_concurrency"],
    );
    finds(
        retired_words,
        path,
        "let doors: Vec<u8>;",
        &["1: doors: use http_endpoint"],
    );
    finds(
        retired_words,
        path,
        "Access::InCluster => \"a subject\", // stake",
        &[],
    );
    finds(
        retired_words,
        path,
        "let indoors = SelfSubjectAccess;",
        &["1: SelfSubjectAccess: use workload"],
    );
}
