//! Prompts.

use std::{collections::HashMap, fmt::Display};

use mcp_core::{ErrorObject, GetPromptResult, InputRequiredResult, Outcome, Prompt, PromptMessage};
use schemars::JsonSchema;
use serde::de::{DeserializeOwned, IgnoredAny};

use crate::{
    arguments::Arguments,
    call::{ErasedHandler, Started},
    handler::Handler,
    params::invalid_params,
    reply::{internal, protocol_error},
};

/// Return types of a prompt handler.
///
/// - `String`, `&'static str`: one message of the user.
/// - [`PromptMessage`], `Vec<PromptMessage>`, [`GetPromptResult`].
/// - `Result<T, E>`: an `Err` is an internal error with the text of `E`, or an [`ErrorObject`] unchanged.
/// - [`InputRequiredResult`] or [`Outcome`], if input of the client is needed first.
#[diagnostic::on_unimplemented(
    message = "the handler of a prompt cannot return `{Self}`",
    label = "not a result of a prompt",
    note = "return a `String`, a `PromptMessage` or a `Vec` of them, a `GetPromptResult`, or a `Result` of one of these"
)]
pub trait IntoPrompt {
    /// Converts the handler's return value into the result.
    ///
    /// # Errors
    /// The error to answer the request with.
    fn into_prompt(self) -> Result<Outcome<GetPromptResult>, ErrorObject>;
}

impl<T: IntoPrompt, E: Display + 'static> IntoPrompt for Result<T, E> {
    fn into_prompt(self) -> Result<Outcome<GetPromptResult>, ErrorObject> {
        match self {
            Ok(prompt) => prompt.into_prompt(),
            Err(error) => Err(protocol_error(&error).unwrap_or_else(|| internal(error))),
        }
    }
}

macro_rules! into_prompt {
    ($($from:ty: |$value:ident| $outcome:expr;)+) => {
        $( impl IntoPrompt for $from {
            fn into_prompt(self) -> Result<Outcome<GetPromptResult>, ErrorObject> {
                let $value = self;
                Ok($outcome)
            }
        } )+
    };
}

into_prompt! {
    String: |text| GetPromptResult::new([PromptMessage::user(text)]).into();
    &'static str: |text| GetPromptResult::new([PromptMessage::user(text)]).into();
    PromptMessage: |message| GetPromptResult::new([message]).into();
    Vec<PromptMessage>: |messages| GetPromptResult::new(messages).into();
    GetPromptResult: |result| result.into();
    InputRequiredResult: |result| Outcome::InputRequired(result);
    Outcome<GetPromptResult>: |outcome| outcome;
}

/// A prompt as listed, and its handler.
pub(crate) fn prompt<A, M, H>(
    name: String,
    description: String,
    describe: impl FnOnce(Prompt) -> Prompt,
    handler: H,
) -> (Prompt, ErasedHandler)
where
    A: DeserializeOwned + JsonSchema + Send + 'static,
    H: Handler<A, M>,
    H::Output: IntoPrompt,
{
    let arguments = Arguments::of::<A>();
    let decode = arguments.decoder::<A>();
    let derived = arguments.for_prompt();
    let mut listed = Prompt::new(name).with_description(description);
    listed.arguments = (!derived.is_empty()).then(|| derived.clone());
    let listed = describe(listed);
    // Arguments that are listed as required, but not required by `A`.
    let required: Vec<String> = listed
        .arguments
        .iter()
        .flatten()
        .filter(|it| it.required == Some(true) && !derived.iter().any(|own| own.name == it.name))
        .map(|argument| argument.name.clone())
        .collect();
    let run: ErasedHandler = Box::new(move |incoming| {
        let text = incoming.params.arguments()?;
        check_required(&required, text)?;
        let arguments =
            decode(text).map_err(|error| invalid_params(format!("invalid arguments: {error}")))?;
        let reply = incoming.reply();
        let mut context = None;
        let future = handler.call(arguments, &mut || context.insert(incoming.context()).clone());
        let work = Box::pin(async move { reply.outcome(future.await.into_prompt()?) });
        Ok(Started::Working { work, context })
    });
    (listed, run)
}

fn check_required(required: &[String], arguments: &str) -> Result<(), ErrorObject> {
    if required.is_empty() {
        return Ok(());
    }
    let given: HashMap<String, IgnoredAny> =
        serde_json::from_str(arguments).map_err(|error| invalid_params(error.to_string()))?;
    match required.iter().find(|name| !given.contains_key(*name)) {
        Some(name) => Err(invalid_params(format!("missing argument `{name}`"))),
        None => Ok(()),
    }
}
