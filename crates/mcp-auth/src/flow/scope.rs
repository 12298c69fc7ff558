//! Scope selection.
//!
//! Spec: basic/authorization#scope-selection-strategy

/// The scope that allows refresh tokens.
const OFFLINE_ACCESS: &str = "offline_access";

/// Sources of scopes.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Named<'a> {
    /// Scopes of the challenge.
    pub(crate) challenged: &'a [String],
    /// Scopes in the server's metadata.
    pub(crate) published: &'a [String],
    /// Configured scopes.
    pub(crate) set: &'a [String],
    /// Scopes granted before, if they were insufficient.
    pub(crate) granted: &'a [String],
    /// Scopes in the metadata of the authorization server.
    pub(crate) offered: &'a [String],
}

/// The scopes to request: those of the challenge, otherwise those that the server publishes; always with the configured
/// scopes and those granted before.
pub(crate) fn select(named: Named<'_>, is_for_user: bool) -> Vec<String> {
    let base = if named.challenged.is_empty() { named.published } else { named.challenged };
    let mut scopes = Vec::new();
    add(&mut scopes, named.granted);
    add(&mut scopes, base);
    add(&mut scopes, named.set);
    let is_offered = named.offered.iter().any(|scope| scope == OFFLINE_ACCESS);
    // As the only scope it would request nothing of the server.
    if is_for_user && is_offered && !scopes.is_empty() {
        add(&mut scopes, &[OFFLINE_ACCESS.to_owned()]);
    }
    scopes
}

/// The scopes to register the client with: all that it may request.
pub(crate) fn to_register(named: Named<'_>) -> Vec<String> {
    let mut scopes = named.published.to_vec();
    add(&mut scopes, &select(named, true));
    scopes
}

/// The scopes without `offline_access`, which some clients may not request; `None` if it is not among them.
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
    fn scope_selection() {
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
