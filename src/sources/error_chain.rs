//! Errors with the errors behind them.

use std::error::Error;

/// The error and all its causes in one line, without those that only repeat what is said before.
pub(super) fn causes(error: &(dyn Error + 'static)) -> String {
    let mut text = String::new();
    for cause in chain(error) {
        let next = cause.to_string();
        if text.ends_with(&next) {
            continue;
        }
        if !text.is_empty() {
            text.push_str(": ");
        }
        text.push_str(&next);
    }
    text
}

/// The first error of this type among the error and its causes.
pub(super) fn cause<'a, E: Error + 'static>(error: &'a (dyn Error + 'static)) -> Option<&'a E> {
    chain(error).find_map(|error| error.downcast_ref())
}

/// The error and its causes, outermost first.
pub(super) fn chain<'a>(
    error: &'a (dyn Error + 'static),
) -> impl Iterator<Item = &'a (dyn Error + 'static)> {
    std::iter::successors(Some(error), |error| (*error).source())
}

#[cfg(test)]
mod tests {
    use std::io;

    use super::*;

    #[derive(Debug, thiserror::Error)]
    #[error("reading failed")]
    struct Outer(#[source] io::Error);

    #[derive(Debug, thiserror::Error)]
    #[error("{0}")]
    struct Wrapped(#[source] io::Error);

    #[test]
    fn causes_stand_behind_each_other_and_none_twice() {
        let inner = || io::Error::other("disk on fire");
        assert_eq!(causes(&Outer(inner())), "reading failed: disk on fire");
        assert_eq!(causes(&Wrapped(inner())), "disk on fire");
        assert!(cause::<io::Error>(&Outer(inner())).is_some());
        assert!(cause::<Wrapped>(&Outer(inner())).is_none());
    }
}
