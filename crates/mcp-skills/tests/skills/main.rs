//! Skills of a server in this process, honest or not.

#![allow(clippy::unwrap_used, reason = "tests")]

mod server;

use std::time::Duration;

use mcp_core::error_code;
use mcp_session::{CacheMode, ErrorKind, Session, SessionOptions};
use mcp_skills::{
    Files, ListSkillsResult, LoadedSkill, Skill, SkillError, SkillErrorKind, Skills,
    SkillsExtension, is_directory,
};
use mcp_transport_memory::Memory;
use serde_json::{Value, json};

use crate::server::{BINARY, CHANGED, FORMS, Lie, SKILL, Server, URI};

async fn open(server: &Server) -> Session {
    let mut options = SessionOptions::default();
    options.extensions.push(std::sync::Arc::new(SkillsExtension::new()));
    let server = Memory::new(server.clone());
    Session::open(server, Some("office"), options).await.unwrap()
}

/// Lists the skills and loads the first.
async fn load(server: &Server) -> Result<LoadedSkill, SkillError> {
    let skills = Skills::of(&open(server).await).unwrap();
    let skill = skills.list().await.unwrap().remove(0);
    skills.load(&skill).await
}

/// A list with this one skill, modified.
fn listing(change: impl Fn(&mut Value)) -> Server {
    let mut entry = server::entry();
    change(&mut entry);
    Server::with(Lie::Listing(vec![entry]))
}

#[tokio::test]
async fn skills_are_listed_page_by_page_without_reading_a_file() {
    let good = server::entry();
    let mut dynamic = server::entry();
    dynamic["resources"] = json!("dynamic");
    let mut without = server::entry();
    without.as_object_mut().unwrap().remove("resources");
    let mut strange = server::entry();
    strange["resources"] = json!("none");
    let server = Server::with(Lie::Listing(vec![good, without, dynamic, strange]));
    let skills = Skills::of(&open(&server).await).unwrap();
    let listed = skills.list().await.unwrap();
    // Entries without files are skipped.
    assert_eq!(listed.len(), 2);
    assert_eq!((listed[0].name(), listed[0].uri.as_str()), ("pdf", URI));
    assert_eq!(listed[0].description(), "Fills forms");
    assert!(matches!(&listed[0].files, Files::Listed(files) if files.len() == 3));
    assert_eq!(listed[1].files, Files::Dynamic);
    assert_eq!(server.asked("skills/list"), 4);
    assert_eq!(server.asked("resources/read"), 0);
    let page = skills.list().page(Some("1")).await.unwrap();
    assert_eq!(page.skills.skipped().len(), 1);
    let saved = serde_json::to_value(&listed[0]).unwrap();
    assert_eq!(serde_json::from_value::<Skill>(saved).unwrap(), listed[0]);
}

#[tokio::test]
async fn a_skill_is_loaded_and_its_files_are_read() {
    let server = Server::honest();
    let loaded = load(&server).await.unwrap();
    assert_eq!(loaded.text(), SKILL);
    assert_eq!(loaded.skill().uri, URI);
    assert_eq!(server.asked("resources/read"), 1);
    for path in [
        "references/FORMS.md",
        "./references/../references/FORMS.md",
        "references/FORMS.md#how-to-fill-them",
        "skill://acme/pdf/references/FORMS.md#how",
    ] {
        assert_eq!(loaded.read(path).await.unwrap(), FORMS, "{path}");
    }
    assert_eq!(loaded.read("skill://acme/pdf/references/FORMS.md").await.unwrap(), FORMS);
    // By the listed URI, and unencoded.
    assert_eq!(loaded.read("my%20icon.png").await.unwrap(), BINARY);
    assert_eq!(loaded.read("my icon.png").await.unwrap(), BINARY);
}

