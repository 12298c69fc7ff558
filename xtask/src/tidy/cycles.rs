//! Finds import cycles between the files of a crate, by their `use` items and `crate::` paths. Tests are ignored.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use super::Violations;
use crate::metadata::Workspace;

/// The path of a module from the root of its crate. Empty for the root.
type Module = Vec<String>;

/// The re-exports of a module: names, and the paths to which they resolve.
type Exports = BTreeMap<String, Vec<String>>;

/// The modules of a crate, with their imports and re-exports.
#[derive(Default)]
struct Graph {
    imports: BTreeMap<Module, Vec<Vec<String>>>,
    exports: BTreeMap<Module, Exports>,
}

/// The files of a crate have no import cycle.
pub(crate) fn check(workspace: &Workspace) -> Violations {
    let mut violations = Vec::new();
    for package in workspace.packages.iter().filter(|package| package.name != "xtask") {
        let source = package.manifest.with_file_name("src");
        if source.is_dir() {
            let graph = Graph::read(&source)?;
            let cycles = graph.cycles();
            let cycles = cycles.iter().filter(|cycle| !are_protocol_types(&package.name, cycle));
            violations.extend(cycles.map(|cycle| {
                let names: Vec<String> = cycle.iter().map(|module| module.join("::")).collect();
                format!("{}: {} import one another", package.name, names.join(", "))
            }));
        }
    }
    Ok(violations)
}

/// The types of the protocol contain one another, as its schema has it.
fn are_protocol_types(package: &str, cycle: &[Module]) -> bool {
    let is_types = |module: &Module| module.first().is_some_and(|first| first == "types");
    package == "mcp-core" && cycle.iter().all(is_types)
}

impl Graph {
    fn read(source: &Path) -> Result<Self, String> {
        let mut graph = Self::default();
        graph.add_directory(source, &Vec::new())?;
        Ok(graph)
    }

    fn add_directory(&mut self, directory: &Path, module: &Module) -> Result<(), String> {
        let entries = fs::read_dir(directory).map_err(|error| error.to_string())?;
        for entry in entries.flatten() {
            let path = entry.path();
            let stem = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
            let child = |name: String| module.iter().cloned().chain([name]).collect::<Module>();
            if path.is_dir() && stem != "bin" {
                self.add_directory(&path, &child(stem))?;
            } else if path.extension().is_some_and(|ending| ending == "rs") && !is_test(&stem) {
                let file_module = match stem.as_str() {
                    "lib" | "mod" | "main" => module.clone(),
                    // One module with a file for each operating system.
                    _ => child(stem.trim_end_matches("_unix").trim_end_matches("_windows").into()),
                };
                let text = fs::read_to_string(&path).map_err(|error| error.to_string())?;
                self.add_file(file_module, &text);
            }
        }
        Ok(())
    }

    fn add_file(&mut self, module: Module, text: &str) {
        let imports = self.imports.entry(module.clone()).or_default();
        let exports = self.exports.entry(module.clone()).or_default();
        for (is_export, tree) in uses(text) {
            for (name, path) in expand(&tree) {
                let path = absolute(&module, path);
                imports.extend(path.first().filter(|_| !is_export).map(|_| path.clone()));
                if is_export {
                    exports.insert(name, path);
                }
            }
        }
        imports.extend(inline_paths(text));
        // A re-export is an import too, unless it is from a child module.
        let outside = exports.values().filter(|path| !path.starts_with(&module));
        imports.extend(outside.cloned());
    }

    /// The module that defines the item of a path.
    fn owner(&self, path: &[String]) -> Module {
        let mut path = path.to_vec();
        // Re-exports may be chained. A cycle of them would not compile.
        for _ in 0..8 {
            let known = (0..=path.len()).rev().find(|end| self.imports.contains_key(&path[..*end]));
            let (module, rest) = path.split_at(known.unwrap_or_default());
            let exported = rest.first().and_then(|name| self.exports.get(module)?.get(name));
            match exported {
                Some(exported) => path = [exported, &rest[1..]].concat(),
                None => return module.to_vec(),
            }
        }
        path
    }

    fn edges(&self, module: &Module) -> BTreeSet<Module> {
        let owners = self.imports[module].iter().map(|path| self.owner(path));
        owners.filter(|owner| owner != module && !owner.is_empty()).collect()
    }

    /// The groups of modules that are reachable from one another.
    fn cycles(&self) -> BTreeSet<Vec<Module>> {
        let reached: BTreeMap<&Module, BTreeSet<Module>> =
            self.imports.keys().map(|module| (module, self.reached(module))).collect();
        let in_cycle = |one: &&Module| reached[*one].contains(*one);
        let cycle_of = |one: &Module| {
            let others = self
                .imports
                .keys()
                .filter(|other| reached[one].contains(*other) && reached[*other].contains(one));
            others.cloned().collect::<Vec<_>>()
        };
        self.imports.keys().filter(in_cycle).map(cycle_of).collect()
    }

    fn reached(&self, from: &Module) -> BTreeSet<Module> {
        let mut reached = BTreeSet::new();
        let mut open = vec![from.clone()];
        while let Some(module) = open.pop() {
            for next in self.edges(&module) {
                if self.imports.contains_key(&next) && reached.insert(next.clone()) {
                    open.push(next);
                }
            }
        }
        reached
    }
}

