//! Which scopes are asked for.
//!
//! Spec: basic/authorization#scope-selection-strategy

/// The scope for tokens that can be refreshed when no user is there.
const OFFLINE_ACCESS: &str = "offline_access";

/// What the parties say about scopes.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Named<'a> {
    /// By the challenge.
    pub(crate) challenged: &'a [String],
    /// By the server's metadata.
    pub(crate) published: &'a [String],
    /// By the settings.
    pub(crate) set: &'a [String],
    /// What was granted before, if it was too little.
    pub(crate) granted: &'a [String],
    /// By the metadata of the authorization server.
    pub(crate) offered: &'a [String],
}

/// The scopes to ask for: those of the challenge, else those that the server publishes, and always those of
/// the settings and those that were granted before.
pub(crate) fn select(named: Named<'_>, is_for_user: bool) -> Vec<String> {
    let base = if named.challenged.is_empty() { named.published } else { named.challenged };
    let mut scopes = Vec::new();
    add(&mut scopes, named.granted);
    add(&mut scopes, base);
    add(&mut scopes, named.set);
    let is_offered = named.offered.iter().any(|scope| scope == OFFLINE_ACCESS);
    // Alone it would stand for no scope of the server.
    if is_for_user && is_offered && !scopes.is_empty() {
        add(&mut scopes, &[OFFLINE_ACCESS.to_owned()]);
    }
    scopes
}

/// The scopes that a client is registered with: all that it may ask for.
pub(crate) fn to_register(named: Named<'_>) -> Vec<String> {
    let mut scopes = named.published.to_vec();
    add(&mut scopes, &select(named, true));
    scopes
}

/// Without the scope that not every client may ask for; `None` if it is not among them.
pub(crate) fn without_offline(scopes: &[String]) -> Option<Vec<String>> {
    let kept: Vec<String> = scopes.iter().filter(|it| *it != OFFLINE_ACCESS).cloned().collect();
    (kept.len() < scopes.len()).then_some(kept)
}

fn add(scopes: &mut Vec<String>, more: &[String]) {
    for scope in more {
        if !scopes.contains(scope) {
            scopes.push(scope.clone());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn list(text: &str) -> Vec<String> {
        crate::token::set::words(text)
    }

    #[test]
    fn what_is_asked_for() {
        for (challenged, published, set, granted, offered, expected) in [
            ("a", "b c", "", "", "", "a"),
            ("", "b c", "", "", "", "b c"),
            ("", "", "", "", "offline_access", ""),
            ("a", "", "x a", "", "", "a x"),
            ("w", "p", "", "r", "", "r w"),
            ("a", "", "", "", "offline_access x", "a offline_access"),
        ] {
            let lists = [challenged, published, set, granted, offered].map(list);
            let [challenged, published, set, granted, offered] = &lists;
            let named = Named { challenged, published, set, granted, offered };
            assert_eq!(select(named, true).join(" "), expected);
        }
        let offered = list("offline_access");
        let challenged = list("a");
        let named = Named { challenged: &challenged, offered: &offered, ..Named::default() };
        assert_eq!(select(named, false), ["a"], "a service is always online");
        assert_eq!(without_offline(&select(named, true)), Some(list("a")));
        assert_eq!(without_offline(&list("a")), None);
    }
}