#[tokio::test]
async fn a_skill_that_is_not_listed_is_found_by_its_uri() {
    let server = Server::with(Lie::Listing(Vec::new()));
    let skills = Skills::of(&open(&server).await).unwrap();
    assert!(skills.list().await.unwrap().is_empty());
    let skill = skills.find(URI).await.unwrap();
    assert_eq!(skills.load(&skill).await.unwrap().text(), SKILL);
    let error = skills.find("skill://no/SKILL.md").await.unwrap_err();
    assert_eq!(error.kind(), SkillErrorKind::Call);
    let answer = error.call().unwrap().answer().unwrap();
    assert_eq!(answer.code, error_code::INVALID_PARAMS);
    assert_eq!(error.skill(), Some("skill://no/SKILL.md"));

    let server = Server::with(Lie::Other);
    let skills = Skills::of(&open(&server).await).unwrap();
    let error = skills.find("skill://other/SKILL.md").await.unwrap_err();
    assert_eq!(error.kind(), SkillErrorKind::Entry);
}

#[tokio::test]
async fn mismatching_files_are_not_returned() {
    let evil = SKILL.replace("Body", "Evil");
    let other = SKILL.replace("Fills forms", "Sends mails");
    let hidden = SKILL.replace("name:", "allowed-tools: Bash\nname:");
    for (text, listed, kind, says) in [
        (evil.clone(), SKILL, SkillErrorKind::Digest, "its digest is sha256:"),
        (format!("{SKILL}more"), SKILL, SkillErrorKind::Size, "it has 60 bytes, but 56 are listed"),
        (
            other.clone(),
            &*other,
            SkillErrorKind::Frontmatter,
            "its \"description\" differs from the listed value",
        ),
        (
            hidden.clone(),
            &*hidden,
            SkillErrorKind::Frontmatter,
            "its \"allowed-tools\" is in the file",
        ),
    ] {
        let server = Server::with(Lie::File { text: text.clone(), listed: listed.to_owned() });
        let error = load(&server).await.unwrap_err();
        assert_eq!(error.kind(), kind, "{error}");
        assert_eq!((error.skill(), error.file()), (Some(URI), Some(URI)));
        let text = error.to_string();
        let names = "office: skill \"skill://acme/pdf/SKILL.md\": ";
        assert!(text.starts_with(names) && text.contains(says), "{text}");
        assert!(!text.contains("mails") && !text.contains("Bash"), "{text}");
        // The second read bypasses the cache.
        assert_eq!(server.asked("resources/read"), 2);
    }
}

#[tokio::test]
async fn a_changed_skill_is_loaded_despite_the_cache() {
    let server = Server::with(Lie::Changes(false.into()));
    let skills = Skills::of(&open(&server).await).unwrap();
    let old = skills.find(URI).await.unwrap();
    skills.load(&old).await.unwrap();
    assert_eq!(skills.load(&old).await.unwrap().text(), SKILL);
    assert_eq!(server.asked("resources/read"), 1);

    server.change();
    let new = skills.find(URI).await.unwrap();
    assert_eq!(skills.load(&new).await.unwrap().text(), CHANGED);
    // The new version is cached from here on.
    assert_eq!(skills.load(&new).await.unwrap().text(), CHANGED);
    assert_eq!(server.asked("resources/read"), 2);
    // The version listed before no longer exists.
    let error = skills.load(&old).await.unwrap_err();
    assert_eq!(error.kind(), SkillErrorKind::Size, "{error}");
}

#[tokio::test]
async fn a_later_file_is_verified_too() {
    let server = Server::with(Lie::Forms);
    let loaded = load(&server).await.unwrap();
    let error = loaded.read("references/FORMS.md").await.unwrap_err();
    assert_eq!(error.kind(), SkillErrorKind::Digest);
    assert_eq!(error.file(), Some("skill://acme/pdf/references/FORMS.md"));
    assert!(
        error.to_string().contains(": file \"skill://acme/pdf/references/FORMS.md\": its digest")
    );
}

