//! Names of applications on the command line.

use mcp_client::config_file::Application;

/// Name of an application in `APPLICATION:SERVER`: `claude-desktop`, `cursor`, `vs-code`.
pub(crate) fn key(application: Application) -> String {
    match application {
        Application::Shared => "shared".to_owned(),
        other => other.name().to_lowercase().replace(' ', "-"),
    }
}

/// Whether a name matches an application. Ignores case, `-` and `_`.
pub(crate) fn is_meant(application: Application, text: &str) -> bool {
    let folded = |text: &str| text.to_lowercase().replace(['-', '_', ' '], "");
    let (meant, key) = (folded(text), folded(&key(application)));
    // Short names: `gemini`, `copilot`.
    meant == key || format!("{meant}cli") == key
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn application_names_have_variants() {
        for (application, names) in [
            (
                Application::ClaudeDesktop,
                &["claude-desktop", "Claude Desktop", "claudedesktop"][..],
            ),
            (Application::VsCode, &["vs-code", "vscode", "VSCode"]),
            (Application::Gemini, &["gemini", "gemini-cli"]),
            (Application::Shared, &["shared"]),
        ] {
            assert!(names.iter().all(|name| is_meant(application, name)), "{application:?}");
        }
        assert!(!is_meant(Application::ClaudeDesktop, "claude-code"));
    }
}
