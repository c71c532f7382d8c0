//! The rules of ARCHITECTURE.md, held against the source text.
//!
//! Each rule has two tests: one that the program keeps it, and one that a line which breaks it is found.

#![allow(clippy::print_stdout, clippy::unwrap_used)]

mod layers;
mod rules;
mod source;
mod tokens;

use rules::Rule;
use source::{SourceFile, tree};

/// Fails with all places where the program breaks the rule.
fn kept(rule: Rule) {
    let files = tree();
    assert!(files.len() > 100, "only {} files were read", files.len());
    let broken = rule(&files);
    assert!(broken.is_empty(), "{}", broken.join("\n"));
}

/// Fails unless the rule finds just this in a file that has this text.
fn found(rule: Rule, path: &str, text: &str, expected: &[&str]) {
    let broken = rule(&[SourceFile::new(path, text)]);
    let expected: Vec<String> = expected.iter().map(|one| format!("{path}:{one}")).collect();
    assert_eq!(broken, expected, "{text}");
}

#[test]
fn each_module_names_only_those_below_it() {
    kept(layers::layers);
}

#[test]
fn a_module_that_names_one_above_it_is_found() {
    let rule = layers::layers;
    let path = "src/model/any.rs";
    found(rule, path, "use crate::units::Usd;", &[]);
    found(
        rule,
        path,
        "use crate::ledger::Ledger;",
        &["1: model names crate::ledger::Ledger"],
    );
    found(
        rule,
        path,
        "\nfn a() { super::super::store::b() }",
        &["2: model names crate::store::b"],
    );
    found(
        rule,
        path,
        "use crate::{units::Usd, http as web};\nfn a() { web::bind() }",
        &[
            "1: model names crate::http",
            "2: model names crate::http::bind",
        ],
    );
    found(
        rule,
        "src/http/any.rs",
        "use crate::sources::{Source, kubernetes};",
        &["1: http names crate::sources::kubernetes"],
    );
    found(
        rule,
        "src/sources/lambda/any.rs",
        "use crate::model::Report;",
        &["1: sources names crate::model::Report"],
    );
    found(
        rule,
        "src/sources/prices/any.rs",
        "use crate::model::Report;",
        &[],
    );
    found(
        rule,
        "src/app/any.rs",
        "use crate::cloud::SimulatedCloud;",
        &["1: app names crate::cloud::SimulatedCloud"],
    );
    found(
        rule,
        "src/novelty.rs",
        "",
        &["1: novelty is not in the table of layers; say what it may name"],
    );
}

#[test]
fn the_table_of_layers_has_no_circle_and_no_module_that_is_gone() {
    let files = tree();
    let gone: Vec<&str> = layers::LAYERS
        .iter()
        .map(|(module, _)| *module)
        .filter(|module| !files.iter().any(|file| file.top() == *module))
        .collect();
    assert!(gone.is_empty(), "{gone:?}");
    // Each module stands above all that it names whole; a single type of a module above is no circle.
    for (place, (module, below)) in layers::LAYERS.iter().enumerate() {
        for name in below.iter().filter(|name| !name.contains("::")) {
            let under = layers::LAYERS[..place].iter().any(|(one, _)| one == name);
            assert!(under, "{module} names {name}, which stands above it");
        }
    }
}

#[test]
fn the_core_does_no_io_reads_no_clock_and_names_no_client() {
    kept(rules::pure);
}

#[test]
fn io_and_clients_in_the_core_are_found() {
    let rule = rules::pure;
    let path = "src/model/any.rs";
    let fine =
        "use std::time::Duration;\nuse jiff::Timestamp;\nfn a(at: Timestamp) { at.as_second(); }";
    found(rule, path, fine, &[]);
    found(
        rule,
        path,
        "fn a() { std::fs::read(\"x\"); }",
        &["1: the core names std::fs::read"],
    );
    found(
        rule,
        path,
        "use std::{fmt, net::{IpAddr, TcpStream}};",
        &[
            "1: the core names std::net::IpAddr",
            "1: the core names std::net::TcpStream",
        ],
    );
    found(
        rule,
        path,
        "use std::time::SystemTime;",
        &["1: the core names std::time::SystemTime"],
    );
    found(
        rule,
        path,
        "use jiff::Timestamp;\nfn a() { Timestamp::now(); }",
        &["2: the core names jiff::Timestamp::now"],
    );
    found(
        rule,
        "src/units/any.rs",
        "fn a() { tracing::warn!(\"b\"); }",
        &["1: the core names tracing::warn"],
    );
    found(
        rule,
        "src/tariff/any.rs",
        "use aws_sdk_cloudwatch::Client;",
        &["1: the core names aws_sdk_cloudwatch::Client"],
    );
    found(
        rule,
        "src/observation/any.rs",
        "fn a(pod: kube::core::Object) {}",
        &["1: the core names kube::core::Object"],
    );
    found(
        rule,
        path,
        "async fn a() {\n b().await;\n println!(\"c\"); }",
        &[
            "1: the core waits",
            "2: the core waits",
            "3: the core prints",
        ],
    );
    found(
        rule,
        path,
        "// tokio::spawn\n#[cfg(test)]\nmod tests {\n use std::fs::read;\n}\n#[cfg(test)]\nuse std::net::IpAddr;",
        &[],
    );
}

#[test]
fn sdk_types_stand_in_sources_alone() {
    kept(rules::clients);
}

