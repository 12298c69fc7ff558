//! The figures that are compared with those of an earlier version.

use std::{
    process::ExitCode,
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicUsize, Ordering},
        mpsc,
    },
};

use crate::{
    hold,
    measure::{Carrier, Case, Load, Side},
    valgrind,
};

/// A measurement.
#[derive(Clone, Copy)]
enum Figure {
    Instructions(Case),
    Allocations(Case),
    IdleHeap(&'static str),
}

/// The cases whose instructions are counted.
const INSTRUCTIONS: &[(Carrier, Load)] = &[
    (Carrier::Memory, Load::One),
    (Carrier::Duplex, Load::One),
    (Carrier::Served, Load::One),
    (Carrier::Stdio, Load::One),
    (Carrier::Stdio, Load::Many),
    (Carrier::Stdio, Load::Mib1),
    (Carrier::Stdio, Load::List),
    (Carrier::Group, Load::One),
    (Carrier::HttpJson, Load::One),
    (Carrier::HttpSse, Load::One),
];

/// The carriers on which the allocations of a call are counted.
const ALLOCATIONS: &[Carrier] = &[Carrier::Stdio, Carrier::HttpJson, Carrier::HttpSse];

/// Prints each figure as a line: its name, this library's value, and that of the floor if there is one and it is asked
/// for.
pub(crate) fn print(with_floors: bool) -> ExitCode {
    let case = |(carrier, load)| Case { carrier, load };
    let allocations = ALLOCATIONS.iter().map(|carrier| case((*carrier, Load::One)));
    let figures: Vec<Figure> = (INSTRUCTIONS.iter().map(|it| Figure::Instructions(case(*it))))
        .chain(allocations.map(Figure::Allocations))
        .chain(hold::KINDS.into_iter().map(Figure::IdleHeap))
        .collect();
    let failed = Mutex::new(None);
    in_parallel(
        &figures,
        |figure| figure.measure(with_floors),
        |figure, measured| match measured {
            Ok((ours, floor)) => {
                let floor = floor.map_or_else(String::new, |floor| format!("\t{floor:.1}"));
                println!("{}\t{ours:.1}{floor}", figure.name());
            }
            Err(error) => *failed.lock().unwrap_or_else(PoisonError::into_inner) = Some(error),
        },
    );
    match failed.into_inner().unwrap_or_else(PoisonError::into_inner) {
        None => ExitCode::SUCCESS,
        Some(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

impl Figure {
    fn name(self) -> String {
        match self {
            Self::Instructions(case) => {
                format!("instructions {} {}", case.carrier.name(), case.load.name())
            }
            Self::Allocations(case) => format!("allocations {}", case.carrier.name()),
            Self::IdleHeap(kind) => format!("idle-heap {kind}"),
        }
    }

    /// This library's value and the floor's.
    fn measure(self, with_floors: bool) -> Result<(f64, Option<f64>), String> {
        let both = |count: fn(Case, Side) -> Result<f64, String>, case: Case| {
            // How the chunks of an event stream arrive differs between runs.
            let runs = if case.carrier == Carrier::HttpSse { 5 } else { 1 };
            let least = |side| {
                (0..runs)
                    .try_fold(f64::MAX, |least, _| Ok::<_, String>(count(case, side)?.min(least)))
            };
            let floor = with_floors.then(|| least(Side::Floor)).transpose()?;
            Ok((least(Side::Ours)?, floor))
        };
        match self {
            Self::Instructions(case) => both(valgrind::instructions, case),
            Self::Allocations(case) => both(valgrind::allocations, case),
            Self::IdleHeap(kind) => Ok((valgrind::idle_heap(kind)?, None)),
        }
    }
}

/// Runs `work` for each item, on as many threads as there are processors, and `done` in the order of the items.
pub(crate) fn in_parallel<T: Copy + Sync, R: Send>(
    items: &[T],
    work: impl Fn(T) -> R + Sync,
    mut done: impl FnMut(T, R),
) {
    let next = AtomicUsize::new(0);
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    std::thread::scope(|scope| {
        let (sender, results) = mpsc::channel();
        for _ in 0..threads {
            let (sender, next, work) = (sender.clone(), &next, &work);
            scope.spawn(move || {
                loop {
                    let at = next.fetch_add(1, Ordering::Relaxed);
                    let Some(item) = items.get(at) else { return };
                    let _ = sender.send((at, work(*item)));
                }
            });
        }
        drop(sender);
        let mut waiting = std::collections::BTreeMap::new();
        let mut shown = 0;
        for (at, result) in results {
            waiting.insert(at, result);
            while let Some(result) = waiting.remove(&shown) {
                done(items[shown], result);
                shown += 1;
            }
        }
    });
}
