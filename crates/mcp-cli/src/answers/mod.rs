//! What a server asks of the user while it works on a call: forms, pages to visit, and messages of a model.

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

/// How questions of the server are answered.
#[derive(Debug, Clone, Default, clap::Args)]
#[command(next_help_heading = "Questions of the server")]
pub(crate) struct AnswerOptions {
    /// Answer a field of a form; forms are not asked then
    #[arg(long = "answer", value_name = "FIELD=VALUE")]
    answers: Vec<String>,
    /// What to do about forms [default: ask at the terminal]
    #[arg(long, value_enum)]
    elicit: Option<Elicit>,
    /// Answer requests to a model: `ask` at the terminal, or a shell command that reads the request as JSON and prints
    /// the text of the model
    #[arg(long, value_name = "ask|COMMAND")]
    sample: Option<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Elicit {
    /// Ask the person at the terminal
    Ask,
    /// Decline
    Decline,
    /// Cancel
    Cancel,
    /// Accept with the defaults of the form
    Defaults,
}

/// The questions that nobody answered.
#[derive(Debug, Clone, Default)]
pub(crate) struct Unanswered(Arc<Mutex<Vec<String>>>);

impl Unanswered {
    fn add(&self, message: &str) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(line(message).into_owned());
    }

    /// The outcome of the call, unless a question was left without an answer: that is the failure then.
    pub(crate) fn or<T>(&self, outcome: Result<T, Failure>) -> Result<T, Failure> {
        let asked = self.0.lock().unwrap_or_else(PoisonError::into_inner).join("; ");
        match asked.is_empty() {
            true => outcome,
            false => {
                let message = format!("the server asked, and there is nobody to answer: {asked}");
                Err(Failure::new(Exit::Unanswered, message)
                    .and("hint: --answer FIELD=VALUE, --elicit defaults or --elicit decline"))
            }
        }
    }
}

impl AnswerOptions {
    /// Handlers that answer as the options say, and what they leave unanswered.
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
            // All that is required has an answer or a default.
            None if !self.answers.is_empty()
                && form::missing(&given, &params.requested_schema).is_empty() =>
            {
                ElicitResult::new(ElicitAction::Accept).with_content(given)
            }
            _ if terminal::has_person() => {
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

/// Shows the whole URL of a page; it is opened by the person, not by this program.
async fn visit(
    elicit: Option<Elicit>,
    asked: ServerRequest<ElicitRequestUrlParams>,
    unanswered: &Unanswered,
) -> ElicitResult {
    let (message, url) = (block(&asked.params.message), line(&asked.params.url));
    let action = match elicit {
        Some(Elicit::Decline) => ElicitAction::Decline,
        Some(Elicit::Cancel) => ElicitAction::Cancel,
        _ if terminal::has_person() => {
            let server = line(&asked.server);
            let question =
                format!("{server} asks: {message}\nTo be opened in a browser: {url}\nAgreed?");
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
