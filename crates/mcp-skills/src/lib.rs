//! The extension `io.modelcontextprotocol/skills`: skills are directories of files with instructions for an agent.
//!
//! Skills are listed without reading their files. Loading a skill reads its `SKILL.md`. The contents of a file are
//! returned only after they were verified against the list: size, digest and frontmatter. Verification shows that the
//! server is consistent, not that it can be trusted.
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
#![cfg_attr(docsrs, feature(doc_cfg))]

mod entry;
mod error;
mod extension;
mod frontmatter;
#[cfg(feature = "_fuzzing")]
#[doc(hidden)]
pub mod fuzzing;
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
pub use skills::{Skills, is_directory};

/// The name of the extension.
pub const ID: &str = "io.modelcontextprotocol/skills";

/// Maximum number of files of a skill, including `SKILL.md`.
///
/// Spec: ext-skills skills#limits
pub const MAX_FILES: usize = 512;

/// Maximum size of all files of a skill, in bytes: 16 MiB.
///
/// Spec: ext-skills skills#limits
pub const MAX_BYTES: u64 = 16 * 1024 * 1024;
