use super::*;

/// A little longer than a client may take.
const SLOW: Duration = Duration::from_millis(1_001);

fn admit(connections: &Connections) -> Connection {
    connections.try_admit(Instant::now()).expect("a place")
}

/// How many connections have to close.
fn closing(connections: &[&Connection]) -> Vec<bool> {
    let closing = connections.iter().map(|one| one.close.is_cancelled());
    closing.collect()
}

#[tokio::test(start_paused = true)]
async fn idle_connections_close_first_then_slow_requests_then_slow_readers() {
    let connections = Connections::new(5);
    let reader = admit(&connections);
    reader.handle();
    reader.sent();
    let half_head = admit(&connections);
    half_head.received();
    let kept_alive = admit(&connections);
    kept_alive.received();
    kept_alive.handle();
    kept_alive.sent();
    kept_alive.flushed();
    let silent = admit(&connections);
    let reload = admit(&connections);
    reload.handle();
    tokio::time::advance(SLOW).await;
    // A byte from time to time changes nothing.
    half_head.received();

    let all = [&reader, &half_head, &kept_alive, &silent, &reload];
    let mut later = Vec::new();
    for expected in [
        [false, false, true, false, false],
        [false, false, true, true, false],
        [false, true, true, true, false],
        [true, true, true, true, false],
    ] {
        later.push(admit(&connections));
        assert_eq!(closing(&all), expected);
    }
    assert!(later.iter().all(|one| !one.close.is_cancelled()));
}

#[tokio::test(start_paused = true)]
async fn without_slow_clients_the_connection_that_did_nothing_for_the_longest_time_closes() {
    let connections = Connections::new(3);
    let download = admit(&connections);
    download.handle();
    download.sent();
    tokio::time::advance(SLOW / 4).await;
    let reload = admit(&connections);
    reload.handle();
    let new = admit(&connections);
    tokio::time::advance(SLOW / 4).await;
    download.sent();

    let next = admit(&connections);
    assert_eq!(
        closing(&[&download, &reload, &new, &next]),
        [false, false, true, false]
    );
}

#[tokio::test]
async fn a_place_waits_for_connections_that_close_and_for_nothing_else() {
    let connections = Connections::new(1);
    let mut open: Vec<_> = (0..=CLOSING_LIMIT).map(|_| admit(&connections)).collect();
    assert_eq!(lock(&connections.0.table).closing, CLOSING_LIMIT);
    assert!(connections.try_admit(Instant::now()).is_none());

    let waiting = connections.clone();
    let admitted = tokio::spawn(async move { waiting.admit().await });
    tokio::task::yield_now().await;
    assert!(!admitted.is_finished());
    drop(open.remove(0));
    let newest = admitted.await.unwrap();
    assert_eq!(closing(&[&newest, &open[CLOSING_LIMIT - 1]]), [false, true]);
    drop((open, newest));
    let table = lock(&connections.0.table);
    assert_eq!((table.open.len(), table.closing), (0, 0));
}

#[tokio::test(start_paused = true)]
async fn a_file_is_freed_by_a_slow_client_and_by_no_other() {
    let connections = Connections::new(5);
    let connection = admit(&connections);
    assert!(!connections.close_slow().await);
    tokio::time::advance(SLOW).await;
    let closing = connections.clone();
    let closed = tokio::spawn(async move { closing.close_slow().await });
    connection.must_close().await;
    assert!(!closed.is_finished());
    drop(connection);
    assert!(closed.await.unwrap());
}

/// Also an idle one: its last response may still be in the kernel's send buffer.
#[test]
fn a_connection_that_closes_for_another_or_times_out_is_reset() {
    let connections = Connections::new(1);
    for advance in [
        (&|_: &Connection| ()) as &dyn Fn(&Connection),
        &Connection::received,
        &Connection::sent,
        &|connection| {
            connection.sent();
            connection.flushed();
        },
    ] {
        let first = admit(&connections);
        advance(&first);
        assert!(!first.must_reset());
        let second = admit(&connections);
        assert!(first.must_reset());
        drop(first);
        advance(&second);
        assert!(!second.must_reset());
        second.time_out();
        assert!(second.must_reset());
    }
}
