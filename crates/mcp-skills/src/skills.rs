use mcp_session::{List, Session, extension::ExtensionHost};
use serde_json::json;

use crate::{
    ID, ListSkillsResult, LoadedSkill, Settings, Skill, SkillError, SkillErrorKind,
    results::GetSkillResult,
};

/// The skills of one server.
#[derive(Debug, Clone)]
pub struct Skills {
    pub(crate) session: Session,
    settings: Settings,
}

impl Skills {
    /// The skills of the server of this session. Sends nothing.
    ///
    /// # Errors
    /// Kind [`NotOffered`](SkillErrorKind::NotOffered) when the server does not declare the extension.
    ///
    /// Spec: ext-skills skills#capability-negotiation
    pub fn of(session: &Session) -> Result<Self, SkillError> {
        let Some(settings) = ExtensionHost::new(session).server_settings(ID)? else {
            let message = "the server offers no skills";
            return Err(SkillError::new(SkillErrorKind::NotOffered, session.name(), message));
        };
        Ok(Self { session: session.clone(), settings })
    }

    /// The settings of the extension that the server declares.
    pub fn settings(&self) -> Settings {
        self.settings
    }

    /// Lists them, without reading a file. A server may leave out some or all of its skills. Entries that
    /// cannot be decoded are left out.
    ///
    /// Spec: ext-skills skills#listing-skills
    pub fn list(&self) -> List<ListSkillsResult> {
        ExtensionHost::new(&self.session).list("skills/list")
    }

    /// Gets one by the URI of its `SKILL.md`, whether or not it is listed.
    ///
    /// # Errors
    /// Kind [`Call`](SkillErrorKind::Call) when the call fails, such as for a skill that the server does
    /// not have; [`Entry`](SkillErrorKind::Entry) when the answer is about another one.
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

    /// Reads the `SKILL.md` of a skill, if it is as it was listed. A mismatch is read a second time, past the
    /// [cache](mcp_session::Cache). It may still mean that the skill has changed since it was listed:
    /// [`find`](Skills::find) it again then.
    ///
    /// Loading a skill means acting on instructions of a server: ask the person first. Of a skill whose files
    /// are [dynamic](crate::Files::Dynamic), only the frontmatter can be verified.
    ///
    /// # Errors
    /// When the entry is wrong or too large (nothing is read then), or the file cannot be read, or is not as it
    /// was listed. Nothing of the file is returned then.
    ///
    /// Spec: ext-skills skills#integrity-and-verification
    pub async fn load(&self, skill: &Skill) -> Result<LoadedSkill, SkillError> {
        LoadedSkill::load(self.session.clone(), skill.clone()).await
    }
}
