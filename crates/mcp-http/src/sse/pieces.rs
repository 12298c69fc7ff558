use std::mem;

use bytes::{Bytes, BytesMut};

/// Minimum size of a chunk that is stored without copying, in bytes. Smaller ones are merged.
const LARGE: usize = 8 << 10;
/// Size at which a merged chunk is completed.
const FULL: usize = 64 << 10;

/// The start of a line, as received chunks, merged once the line is complete.
#[derive(Clone, Debug, Default)]
pub(super) struct Pieces {
    large: Vec<Bytes>,
    /// Small chunks after `pieces`.
    small: BytesMut,
    len: usize,
}

impl Pieces {
    pub(super) fn push(&mut self, piece: Bytes) {
        self.len += piece.len();
        if piece.len() < LARGE {
            self.small.extend_from_slice(&piece);
            if self.small.len() >= FULL {
                self.close_small();
            }
        } else {
            self.close_small();
            self.large.push(piece);
        }
    }

    fn close_small(&mut self) {
        if !self.small.is_empty() {
            self.large.push(mem::take(&mut self.small).freeze());
        }
    }

    pub(super) fn len(&self) -> usize {
        self.len
    }

    pub(super) fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// The last received bytes: at least one, if there are any.
    pub(super) fn last(&self) -> &[u8] {
        match self.large.last() {
            Some(piece) if self.small.is_empty() => piece,
            _ => &self.small,
        }
    }

    pub(super) fn into_bytes(mut self) -> Bytes {
        if self.large.is_empty() {
            return self.small.freeze();
        }
        self.close_small();
        if let [piece] = &mut self.large[..] {
            return mem::take(piece);
        }
        let mut whole = BytesMut::with_capacity(self.len);
        self.large.iter().for_each(|piece| whole.extend_from_slice(piece));
        whole.freeze()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pieces_of_all_sizes_are_joined_in_order() {
        let bytes: Vec<u8> = (0..1_000_000_u32).map(|n| n.to_le_bytes()[0]).collect();
        for sizes in [&[1_000_000][..], &[1], &[20_000, 3, 0], &[7_000, 9_000], &[3, 8_192]] {
            let mut pieces = Pieces::default();
            let mut rest = &bytes[..];
            for size in sizes.iter().cycle() {
                let (piece, more) = rest.split_at((*size).min(rest.len()));
                pieces.push(Bytes::copy_from_slice(piece));
                assert!(pieces.last().ends_with(piece));
                rest = more;
                if rest.is_empty() {
                    break;
                }
            }
            assert!(pieces.len() == bytes.len() && !pieces.is_empty());
            assert!(pieces.into_bytes() == bytes, "{sizes:?}");
        }
    }
}
