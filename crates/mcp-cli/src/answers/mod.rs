//! Responses to requests of a server during a call: forms, pages to visit, and model messages.

mod form;
mod sampling;

use std::sync::{Arc, Mutex, PoisonError};

use mcp_client::{
    Handlers, ServerRequest,
    types::{ElicitAction, ElicitRequestFormParams, ElicitRequestUrlParams, ElicitResult},
};

use crate::{
    escape::{block, line},
    exit::Exit,
    failure::Failure,
    terminal,
};
use sampling::Sample;

/// How to respond to requests of the server.
#[derive(Debug, Clone, Default, clap::Args)]
#[command(next_help_heading = "Requests of the server")]
pub(crate) struct AnswerOptions {
    /// Fill in a field of a form, without a prompt; repeatable
    #[arg(long = "answer", value_name = "FIELD=VALUE")]
    answers: Vec<String>,
    /// How to respond to forms [default: prompt at the terminal]
    #[arg(long, value_enum)]
    elicit: Option<Elicit>,
    /// Respond to sampling requests: `ask` prompts at the terminal; a shell command reads the request as JSON and prints
    /// the text of the message
    #[arg(long, value_name = "ask|COMMAND")]
    sample: Option<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Elicit {
    /// Prompt at the terminal
    Ask,
    /// Decline
    Decline,
    /// Cancel
    Cancel,
    /// Accept with the default values of the form
    Defaults,
}

/// Requests of the server without a response.
#[derive(Debug, Clone, Default)]
pub(crate) struct Unanswered(Arc<Mutex<Vec<String>>>);

impl Unanswered {
    fn add(&self, message: &str) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(line(message).into_owned());
    }

    /// The outcome of the call, or a failure if a request had no response.
    pub(crate) fn or<T>(&self, outcome: Result<T, Failure>) -> Result<T, Failure> {
        let asked = self.0.lock().unwrap_or_else(PoisonError::into_inner).join("; ");
        match asked.is_empty() {
            true => outcome,
            false => {
                let message = format!("the server requires input: {asked}");
                Err(Failure::new(Exit::Unanswered, message)
                    .and("hint: pass --answer FIELD=VALUE, --elicit defaults or --elicit decline"))
            }
        }
    }
}

impl AnswerOptions {
    /// Handlers according to the options, and the requests without a response.
    pub(crate) fn handlers(&self) -> (Handlers, Unanswered) {
        let unanswered = Unanswered::default();
        let (options, left) = (Arc::new(self.clone()), unanswered.clone());
        let mut handlers =
            Handlers::new().on_elicitation(move |asked: ServerRequest<ElicitRequestFormParams>| {
                let (options, left) = (Arc::clone(&options), left.clone());
                async move { options.form(asked, &left).await }
            });
        let (elicit, left) = (self.elicit, unanswered.clone());
        handlers = handlers.on_url_elicitation(move |asked| {
            let left = left.clone();
            async move { visit(elicit, asked, &left).await }
        });
        if let Some(sample) = self.sample.as_deref().map(Sample::new) {
            handlers = handlers.on_sampling(move |asked| {
                let sample = sample.clone();
                async move { sample.answer(asked.params).await }
            });
        }
        (handlers, unanswered)
    }

    async fn form(
        &self,
        asked: ServerRequest<ElicitRequestFormParams>,
        unanswered: &Unanswered,
    ) -> ElicitResult {
        let params = asked.params;
        let given = match form::given(&self.answers, &params.requested_schema) {
            Ok(given) => given,
            Err(why) => {
                unanswered.add(&format!("{} ({why})", params.message));
                return ElicitResult::new(ElicitAction::Cancel);
            }
        };
        match self.elicit {
            Some(Elicit::Decline) => ElicitResult::new(ElicitAction::Decline),
            Some(Elicit::Cancel) => ElicitResult::new(ElicitAction::Cancel),
            Some(Elicit::Defaults) => ElicitResult::new(ElicitAction::Accept).with_content(given),
            // All required fields have a value or a default.
            None if !self.answers.is_empty()
                && form::missing(&given, &params.requested_schema).is_empty() =>
            {
                ElicitResult::new(ElicitAction::Accept).with_content(given)
            }
            _ if terminal::is_interactive() => {
                let server = line(&asked.server).into_owned();
                let asking = terminal::blocking(move || form::ask(&server, &params, given)).await;
                asking.unwrap_or_else(|_| ElicitResult::new(ElicitAction::Cancel))
            }
            _ => {
                let missing = form::missing(&given, &params.requested_schema).join(", ");
                unanswered.add(&format!("{} ({missing})", params.message));
                ElicitResult::new(ElicitAction::Cancel)
            }
        }
    }
}

/// Shows the complete URL of a page, which the user opens.
async fn visit(
    elicit: Option<Elicit>,
    asked: ServerRequest<ElicitRequestUrlParams>,
    unanswered: &Unanswered,
) -> ElicitResult {
    let (message, url) = (block(&asked.params.message), line(&asked.params.url));
    let action = match elicit {
        Some(Elicit::Decline) => ElicitAction::Decline,
        Some(Elicit::Cancel) => ElicitAction::Cancel,
        _ if terminal::is_interactive() => {
            let server = line(&asked.server);
            let question = format!(
                "{server} requests: {message}\nOpen this page in a browser: {url}\nAccept?"
            );
            match terminal::confirm(question).await {
                Ok(true) => ElicitAction::Accept,
                Ok(false) => ElicitAction::Decline,
                Err(_) => ElicitAction::Cancel,
            }
        }
        _ => {
            unanswered.add(&format!("{} {}", asked.params.message, asked.params.url));
            ElicitAction::Cancel
        }
    };
    ElicitResult::new(action)
}
