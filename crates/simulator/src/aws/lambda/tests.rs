//! Lambda's answers, and their pages.

use super::configuration::base64;
use super::*;
use crate::world::World;

fn world(functions: usize) -> World {
    let functions: String = (0..functions)
        .map(|i| {
            format!(
                "{{name: f{i}, memory_mib: 512, architecture: arm64, runtime: python3.13, \
                 timeout_s: 30, duration_ms: 1, concurrency: {}, traffic: {{pattern: steady, \
                 requests_per_second: 1}}}},",
                if i == 0 { "100" } else { "null" }
            )
        })
        .collect();
    World::from_yaml(&format!("{{name: w, functions: [{functions}]}}")).unwrap()
}

fn get(world: &World, path: &str, query: &[(&str, &str)]) -> Result<Json, AwsError> {
    let operation = Operation::parse(&Method::GET, path).unwrap();
    respond(AccountRegion::home(world), &operation, |name| {
        query
            .iter()
            .find(|(key, _)| *key == name)
            .map(|(_, value)| (*value).to_owned())
    })
}

#[test]
fn functions_come_in_pages_of_50() {
    let world = world(120);
    let (mut names, mut sizes, mut marker) = (Vec::new(), Vec::new(), String::new());
    loop {
        let part = get(&world, "/2015-03-31/functions/", &[("Marker", &marker)]).unwrap();
        let functions = part["Functions"].as_array().unwrap();
        sizes.push(functions.len());
        names.extend(
            functions
                .iter()
                .map(|f| f["FunctionName"].as_str().unwrap().to_owned()),
        );
        match part["NextMarker"].as_str() {
            Some(next) => marker = next.to_owned(),
            None => break,
        }
    }
    assert_eq!(sizes, [50, 50, 20]);
    assert_eq!(names, (0..120).map(|i| format!("f{i}")).collect::<Vec<_>>());
}

#[test]
fn max_items_and_markers_are_checked() {
    let world = world(3);
    let path = "/2015-03-31/functions";
    let two = get(&world, path, &[("MaxItems", "2")]).unwrap();
    assert_eq!(two["Functions"].as_array().unwrap().len(), 2);
    for query in [("MaxItems", "0"), ("MaxItems", "many"), ("Marker", "xyz")] {
        let error = get(&world, path, &[query]).unwrap_err();
        assert_eq!(error.code, "InvalidParameterValueException", "{query:?}");
    }
}

#[test]
fn a_configuration_says_what_the_world_file_says() {
    let world = world(1);
    for path in [
        "/2015-03-31/functions/f0/configuration",
        "/2015-03-31/functions/f0/",
    ] {
        let mut answer = get(&world, path, &[]).unwrap();
        if path.ends_with("f0/") {
            answer = answer["Configuration"].take();
        }
        assert_eq!(answer["MemorySize"], 512);
        assert_eq!(answer["Architectures"][0], "arm64");
        assert_eq!(answer["Runtime"], "python3.13");
        assert_eq!(
            answer["FunctionArn"],
            "arn:aws:lambda:us-east-1:123456789012:function:f0"
        );
        assert_eq!(answer["CodeSha256"].as_str().unwrap().len(), 44);
    }
}

#[test]
fn reserved_concurrency_is_taken_from_the_account() {
    let world = world(2);
    let settings = get(&world, "/2016-08-19/account-settings/", &[]).unwrap();
    assert_eq!(settings["AccountLimit"]["ConcurrentExecutions"], 1_000);
    assert_eq!(
        settings["AccountLimit"]["UnreservedConcurrentExecutions"],
        900
    );
    assert_eq!(settings["AccountUsage"]["FunctionCount"], 2);
    let of = |name: &str| {
        get(
            &world,
            &format!("/2019-09-30/functions/{name}/concurrency"),
            &[],
        )
        .unwrap()
    };
    assert_eq!(of("f0"), json!({"ReservedConcurrentExecutions": 100}));
    assert_eq!(of("f1"), json!({}));
}

