//! The table of presets in `docs/requests.md`, which is written and compared by a test.

use std::fmt::Write as _;

use super::{Docs, Preset};

const BEGIN: &str = "BREAKEVEN_BLESS=1 cargo test --lib presets_table` writes it. -->\n\n";
const END: &str = "\n<!-- End of the generated table. -->";

fn table() -> String {
    let mut table =
        "| `preset` | requests | latency | whose | source |\n|---|---|---|---|---|\n".to_owned();
    for preset in Preset::ALL {
        let Docs {
            requests,
            latency,
            target,
            source,
        } = &preset.row().docs;
        let name = preset.as_str();
        writeln!(
            table,
            "| `{name}` | {requests} | {latency} | {target} | {source} |"
        )
        .unwrap();
    }
    table
}

#[test]
fn presets_table() {
    let file = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/requests.md");
    let text = std::fs::read_to_string(file).unwrap();
    let (before, rest) = text.split_once(BEGIN).unwrap();
    let (found, after) = rest.split_once(END).unwrap();
    if std::env::var_os("BREAKEVEN_BLESS").is_some() {
        let text = [before, BEGIN, &table(), END, after].concat();
        std::fs::write(file, text).unwrap();
        return;
    }
    assert_eq!(found, table(), "BREAKEVEN_BLESS=1 writes the table");
}
