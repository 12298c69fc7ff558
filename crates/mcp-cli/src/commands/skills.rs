//! `mcp skills`: the skills of a server.

use mcp_client::skills::{SkillError, Skills, SkillsExtension};

use crate::{
    completion::words,
    context::Context,
    escape::line,
    exit::Exit,
    failure::Failure,
    output::{Format, bold, dim},
    target::TargetOptions,
};

/// List the skills of a server, or read and verify one
#[derive(Debug, clap::Args)]
#[command(override_usage = "mcp skills [OPTIONS] TARGET [URI [FILE]]\n       \
                            mcp skills [OPTIONS] [URI [FILE]] -- PROGRAM [ARGS]...")]
pub(crate) struct ReadSkills {
    /// The server, the URI of a skill, and one of its files
    #[arg(value_name = "ARG", add = words())]
    words: Vec<String>,
    #[command(flatten)]
    target: TargetOptions,
}

impl ReadSkills {
    pub(crate) async fn run(self, cx: &Context) -> Result<(), Failure> {
        let (server, words) = self.target.server_first(&self.words);
        let client = cx.client(server, &self.target).await?.extension(SkillsExtension::new());
        let session = cx.open(&client).await?;
        let skills = Skills::of(&session).map_err(failed)?;
        let Some((uri, files)) = words.split_first() else {
            let all = skills.list().await?;
            return match cx.printer.format {
                Format::Human => all.iter().try_for_each(|skill| {
                    let name = bold(&line(skill.name()));
                    cx.printer.line(&format!("{name} {}", line(&skill.uri)))?;
                    Ok(cx.printer.line(&format!("    {}", dim(&line(skill.description()))))?)
                }),
                Format::JsonLines => all.iter().try_for_each(|it| Ok(cx.printer.json(it)?)),
                _ => Ok(cx.printer.json(&all)?),
            };
        };
        let skill = skills.find(uri).await.map_err(failed)?;
        let skill = skills.load(&skill).await.map_err(failed)?;
        match files.first() {
            None => Ok(cx.printer.text(skill.text())?),
            Some(file) => Ok(cx.printer.bytes(&skill.read(file).await.map_err(failed)?)?),
        }
    }
}

fn failed(error: SkillError) -> Failure {
    let exit = error.call().map_or(Exit::Other, |it| it.kind().into());
    Failure::new(exit, error.to_string())
}
