//! A strict reader of OpenMetrics 1.0.0, after the ABNF and the rules of the specification, for tests.
//!
//! It knows the types that are written here, and refuses everything that a reader may refuse.

use std::collections::BTreeSet;

/// A family as it was read.
#[derive(Clone, Debug, Default, PartialEq)]
pub(in crate::exposition) struct Read {
    pub(in crate::exposition) name: String,
    pub(in crate::exposition) kind: Option<String>,
    pub(in crate::exposition) unit: Option<String>,
    pub(in crate::exposition) help: Option<String>,
    pub(in crate::exposition) samples: Vec<ReadSample>,
}

/// A sample as it was read: its name, labels, value.
pub(in crate::exposition) type ReadSample = (String, Vec<(String, String)>, f64);

/// Reads an exposition, or says in which line it is wrong.
pub(in crate::exposition) fn read(exposition: &str) -> Result<Vec<Read>, String> {
    let lines = exposition
        .strip_suffix("# EOF\n")
        .ok_or("it does not end with # EOF")?;
    let mut families: Vec<Read> = Vec::new();
    let lines = lines.strip_suffix('\n').map(|lines| lines.split('\n'));
    for (number, line) in lines.into_iter().flatten().enumerate() {
        let result = match line.strip_prefix("# ") {
            Some(descriptor) => read_descriptor(descriptor, &mut families),
            None => read_sample(line).and_then(|sample| place(sample, &mut families)),
        };
        result.map_err(|error| format!("line {}: {error}: {line}", number + 1))?;
    }
    let mut names = BTreeSet::new();
    for family in &families {
        check(family).map_err(|error| format!("family {}: {error}", family.name))?;
        for name in reserved(family) {
            if !names.insert(name.clone()) {
                return Err(format!("{name} belongs to two families"));
            }
        }
    }
    Ok(families)
}

fn read_descriptor(descriptor: &str, families: &mut Vec<Read>) -> Result<(), String> {
    let mut words = descriptor.splitn(3, ' ');
    let mut word = || words.next().ok_or("the descriptor is cut short");
    let (keyword, name, rest) = (word()?, word()?, word()?);
    if !is_name(name, true) {
        return Err(format!("{name:?} is not a metric name"));
    }
    if families.last().is_none_or(|family| family.name != name) {
        families.push(Read {
            name: name.into(),
            ..Read::default()
        });
    }
    let family = families.last_mut().ok_or("no family")?;
    if !family.samples.is_empty() {
        return Err("metadata after samples".into());
    }
    let slot = match keyword {
        "TYPE" if ["counter", "gauge", "info"].contains(&rest) => &mut family.kind,
        "UNIT" if rest.chars().all(|c| is_name_char(c, true)) => &mut family.unit,
        "HELP" => &mut family.help,
        _ => return Err("not a descriptor".into()),
    };
    let value = if keyword == "HELP" {
        unescape(rest)?
    } else {
        rest.into()
    };
    match slot.replace(value) {
        None => Ok(()),
        Some(_) => Err(format!("{keyword} is given twice")),
    }
}

fn read_sample(line: &str) -> Result<ReadSample, String> {
    let name_length = line.find(|c| !is_name_char(c, true)).unwrap_or(line.len());
    let (name, mut rest) = line.split_at(name_length);
    if !is_name(name, true) {
        return Err(format!("{name:?} is not a metric name"));
    }
    let mut labels: Vec<(String, String)> = Vec::new();
    if let Some(inner) = rest.strip_prefix('{') {
        rest = inner;
        loop {
            let (label, after) = rest.split_once("=\"").ok_or("a label has no value")?;
            if !is_name(label, false) || label.starts_with('_') {
                return Err(format!("{label:?} is not a label name"));
            }
            let end = end_of_string(after).ok_or("a label's value does not end")?;
            let value = unescape(&after[..end])?;
            if labels.iter().any(|(known, _)| known == label) {
                return Err(format!("label {label} is given twice"));
            }
            labels.push((label.into(), value));
            rest = &after[end + 1..];
            match rest.split_at_checked(1) {
                Some((",", after)) => rest = after,
                Some(("}", after)) => {
                    rest = after;
                    break;
                }
                _ => return Err("labels do not end".into()),
            }
        }
    }
    let number = rest.strip_prefix(' ').ok_or("no space before the number")?;
    if !is_real_number(number) {
        return Err(format!("{number:?} is not a number"));
    }
    let value = number
        .parse()
        .map_err(|error| format!("{number}: {error}"))?;
    Ok((name.into(), labels, value))
}

fn place(sample: ReadSample, families: &mut [Read]) -> Result<(), String> {
    let family = families.last_mut().ok_or("a sample without a family")?;
    let suffix = match family.kind.as_deref() {
        Some("counter") => "_total",
        Some("info") => "_info",
        Some("gauge") => "",
        _ => return Err("a family without a type".into()),
    };
    if sample.0 != format!("{}{suffix}", family.name) {
        return Err(format!("not a sample of {}", family.name));
    }
    family.samples.push(sample);
    Ok(())
}

