//! Bodies of answers that come in pieces, with a limit on their length.

use bytes::Bytes;
use http_body_util::BodyExt;
use hyper::body::Body;

/// Why a body was not read to its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum BodyError<B, E> {
    /// It broke off.
    Broken(B),
    /// It is longer than any should be.
    TooLong,
    /// What takes it wants no more of it.
    Refused(E),
}

/// Hands a body on piece by piece, of at most `longest` bytes altogether.
pub(super) async fn pieces<B, E>(
    mut body: B,
    longest: usize,
    mut take: impl FnMut(&[u8]) -> Result<(), E>,
) -> Result<(), BodyError<B::Error, E>>
where
    B: Body<Data = Bytes> + Unpin,
{
    let mut length = 0;
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(BodyError::Broken)?;
        let Some(piece) = frame.data_ref() else {
            continue;
        };
        length += piece.len();
        if length > longest {
            return Err(BodyError::TooLong);
        }
        take(piece).map_err(BodyError::Refused)?;
    }
    Ok(())
}
