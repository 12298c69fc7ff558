use std::{
    fmt,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use bytes::Bytes;
use mcp_core::ReadResourceResult;
use mcp_session::{CacheMode, Session};

use crate::{
    Files, MAX_BYTES, Skill, SkillError, SkillErrorKind, frontmatter, path,
    verify::{self, Checked},
};

/// A skill whose `SKILL.md` matches the listed entry. Cheap to clone.
#[derive(Clone)]
pub struct LoadedSkill(Arc<Inner>);

struct Inner {
    session: Session,
    skill: Skill,
    text: String,
    /// Bytes read so far of a skill without listed files.
    read: AtomicU64,
}

impl LoadedSkill {
    pub(crate) async fn load(session: Session, skill: Skill) -> Result<Self, SkillError> {
        let mut inner = Inner { session, skill, text: String::new(), read: AtomicU64::new(0) };
        inner.skill.check().map_err(|wrong| inner.error(wrong))?;
        let uri = &inner.skill.uri;
        let text = inner.read(uri, |bytes| {
            let wrong = |message: String| (SkillErrorKind::Frontmatter, message);
            let text = String::from_utf8(bytes.into());
            let text = text.map_err(|_| wrong("it is not a text".to_owned()))?;
            match frontmatter::difference(&text, &inner.skill.frontmatter) {
                Some(difference) => Err(wrong(difference)),
                None => Ok(text),
            }
        });
        inner.text = text.await?;
        Ok(Self(Arc::new(inner)))
    }

    /// The listed entry, against which its files are verified.
    pub fn skill(&self) -> &Skill {
        &self.0.skill
    }

    /// The whole `SKILL.md`, including the frontmatter.
    pub fn text(&self) -> &str {
        &self.0.text
    }

    /// Reads another file, by its path relative to the directory of `SKILL.md` or by its URI. A fragment after `#` is
    /// ignored, unless it is part of a listed file's name.
    ///
    /// # Errors
    /// Kind [`NotListed`](SkillErrorKind::NotListed), without a request, if the file is not part of the skill; other
    /// kinds if the file cannot be read or does not match the list.
    ///
    /// Spec: ext-skills skills#the-acting-window-and-the-held-entry
    pub async fn read(&self, file: &str) -> Result<Bytes, SkillError> {
        let inner = &*self.0;
        let uri = inner.uri_of(file).ok_or_else(|| {
            let message = "it is not a file of the skill".to_owned();
            inner.error((SkillErrorKind::NotListed, message)).of_file(file)
        })?;
        inner.read(&uri, Ok).await
    }
}

impl fmt::Debug for LoadedSkill {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LoadedSkill").field("uri", &self.0.skill.uri).finish_non_exhaustive()
    }
}

impl Inner {
    fn error(&self, (kind, message): (SkillErrorKind, String)) -> SkillError {
        SkillError::new(kind, self.session.name(), message).of_skill(&self.skill.uri)
    }

    /// The URI of a file, as listed if the skill lists files.
    fn uri_of(&self, file: &str) -> Option<String> {
        let root = self.skill.root();
        let path_of = |file: &str| match file.starts_with(root) {
            true => path::within(root, file),
            false => path::plain(file),
        };
        // Links in a text may point into a file.
        let without_anchor = file.split_once('#').map_or(file, |(file, _)| file);
        match &self.skill.files {
            Files::Listed(files) => [file, without_anchor].into_iter().find_map(|file| {
                let wanted = path_of(file)?;
                let is_wanted = |uri: &&String| path::within(root, uri).as_ref() == Some(&wanted);
                files.iter().map(|file| &file.uri).find(is_wanted).cloned()
            }),
            Files::Dynamic => Some(format!("{root}/{}", path::encoded(&path_of(without_anchor)?))),
        }
    }

    /// Reads a file, and returns the output of `take` if the file matches the list. A cached file may be older than the
    /// list, so a mismatch is confirmed by reading from the server.
    async fn read<T>(
        &self,
        uri: &str,
        take: impl Fn(Bytes) -> Checked<T>,
    ) -> Result<T, SkillError> {
        let name = |error: SkillError| error.of_skill(&self.skill.uri).of_file(uri);
        let mut mode = CacheMode::Use;
        loop {
            let read = self.session.read_resource(uri).cache(mode).await;
            let read = read.map_err(|error| name(error.into()))?;
            match self.verified(read, uri).and_then(&take) {
                Ok(taken) => return Ok(taken),
                Err((kind, _)) if mode == CacheMode::Use && kind != SkillErrorKind::TooLarge => {
                    mode = CacheMode::Refresh;
                }
                Err(wrong) => return Err(name(self.error(wrong))),
            }
        }
    }

    fn verified(&self, read: ReadResourceResult, uri: &str) -> Checked<Bytes> {
        let bytes = verify::bytes(read, uri)?;
        match self.skill.file(uri) {
            Some(listed) => verify::verify(&bytes, listed)?,
            None => self.count(bytes.len() as u64)?,
        }
        Ok(bytes)
    }

    /// Counts the bytes of a skill that does not list its files.
    ///
    /// Spec: ext-skills skills#limits
    fn count(&self, more: u64) -> Checked<()> {
        let read = self.read.fetch_add(more, Ordering::Relaxed).saturating_add(more);
        if read > MAX_BYTES {
            let message = format!("{read} bytes were read, more than {MAX_BYTES}");
            return Err((SkillErrorKind::TooLarge, message));
        }
        Ok(())
    }
}
