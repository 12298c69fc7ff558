use serde::Serialize;

use super::{ClientCapabilities, ElicitRequestUrlParams};
use crate::{ErrorObject, RawJson, error_code};

wire_struct! {
    /// The data of [`UNSUPPORTED_PROTOCOL_VERSION`](error_code::UNSUPPORTED_PROTOCOL_VERSION).
    ///
    /// Since 2026-07-28.
    ///
    /// Spec: [Protocol version
    /// negotiation](https://modelcontextprotocol.io/specification/2026-07-28/basic/versioning#protocol-version-negotiation)
    pub struct UnsupportedProtocolVersionData {
        required {
            /// The versions that the server supports.
            supported: Vec<String> = "supported";
            /// The version of the request.
            requested: String = "requested";
        }
    }
}

wire_struct! {
    /// The data of [`MISSING_REQUIRED_CLIENT_CAPABILITY`](error_code::MISSING_REQUIRED_CLIENT_CAPABILITY).
    ///
    /// Since 2026-07-28.
    ///
    /// Spec: [Per-request protocol
    /// fields](https://modelcontextprotocol.io/specification/2026-07-28/basic/index#per-request-protocol-fields)
    pub struct MissingRequiredClientCapabilityData {
        required {
            /// The capabilities that the client must declare.
            required_capabilities: ClientCapabilities = "requiredCapabilities";
        }
    }
}

wire_struct! {
    /// The data of [`URL_ELICITATION_REQUIRED`](error_code::URL_ELICITATION_REQUIRED). Only in 2025-11-25.
    ///
    /// Spec: [URL elicitation required
    /// error](https://modelcontextprotocol.io/specification/2025-11-25/client/elicitation#url-elicitation-required-error)
    pub struct UrlElicitationRequiredData {
        required {
            /// The pages that the user must visit before the request is retried.
            elicitations: Vec<ElicitRequestUrlParams> = "elicitations";
        }
    }
}

impl From<UnsupportedProtocolVersionData> for ErrorObject {
    fn from(data: UnsupportedProtocolVersionData) -> Self {
        let message = format!("unsupported protocol version {:?}", data.requested);
        error(error_code::UNSUPPORTED_PROTOCOL_VERSION, message, &data)
    }
}

impl From<MissingRequiredClientCapabilityData> for ErrorObject {
    fn from(data: MissingRequiredClientCapabilityData) -> Self {
        let message = "the request needs a capability that the client did not declare";
        error(error_code::MISSING_REQUIRED_CLIENT_CAPABILITY, message, &data)
    }
}

impl From<UrlElicitationRequiredData> for ErrorObject {
    fn from(data: UrlElicitationRequiredData) -> Self {
        error(error_code::URL_ELICITATION_REQUIRED, "the user must visit a web page first", &data)
    }
}

fn error(code: i64, message: impl Into<String>, data: &impl Serialize) -> ErrorObject {
    let data = RawJson::from_serialize(data).expect("protocol types are JSON objects");
    ErrorObject::new(code, message).with_data(data)
}
