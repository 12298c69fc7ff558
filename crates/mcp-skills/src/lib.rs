//! The extension `io.modelcontextprotocol/skills`: a server has skills, directories of files that tell an
//! agent how to go about something.
//!
//! They are listed without reading any file. A skill is loaded by reading its `SKILL.md`, and nothing of
//! that file, nor of any later one, is handed out before it is known to be what was listed: size, digest
//! and frontmatter. That says that the server is consistent, not that it can be trusted.
//!
//! ```
//! use mcp_session::Session;
//! use mcp_skills::{SkillError, Skills};
//! # async fn run(session: Session) -> Result<(), SkillError> {
//! let skills = Skills::of(&session)?;
//! for skill in skills.list().await? {
//!     println!("{}: {}", skill.name(), skill.description());
//! }
//! let loaded = skills.load(&skills.find("skill://pdf-processing/SKILL.md").await?).await?;
//! println!("{}", loaded.text());
//! let forms = loaded.read("references/FORMS.md").await?;
//! # Ok(()) }
//! ```
//!
//! Spec: ext-skills skills

mod entry;
mod error;
mod extension;
mod frontmatter;
mod loaded;
mod path;
mod results;
mod skills;
mod verify;

pub use entry::{Files, Skill, SkillFile};
pub use error::{SkillError, SkillErrorKind};
pub use extension::{Settings, SkillsExtension};
pub use loaded::LoadedSkill;
pub use results::ListSkillsResult;
pub use skills::Skills;

/// The name under which the extension is declared.
pub const ID: &str = "io.modelcontextprotocol/skills";

/// The most files that a skill may have, its `SKILL.md` among them.
///
/// Spec: ext-skills skills#limits
pub const MAX_FILES: usize = 512;

/// The most bytes that all files of a skill may have together: 16 MiB.
///
/// Spec: ext-skills skills#limits
pub const MAX_BYTES: u64 = 16 * 1024 * 1024;
