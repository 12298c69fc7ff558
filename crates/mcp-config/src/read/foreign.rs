//! Fields of other applications without effect here, and unknown fields.

use serde_json::Value;

use crate::fields::{Fields, is_empty};
use crate::suggest;

/// Fields with an effect.
const HONOURED: &[&str] = &[
    "command",
    "args",
    "env",
    "url",
    "headers",
    "type",
    "transport",
    "timeout",
    "disabled",
    "enabled",
    "cwd",
    "envFile",
    "auth",
    "tools",
    "description",
    "icon",
    "cmd",
    "envs",
    "environment",
    "env_keys",
    "env_vars",
    "env_file",
    "working_directory",
    "workingDirectory",
    "httpUrl",
    "serverUrl",
    "server_url",
    "baseUrl",
    "uri",
    "http_headers",
    "httpHeaders",
    "env_http_headers",
    "bearer_token",
    "bearerToken",
    "bearer_token_env_var",
    "bearerTokenEnvVar",
    "bearerTokenEnv",
    "authorization_token",
    "apiKey",
    "transportType",
    "tool_timeout_sec",
    "timeoutMs",
    "timeout_ms",
    "timeoutSeconds",
    "timeout_seconds",
    "timeout_sec",
    "startup_timeout_sec",
    "startup_timeout_ms",
    "connect_timeout",
    "connectionTimeout",
    "discoveryTimeoutMs",
    "keep_alive",
    "keepAlive",
    "disable",
    "isActive",
    "is_active",
    "alwaysAllow",
    "autoApprove",
    "includeTools",
    "include_tools",
    "enabledTools",
    "enabled_tools",
    "allowedTools",
    "allowed_tools",
    "available_tools",
    "excludeTools",
    "exclude_tools",
    "disabledTools",
    "disabled_tools",
    "deniedTools",
    "include_tags",
    "exclude_tags",
    "protocolEra",
    "protocol",
    "versionNegotiation",
    "protocolVersion",
    "protocol_version",
    "logoUrl",
    "faviconUrl",
];

/// Fields that describe a server or hold state of an application: they have no effect.
const ANNOTATIONS: &[&str] = &[
    "$schema",
    "id",
    "name",
    "title",
    "serverName",
    "display_name",
    "displayName",
    "tags",
    "icons",
    "version",
    "gallery",
    "bundled",
    "source",
    "sourceFile",
    "sourceSlug",
    "extension",
    "provider",
    "providerUrl",
    "reference",
    "configSample",
    "shouldConfig",
    "searchKey",
    "dxtVersion",
    "dxtPath",
    "installSource",
    "isTrusted",
    "isDefaultServer",
    "remoteConfigured",
    "alwaysLoad",
    "codemode",
    "note",
    "comment",
    "_comment",
    "metadata",
];

/// A field of another application.
struct Foreign {
    name: &'static str,
    application: &'static str,
    effect: &'static str,
    /// The value that equals the default behaviour.
    neutral: bool,
}

const fn foreign(
    name: &'static str,
    application: &'static str,
    effect: &'static str,
    neutral: bool,
) -> Foreign {
    Foreign { name, application, effect, neutral }
}

const OAUTH: &str = "OAuth settings, which apply to remote servers without a token";
const TLS: &str = "TLS settings of one server";