fn is_test(stem: &str) -> bool {
    matches!(stem, "tests" | "testing") || stem.ends_with("_tests")
}

/// The paths from the root of the crate that stand in code, outside `use` items, comments and test modules.
fn inline_paths(text: &str) -> impl Iterator<Item = Vec<String>> {
    let code = text.split("#[cfg(test)]\nmod ").next().unwrap_or_default();
    let lines = code.lines().map(|line| line.split("//").next().unwrap_or_default());
    let lines = lines.filter(|line| !line.contains("use "));
    lines.flat_map(|line| line.split("crate::").skip(1)).map(|rest| {
        let path = rest.split(|it: char| it != ':' && it != '_' && !it.is_alphanumeric()).next();
        path.unwrap_or_default().split("::").map(str::to_owned).collect()
    })
}

/// The trees of all `use` items outside test modules, and whether each is a re-export.
fn uses(text: &str) -> Vec<(bool, String)> {
    let text = text.split("#[cfg(test)]\nmod ").next().unwrap_or_default();
    let mut found = Vec::new();
    let mut lines = text.lines().map(str::trim);
    while let Some(line) = lines.next() {
        let (is_export, rest) = match line.strip_prefix("pub") {
            Some(rest) if rest.starts_with([' ', '(']) => {
                (true, rest.trim_start_matches(|it| it != ' ').trim_start())
            }
            _ => (false, line),
        };
        let Some(rest) = rest.strip_prefix("use ") else { continue };
        let mut tree = rest.to_owned();
        while !tree.contains(';') {
            let Some(line) = lines.next() else { break };
            tree.push_str(line.split("//").next().unwrap_or_default());
        }
        found.push((is_export, tree.trim_end_matches(';').split_whitespace().collect()));
    }
    found
}

/// The paths of a `use` tree without spaces, with the name of each.
fn expand(tree: &str) -> Vec<(String, Vec<String>)> {
    let Some((prefix, group)) = tree.split_once('{') else {
        // Without spaces, `a as b` is `aasb`: such a name is not resolved.
        let path: Vec<String> = tree.split("::").map(str::to_owned).collect();
        let name = path.last().cloned().unwrap_or_default();
        return vec![(name, path)];
    };
    let group = group.strip_suffix('}').unwrap_or(group);
    let mut depth = 0;
    let parts = group.split(|it| {
        depth += i32::from(it == '{') - i32::from(it == '}');
        it == ',' && depth == 0
    });
    let parts = parts.filter(|part| !part.is_empty());
    parts.flat_map(|part| expand(&format!("{prefix}{part}"))).collect()
}

/// Converts a path into one from the root of the crate. Empty if it leads out of the crate.
fn absolute(module: &Module, path: Vec<String>) -> Vec<String> {
    match path.split_first() {
        Some((first, rest)) if first == "crate" => rest.to_vec(),
        Some((first, rest)) if first == "self" => [module.as_slice(), rest].concat(),
        Some((first, rest)) if first == "super" => match module.split_last() {
            Some((_, parent)) => absolute(&parent.to_vec(), [&["self".to_owned()], rest].concat()),
            None => Vec::new(),
        },
        Some((first, _)) if first == "std" => Vec::new(),
        // A child of this module, if there is one of that name. Otherwise another crate, which has no module.
        Some(_) => [module.as_slice(), &path].concat(),
        None => Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cycles(files: &[(&str, &str)]) -> Vec<String> {
        let mut graph = Graph::default();
        for (module, text) in files {
            let module = module.split("::").filter(|it| !it.is_empty()).map(str::to_owned);
            graph.add_file(module.collect(), text);
        }
        let names = |cycle: &Vec<Module>| cycle.iter().map(|it| it.join("::")).collect::<Vec<_>>();
        graph.cycles().iter().map(|cycle| names(cycle).join(" ")).collect()
    }

    #[test]
    fn a_cycle_is_found_through_re_exports_and_groups() {
        let root = "mod a; mod b; mod c;\npub use a::A;\npub use c::{C, deep::D};";
        let files = [
            ("", root),
            ("a", "use std::fmt;\nuse crate::{\n    b::{self, B},\n    C,\n};"),
            ("b", "use crate::A;"),
            ("c", "pub use deep::D;"),
            ("c::deep", "use super::C;"),
        ];
        assert_eq!(cycles(&files), ["a b"]);
        let files = [
            ("", root),
            ("a", "use crate::D;"),
            ("b", ""),
            ("c", ""),
            ("c::deep", "use crate::A;"),
        ];
        assert_eq!(cycles(&files), ["a c::deep"]);
    }

    #[test]
    fn parents_and_inline_paths_are_imports() {
        let files = [("a", "pub mod b;\nuse self::b::B;"), ("a::b", "use super::{A, c::C};")];
        assert_eq!(cycles(&files), ["a a::b"]);
        let files = [
            ("a", "fn f() -> crate::b::B {}"),
            ("b", "// crate::c::C\nuse super::a::A;"),
            ("c", "use crate::b::B;"),
        ];
        assert_eq!(cycles(&files), ["a b"]);
    }

    #[test]
    fn imports_of_tests_are_ignored() {
        let files = [
            ("", "pub use a::A;"),
            ("a", "#[cfg(test)]\nmod tests {\n use crate::b::B;\n}"),
            ("b", "use crate::A;"),
        ];
        assert!(cycles(&files).is_empty());
    }
}