#[test]
fn a_function_is_found_by_name_or_arn_and_is_else_not_found() {
    let world = world(1);
    let arn = "arn%3Aaws%3Alambda%3Aus-east-1%3A123456789012%3Afunction%3Af0";
    assert!(get(&world, &format!("/2015-03-31/functions/{arn}"), &[]).is_ok());
    assert!(get(&world, "/2015-03-31/functions/f0:$LATEST", &[]).is_ok());
    let error = get(&world, "/2015-03-31/functions/f7", &[]).unwrap_err();
    assert_eq!(
        (error.status, error.code),
        (StatusCode::NOT_FOUND, "ResourceNotFoundException")
    );
    assert!(error.message.contains("function:f7"), "{}", error.message);
}

#[test]
fn base64_is_that_of_rfc_4648() {
    for (plain, coded) in [
        ("", ""),
        ("f", "Zg=="),
        ("fo", "Zm8="),
        ("foo", "Zm9v"),
        ("foob", "Zm9vYg=="),
    ] {
        assert_eq!(base64(plain.as_bytes()), coded);
    }
}

#[test]
fn an_image_with_all_the_extras_says_so() {
    let world = World::from_yaml(
        "{name: w, functions: [{name: f, memory_mib: 512, duration_ms: 1, package_type: Image, \
         ephemeral_storage_mib: 1024, snap_start: true, capacity_provider: pool, \
         traffic: {pattern: steady, requests_per_second: 1}}]}",
    )
    .unwrap();
    let shown = get(&world, "/2015-03-31/functions/f/configuration", &[]).unwrap();
    assert_eq!(shown["PackageType"], "Image");
    assert!(shown["Runtime"].is_null() && shown["Handler"].is_null());
    assert_eq!(shown["EphemeralStorage"]["Size"], 1_024);
    assert_eq!(shown["SnapStart"]["ApplyOn"], "PublishedVersions");
    let provider = &shown["CapacityProviderConfig"]["LambdaManagedInstancesCapacityProviderConfig"];
    assert_eq!(
        provider["CapacityProviderArn"],
        "arn:aws:lambda:us-east-1:123456789012:capacity-provider:pool"
    );
}

#[test]
fn event_sources_are_listed_by_function_and_in_pages() {
    let world = World::from_yaml(
        "{name: w, functions: [
           {name: f, memory_mib: 128, duration_ms: 1, event_sources: ['arn:aws:sqs:r:1:a', \
            'arn:aws:sqs:r:1:b'], traffic: {pattern: steady, requests_per_second: 1}},
           {name: g, memory_mib: 128, duration_ms: 1, event_sources: ['arn:aws:sqs:r:1:c'], \
            traffic: {pattern: steady, requests_per_second: 1}}]}",
    )
    .unwrap();
    let sources = |query: &[(&str, &str)]| {
        let answer = get(&world, "/2015-03-31/event-source-mappings/", query).unwrap();
        let listed = answer["EventSourceMappings"].as_array().unwrap().clone();
        let arns = listed
            .iter()
            .map(|one| one["EventSourceArn"].as_str().unwrap().to_owned());
        (
            arns.collect::<Vec<_>>(),
            answer["NextMarker"].as_str().map(str::to_owned),
        )
    };
    assert_eq!(
        sources(&[("FunctionName", "g")]),
        (vec!["arn:aws:sqs:r:1:c".to_owned()], None)
    );
    let (first, marker) = sources(&[("MaxItems", "2")]);
    let (second, end) = sources(&[("MaxItems", "2"), ("Marker", &marker.unwrap())]);
    assert_eq!((first.len(), second.len(), end), (2, 1, None));
    let path = "/2015-03-31/event-source-mappings";
    let error = get(&world, path, &[("FunctionName", "nobody")]).unwrap_err();
    assert_eq!(error.code, "ResourceNotFoundException");
}
