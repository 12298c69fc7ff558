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
    /// Those of the server of this session. Asks nothing.
    ///
    /// # Errors
    /// Kind [`NotOffered`](SkillErrorKind::NotOffered) when the server does not say that it has some.
    ///
    /// Spec: ext-skills skills#capability-negotiation
    pub fn of(session: &Session) -> Result<Self, SkillError> {
        let Some(settings) = ExtensionHost::new(session).server_settings(ID)? else {
            let message = "the server offers no skills";
            return Err(SkillError::new(SkillErrorKind::NotOffered, session.name(), message));
        };
        Ok(Self { session: session.clone(), settings })
    }

    /// What the server says of its skills as a whole.
    pub fn settings(&self) -> Settings {
        self.settings
    }

    /// Lists them, without reading a file. A server may leave out some, or all, that it has. Those that
    /// are not listed as they should be are left out.
    ///
    /// Spec: ext-skills skills#listing-skills
    pub fn list(&self) -> List<ListSkillsResult> {
        ExtensionHost::new(&self.session).list("skills/list")
    }

    /// Asks for one by the URI of its `SKILL.md`, whether or not it is listed.
    ///
    /// # Errors
    /// Kind [`Call`](SkillErrorKind::Call) when the call fails, such as for a skill that the server does
    /// not have; [`Entry`](SkillErrorKind::Entry) when the answer is of another one.
    ///
    /// Spec: ext-skills skills#getting-a-skill
    pub async fn find(&self, uri: &str) -> Result<Skill, SkillError> {
        let call = self.session.request("skills/get", &json!({ "uri": uri }));
        let answer = call.returning::<GetSkillResult>().await;
        let GetSkillResult { skill } =
            answer.map_err(|error| SkillError::from(error).of_skill(uri))?;
        if skill.uri != uri {
            let message = format!("{:?} came in its place", skill.uri);
            let error = SkillError::new(SkillErrorKind::Entry, self.session.name(), message);
            return Err(error.of_skill(uri));
        }
        Ok(skill)
    }

    /// Reads the `SKILL.md` of a skill, if it is what was listed. What does not match is read a second time,
    /// past the [cache](mcp_session::Cache). A mismatch may still just say that the skill has changed since it
    /// was listed: [`find`](Skills::find) it anew then.
    ///
    /// To load a skill is to act upon what a server wrote: ask the person first. One whose files are
    /// [dynamic](crate::Files::Dynamic) can only be checked for its frontmatter.
    ///
    /// # Errors
    /// When the skill is listed wrongly or too large (nothing is read then), cannot be read, or is not
    /// what was listed. Nothing that was read is handed out then.
    ///
    /// Spec: ext-skills skills#integrity-and-verification
    pub async fn load(&self, skill: &Skill) -> Result<LoadedSkill, SkillError> {
        LoadedSkill::load(self.session.clone(), skill.clone()).await
    }
}
