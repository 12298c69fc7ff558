//! Conversion of errors of other crates, for `?`.

use std::any::Any;

use mcp_core::{ErrorClass, PublicError, ToolError, method};
use mcp_transport::Error as TransportError;

use super::{Error, ErrorKind};

/// An error that concerns no session: it has no server name, and [`Error::find`] returns the original error.
impl<E: PublicError> From<E> for Error {
    fn from(error: E) -> Self {
        let any: &dyn Any = &error;
        if let Some(error) = any.downcast_ref::<TransportError>() {
            return Self::from_transport("", error.clone());
        }
        if let Some(error) = any.downcast_ref::<ToolError>() {
            let (text, result) = (error.to_string(), error.result().clone());
            return Self::from_result(ErrorKind::Tool, "", result, text)
                .with_method(method::TOOLS_CALL);
        }
        let kind = match error.class() {
            ErrorClass::Config => ErrorKind::Config,
            ErrorClass::Decode => ErrorKind::Decode,
            _ => ErrorKind::Other,
        };
        let boxed: Box<dyn std::error::Error + Send + Sync> = Box::new(error);
        Self::new(kind, "", "").with_source(boxed)
    }
}

#[cfg(test)]
mod tests {
    use std::io;

    use mcp_core::CallToolResult;
    use mcp_transport::ErrorKind as Kind;

    use super::*;

    fn converted<T, E: PublicError>(result: Result<T, E>) -> Error {
        let convert = || {
            result?;
            Ok(())
        };
        let converted: Result<(), Error> = convert();
        converted.expect_err("it failed")
    }

    #[test]
    fn an_error_keeps_its_kind_its_text_and_its_type() {
        let url = TransportError::new(Kind::Config, "not a URL").with_target("hst");
        let error = converted::<(), _>(Err(url));
        assert_eq!((error.kind(), error.server()), (ErrorKind::Config, ""));
        assert_eq!(error.to_string(), "hst: not a URL");
        assert!(error.find::<TransportError>().is_some());

        let failed = CallToolResult::error("no such book").into_result();
        let error = converted(failed);
        assert_eq!(error.kind(), ErrorKind::Tool);
        assert_eq!(error.to_string(), "tools/call: no such book");
        assert!(error.result().is_some_and(CallToolResult::is_error));

        let error = converted(CallToolResult::from_text("x").structured::<u32>());
        assert_eq!(error.kind(), ErrorKind::Decode);
        assert!(error.find::<serde_json::Error>().is_some());

        let error = converted::<(), _>(Err(io::Error::other("disk full")));
        assert_eq!((error.kind(), error.to_string()), (ErrorKind::Other, "disk full".to_owned()));
    }
}
