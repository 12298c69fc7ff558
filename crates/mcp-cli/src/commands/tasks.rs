//! `mcp tasks`: calls that run as tasks.

use mcp_client::tasks::Tasks;

use super::call::show_result;
use crate::{
    completion::words,
    context::Context,
    failure::Failure,
    output::{Format, task_state},
    target::TargetOptions,
};

/// List the tasks of a server, show one, wait for its result, or cancel it
#[derive(Debug, clap::Args)]
#[command(override_usage = "mcp tasks [OPTIONS] TARGET [ID]\n       \
                            mcp tasks [OPTIONS] [ID] -- PROGRAM [ARGS]...")]
pub(crate) struct ShowTasks {
    /// The server, and the id of a task
    #[arg(value_name = "ARG", add = words())]
    words: Vec<String>,
    /// Wait for the result
    #[arg(long, conflicts_with = "cancel")]
    wait: bool,
    /// Cancel the task
    #[arg(long)]
    cancel: bool,
    #[command(flatten)]
    target: TargetOptions,
}

impl ShowTasks {
    pub(crate) async fn run(self, cx: &Context) -> Result<(), Failure> {
        let (server, words) = self.target.server_first(&self.words);
        let tasks = Tasks::new();
        let client = cx.client(server, &self.target).await?.extension(tasks.clone());
        let session = cx.open(&client).await?;
        let Some(id) = words.first() else {
            let mut states = Vec::new();
            for task in tasks.list(&session).await? {
                match task.created() {
                    Some(state) => states.push(state.clone()),
                    None => states.push(task.state().await?),
                }
            }
            return match cx.printer.format {
                Format::Human if states.is_empty() => {
                    anstream::eprintln!("the server has no tasks");
                    Ok(())
                }
                Format::Human => states.iter().try_for_each(|it| Ok(task_state(cx.printer, it)?)),
                Format::JsonLines => states.iter().try_for_each(|it| Ok(cx.printer.json(it)?)),
                _ => Ok(cx.printer.json(&states)?),
            };
        };
        let task = tasks.task(&session, id.as_str());
        if self.cancel {
            return Ok(task.cancel().await?);
        }
        if self.wait {
            return show_result(cx, &task.result().await?);
        }
        Ok(task_state(cx.printer, &task.state().await?)?)
    }
}
