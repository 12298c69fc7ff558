use std::fmt;
use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::STANDARD_NO_PAD;

#[cfg(all(feature = "tls-aws-lc", not(feature = "tls-ring")))]
use aws_lc_rs::aead;
#[cfg(feature = "tls-ring")]
use ring::aead;

use aead::{Aad, CHACHA20_POLY1305, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};

use super::file::FileStore;
use super::{StoreKey, StoreLock, TokenStore};
use crate::error::{Error, ErrorKind};
use crate::secret::Secret;
use crate::sign::digest::random;

/// A [`FileStore`] with encrypted files: see [`FileStore::sealed`]. A file encrypted with another key counts as absent.
#[derive(Clone)]
pub struct Sealed {
    files: FileStore,
    key: Arc<LessSafeKey>,
}

impl Sealed {
    pub(crate) fn new(files: FileStore, key: [u8; 32]) -> Self {
        let key = zeroize::Zeroizing::new(key);
        let key = UnboundKey::new(&CHACHA20_POLY1305, &*key).expect("a key of 32 bytes");
        Self { files, key: Arc::new(LessSafeKey::new(key)) }
    }

    fn seal(&self, key: &StoreKey, value: &Secret) -> Result<Secret, Error> {
        let nonce = random::<NONCE_LEN>()?;
        let mut bytes = value.expose().as_bytes().to_vec();
        // A file is only valid under its own name.
        let about = Aad::from(key.name().as_bytes());
        self.key
            .seal_in_place_append_tag(Nonce::assume_unique_for_key(nonce), about, &mut bytes)
            .map_err(|_| Error::new(ErrorKind::Store, "the tokens could not be encrypted"))?;
        let sealed = [&nonce[..], &bytes].concat();
        Ok(Secret::new(format!("{{\"sealed\":\"{}\"}}", STANDARD_NO_PAD.encode(sealed))))
    }

    fn open(&self, key: &StoreKey, text: &Secret) -> Option<Secret> {
        let members: serde_json::Map<String, serde_json::Value> =
            serde_json::from_str(text.expose()).ok()?;
        let sealed = STANDARD_NO_PAD.decode(members.get("sealed")?.as_str()?).ok()?;
        let (nonce, bytes) = sealed.split_at_checked(NONCE_LEN)?;
        let nonce = Nonce::try_assume_unique_for_key(nonce).ok()?;
        let mut bytes = zeroize::Zeroizing::new(bytes.to_vec());
        let about = Aad::from(key.name().as_bytes());
        let plain = self.key.open_in_place(nonce, about, &mut bytes).ok()?;
        std::str::from_utf8(plain).ok().map(Secret::new)
    }
}

impl TokenStore for Sealed {
    async fn load(&self, key: &StoreKey) -> Result<Option<Secret>, Error> {
        let Some(text) = self.files.load(key).await? else { return Ok(None) };
        let opened = self.open(key, &text);
        if opened.is_none() {
            tracing::warn!(
                server = key.about(),
                "the stored tokens were encrypted with another key"
            );
        }
        Ok(opened)
    }

    async fn save(&self, key: &StoreKey, value: &Secret) -> Result<(), Error> {
        let sealed = self.seal(key, value)?;
        self.files.save(key, &sealed).await
    }

    async fn remove(&self, key: &StoreKey) -> Result<(), Error> {
        self.files.remove(key).await
    }

    async fn lock(&self, key: &StoreKey) -> Result<StoreLock, Error> {
        self.files.lock(key).await
    }
}

impl fmt::Debug for Sealed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sealed").field("files", &self.files).finish_non_exhaustive()
    }
}
