//! Line numbers of the values of a document.

use std::collections::HashMap;

use crate::path::{Path, Step};

/// Line numbers of the values of a document, counted from 1.
#[derive(Clone, Debug, Default)]
pub(crate) struct Lines {
    line: usize,
    members: HashMap<Step, Lines>,
}

impl Lines {
    pub(crate) fn at(line: usize) -> Self {
        Self { line, members: HashMap::new() }
    }

    /// Adds a member. Of two members with one name, the later wins.
    pub(crate) fn insert(&mut self, step: Step, member: Lines) -> &mut Lines {
        let entry = self.members.entry(step).or_default();
        *entry = member;
        entry
    }

    /// The line of the value at `path`, or of the nearest value that contains it.
    pub(crate) fn line(&self, path: &Path) -> usize {
        let mut here = self;
        for step in path.steps() {
            let Some(next) = here.members.get(step) else { break };
            here = next;
        }
        here.line
    }
}

/// The offsets of line starts in a text.
#[derive(Debug)]
pub(crate) struct LineStarts(Vec<usize>);

impl LineStarts {
    pub(crate) fn new(text: &str) -> Self {
        let ends = text.bytes().enumerate().filter(|(_, byte)| *byte == b'\n');
        Self(ends.map(|(at, _)| at + 1).collect())
    }

    /// The line of a position, counted from 1.
    pub(crate) fn line(&self, position: usize) -> usize {
        self.0.partition_point(|start| *start <= position) + 1
    }
}
