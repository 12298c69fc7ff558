//! The tables of memory: allocations of a call, idle sessions, and futures.

use std::process::Command;

use mcp_client::Client;

use crate::{
    hold,
    measure::{Carrier, Case, Load, Side, runtime},
    ours, valgrind,
};

pub(crate) fn tables() -> Result<(), String> {
    println!("{:<22} {:>10} {:>10} {:>10}", "allocations a call", "ours", "floor", "smallest");
    for carrier in [Carrier::Memory, Carrier::Stdio, Carrier::HttpJson, Carrier::HttpSse] {
        let case = Case { carrier, load: Load::One };
        let (ours, floor) =
            (valgrind::allocations(case, Side::Ours)?, valgrind::allocations(case, Side::Floor)?);
        let smallest = match case.has_smallest() {
            true => format!("{:.1}", valgrind::allocations(case, Side::Smallest)?),
            false => String::new(),
        };
        println!("{:<22} {ours:>10.1} {floor:>10.1} {smallest:>10}", carrier.name());
    }
    println!("\n{:<22} {:>10} {:>10}", "idle session, bytes", "heap", "resident");
    for kind in hold::KINDS {
        let (heap, resident) = (valgrind::idle_heap(kind)?, resident(kind)?);
        println!("{kind:<22} {heap:>10.0} {resident:>10.0}");
    }
    println!("\n{:<22} {:>10}", "future, bytes", "size");
    runtime().block_on(async {
        let client = Client::new(ours::server()).map_err(|error| error.to_string())?;
        let connecting = client.connect();
        show("connect()", &connecting);
        let session = connecting.await.map_err(|error| error.to_string())?;
        let call = session.call_tool("small").args(ours::ARGS);
        show("call_tool()", &call);
        show("  awaited", &call.into_future());
        let list = session.list_tools();
        show("list_tools()", &list);
        show("  awaited", &list.into_future());
        Ok(())
    })
}

fn show<T>(name: &str, future: &T) {
    println!("{name:<22} {:>10}", size_of_val(future));
}

/// The resident memory of an idle session in bytes.
fn resident(kind: &str) -> Result<f64, String> {
    const FEW: u32 = 50;
    const MANY: u32 = 150;
    let of = |sessions: u32| {
        let exe = std::env::current_exe().map_err(|error| error.to_string())?;
        let held = Command::new(exe).args(["--hold", kind, &sessions.to_string()]).output();
        let held = held.map_err(|error| error.to_string())?;
        let kilobytes = String::from_utf8_lossy(&held.stdout).trim().parse::<f64>();
        kilobytes.map_err(|error| format!("{kind}: {error}"))
    };
    Ok((of(MANY)? - of(FEW)?) * 1024.0 / f64::from(MANY - FEW))
}