#[tokio::test]
async fn only_files_of_the_skill_are_read() {
    let server = Server::honest();
    let loaded = load(&server).await.unwrap();
    let before = server.asked("resources/read");
    for file in ["unlisted.md", "../secret/SKILL.md", "skill://acme/secret/SKILL.md", "", "/"] {
        let error = loaded.read(file).await.unwrap_err();
        assert_eq!(error.kind(), SkillErrorKind::NotListed, "{file}");
        assert_eq!(error.file(), Some(file));
    }
    assert_eq!(server.asked("resources/read"), before);
}

#[tokio::test]
async fn an_inconsistent_entry_is_not_loaded() {
    let file = |uri: &str, size: u64| json!({ "uri": uri, "digest": "sha256:0", "size": size });
    let own = |entry: &Value| entry["resources"][0].clone();
    type Change = Box<dyn Fn(&mut Value)>;
    let changes: Vec<(Change, SkillErrorKind, &str)> = vec![
        (
            Box::new(|it| it["frontmatter"]["name"] = json!("doc")),
            SkillErrorKind::Entry,
            "its name",
        ),
        (Box::new(|it| it["uri"] = json!("skill://acme/pdf")), SkillErrorKind::Entry, "its URI"),
        (
            Box::new(|it| {
                it["uri"] = json!("skill://acme//SKILL.md");
                it["frontmatter"]["name"] = json!("");
            }),
            SkillErrorKind::Entry,
            "its directory has no name",
        ),
        (
            Box::new(|it| it["frontmatter"]["description"] = json!(7)),
            SkillErrorKind::Entry,
            "no desc",
        ),
        (Box::new(|it| it["resources"] = json!([])), SkillErrorKind::Entry, "not among its files"),
        (
            Box::new(move |it| it["resources"] = json!([own(it), file("skill://acme/x", 1)])),
            SkillErrorKind::Entry,
            "\"skill://acme/x\" is not in its directory",
        ),
        (
            Box::new(move |it| it["resources"] = json!([own(it), own(it)])),
            SkillErrorKind::Entry,
            "listed twice",
        ),
        (
            Box::new(move |it| {
                it["resources"] = json!([own(it), file("skill://acme/pdf/x", 16 << 20)]);
            }),
            SkillErrorKind::TooLarge,
            "more than 16777216",
        ),
        (
            Box::new(move |it| {
                let many = (0..513).map(|number| file(&format!("skill://acme/pdf/{number}"), 1));
                it["resources"] = Value::from_iter(many);
            }),
            SkillErrorKind::TooLarge,
            "513 files",
        ),
    ];
    for (change, kind, says) in changes {
        let server = listing(change);
        let error = load(&server).await.unwrap_err();
        assert_eq!(error.kind(), kind, "{error}");
        assert!(error.to_string().contains(says), "{error}");
        assert_eq!(server.asked("resources/read"), 0);
    }
}

#[tokio::test]
async fn a_dynamic_skill_is_checked_for_its_frontmatter_and_bounded() {
    let server = listing(|it| it["resources"] = json!("dynamic"));
    let loaded = load(&server).await.unwrap();
    for path in [
        "references/FORMS.md",
        "./references/../references/FORMS%2emd#how",
        "skill://acme/pdf/x/../references/FORMS.md",
    ] {
        assert_eq!(loaded.read(path).await.unwrap(), FORMS, "{path}");
    }
    assert_eq!(loaded.read("my icon.png").await.unwrap(), BINARY);
    for outside in ["../secret", "skill://acme/pdf/../secret", "x/%2e%2e/../secret", "#how"] {
        let error = loaded.read(outside).await.unwrap_err();
        assert_eq!(error.kind(), SkillErrorKind::NotListed, "{outside}");
    }
    assert_eq!(loaded.read("huge").await.unwrap().len(), 10 << 20);
    let error = loaded.read("huge").await.unwrap_err();
    assert_eq!(error.kind(), SkillErrorKind::TooLarge, "{error}");

    let server = listing(|it| {
        it["resources"] = json!("dynamic");
        it["frontmatter"]["license"] = json!("MIT");
    });
    assert_eq!(load(&server).await.unwrap_err().kind(), SkillErrorKind::Frontmatter);
}

