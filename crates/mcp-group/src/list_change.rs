use mcp_core::method;

/// A list that has changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ListChange {
    Tools,
    Prompts,
    /// Resources and resource templates.
    Resources,
}

impl ListChange {
    pub(crate) const ALL: [Self; 3] = [Self::Tools, Self::Prompts, Self::Resources];

    /// The list that a notification concerns.
    pub(crate) fn of(method: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|change| change.method() == method)
    }

    pub(crate) fn method(self) -> &'static str {
        match self {
            Self::Tools => method::NOTIFICATIONS_TOOLS_LIST_CHANGED,
            Self::Prompts => method::NOTIFICATIONS_PROMPTS_LIST_CHANGED,
            Self::Resources => method::NOTIFICATIONS_RESOURCES_LIST_CHANGED,
        }
    }
}
