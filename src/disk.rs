//! File operations with a deadline, so that a hung disk stops nothing else.
//!
//! No file operation can be canceled: on a hung NFS server it may never return. A [`Disk`] runs each operation on a
//! thread for blocking work, one at a time, and stops waiting at a deadline. While an operation has not returned, the
//! next one fails at once. So a disk that hangs takes one thread, however long it hangs.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use tokio::time::Instant;

/// Runs the file operations of one file or directory; clones share the one thread.
#[derive(Clone, Debug, Default)]
pub struct Disk(Arc<Mutex<Option<Operation>>>);

/// The disks of a program, each with the name of its use; clones share the list.
#[derive(Clone, Debug, Default)]
pub struct Disks(Arc<Mutex<Vec<NamedDisk>>>);

/// Does not keep the disk in use. A running operation does.
#[derive(Debug)]
struct NamedDisk {
    name: String,
    disk: Weak<Mutex<Option<Operation>>>,
}

impl Disks {
    /// Adds a disk until its last clone is dropped and its last operation has returned. The name is its use, such as `state`.
    pub fn watch(&self, name: impl Into<String>, disk: &Disk) {
        let mut disks = self.lock();
        disks.retain(|one| one.disk.strong_count() > 0);
        disks.push(NamedDisk {
            name: name.into(),
            disk: Arc::downgrade(&disk.0),
        });
    }

    /// The operations that run now, each with the name of its disk.
    #[must_use]
    pub fn operations(&self) -> Vec<(String, Operation)> {
        let disks = self.lock();
        let running = disks.iter().filter_map(|one| {
            let operation = Disk(one.disk.upgrade()?).operation()?;
            Some((one.name.clone(), operation))
        });
        running.collect()
    }

    fn lock(&self) -> MutexGuard<'_, Vec<NamedDisk>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A file operation that has not returned.
#[derive(Clone, Debug)]
pub struct Operation {
    what: String,
    started: Instant,
}

/// Why a file operation has no result.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DiskError {
    /// It, or the one before it, has not returned.
    #[error("{what} has not finished for {seconds} s; check the disk")]
    Unfinished {
        /// The operation, such as `write to /var/lib/breakeven`.
        what: String,
        /// The age of the operation.
        seconds: u64,
    },
    /// It panicked, or the program ends.
    #[error("{0} was broken off")]
    Broken(String),
}

impl Operation {
    /// What it does, such as `write to /var/lib/breakeven`.
    #[must_use]
    pub fn what(&self) -> &str {
        &self.what
    }

    /// How long ago it started.
    #[must_use]
    pub fn age(&self) -> Duration {
        self.started.elapsed()
    }

    /// Why another operation cannot start now.
    #[must_use]
    pub fn unfinished(&self) -> DiskError {
        DiskError::Unfinished {
            what: self.what.clone(),
            seconds: self.age().as_secs(),
        }
    }
}

/// Marks the operation as returned when it is dropped, also by a panic.
struct Running(Disk);

impl Drop for Running {
    fn drop(&mut self) {
        *self.0.lock() = None;
    }
}

impl Disk {
    /// The operation that runs now.
    #[must_use]
    pub fn operation(&self) -> Option<Operation> {
        self.lock().clone()
    }

    /// Runs an operation and waits for its result until the deadline. After that it goes on, and its result is dropped.
    ///
    /// # Errors
    /// Fails if the operation has no result by the deadline, or if the one before it has not returned.
    pub async fn run<T: Send + 'static>(
        &self,
        what: String,
        deadline: Duration,
        operation: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, DiskError> {
        let started = Operation {
            what,
            started: Instant::now(),
        };
        let running = self.begin(&started)?;
        let task = tokio::task::spawn_blocking(move || {
            let result = operation();
            drop(running);
            result
        });
        match tokio::time::timeout(deadline, task).await {
            Ok(Ok(result)) => Ok(result),
            Ok(Err(_)) => Err(DiskError::Broken(started.what)),
            Err(_) => Err(started.unfinished()),
        }
    }

    fn begin(&self, operation: &Operation) -> Result<Running, DiskError> {
        let mut current = self.lock();
        match &*current {
            Some(before) => Err(before.unfinished()),
            None => {
                *current = Some(operation.clone());
                Ok(Running(self.clone()))
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, Option<Operation>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use super::*;

    const DEADLINE: Duration = Duration::from_millis(50);
    const PATIENCE: Duration = Duration::from_secs(60);

    fn write() -> String {
        "write to /x".to_owned()
    }

    #[tokio::test]
    async fn an_operation_that_hangs_fails_at_its_deadline_and_lets_no_other_start_until_it_returns()
     {
        let disk = Disk::default();
        let (release, hangs) = mpsc::channel::<()>();
        let hung = disk.run(write(), DEADLINE, move || hangs.recv());
        let error = hung.await.unwrap_err().to_string();
        assert!(
            error.starts_with("write to /x has not finished for"),
            "{error}"
        );
        for _ in 0..100 {
            let refused = disk.run("read of /x".to_owned(), PATIENCE, || ()).await;
            let error = refused.unwrap_err().to_string();
            assert!(
                error.starts_with("write to /x has not finished for"),
                "{error}"
            );
        }
        assert_eq!(disk.operation().unwrap().what(), "write to /x");
        drop(release);
        while disk.operation().is_some() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        assert_eq!(disk.run(write(), PATIENCE, || 7).await, Ok(7));
    }

    #[tokio::test]
    async fn a_disk_is_watched_until_it_is_dropped_and_its_operation_has_returned() {
        let (disks, disk) = (Disks::default(), Disk::default());
        disks.watch("state", &disk);
        assert!(disks.operations().is_empty());
        let (release, hangs) = mpsc::channel::<()>();
        let hung = disk.run(write(), DEADLINE, move || hangs.recv()).await;
        assert!(hung.is_err());
        drop(disk);
        let named: Vec<_> = disks.operations();
        assert_eq!(named.len(), 1);
        assert_eq!(
            (named[0].0.as_str(), named[0].1.what()),
            ("state", "write to /x")
        );
        drop(release);
        while !disks.operations().is_empty() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        disks.watch("another", &Disk::default());
        assert_eq!(disks.lock().len(), 1, "the first one is gone");
    }

    #[tokio::test]
    async fn an_operation_that_panics_is_an_error_and_the_next_one_runs() {
        let disk = Disk::default();
        let broken = disk.run(write(), PATIENCE, || panic!("on purpose")).await;
        assert_eq!(broken, Err::<(), _>(DiskError::Broken(write())));
        assert_eq!(disk.run(write(), PATIENCE, || 7).await, Ok(7));
    }
}