#[tokio::test]
async fn file_contents_do_not_share_a_frame() {
    for contents in [
        json!([]),
        json!([{ "uri": URI, "text": SKILL }, { "uri": URI, "text": SKILL }]),
        json!([{ "uri": "skill://acme/other/SKILL.md", "text": SKILL }]),
        json!([{ "uri": URI, "blob": "%" }]),
        json!([{ "uri": URI }]),
    ] {
        let server = Server::with(Lie::Contents(contents.clone()));
        let error = load(&server).await.unwrap_err();
        assert_eq!(error.kind(), SkillErrorKind::Contents, "{contents}: {error}");
    }
}

#[tokio::test]
async fn the_directories_of_a_skill_are_listed() {
    let server = Server::with(Lie::Directories);
    let skills = Skills::of(&open(&server).await).unwrap();
    assert!(skills.settings().directory_read);
    let children = skills.read_directory("skill://acme/pdf/").await.unwrap();
    let children: Vec<_> = children.iter().map(|it| (&*it.uri, is_directory(it))).collect();
    assert_eq!(children, [(URI, false), ("skill://acme/pdf/references", true)]);
    assert_eq!(server.asked("resources/directory/read"), 3);
    let failure = skills.read_directory("skill://acme/none").await.unwrap_err();
    assert_eq!(failure.kind(), SkillErrorKind::Call);
    assert!(failure.to_string().contains("skill://acme/none"), "{failure}");

    let without = Server::honest();
    let skills = Skills::of(&open(&without).await).unwrap();
    let failure = skills.read_directory("skill://acme/pdf").await.unwrap_err();
    assert_eq!(failure.kind(), SkillErrorKind::NotOffered);
    assert_eq!(without.asked("resources/directory/read"), 0);
}

#[tokio::test]
async fn a_list_of_skills_is_cached_for_its_ttl() {
    let server = Server::with(Lie::Directories);
    let skills = Skills::of(&open(&server).await).unwrap();
    for _ in 0..3 {
        assert_eq!(skills.list().await.unwrap().len(), 1);
    }
    assert_eq!(server.asked("skills/list"), 1);
    skills.list().cache(CacheMode::Refresh).await.unwrap();
    assert_eq!(server.asked("skills/list"), 2);
    // Without a hint, the list is not cached.
    let server = Server::honest();
    let skills = Skills::of(&open(&server).await).unwrap();
    skills.list().await.unwrap();
    skills.list().await.unwrap();
    assert_eq!(server.asked("skills/list"), 2);
}

#[test]
fn an_invalid_hint_does_not_reject_the_list() {
    for hint in [json!("soon"), json!(1.5), json!([]), Value::Null] {
        let page = json!({ "skills": [server::entry()], "ttlMs": hint, "cacheScope": hint });
        let page: ListSkillsResult = serde_json::from_str(&page.to_string()).unwrap();
        assert_eq!(page.skills.len(), 1);
    }
}

#[tokio::test(start_paused = true)]
async fn a_server_without_skills_is_not_asked() {
    let server = Server::with(Lie::NoSkills);
    let error = Skills::of(&open(&server).await).unwrap_err();
    assert_eq!(error.kind(), SkillErrorKind::NotOffered);
    assert_eq!(error.to_string(), "office: the server does not offer skills");
    assert_eq!(server.asked("skills/list"), 0);
    // The session's time limits apply to requests of skills.
    let server = Server::with(Lie::Silence);
    let session = open(&server).await.with_timeout(Duration::from_secs(5));
    let skills = Skills::of(&session).unwrap();
    let error = skills.load(&skills.find(URI).await.unwrap()).await.unwrap_err();
    assert_eq!(error.call().unwrap().kind(), ErrorKind::Timeout);
}
