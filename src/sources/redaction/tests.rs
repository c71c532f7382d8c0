use super::*;

#[test]
fn all_patterns_are_valid() {
    assert!(QUOTED.is_some() && UNQUOTED.is_some() && SCHEME.is_some());
    assert_eq!(FORMS.len(), 4);
}

#[test]
fn what_has_the_form_of_a_secret_is_removed() {
    for (text, expected) in [
        ("Authorization: Bearer hunter2", "Authorization: <redacted>"),
        (
            "rejected Bearer hunter2 of shop",
            "rejected Bearer <redacted> of shop",
        ),
        (
            r#"{"authorization": "Bearer hunter2", "host": "a"}"#,
            r#"{"authorization": "<redacted>", "host": "a"}"#,
        ),
        (
            r#"{"headers":{"Authorization":["Basic QWxhZGRpbg==","x"]}}"#,
            r#"{"headers":{"Authorization":["<redacted>","x"]}}"#,
        ),
        (
            r#"{\"Authorization\":\"open sesame\",\"a\":1}"#,
            r#"{\"Authorization\":\"<redacted>\",\"a\":1}"#,
        ),
        (
            "map[Accept:[*/*] Authorization:[Bearer hunter2] Host:[a]]",
            "map[Accept:[*/*] Authorization:[<redacted>] Host:[a]]",
        ),
        (
            "<pre>Proxy-Authorization: Basic dXNlcjpwYXNz</pre>",
            "<pre>Proxy-Authorization: <redacted></pre>",
        ),
        (
            "'X-Api-Key' => 'k-1', 'a' => 1",
            "'X-Api-Key' => '<redacted>', 'a' => 1",
        ),
        ("cookie: session=abc; path=/", "cookie: <redacted>; path=/"),
        (
            "GET /api?access_token=abc&time=1 failed",
            "GET /api?access_token=<redacted>&time=1 failed",
        ),
        (
            "http://prometheus:open-sesame@10.0.0.1:9090/api",
            "http://<redacted>@10.0.0.1:9090/api",
        ),
        (
            "token eyJhbGciOiJSUzI1NiIsImtpZCI6IiJ9.eyJzdWIiOiJhIn0.c2ln-x is expired",
            "token <redacted> is expired",
        ),
        (
            "host:sts.amazonaws.com x-amz-security-token:IQoJb3JpZ2luX2VjEJr/// x-amz-date:1",
            "host:sts.amazonaws.com x-amz-security-token:<redacted> x-amz-date:1",
        ),
        (
            "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20260301/us-east-1/sts/aws4_request, \
             SignedHeaders=host;x-amz-date, \
             Signature=5d672d79c15b13162d9279b0855cfba6789a8edb4c82c400e06b5924a6f2b5d7",
            "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20260301/us-east-1/sts/aws4_request, \
             SignedHeaders=host;x-amz-date, Signature=<redacted>",
        ),
    ] {
        assert_eq!(redact(text), expected);
        assert_eq!(redact(expected), expected, "twice is as once");
    }
    let session = format!("bad token IQoJ{} here", "aZ09+/".repeat(20));
    assert_eq!(redact(&session), "bad token <redacted> here");
}

#[test]
fn an_error_without_secrets_stays_as_it_is() {
    for text in [
        "the bearer token in /var/run/token is not usable: No such file or directory",
        "AccessDenied: User: arn:aws:sts::123456789012:assumed-role/a/b is not authorized to perform: lambda:ListFunctions",
        "UnrecognizedClientException: The security token included in the request is invalid.",
        "the Prometheus at http://prometheus:9090: bad_data: 1:5: parse error: unexpected character: '@'",
        "give this process credentials that may query (`bearer_token_file`, `basic_auth`, `headers`)",
        "cannot list secrets at https://10.0.0.1: it answered 403",
        "use basic authentication, or Bearer authentication",
    ] {
        assert_eq!(redact(text), text);
    }
}

#[test]
fn known_secrets_are_removed_in_each_form_in_which_a_server_repeats_them() {
    let mut secrets = KnownSecrets::default();
    secrets.add("pass\"word/1");
    secrets.add_header("Custom opaque-value");
    for (text, expected) in [
        ("got pass\"word/1!", "got <redacted>!"),
        (r#"{"error":"pass\"word/1"}"#, r#"{"error":"<redacted>"}"#),
        ("/q?p=pass%22word%2F1", "/q?p=<redacted>"),
        ("Custom opaque-value", "<redacted>"),
        ("xopaque-valuex", "x<redacted>x"),
    ] {
        assert_eq!(secrets.redact(text), expected);
    }
    assert_eq!(format!("{secrets:?}"), "6 secrets");
}

#[test]
fn a_short_secret_is_removed_only_as_a_word() {
    let mut secrets = KnownSecrets::default();
    secrets.add("1");
    assert_eq!(
        secrets.redact("tenant 1: status 401, 1 of 11"),
        "tenant <redacted>: status 401, <redacted> of 11"
    );
    secrets.add("");
    assert_eq!(secrets.redact("a"), "a");
}

#[test]
fn a_secret_is_shown_nowhere() {
    let secret = Secret::from("hunter2");
    assert_eq!(format!("{secret:?}"), "<redacted>");
    assert_eq!(serde_json::json!([secret]).to_string(), r#"["<redacted>"]"#);
    assert_eq!(secret.expose(), "hunter2");
}