#[test]
fn sdk_types_elsewhere_are_found() {
    let rule = rules::clients;
    found(rule, "src/sources/any.rs", "use kube::Client;", &[]);
    found(
        rule,
        "src/cloud/mod.rs",
        "mod kube;\npub use self::kube::KubeState;\nfn a() { kube::serve(); }",
        &[],
    );
    found(
        rule,
        "src/cloud/any.rs",
        "use kube::Client;",
        &["1: names kube::Client"],
    );
    found(
        rule,
        "src/http/any.rs",
        "fn a() { aws_config::load(); }",
        &["1: names aws_config::load"],
    );
    found(
        rule,
        "src/app/any.rs",
        "use prometheus::Registry;",
        &["1: names prometheus::Registry"],
    );
}

#[test]
fn metric_names_stand_in_the_catalogue_alone() {
    kept(rules::metric_names);
}

#[test]
fn a_metric_name_elsewhere_is_found() {
    let rule = rules::metric_names;
    let text = "/// breakeven_a\nconst A: &str = \"breakeven_source_up\";";
    found(rule, "src/exposition/catalogue.rs", text, &[]);
    found(
        rule,
        "src/http/page.rs",
        text,
        &["2: names a metric: breakeven_source_up"],
    );
    let prose = "const A: &str = \"see breakeven_source_up\";";
    let files = [
        SourceFile::new("src/exposition/catalogue.rs", text),
        SourceFile::new("src/http/page.rs", prose),
    ];
    assert_eq!(rule(&files), Vec::<String>::new());
    found(
        rule,
        "src/http/page.rs",
        prose,
        &["1: tells of breakeven_source_up, which there is not"],
    );
}

#[test]
fn only_the_clock_reads_time() {
    kept(rules::time);
}

#[test]
fn reading_time_elsewhere_is_found() {
    let rule = rules::time;
    found(
        rule,
        "src/clock.rs",
        "fn a() { jiff::Timestamp::now(); }",
        &[],
    );
    found(
        rule,
        "src/app/any.rs",
        "use tokio::time::Instant;\nfn a() { Instant::now(); }",
        &[],
    );
    found(
        rule,
        "src/app/any.rs",
        "use std::time::{Instant, SystemTime as Wall};\nfn a() { Wall::now(); Instant::now(); }",
        &[
            "2: reads time: std::time::SystemTime::now",
            "2: reads time: std::time::Instant::now",
        ],
    );
    found(
        rule,
        "src/cloud/any.rs",
        "use jiff::{Timestamp, Zoned};\nfn a() { Timestamp::now(); Zoned::now(); }",
        &[
            "2: reads time: jiff::Timestamp::now",
            "2: reads time: jiff::Zoned::now",
        ],
    );
}

#[test]
fn money_and_resources_have_units_wherever_they_are_handed_on() {
    kept(rules::bare_numbers);
}

#[test]
fn a_bare_number_that_is_handed_on_is_found() {
    let rule = rules::bare_numbers;
    let path = "src/ledger/any.rs";
    found(
        rule,
        path,
        "pub fn a(cost: Usd) -> Usd { let x: f64 = 1.0; }\nfn b(x: f64) {}",
        &[],
    );
    found(
        rule,
        path,
        "pub fn a(cost: f64) -> Usd {}",
        &["1: fn a has a bare number"],
    );
    found(
        rule,
        path,
        "pub(crate) const fn a(cost: Usd) -> Option<f64> {}",
        &["1: fn a has a bare number"],
    );
    found(
        rule,
        path,
        "pub struct A {\n pub(crate) cost: f64,\n pub sum: Vec<(i64, f32)>,\n pub(super) near: f64,\n hidden: f64 }",
        &["2: cost has a bare number", "3: sum has a bare number"],
    );
    found(
        rule,
        path,
        "pub struct A(pub f64);",
        &["1: f64 has a bare number"],
    );
}

#[test]
fn nothing_is_unsafe_prints_or_is_unfinished() {
    kept(rules::escapes);
    let manifest = include_str!("../../Cargo.toml");
    for line in [
        "unsafe_code = \"forbid\"",
        "dbg_macro = \"deny\"",
        "expect_used = \"deny\"",
        "print_stdout = \"deny\"",
        "print_stderr = \"deny\"",
        "todo = \"deny\"",
        "unimplemented = \"deny\"",
        "unwrap_used = \"deny\"",
    ] {
        assert!(manifest.contains(line), "Cargo.toml lacks {line}");
    }
}

#[test]
fn what_is_unsafe_prints_or_is_unfinished_is_found() {
    let rule = rules::escapes;
    let path = "src/http/any.rs";
    found(
        rule,
        path,
        "#[expect(clippy::cast_precision_loss)]\nfn a(b: Option<u8>) { b.unwrap_or_default(); }",
        &[],
    );
    found(
        rule,
        path,
        "#[allow(clippy::unwrap_used)]\nfn a(b: Option<u8>) { b.unwrap(); }",
        &["1: switches off clippy::unwrap_used"],
    );
    found(
        rule,
        path,
        "fn a(b: Option<u8>) {\n dbg!(b);\n todo!() }",
        &["2: dbg!", "3: todo!"],
    );
    found(
        rule,
        path,
        "fn a() { unsafe { b() } println!() }",
        &["1: unsafe", "1: println!"],
    );
}

#[test]
fn no_file_is_longer_than_one_reads_at_a_time() {
    kept(rules::length);
    for file in tree().iter().filter(|file| file.lines > rules::LONG) {
        println!("long: {} has {} lines", file.path, file.lines);
    }
}

#[test]
fn a_file_that_is_too_long_is_found() {
    let text = "\n".repeat(rules::LONGEST);
    found(rules::length, "src/any.rs", &text, &[]);
    let text = "\n".repeat(rules::LONGEST + 1);
    found(
        rules::length,
        "src/any.rs",
        &text,
        &["601: has more than 600 lines"],
    );
}
