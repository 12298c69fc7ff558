use std::fmt;

use bytes::Bytes;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de, ser};
use serde_json::value::RawValue;

/// One JSON value as the bytes that were received or will be sent.
///
/// Nothing is parsed until [`decode`](RawJson::decode), so numbers of any size, the order of keys and
/// unknown members survive, and a value that is only passed on is never built up in memory. Cloning is
/// cheap: the bytes are shared.
#[derive(Clone)]
pub struct RawJson {
    // A range of a frame rather than a slice of it: no reference count is touched to cut it out.
    frame: Bytes,
    start: usize,
    end: usize,
}

impl RawJson {
    /// Serialises a value.
    ///
    /// # Errors
    /// When `value` cannot be JSON, such as a map whose keys are not strings.
    pub fn from_serialize<T: Serialize + ?Sized>(value: &T) -> Result<Self, serde_json::Error> {
        serde_json::to_vec(value).map(Self::trusted)
    }

    /// Checks that `text` is one JSON value and keeps it as it stands.
    ///
    /// # Errors
    /// When it is not JSON.
    pub fn from_text(text: impl Into<Bytes>) -> Result<Self, serde_json::Error> {
        let frame = text.into();
        let raw: &RawValue = serde_json::from_slice(&frame)?;
        let (start, end) = range_in(&frame, raw);
        Ok(Self { frame, start, end })
    }

    /// Takes bytes that are one valid JSON value, without checking it.
    ///
    /// For callers that have just written the bytes with a JSON writer; anything else sends a broken
    /// message to the peer.
    pub fn trusted(json: impl Into<Bytes>) -> Self {
        let frame = json.into();
        let end = frame.len();
        Self { frame, start: 0, end }
    }

    pub(crate) fn part_of(frame: Bytes, (start, end): (usize, usize)) -> Self {
        Self { frame, start, end }
    }

    /// The bytes of the value.
    pub fn as_bytes(&self) -> &[u8] {
        &self.frame[self.start..self.end]
    }

    /// The bytes of the value, shared with this one.
    pub fn to_bytes(&self) -> Bytes {
        self.frame.slice(self.start..self.end)
    }

    /// The length in bytes.
    pub fn len(&self) -> usize {
        self.end - self.start
    }

    /// Whether there are no bytes, which no valid value has.
    pub fn is_empty(&self) -> bool {
        self.start == self.end
    }

    /// The bytes of memory that this value keeps alive: all of the message that it was cut out of.
    pub fn held_bytes(&self) -> usize {
        self.frame.len()
    }

    /// Copies the value into an allocation of exactly its size, so that it no longer keeps the message
    /// alive that it was cut out of.
    pub fn detach(&mut self) {
        *self = Self::trusted(Bytes::copy_from_slice(self.as_bytes()));
    }

    /// Whether the value is `null`.
    pub fn is_null(&self) -> bool {
        self.as_bytes() == b"null"
    }

    /// Parses the value, borrowing from it where `T` can.
    ///
    /// # Errors
    /// When the value does not have the shape of `T`.
    pub fn decode<'a, T: Deserialize<'a>>(&'a self) -> Result<T, serde_json::Error> {
        from_json(self.as_bytes())
    }
}

/// Parses JSON. To check all of it for UTF-8 at once is cheaper than string by string.
pub(crate) fn from_json<'a, T: Deserialize<'a>>(json: &'a [u8]) -> Result<T, serde_json::Error> {
    match std::str::from_utf8(json) {
        Ok(text) => serde_json::from_str(text),
        Err(_) => serde_json::from_slice(json),
    }
}

/// Where `raw`, which was parsed out of `frame`, lies in it.
pub(crate) fn range_in(frame: &[u8], raw: &RawValue) -> (usize, usize) {
    let start = raw.get().as_ptr().addr() - frame.as_ptr().addr();
    (start, start + raw.get().len())
}

impl fmt::Debug for RawJson {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&String::from_utf8_lossy(self.as_bytes()))
    }
}

impl PartialEq for RawJson {
    fn eq(&self, other: &Self) -> bool {
        self.as_bytes() == other.as_bytes()
    }
}

impl Eq for RawJson {}

impl Serialize for RawJson {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let raw: &RawValue = self.decode().map_err(ser::Error::custom)?;
        raw.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for RawJson {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let raw = Box::<RawValue>::deserialize(deserializer).map_err(de::Error::custom)?;
        Ok(Self::trusted(String::from(Box::<str>::from(raw))))
    }
}
