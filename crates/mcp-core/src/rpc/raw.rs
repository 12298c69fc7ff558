use std::fmt;

use bytes::Bytes;
use serde::{
    Deserialize, Deserializer, Serialize, Serializer,
    de::{self, DeserializeOwned},
    ser,
};
use serde_json::{Value, value::RawValue};

/// One JSON value as raw bytes, received or to be sent.
///
/// It is parsed only by [`decode`](RawJson::decode). So numbers of any size, the order of keys and unknown
/// members are preserved, and a value that is only forwarded is never parsed. Cloning is cheap: clones share
/// the bytes.
///
/// ```
/// use mcp_core::RawJson;
///
/// let raw = RawJson::from_text(r#"{"b":1, "a":12345678901234567890}"#)?;
/// assert_eq!(raw.as_bytes(), br#"{"b":1, "a":12345678901234567890}"#);
/// let value: serde_json::Value = raw.decode()?;
/// assert_eq!(value["b"], 1);
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Clone)]
pub struct RawJson {
    // A range of the frame rather than a `Bytes` slice: no reference count is changed to create it.
    frame: Bytes,
    start: usize,
    end: usize,
}

impl RawJson {
    /// Serializes a value.
    ///
    /// # Errors
    /// If `value` has no JSON representation, such as a map whose keys are not strings.
    pub fn from_serialize<T: Serialize + ?Sized>(value: &T) -> Result<Self, serde_json::Error> {
        serde_json::to_vec(value).map(Self::trusted)
    }

    /// Validates that `text` is one JSON value, and stores it unchanged.
    ///
    /// # Errors
    /// If it is not one JSON value.
    pub fn from_text(text: impl Into<Bytes>) -> Result<Self, serde_json::Error> {
        Self::from_bytes(text.into())
    }

    fn from_bytes(frame: Bytes) -> Result<Self, serde_json::Error> {
        let raw: &RawValue = serde_json::from_slice(&frame)?;
        let (start, end) = range_in(&frame, raw);
        Ok(Self { frame, start, end })
    }

    /// Wraps bytes that are one valid JSON value, without validation.
    ///
    /// For output of a JSON serializer or literals. Invalid bytes would be sent to the peer as an invalid
    /// message.
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

    /// The bytes of the value as a shared buffer, without copying.
    pub fn to_bytes(&self) -> Bytes {
        self.frame.slice(self.start..self.end)
    }

    /// The length in bytes.
    pub fn len(&self) -> usize {
        self.end - self.start
    }

    /// Whether it has no bytes. Never true for a valid value.
    pub fn is_empty(&self) -> bool {
        self.start == self.end
    }

    /// The message or value that it is part of.
    pub fn into_frame(self) -> Bytes {
        self.frame
    }

    /// The memory that the value retains, in bytes: the whole frame that it is part of.
    pub fn retained_bytes(&self) -> usize {
        self.frame.len()
    }

    /// Copies the value into an allocation of its own size, so that it no longer retains its frame.
    pub fn detach(&mut self) {
        *self = Self::trusted(Bytes::copy_from_slice(self.as_bytes()));
    }

    /// Whether the value is `null`.
    pub fn is_null(&self) -> bool {
        self.as_bytes() == b"null"
    }

    /// Parses the value. `T` may borrow from it.
    ///
    /// # Errors
    /// If the value cannot be deserialized as `T`.
    pub fn decode<'a, T: Deserialize<'a>>(&'a self) -> Result<T, serde_json::Error> {
        from_json(self.as_bytes())
    }
}

/// Parses JSON. Validating UTF-8 once for the whole text is faster than for each string, and each type needs only the
/// decoder of text.
pub(crate) fn from_json<'a, T: Deserialize<'a>>(json: &'a [u8]) -> Result<T, serde_json::Error> {
    match std::str::from_utf8(json) {
        Ok(text) => serde_json::from_str(text),
        Err(error) => Err(not_text(json, &error)),
    }
}

/// The error of JSON that is not UTF-8, with its line and column.
#[cold]
fn not_text(json: &[u8], error: &std::str::Utf8Error) -> serde_json::Error {
    let parsed = serde_json::from_slice::<Value>(json);
    parsed.err().unwrap_or_else(|| de::Error::custom(error))
}

/// Decodes a value through its text, so that each type has one decoder. For what is rarely decoded.
///
/// # Errors
/// Like those of the decoder, without a position, which would be that in the intermediate text.
pub(crate) fn from_value<T: DeserializeOwned>(
    value: &impl Serialize,
) -> Result<T, serde_json::Error> {
    serde_json::from_str(&serde_json::to_string(value)?).map_err(without_position)
}

fn without_position(error: serde_json::Error) -> serde_json::Error {
    let text = error.to_string();
    let position = format!(" at line {} column {}", error.line(), error.column());
    de::Error::custom(text.strip_suffix(&position).unwrap_or(&text))
}

/// The range of `raw` in the `frame` from which it was parsed.
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
