//! Pages of an answer, and the tokens that lead from one to the next.

use crate::aws::error::AwsError;
use crate::aws::pagination_token;

/// Where the next page goes on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Position {
    /// Results passed.
    pub(super) result: usize,
    /// Points of the next result passed.
    pub(super) point: usize,
    /// The time of asking of the first page, in seconds since 1970: later pages show the same data.
    pub(super) asked_at: i64,
}

/// A part of one result on a page.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Slice {
    pub(super) result: usize,
    pub(super) points: std::ops::Range<usize>,
    /// Whether this is the last part of the result.
    pub(super) complete: bool,
}

/// The parts on the page that begins at `from`, holding at most `limit` points, and where the next begins.
///
/// `points_of` gives the number of points of a result. A result without points takes no room, so it
/// stands on the page where its turn comes.
pub(super) fn page(
    results: usize,
    mut points_of: impl FnMut(usize) -> usize,
    from: Position,
    limit: usize,
) -> (Vec<Slice>, Option<Position>) {
    let mut slices = Vec::new();
    let mut room = limit;
    let mut begin = from.point;
    for result in from.result..results {
        let all = points_of(result);
        let end = all.min(begin + room);
        if room == 0 && all > begin {
            return (
                slices,
                Some(Position {
                    result,
                    point: begin,
                    ..from
                }),
            );
        }
        slices.push(Slice {
            result,
            points: begin..end,
            complete: end == all,
        });
        if end < all {
            return (
                slices,
                Some(Position {
                    result,
                    point: end,
                    ..from
                }),
            );
        }
        room -= end - begin;
        begin = 0;
    }
    (slices, None)
}

impl Position {
    /// An opaque token, good only for the request that `request` describes.
    pub(super) fn to_token(self, request: &str) -> String {
        let Self {
            result,
            point,
            asked_at,
        } = self;
        pagination_token::write(&format!("{result}.{point}.{asked_at}"), request)
    }

    /// The place in a token of [`Self::to_token`].
    pub(super) fn from_token(token: &str, request: &str) -> Result<Self, AwsError> {
        let open = || {
            let fields = pagination_token::read(token, request)?;
            let mut numbers = fields.split('.');
            Some(Self {
                result: numbers.next()?.parse().ok()?,
                point: numbers.next()?.parse().ok()?,
                asked_at: numbers.next()?.parse().ok()?,
            })
        };
        open().ok_or_else(|| {
            AwsError::bad_token("The service rejected the input token; it is not of this request.")
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// All pages of results with these numbers of points.
    fn pages(sizes: &[usize], limit: usize) -> Vec<Vec<Slice>> {
        let mut pages = Vec::new();
        let mut from = Position {
            asked_at: 7,
            ..Position::default()
        };
        loop {
            let (slices, next) = page(sizes.len(), |result| sizes[result], from, limit);
            pages.push(slices);
            match next {
                Some(next) => from = next,
                None => return pages,
            }
        }
    }

    #[test]
    fn a_result_is_split_and_complete_only_with_its_last_part() {
        let slice = |result, points, complete| Slice {
            result,
            points,
            complete,
        };
        assert_eq!(
            pages(&[3, 0, 4], 5),
            [
                vec![
                    slice(0, 0..3, true),
                    slice(1, 0..0, true),
                    slice(2, 0..2, false)
                ],
                vec![slice(2, 2..4, true)],
            ]
        );
    }

    #[test]
    fn pages_put_together_are_the_whole_for_every_limit() {
        let sizes = [5, 0, 1, 12, 0, 3, 7, 0];
        for limit in 1..=30 {
            let pages = pages(&sizes, limit);
            for page in &pages {
                assert!(page.iter().map(|slice| slice.points.len()).sum::<usize>() <= limit);
            }
            for (result, size) in sizes.into_iter().enumerate() {
                let parts: Vec<&Slice> = pages
                    .iter()
                    .flatten()
                    .filter(|slice| slice.result == result)
                    .collect();
                let mut next = 0;
                for part in &parts {
                    assert_eq!(part.points.start, next, "limit {limit}, result {result}");
                    next = part.points.end;
                }
                assert_eq!(next, size);
                let complete: Vec<bool> = parts.iter().map(|part| part.complete).collect();
                assert_eq!(complete.iter().filter(|complete| **complete).count(), 1);
                assert!(complete.last().unwrap());
            }
        }
    }

    #[test]
    fn a_last_page_that_is_just_full_has_no_successor() {
        assert_eq!(pages(&[2, 3], 5).len(), 1);
        assert_eq!(pages(&[5, 5], 5).len(), 2);
    }

    #[test]
    fn a_token_is_good_for_its_own_request_only() {
        let position = Position {
            result: 3,
            point: 1_440,
            asked_at: 1_700_000_000,
        };
        let token = position.to_token("request");
        assert_eq!(Position::from_token(&token, "request"), Ok(position));
        let mut forged = token.clone().into_bytes();
        forged[1] = if forged[1] == b'3' { b'4' } else { b'3' };
        let forged = String::from_utf8(forged).unwrap();
        for (bad, request) in [
            (token.as_str(), "other"),
            (&forged, "request"),
            ("", "request"),
            ("zz", "request"),
            ("é", "request"),
        ] {
            let error = Position::from_token(bad, request).unwrap_err();
            assert_eq!(error.code, "InvalidNextToken");
        }
    }
}
