//! The skills extension, against `fastmcp` 4.x.

use mcp_client::skills::{SkillErrorKind, Skills, SkillsExtension};

use super::python;
use crate::support::{StdioPeer, bounded};

const SKILL: &str = "---\nname: baking\ndescription: How bread is made\nmetadata:\n  version: \"1.5\"\n---\n\nSee [flour](references/flour.md).\n";

#[tokio::test]
async fn skills_are_listed_loaded_and_read() {
    let Some(peer) = python("fastmcp4") else { return };
    let folder = tempfile::tempdir().unwrap();
    let skill = folder.path().join("baking");
    std::fs::create_dir_all(skill.join("references")).unwrap();
    std::fs::write(skill.join("SKILL.md"), SKILL).unwrap();
    std::fs::write(skill.join("references/flour.md"), "Rye.\n").unwrap();
    std::fs::write(skill.join("loaf.bin"), [0, 159, 255]).unwrap();
    let peer = StdioPeer::start(&peer).env("SKILLS", folder.path());
    let session = bounded(peer.client().extension(SkillsExtension::new()).connect()).await.unwrap();
    let skills = Skills::of(&session).unwrap();
    let listed = bounded(skills.list()).await.unwrap();
    assert_eq!(listed.len(), 1);
    assert_eq!((listed[0].name(), listed[0].description()), ("baking", "How bread is made"));
    assert_eq!(bounded(skills.find(&listed[0].uri)).await.unwrap(), listed[0]);
    let loaded = bounded(skills.load(&listed[0])).await.unwrap();
    assert_eq!(loaded.text(), SKILL);
    assert_eq!(bounded(loaded.read("references/flour.md")).await.unwrap(), "Rye.\n");
    assert_eq!(bounded(loaded.read("loaf.bin")).await.unwrap(), [0, 159, 255][..]);

    // A change after the listing does not match the list.
    std::fs::write(skill.join("references/flour.md"), "Oat.\n").unwrap();
    let error = bounded(loaded.read("references/flour.md")).await.unwrap_err();
    assert_eq!(error.kind(), SkillErrorKind::Digest, "{error}");
    bounded(session.close()).await.unwrap();
}
