use serde::Serialize;

use super::{ClientCapabilities, ElicitRequestUrlParams};
use crate::{ErrorObject, RawJson, error_code};

wire_struct! {
    /// The data of [`UNSUPPORTED_PROTOCOL_VERSION`](error_code::UNSUPPORTED_PROTOCOL_VERSION).
    ///
    /// Spec: basic/versioning#protocol-version-negotiation
    pub struct UnsupportedProtocolVersionData {
        required {
            /// The revisions that the server speaks.
            supported: Vec<String> = "supported";
            /// The one that was asked for.
            requested: String = "requested";
        }
    }
}

wire_struct! {
    /// The data of [`MISSING_REQUIRED_CLIENT_CAPABILITY`](error_code::MISSING_REQUIRED_CLIENT_CAPABILITY).
    ///
    /// Spec: basic/index#per-request-protocol-fields
    pub struct MissingRequiredClientCapabilityData {
        required {
            /// What the client would have to declare.
            required_capabilities: ClientCapabilities = "requiredCapabilities";
        }
    }
}

wire_struct! {
    /// The data of [`URL_ELICITATION_REQUIRED`](error_code::URL_ELICITATION_REQUIRED). In 2025-11-25
    /// alone.
    ///
    /// Spec: 2025-11-25 client/elicitation#url-elicitation-required-error
    pub struct UrlElicitationRequiredData {
        required {
            /// The pages to visit before asking again.
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
        let message = "the client does not declare a capability that this needs";
        error(error_code::MISSING_REQUIRED_CLIENT_CAPABILITY, message, &data)
    }
}

impl From<UrlElicitationRequiredData> for ErrorObject {
    fn from(data: UrlElicitationRequiredData) -> Self {
        error(error_code::URL_ELICITATION_REQUIRED, "a web page has to be visited first", &data)
    }
}

fn error(code: i64, message: impl Into<String>, data: &impl Serialize) -> ErrorObject {
    let data = RawJson::from_serialize(data).expect("protocol types are JSON objects");
    ErrorObject::new(code, message).with_data(data)
}
