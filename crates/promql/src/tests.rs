use super::*;

fn parse_foreign(text: &str) -> Result<Expr, ExpressionError> {
    parse(text, LIMITS, Regexes::Ignore)
}

fn is_too_deep(text: &str) -> bool {
    matches!(parse_foreign(text), Err(ExpressionError::TooDeep { .. }))
}

#[test]
fn a_text_of_the_longest_length_is_parsed_and_a_longer_one_is_not() {
    let text = format!("x # {}", "y".repeat(LIMITS.max_bytes - 4));
    assert_eq!(text.len(), 4_096);
    parse_foreign(&text).unwrap();
    let error = parse_foreign(&format!("{text}y")).unwrap_err();
    assert_eq!(
        error.to_string(),
        "it has 4097 bytes, more than 4096: shorten it, or put it into a recording rule"
    );
}

#[test]
fn every_way_to_nest_is_limited_to_50_levels() {
    let wrap = |open: &str, close: &str, times: usize| {
        format!("{}x{}", open.repeat(times), close.repeat(times))
    };
    let cases: [(&str, &dyn Fn(usize) -> String); 9] = [
        ("parentheses", &|times| wrap("(", ")", times)),
        ("functions", &|times| wrap("abs(", ")", times)),
        ("signs", &|times| wrap("-", "", times)),
        ("spaced signs", &|times| wrap("+ - ", "", times / 2)),
        ("powers", &|times| wrap("x^", "", times)),
        ("sums", &|times| wrap("x + ", "", times)),
        ("words", &|times| wrap("x OR ", "", times)),
        ("comments between", &|times| wrap("x * # (\"\n", "", times)),
        ("powers of signs", &|times| wrap("x ^ -", "", times / 2)),
    ];
    for (what, text) in cases {
        parse_foreign(&text(50)).unwrap_or_else(|error| panic!("{what}: {error}"));
        for times in [52, 400] {
            assert!(is_too_deep(&text(times)), "{what}, {times} times");
        }
    }
    // Each level by itself is flat.
    let level = |inner: &str| format!("({inner}{})", " + x".repeat(20));
    assert!(!is_too_deep(&level(&level("x"))));
    assert!(is_too_deep(&level(&level(&level("x")))));
    assert!(is_too_deep(&format!("x{}", "[5m:1m]".repeat(60))));
}

#[test]
fn what_stands_in_strings_comments_and_matchers_nests_nothing() {
    let matchers: Vec<String> = (0..60).map(|at| format!("l{at}=\"v\"")).collect();
    for text in [
        format!("x{{a=\"{}\"}}", "(".repeat(60)),
        format!("x{{a='\\'{}'}}", "-".repeat(60)),
        format!("x{{a=`{}`}}", "[".repeat(60)),
        format!("x # {}\n + 1", "(".repeat(60)),
        format!("x{{{}}}", matchers.join(", ")),
        format!("x{{a=\"é{}\"}}", "ü(".repeat(60)),
    ] {
        parse_foreign(&text).unwrap_or_else(|error| panic!("{text}: {error}"));
    }
}

#[test]
fn text_of_any_kind_is_refused_without_a_panic() {
    for text in [
        "",
        "\"",
        "\\",
        "\"\\",
        "x{a=~\"",
        "x{a=~\"é",
        "x{a=~\"\\",
        ")))",
        "}]",
        "#",
        "é",
        "x{a=~\"\"",
    ] {
        parse_foreign(text).unwrap_err();
    }
}

#[test]
fn regular_expressions_are_left_to_the_server_where_they_are_not_compiled() {
    // Each takes 10 MB to compile.
    let hostile = [
        "x{a=~\"((\\\\w{99}){99}){99}\"}",
        "x{a!~ # c\n '((\\\\w{99}){99}){99}'}",
    ];
    for text in hostile {
        parse_foreign(text).unwrap_or_else(|error| panic!("{text}: {error}"));
        let error = parse(text, LIMITS, Regexes::Compile).unwrap_err();
        assert!(error.to_string().starts_with("illegal regex"), "{error}");
    }
    let scan = scan("x{a=~\"é.*\", b=\"c\"}", LIMITS).unwrap();
    let changed = scan.without_regexes("x{a=~\"é.*\", b=\"c\"}");
    assert_eq!(changed, "x{a=~\"xxxx\", b=\"c\"}");
}

#[test]
fn the_longest_expression_is_found_with_few_parses() {
    let longest = |text: &str| longest_expression(text, LIMITS, Regexes::Ignore);
    for (text, expected) in [
        ("increase(x[5m]) by", 16),
        ("x + sum by (a) (x) by (b)", 19),
        ("x +  ", 2),
        (") x", 0),
        ("", 0),
    ] {
        assert_eq!(longest(text), expected, "{text}");
    }
    // So many operands are halved.
    let many = "x,".repeat(40).replacen(',', "+", 20);
    assert_eq!(longest(&many), 41);
}
