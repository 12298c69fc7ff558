use std::{fmt, str::FromStr};

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

/// A released revision of the protocol.
///
/// Revisions are not ordered: use [`era`](Self::era) rather than comparing dates. Messages store the version
/// that a peer sent as a string, since it may be an unknown one.
///
/// ```
/// use mcp_core::{Era, ProtocolVersion};
///
/// let version: ProtocolVersion = "2026-07-28".parse()?;
/// assert_eq!(version, ProtocolVersion::LATEST_MODERN);
/// assert_eq!(version.era(), Era::Modern);
/// # Ok::<(), mcp_core::UnknownVersion>(())
/// ```
///
/// Spec: [Versioning](https://modelcontextprotocol.io/specification/2026-07-28/basic/versioning)
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ProtocolVersion {
    /// 2024-11-05: stdio and HTTP+SSE.
    V2024_11_05,
    /// 2025-03-26: Streamable HTTP, batches.
    V2025_03_26,
    /// 2025-06-18: structured output, elicitation.
    V2025_06_18,
    /// 2025-11-25: tasks, URL elicitation, icons.
    V2025_11_25,
    /// 2026-07-28: stateless requests, `server/discover`.
    V2026_07_28,
}

/// How a connection is opened, and which metadata requests have.
///
/// Spec:
/// [Terminology](https://modelcontextprotocol.io/specification/2026-07-28/basic/versioning#terminology)
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[expect(clippy::exhaustive_enums, reason = "the specification defines these two")]
pub enum Era {
    /// Opened by `initialize`; the session has state. Until 2025-11-25.
    Legacy,
    /// Every request has its version and capabilities. Since 2026-07-28.
    Modern,
}

impl ProtocolVersion {
    /// All released revisions, newest first.
    pub const ALL: [Self; 5] = [
        Self::V2026_07_28,
        Self::V2025_11_25,
        Self::V2025_06_18,
        Self::V2025_03_26,
        Self::V2024_11_05,
    ];
    /// The newest revision of the modern era.
    pub const LATEST_MODERN: Self = Self::V2026_07_28;
    /// The newest revision of the legacy era.
    pub const LATEST_LEGACY: Self = Self::V2025_11_25;

    /// The revision as sent on the wire, a date.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::V2024_11_05 => "2024-11-05",
            Self::V2025_03_26 => "2025-03-26",
            Self::V2025_06_18 => "2025-06-18",
            Self::V2025_11_25 => "2025-11-25",
            Self::V2026_07_28 => "2026-07-28",
        }
    }

    /// The era of the revision.
    pub const fn era(self) -> Era {
        match self {
            Self::V2026_07_28 => Era::Modern,
            _ => Era::Legacy,
        }
    }
}

impl fmt::Display for ProtocolVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// The error of parsing a [`ProtocolVersion`]: an unknown revision.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("unknown protocol version {0:?}")]
pub struct UnknownVersion(pub String);

impl FromStr for ProtocolVersion {
    type Err = UnknownVersion;

    fn from_str(text: &str) -> Result<Self, UnknownVersion> {
        Self::ALL
            .into_iter()
            .find(|version| version.as_str() == text)
            .ok_or_else(|| UnknownVersion(text.to_owned()))
    }
}

impl Serialize for ProtocolVersion {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

impl<'de> Deserialize<'de> for ProtocolVersion {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
        text.parse().map_err(de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;

    #[test]
    fn only_the_dates_of_revisions_are_parsed() {
        for version in ProtocolVersion::ALL {
            assert_eq!(version.as_str().parse(), Ok(version));
            let json = serde_json::to_string(&version).unwrap();
            assert_eq!(json, format!("\"{version}\""));
            assert_eq!(serde_json::from_str::<ProtocolVersion>(&json).unwrap(), version);
        }
        for text in ["", "2026-07-29", "2026-07-28 ", "DRAFT-2026-v1"] {
            assert!(text.parse::<ProtocolVersion>().is_err(), "{text}");
        }
        assert_eq!(ProtocolVersion::LATEST_MODERN.era(), Era::Modern);
        assert_eq!(ProtocolVersion::LATEST_LEGACY.era(), Era::Legacy);
    }
}
