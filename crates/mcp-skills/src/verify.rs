//! Verification of files against the list.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use bytes::Bytes;
use mcp_core::{ReadResourceResult, ResourceContents};
use sha2::{Digest as _, Sha256};

use crate::{SkillErrorKind, SkillFile, path};

/// A value, or the kind and message of an error.
pub(crate) type Checked<T> = Result<T, (SkillErrorKind, String)>;

/// The bytes of a file.
pub(crate) fn bytes(read: ReadResourceResult, uri: &str) -> Checked<Bytes> {
    let wrong = |message: String| (SkillErrorKind::Contents, message);
    let mut contents = read.contents.into_iter();
    let (Some(contents), None) = (contents.next(), contents.next()) else {
        return Err(wrong("it is not a single text or blob".to_owned()));
    };
    if !path::is_same(contents.uri(), uri) {
        return Err(wrong("the server sent another file".to_owned()));
    }
    match contents {
        ResourceContents::Text(contents) => Ok(contents.text.into()),
        ResourceContents::Blob(contents) => {
            let decoded = STANDARD.decode(&contents.blob);
            decoded
                .map(Bytes::from)
                .map_err(|error| wrong(format!("its base64 is invalid: {error}")))
        }
        _ => Err(wrong("it is neither a text nor a blob".to_owned())),
    }
}

/// Spec: ext-skills skills#verification-on-read
pub(crate) fn verify(bytes: &[u8], listed: &SkillFile) -> Checked<()> {
    let size = bytes.len() as u64;
    if size != listed.size {
        let message = format!("it has {size} bytes, but {} are listed", listed.size);
        return Err((SkillErrorKind::Size, message));
    }
    let digest = digest(bytes);
    if digest != listed.digest {
        let message = format!("its digest is {digest}, but {} is listed", listed.digest);
        return Err((SkillErrorKind::Digest, message));
    }
    Ok(())
}

fn digest(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    let mut text = "sha256:".to_owned();
    for byte in Sha256::digest(bytes) {
        // Writing to a string never fails.
        let _ = write!(text, "{byte:02x}");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_digest_is_written_as_listed() {
        let abc = "sha256:ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        assert_eq!(digest(b"abc"), abc);
    }
}