const FOREIGN: &[Foreign] = &[
    foreign("headersHelper", "Claude Code", "a program that prints headers", false),
    foreign("oauth", "several applications", OAUTH, false),
    foreign("scopes", "Codex", OAUTH, false),
    foreign("oauth_resource", "Codex", OAUTH, false),
    foreign("oauth_client_id", "Crush", OAUTH, false),
    foreign("oauth_client_secret", "Crush", OAUTH, false),
    foreign("oauth_callback_port", "Crush", OAUTH, false),
    foreign("oauth_token", "Crush", OAUTH, false),
    foreign("oauthClientId", "Copilot CLI", OAUTH, false),
    foreign("oauthPublicClient", "Copilot CLI", OAUTH, false),
    foreign("oauthScopes", "Kiro", OAUTH, false),
    foreign("client_id", "Goose", OAUTH, false),
    foreign("client_secret_key", "Goose", OAUTH, false),
    foreign("authProviderType", "Gemini CLI", "Google credentials", false),
    foreign("targetAudience", "Gemini CLI", "Google credentials", false),
    foreign("targetServiceAccount", "Gemini CLI", "Google credentials", false),
    foreign("authentication", "FastMCP", "settings of another kind of authentication", false),
    foreign("trust", "Gemini CLI and Hermes", "whether its tools need confirmation", false),
    foreign("tcp", "Gemini CLI", "a WebSocket address", false),
    foreign("appResourceMaxBytes", "Qwen Code", "a limit of its user interface", false),
    foreign("appResourceTimeoutMs", "Qwen Code", "a limit of its user interface", false),
    foreign("sandboxEnabled", "VS Code", "the process is not restricted", false),
    foreign("sandbox", "VS Code", "the process is not restricted", false),
    foreign("dev", "VS Code", "a restart when files change", false),
    foreign("watchPaths", "Roo Code", "a restart when files change", false),
    foreign("remote", "Zed", "the machine that the server runs on", false),
    foreign("settings", "Zed", "settings of an extension", false),
    foreign("tool_permissions", "Zed", "whether its tools need confirmation", false),
    foreign("required", "Codex", "whether the program ends when it does not start", false),
    foreign("environment_id", "Codex", "the machine that the server runs on", false),
    foreign("experimental_environment", "Codex", "the machine that the server runs on", false),
    foreign("supports_parallel_tool_calls", "Codex", "whether its tools run in parallel", false),
    foreign("default_tools_approval_mode", "Codex", "whether its tools need confirmation", false),
    foreign("approval_mode", "Codex", "whether the tool needs confirmation", false),
    foreign("instructions", "Goose", "instructions for the model", false),
    foreign("code", "Goose", "the program itself", false),
    foreign("registryUrl", "Cherry Studio", "the registry that packages come from", false),
    foreign("longRunning", "Cherry Studio", "whether progress extends the time limit", false),
    foreign(
        "disabledAutoApproveTools",
        "Cherry Studio",
        "tools that always need confirmation",
        false,
    ),
    foreign("ssl_verify", "Hermes", TLS, true),
    foreign("client_cert", "Hermes", TLS, false),
    foreign("client_key", "Hermes", TLS, false),
    foreign("keepalive_interval", "Hermes", "pings", false),
    foreign("idle_timeout_seconds", "Hermes", "the life of the process", false),
    foreign("max_lifetime_seconds", "Hermes", "the life of the process", false),
    foreign("lifecycle", "Hermes", "the life of the process", false),
    foreign("skip_preflight", "Hermes", "a check before the first request", false),
    foreign("sampling", "Hermes", "how sampling requests are answered", false),
    foreign("elicitation", "Hermes", "how elicitation requests are answered", false),
    foreign("filterMapping", "Copilot CLI", "filters of what its tools return", false),
    foreign("start_on_launch", "Warp", "when the server is started", true),
    foreign("requestOptions", "Continue", "TLS, proxy and time limits of this server", false),
    foreign("require_approval", "the OpenAI API", "whether its tools need confirmation", false),
    foreign("roots", "fast-agent", "folders that the server may ask for", false),
];

/// Whether a field is known from any application.
pub(super) fn is_known(name: &str) -> bool {
    HONOURED.contains(&name)
        || ANNOTATIONS.contains(&name)
        || FOREIGN.iter().any(|foreign| foreign.name == name)
}

/// Reports the unread fields that have a meaning elsewhere or look like typos. For an invalid entry, only typos.
pub(super) fn check(fields: &mut Fields<'_>, is_usable: bool) {
    let known: Vec<&str> = HONOURED
        .iter()
        .copied()
        .chain(FOREIGN.iter().map(|foreign| foreign.name))
        .chain(ANNOTATIONS.iter().copied())
        .collect();
    report(fields, |name, value| {
        if !is_usable {
            return (!is_known(name)).then(|| slip(name, &known)).flatten();
        }
        if HONOURED.contains(&name) {
            // The rest of `tools` is a policy, which was reported separately.
            let is_policy = name == "tools" && value.is_object();
            let is_neutral = is_empty(value) || value.is_boolean() || is_policy;
            return (!is_neutral).then(|| {
                format!("not used: {name:?} does not apply, or another field takes precedence")
            });
        }
        if ANNOTATIONS.contains(&name) {
            return None;
        }
        not_honoured(name, value).unwrap_or_else(|| slip(name, &known))
    });
}

/// The same check for the fields of a tool or an argument.
pub(super) fn check_within(fields: &mut Fields<'_>, known: &[&str]) {
    report(fields, |name, value| not_honoured(name, value).unwrap_or_else(|| slip(name, known)));
}

fn report(fields: &mut Fields<'_>, message: impl Fn(&str, &Value) -> Option<String>) {
    let found: Vec<_> = fields
        .iter()
        .filter_map(|(name, value)| Some((fields.at(name), message(name, value)?)))
        .collect();
    for (path, message) in found {
        fields.doubt(path, message);
    }
}

/// The meaning of a foreign field in its application; `None` for an unknown field.
fn not_honoured(name: &str, value: &Value) -> Option<Option<String>> {
    let foreign = FOREIGN.iter().find(|foreign| foreign.name == name)?;
    let is_neutral = is_empty(value) || *value == Value::Bool(foreign.neutral);
    Some((!is_neutral).then(|| {
        let Foreign { application, effect, .. } = foreign;
        format!("the field {name:?} of {application} has no effect here: {effect}")
    }))
}

fn slip(name: &str, known: &[&str]) -> Option<String> {
    let near = suggest::nearest(name, known.iter().copied())?;
    Some(format!("unknown field {name:?}, did you mean {near:?}?"))
}
