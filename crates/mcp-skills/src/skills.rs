use std::collections::HashSet;

use mcp_core::{ListResourcesResult, Resource};
use mcp_session::{List, Session, extension::ExtensionHost};
use serde_json::json;

use crate::{
    ID, ListSkillsResult, LoadedSkill, Settings, Skill, SkillError, SkillErrorKind,
    results::GetSkillResult,
};

const DIRECTORY_READ: &str = "resources/directory/read";

/// The MIME type of a directory.
const DIRECTORY: &str = "inode/directory";

/// Maximum number of listed children of a directory.
const MAX_CHILDREN: usize = 10_000;

/// Whether a child of a directory is a directory itself.
///
/// Spec: ext-skills skills#reading-directories
pub fn is_directory(resource: &Resource) -> bool {
    resource.mime_type.as_deref() == Some(DIRECTORY)
}

/// The skills of one server.
#[derive(Debug, Clone)]
pub struct Skills {
    pub(crate) session: Session,
    settings: Settings,
}

impl Skills {
    /// The skills of the session's server. Sends nothing.
    ///
    /// # Errors
    /// Kind [`NotOffered`](SkillErrorKind::NotOffered) if the server does not declare the extension.
    ///
    /// Spec: ext-skills skills#capability-negotiation
    pub fn of(session: &Session) -> Result<Self, SkillError> {
        let Some(settings) = ExtensionHost::new(session).server_settings(ID)? else {
            let message = "the server does not offer skills";
            return Err(SkillError::new(SkillErrorKind::NotOffered, session.name(), message));
        };
        Ok(Self { session: session.clone(), settings })
    }

    /// The extension settings declared by the server.
    pub fn settings(&self) -> Settings {
        self.settings
    }

    /// Lists the skills, without reading files. A server may leave out some or all of its skills. Entries that cannot
    /// be decoded are skipped.
    ///
    /// Spec: ext-skills skills#listing-skills
    pub fn list(&self) -> List<ListSkillsResult> {
        ExtensionHost::new(&self.session).list("skills/list")
    }

    /// Requests one skill by the URI of its `SKILL.md`, whether or not it is listed.
    ///
    /// # Errors
    /// Kind [`Call`](SkillErrorKind::Call) if the call fails, for example for an unknown skill;
    /// [`Entry`](SkillErrorKind::Entry) if the response is about another skill.
    ///
    /// Spec: ext-skills skills#getting-a-skill
    pub async fn find(&self, uri: &str) -> Result<Skill, SkillError> {
        let call = self.session.request("skills/get", &json!({ "uri": uri }));
        let answer = call.returning::<GetSkillResult>().await;
        let GetSkillResult { skill } =
            answer.map_err(|error| SkillError::from(error).of_skill(uri))?;
        if skill.uri != uri {
            let message = format!("the server sent {:?} instead", skill.uri);
            let error = SkillError::new(SkillErrorKind::Entry, self.session.name(), message);
            return Err(error.of_skill(uri));
        }
        Ok(skill)
    }

    /// Lists the direct children of a directory of a skill: files, and [directories](is_directory), which can be listed
    /// in turn. `uri` is that of the directory, such as `skill://acme/pdf`. Files are not read, and the list is not
    /// verified.
    ///
    /// Entries outside the directory are left out, and so are those after the first 10,000.
    ///
    /// # Errors
    /// Kind [`NotOffered`](SkillErrorKind::NotOffered), without a request, if the server does not support the method;
    /// [`Call`](SkillErrorKind::Call) if the call fails, for example for a URI that is not a directory.
    ///
    /// Spec: ext-skills skills#reading-directories
    pub async fn read_directory(&self, uri: &str) -> Result<Vec<Resource>, SkillError> {
        let directory = uri.trim_end_matches('/');
        if !self.settings.directory_read {
            let message = "the server cannot list directories";
            let error = SkillError::new(SkillErrorKind::NotOffered, self.session.name(), message);
            return Err(error.of_file(directory));
        }
        let mut children: Vec<Resource> = Vec::new();
        let mut known = HashSet::new();
        let mut cursor: Option<String> = None;
        loop {
            let params = match &cursor {
                Some(cursor) => json!({ "uri": directory, "cursor": cursor }),
                None => json!({ "uri": directory }),
            };
            let call = self.session.request(DIRECTORY_READ, &params);
            let page = call.returning::<ListResourcesResult>().await;
            let page = page.map_err(|error| SkillError::from(error).of_file(directory))?;
            let before = known.len();
            let is_child = |resource: &Resource| {
                let below = resource.uri.strip_prefix(directory);
                below.and_then(|it| it.strip_prefix('/')).is_some_and(|it| !it.is_empty())
            };
            let new = page.resources.into_iter().filter(is_child);
            children.extend(new.filter(|it| known.insert(it.uri.clone())));
            children.truncate(MAX_CHILDREN);
            // Ends the listing of a directory that repeats itself.
            let is_over = known.len() == before || known.len() >= MAX_CHILDREN;
            cursor = page.next_cursor.filter(|_| !is_over);
            if cursor.is_none() {
                return Ok(children);
            }
        }
    }

    /// Reads and verifies the `SKILL.md` of a skill. A mismatch is confirmed by a second read without the
    /// [cache](mcp_session::Cache). A mismatch may mean that the skill has changed since it was listed: call
    /// [`find`](Skills::find) again.
    ///
    /// Loading a skill means acting on instructions of a server: ask the user first. For a skill with
    /// [dynamic](crate::Files::Dynamic) files, only the frontmatter can be verified.
    ///
    /// # Errors
    /// The entry is not valid or too large (nothing is read then), or the file cannot be read or does not match the
    /// list. Nothing of the file is returned then.
    ///
    /// Spec: ext-skills skills#integrity-and-verification
    pub async fn load(&self, skill: &Skill) -> Result<LoadedSkill, SkillError> {
        LoadedSkill::load(self.session.clone(), skill.clone()).await
    }
}
