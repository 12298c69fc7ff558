//! A server with one skill.

use std::{
    collections::HashMap,
    fmt::Write as _,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use mcp_core::{ErrorObject, RawJson, Request, Response, error_code};
use mcp_transport::{Envelope, Exchange, Serve};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

pub(crate) const URI: &str = "skill://acme/pdf/SKILL.md";
pub(crate) const SKILL: &str = "---\nname: pdf\ndescription: Fills forms\n---\n\nBody of it.\n";
pub(crate) const CHANGED: &str = "---\nname: pdf\ndescription: Fills forms\n---\n\nAnother body.\n";
pub(crate) const FORMS: &str = "Forms, and how to fill them.\n";
pub(crate) const BINARY: &[u8] = &[0x89, b'P', b'N', b'G', 0, 0xff];

const FORMS_URI: &str = "skill://acme/pdf/references/FORMS.md";
const ICON_URI: &str = "skill://acme/pdf/my%20icon.png";

#[derive(Clone)]
pub(crate) struct Server {
    lie: Arc<Lie>,
    asked: Arc<Mutex<HashMap<String, usize>>>,
}

/// How the server deviates from the specification.
pub(crate) enum Lie {
    None,
    NoSkills,
    /// Lists these skills, each on its own page.
    Listing(Vec<Value>),
    /// `SKILL.md` has this text, but the digest and size of another text are listed.
    File {
        text: String,
        listed: String,
    },
    /// The other file has one letter changed.
    Forms,
    /// Every read returns these contents.
    Contents(Value),
    /// `skills/get` always returns the one skill.
    Other,
    /// Reads get no response.
    Silence,
    /// The server lists directories, and the skills may be cached for a minute.
    Directories,
    /// Reads may be cached for a minute, and `SKILL.md` changes as soon as this is set.
    Changes(AtomicBool),
}

impl Server {
    pub(crate) fn honest() -> Self {
        Self::with(Lie::None)
    }

    pub(crate) fn with(lie: Lie) -> Self {
        Self { lie: Arc::new(lie), asked: Arc::default() }
    }

    /// Changes the skill of a server with [`Lie::Changes`].
    pub(crate) fn change(&self) {
        if let Lie::Changes(has_changed) = &*self.lie {
            has_changed.store(true, Ordering::SeqCst);
        }
    }

    /// The number of requests of a method.
    pub(crate) fn asked(&self, method: &str) -> usize {
        self.asked.lock().unwrap().get(method).copied().unwrap_or_default()
    }

    fn answer(&self, method: &str, params: &Value) -> Result<Value, ErrorObject> {
        let uri = params["uri"].as_str().unwrap_or_default();
        match method {
            "server/discover" => {
                let mut capabilities = json!({ "resources": {} });
                if !matches!(*self.lie, Lie::NoSkills) {
                    let settings = match *self.lie {
                        Lie::Directories => json!({ "directoryRead": true }),
                        _ => json!({}),
                    };
                    capabilities["extensions"] = json!({ mcp_skills::ID: settings });
                }
                Ok(json!({ "supportedVersions": ["2026-07-28"], "capabilities": capabilities }))
            }
            "skills/list" => {
                let all = match &*self.lie {
                    Lie::Listing(entries) => entries.clone(),
                    _ => vec![self.entry()],
                };
                let at: usize = params["cursor"].as_str().map_or(0, |it| it.parse().unwrap());
                let page: Vec<&Value> = all.get(at).into_iter().collect();
                let mut result = json!({ "skills": page, "ttlMs": 0, "cacheScope": "private" });
                if let Lie::Directories = *self.lie {
                    result["ttlMs"] = json!(60_000);
                }
                if at + 1 < all.len() {
                    result["nextCursor"] = json!((at + 1).to_string());
                }
                Ok(result)
            }
            "skills/get" if uri == URI || matches!(*self.lie, Lie::Other) => {
                Ok(json!({ "skill": self.entry() }))
            }
            "resources/directory/read" if uri == "skill://acme/pdf" => {
                let child =
                    |uri: &str, kind: &str| json!({ "uri": uri, "name": "x", "mimeType": kind });
                let (first, folder) = (child(URI, "text/markdown"), "skill://acme/pdf/references");
                Ok(match params["cursor"].as_str() {
                    None => json!({ "resources": [first], "nextCursor": "more" }),
                    // An endless list with entries outside the directory.
                    Some(_) => json!({
                        "resources": [first, child(folder, "inode/directory"), child("skill://other/x", "a/b")],
                        "nextCursor": "more",
                    }),
                })
            }
            "resources/read" => {
                let mut result = json!({ "contents": self.read(uri)? });
                if let Lie::Changes(_) = *self.lie {
                    result["ttlMs"] = json!(60_000);
                    result["cacheScope"] = json!("private");
                }
                Ok(result)
            }
            _ => Err(ErrorObject::new(error_code::INVALID_PARAMS, "there is no such thing")),
        }
    }

    fn read(&self, uri: &str) -> Result<Value, ErrorObject> {
        if let Lie::Contents(contents) = &*self.lie {
            return Ok(contents.clone());
        }
        let text = |text: &str| Ok(json!([{ "uri": uri, "text": text }]));
        match (uri, &*self.lie) {
            (URI, Lie::File { text: other, .. }) => text(other),
            (URI, Lie::Changes(has_changed)) if has_changed.load(Ordering::SeqCst) => text(CHANGED),
            (URI, _) => text(SKILL),
            (FORMS_URI, Lie::Forms) => text(&FORMS.replace("how", "who")),
            (FORMS_URI, _) => text(FORMS),
            // Some servers encode the URI differently in the response.
            (ICON_URI, _) => {
                let uri = "skill://acme/pdf/my icon.png";
                Ok(json!([{ "uri": uri, "blob": STANDARD.encode(BINARY) }]))
            }
            ("skill://acme/pdf/huge", _) => text(&"x".repeat(10 << 20)),
            _ => Err(ErrorObject::new(error_code::INVALID_PARAMS, "there is no such file")),
        }
    }

    fn entry(&self) -> Value {
        let mut entry = entry();
        match &*self.lie {
            Lie::File { listed, .. } => entry["resources"][0] = file(URI, listed.as_bytes()),
            Lie::Changes(has_changed) if has_changed.load(Ordering::SeqCst) => {
                entry["resources"][0] = file(URI, CHANGED.as_bytes());
            }
            _ => {}
        }
        entry
    }
}

/// The listed entry of the skill.
pub(crate) fn entry() -> Value {
    let files = [(URI, SKILL.as_bytes()), (FORMS_URI, FORMS.as_bytes()), (ICON_URI, BINARY)];
    json!({
        "uri": URI,
        "frontmatter": { "name": "pdf", "description": "Fills forms" },
        "resources": Value::from_iter(files.map(|(uri, bytes)| file(uri, bytes))),
    })
}

fn file(uri: &str, bytes: &[u8]) -> Value {
    let mut digest = "sha256:".to_owned();
    for byte in Sha256::digest(bytes) {
        write!(digest, "{byte:02x}").unwrap();
    }
    json!({ "uri": uri, "digest": digest, "size": bytes.len() })
}

impl Serve for Server {
    async fn request(&self, request: Envelope<Request>) -> Exchange {
        let Request { id, method, params, .. } = request.message;
        *self.asked.lock().unwrap().entry(method.to_string()).or_default() += 1;
        if method == "resources/read" && matches!(*self.lie, Lie::Silence) {
            std::future::pending::<()>().await;
        }
        let params: Value = params.map(|it| it.decode().unwrap()).unwrap_or_default();
        let response = match self.answer(&method, &params) {
            Ok(mut result) => {
                result["resultType"] = json!("complete");
                Response::result(id.clone(), RawJson::from_serialize(&result).unwrap())
            }
            Err(error) => Response::error(id.clone(), error),
        };
        Exchange::answered(id, response)
    }

    fn name(&self) -> String {
        "skills".to_owned()
    }
}
