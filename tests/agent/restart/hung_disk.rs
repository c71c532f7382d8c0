//! A disk that hangs stops neither reports nor health, scrapes and the end of the program.
//!
//! It is a named pipe in place of a file: opening one waits for its other end, as a file on a hung NFS server does.

use std::time::{Duration, Instant};

use http::StatusCode;

use super::*;

fn make_pipe(path: &Path) {
    let made = std::process::Command::new("mkfifo").arg(path).status();
    assert!(made.unwrap().success(), "{}", path.display());
}

/// The demo over a state directory in which a file hangs.
async fn start(place: &Path) -> (Program, String) {
    let directory = place.join("state");
    let state = format!(
        "{{directory: {}, interval_seconds: 1}}",
        directory.display()
    );
    prepare(place, &state);
    let runs = Runs::over(place);
    runs.start(START.parse().unwrap()).await
}

async fn shown(agent: &str) -> Option<Exposition> {
    Exposition::at(&format!("{agent}/metrics")).await
}

async fn health(agent: &str) -> Option<(StatusCode, String)> {
    let (status, _, body) = get(&format!("{agent}/-/healthy")).await?;
    Some((status, String::from_utf8_lossy(&body).trim_end().to_owned()))
}

fn report_time(seen: &Exposition) -> Option<f64> {
    seen.one("breakeven_report_timestamp_seconds", &[])
}

fn failures(seen: &Exposition, reason: &str) -> f64 {
    let labels = [("reason", reason)];
    seen.one("breakeven_state_failures_total", &labels).unwrap()
}

/// Waits until several reports were shown one after another.
async fn reports_go_on(agent: &str) {
    for _ in 0..3 {
        let before = until("a report", async || report_time(&shown(agent).await?)).await;
        until("a later report", async || {
            report_time(&shown(agent).await?).filter(|at| *at > before)
        })
        .await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_write_of_the_state_that_hangs_stops_nothing_and_is_named() {
    let _turn = TURN.lock().await;
    let place = tempfile::tempdir().unwrap();
    let pipe = place.path().join("state/breakeven.state.new");
    fs::create_dir(place.path().join("state")).unwrap();
    make_pipe(&pipe);
    let (program, agent) = start(place.path()).await;
    reports_go_on(&agent).await;

    let named = until("health to name the write", async || {
        let (status, body) = health(&agent).await?;
        assert_eq!(status, StatusCode::OK, "{body}");
        body.contains("; state: write to ").then_some(body)
    })
    .await;
    assert!(named.contains("/state has not finished for "), "{named}");
    let (status, ..) = get(&format!("{agent}/-/ready")).await.unwrap();
    assert_eq!(status, StatusCode::OK);
    let seen = shown(&agent).await.unwrap();
    assert!(failures(&seen, "save") >= 2.0);
    assert_eq!(
        seen.one("breakeven_state_last_save_timestamp_seconds", &[]),
        None
    );
    let said = program.said();
    assert!(
        said.contains("state cannot be kept") && said.contains("has not finished for"),
        "{said}"
    );

    // The disk works again: the write that hung ends, and the next one is of the newest state.
    let aside = place.path().join("pipe");
    fs::rename(&pipe, &aside).unwrap();
    let other_end = std::thread::spawn(move || fs::read(aside));
    let saved = until("a state that is kept", async || {
        shown(&agent)
            .await?
            .one("breakeven_state_last_save_timestamp_seconds", &[])
    })
    .await;
    other_end.join().unwrap().unwrap();
    assert!(saved >= report_time(&seen).unwrap());
    let (status, body) = health(&agent).await.unwrap();
    assert_eq!(
        (status, body.as_str()),
        (StatusCode::OK, "breakeven is healthy")
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_program_whose_disk_hangs_ends_when_it_is_told_to_and_says_what_was_not_written() {
    let _turn = TURN.lock().await;
    let place = tempfile::tempdir().unwrap();
    fs::create_dir(place.path().join("state")).unwrap();
    make_pipe(&place.path().join("state/breakeven.state.new"));
    let (mut program, agent) = start(place.path()).await;
    reports_go_on(&agent).await;
    let signalled = Instant::now();
    program.signal("TERM");
    let status = program.ends().await;
    // Kubernetes gives a pod 30 s.
    assert!(
        signalled.elapsed() < Duration::from_secs(30),
        "{:?}",
        signalled.elapsed()
    );
    assert_eq!(status.code(), Some(1));
    let said = program.said();
    assert!(
        said.contains("the last state could not be written: write to "),
        "{said}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_state_that_cannot_be_read_in_time_is_done_without_and_is_not_written_over() {
    let _turn = TURN.lock().await;
    let place = tempfile::tempdir().unwrap();
    let pipe = place.path().join("state/breakeven.state");
    fs::create_dir(place.path().join("state")).unwrap();
    make_pipe(&pipe);
    let (program, agent) = start(place.path()).await;
    reports_go_on(&agent).await;
    let said = program.said();
    assert!(said.contains("kept state cannot be read in time"), "{said}");
    assert_eq!(failures(&shown(&agent).await.unwrap(), "load"), 1.0);

    // The disk works again. What it held was not read, so it is set aside.
    let aside = place.path().join("pipe");
    fs::rename(&pipe, &aside).unwrap();
    fs::write(&pipe, "the state of before").unwrap();
    let other_end = std::thread::spawn(move || fs::write(aside, ""));
    until("a state that is kept", async || {
        shown(&agent)
            .await?
            .one("breakeven_state_last_save_timestamp_seconds", &[])
    })
    .await;
    other_end.join().unwrap().unwrap();
    let names = fs::read_dir(place.path().join("state")).unwrap();
    let texts: Vec<String> = names
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.to_string_lossy().contains("breakeven.state."))
        .map(|path| fs::read_to_string(path).unwrap())
        .collect();
    assert!(
        texts.contains(&"the state of before".to_owned()),
        "{texts:?}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_configuration_that_cannot_be_read_in_time_is_refused_and_reports_go_on() {
    let _turn = TURN.lock().await;
    let place = tempfile::tempdir().unwrap();
    let (mut program, agent) = start(place.path()).await;
    until("readiness", async || get(&format!("{agent}/-/ready")).await).await;
    let config = place.path().join("config.yaml");
    fs::remove_file(&config).unwrap();
    make_pipe(&config);
    program.signal("HUP");
    reports_go_on(&agent).await;
    program
        .says(|said| {
            said.contains("read of the configuration has not finished")
                .then_some(())
        })
        .await;
    reports_go_on(&agent).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_program_that_waits_for_its_configuration_ends_at_sigterm() {
    let _turn = TURN.lock().await;
    let place = tempfile::tempdir().unwrap();
    let (mut program, agent) = start(place.path()).await;
    until("readiness", async || get(&format!("{agent}/-/ready")).await).await;
    let config = place.path().join("config.yaml");
    fs::remove_file(&config).unwrap();
    make_pipe(&config);
    program.signal("HUP");
    until("health to name the read", async || {
        let (status, body) = health(&agent).await?;
        assert_eq!(status, StatusCode::OK, "{body}");
        let named = "; config: read of the configuration has not finished for ";
        body.contains(named).then_some(())
    })
    .await;
    // A second reload is queued behind the first one.
    program.signal("HUP");
    program.signal("TERM");
    let status = program.ends().await;
    let said = program.said();
    assert!(status.success(), "{status}");
    assert!(!said.contains("configuration refused"), "it waited\n{said}");
}
