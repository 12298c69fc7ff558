//! Detects the application that wrote a document by fields that no other application uses.

use serde_json::{Map, Value};

use crate::Application;

/// The application identified by the fields of the entries, if any.
pub(crate) fn application<'a>(entries: impl IntoIterator<Item = &'a Value>) -> Option<Application> {
    entries.into_iter().filter_map(Value::as_object).find_map(of_entry)
}

fn of_entry(entry: &Map<String, Value>) -> Option<Application> {
    let by_field = |name: &String| {
        Some(match name.as_str() {
            "isActive"
            | "baseUrl"
            | "longRunning"
            | "registryUrl"
            | "searchKey"
            | "disabledAutoApproveTools" => Application::CherryStudio,
            "watchPaths" => Application::RooCode,
            "transportType" | "remoteConfigured" => Application::Cline,
            "discoveryTimeoutMs" | "versionNegotiation" | "appResourceMaxBytes" => {
                Application::Qwen
            }
            "httpUrl"
            | "trust"
            | "authProviderType"
            | "targetAudience"
            | "targetServiceAccount" => Application::Gemini,
            "connect_timeout" | "ssl_verify" | "client_cert" | "keepalive_interval"
            | "skip_preflight" => Application::Hermes,
            "headersHelper" | "alwaysLoad" => Application::ClaudeCode,
            "filterMapping" | "oauthClientId" | "oauthPublicClient" => Application::CopilotCli,
            "working_directory" | "start_on_launch" => Application::Warp,
            "connectionTimeout" | "requestOptions" | "faviconUrl" => Application::Continue,
            "serverUrl" => Application::Windsurf,
            "codemode" => Application::OpenCode,
            "oauth_client_id" | "oauth_callback_port" => Application::Crush,
            _ => return None,
        })
    };
    // Cline and Cherry Studio share one spelling of a transport; both use seconds.
    let by_type =
        || (entry.get("type")?.as_str()? == "streamableHttp").then_some(Application::Cline);
    entry.keys().find_map(by_field).or_else(by_type)
}