fn check(family: &Read) -> Result<(), String> {
    if family.samples.is_empty() {
        return Err("it has no samples".into());
    }
    let kind = family.kind.as_deref().unwrap_or_default();
    if let Some(unit) = &family.unit
        && (kind == "info" || !family.name.ends_with(&format!("_{unit}")))
    {
        return Err(format!("the name does not end with its unit {unit}"));
    }
    if ["_total", "_info"]
        .iter()
        .any(|suffix| family.name.ends_with(suffix))
    {
        return Err("the name ends with the suffix of a sample".into());
    }
    let mut seen = BTreeSet::new();
    for (_, labels, value) in &family.samples {
        let mut labels = labels.clone();
        labels.sort();
        if labels.iter().any(|(_, value)| value.is_empty()) {
            return Err("an empty label is there".into());
        }
        if !seen.insert(labels) {
            return Err("a series is there twice".into());
        }
        let allowed = match kind {
            "counter" => *value >= 0.0,
            "info" => *value == 1.0,
            _ => true,
        };
        if !allowed || !value.is_finite() {
            return Err(format!("{value} is no value of a {kind}"));
        }
    }
    Ok(())
}

/// The names that belong to a family and to no other.
fn reserved(family: &Read) -> Vec<String> {
    let suffixes: &[&str] = match family.kind.as_deref() {
        Some("counter") => &["", "_total", "_created"],
        Some("info") => &["", "_info"],
        _ => &[""],
    };
    suffixes
        .iter()
        .map(|suffix| format!("{}{suffix}", family.name))
        .collect()
}

fn is_name(name: &str, colons: bool) -> bool {
    name.starts_with(|c: char| is_name_char(c, colons) && !c.is_ascii_digit())
        && name.chars().all(|c| is_name_char(c, colons))
}

fn is_name_char(c: char, colons: bool) -> bool {
    c.is_ascii_alphanumeric() || c == '_' || (colons && c == ':')
}

/// `realnumber`: the production of the ABNF, without infinities and NaN.
fn is_real_number(text: &str) -> bool {
    let text = text.strip_prefix(['-', '+']).unwrap_or(text);
    let (mantissa, exponent) = match text.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (mantissa, Some(exponent)),
        None => (text, None),
    };
    let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    let mantissa = match mantissa.split_once('.') {
        Some((whole, part)) => {
            digits(whole) && digits(part) && !(whole.is_empty() && part.is_empty())
        }
        None => digits(mantissa) && !mantissa.is_empty(),
    };
    let exponent = exponent.is_none_or(|exponent| {
        let exponent = exponent.strip_prefix(['-', '+']).unwrap_or(exponent);
        digits(exponent) && !exponent.is_empty()
    });
    mantissa && exponent
}

/// Where the quote is that ends the string.
fn end_of_string(text: &str) -> Option<usize> {
    let mut escaped = false;
    text.char_indices().find_map(|(index, c)| {
        let ends = c == '"' && !escaped;
        escaped = c == '\\' && !escaped;
        ends.then_some(index)
    })
}

/// `escaped-string`; only the escapes that are defined.
fn unescape(text: &str) -> Result<String, String> {
    let mut out = String::new();
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        match c {
            '"' | '\n' => return Err("a character that must be escaped is not".into()),
            '\\' => out.push(match chars.next() {
                Some('n') => '\n',
                Some(c @ ('"' | '\\')) => c,
                other => return Err(format!("an escape that is not defined: {other:?}")),
            }),
            c => out.push(c),
        }
    }
    Ok(out)
}

#[test]
fn the_reader_accepts_the_example_of_the_specification_and_refuses_what_it_forbids() {
    let good = "# TYPE go_goroutines gauge\n# HELP go_goroutines Number of \\\"goroutines\\\".\ngo_goroutines 69\n\
                # TYPE process_cpu_seconds counter\n# UNIT process_cpu_seconds seconds\n\
                process_cpu_seconds_total{a=\"x\\n\\\\\"} 4.20072246e+06\n# EOF\n";
    let families = read(good).unwrap();
    assert_eq!(families.len(), 2);
    assert_eq!(
        families[1].samples[0].1,
        [("a".to_owned(), "x\n\\".to_owned())]
    );
    for bad in [
        "# TYPE a gauge\na 1\n",
        "# TYPE a gauge\na 1\n# EOF",
        "# TYPE a gauge\na 1\n\n# EOF\n",
        "# TYPE a gauge\na NaN\n# EOF\n",
        "# TYPE a gauge\na  1\n# EOF\n",
        "# TYPE a gauge\na 1e\n# EOF\n",
        "# TYPE a gauge\n# EOF\n",
        "# TYPE a gauge\na{} 1\n# EOF\n",
        "# TYPE a gauge\na{b=\"1\",} 1\n# EOF\n",
        "# TYPE a gauge\na{b=\"1\",b=\"2\"} 1\n# EOF\n",
        "# TYPE a gauge\na{b=\"\\t\"} 1\n# EOF\n",
        "# TYPE a gauge\na{b=\"1\"} 1\na{b=\"1\"} 1\n# EOF\n",
        "# TYPE a gauge\na 1\n# HELP a late\n# EOF\n",
        "# TYPE a gauge\n# HELP a a \"quote\"\na 1\n# EOF\n",
        "# TYPE a gauge\n# UNIT a seconds\na 1\n# EOF\n",
        "# TYPE a_total counter\na_total 1\n# EOF\n",
        "# TYPE a counter\na 1\n# EOF\n",
        "# TYPE a counter\na_total -1\n# EOF\n",
        "# TYPE a info\na_info 2\n# EOF\n",
        "# TYPE a gauge\na 1\n# TYPE b gauge\nb 1\n# TYPE a gauge\na 2\n# EOF\n",
        "# TYPE a counter\na_total 1\n# TYPE a_created gauge\na_created 1\n# EOF\n",
        "# comment\n# EOF\n",
        "a 1\n# EOF\n",
    ] {
        assert!(read(bad).is_err(), "{bad}");
    }
}
