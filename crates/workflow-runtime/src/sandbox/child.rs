//! The child: limits itself, then answers requests until its input ends. Must not open anything or
//! trust a filter.

use std::{
    io::{self, BufRead, Read as _, Write},
    panic::{self, AssertUnwindSafe},
    process::ExitCode,
    sync::mpsc,
    thread,
};

use jaq_json::{Val, read};
use rustix::process::{Resource, Rlimit, setrlimit};
use serde_json::json;

use super::{
    document,
    filter::Filters,
    names,
    protocol::{Limits, READY},
    reply,
    schema::Schemas,
};

/// Filters recurse on this stack. What overflows it kills the process, which the parent expects.
const STACK_BYTES: usize = 64 << 20;

/// The last resort, beyond what any parent lets a child do: it replaces them long before.
const CPU_SECONDS: u64 = 4 * 60 * 60;

/// Is the child of a sandbox: reads requests from standard input and writes replies to standard
/// output until the input ends, which it also does when the parent is killed. A filter that is
/// running then ends with the process.
///
/// A failure exit means that the limits could not be set or the parent broke the protocol.
pub fn run_child() -> ExitCode {
    // Nobody reads standard error, and a message would carry pieces of values.
    panic::set_hook(Box::new(|_| {}));
    match serve() {
        Ok(()) => ExitCode::SUCCESS,
        Err(_) => ExitCode::FAILURE,
    }
}

fn serve() -> io::Result<()> {
    let mut input = io::stdin().lock();
    let mut first = Vec::new();
    input.read_until(b'\n', &mut first)?;
    let limits: Limits = serde_json::from_slice(&first)?;
    confine(&limits)?;

    let (requests, queue) = mpsc::channel::<Vec<u8>>();
    // Requests are read here and carried out there, so that the end of the input is seen while a
    // filter runs. `prctl(PR_SET_PDEATHSIG)` would not do: it follows the parent's thread, which a
    // runtime may end at any time.
    thread::Builder::new().stack_size(STACK_BYTES).spawn(move || answer(&queue, &limits))?;
    // Nothing else is ever started. Does not bind root.
    limit(Resource::Nproc, 0)?;
    say(READY.as_bytes())?;
    loop {
        let mut request = Vec::new();
        if input.read_until(b'\n', &mut request)? == 0 {
            return Ok(());
        }
        if let Some(document) = document::announced(&request) {
            (&mut input).take(document.bytes).read_to_end(&mut request)?;
        }
        if requests.send(request).is_err() {
            return Ok(());
        }
    }
}

/// Bounds what this process may take. From now on it opens nothing, time zones included: all
/// numbers below the limit on descriptors are in use.
fn confine(limits: &Limits) -> io::Result<()> {
    limit(Resource::As, limits.memory_bytes)?;
    limit(Resource::Core, 0)?;
    limit(Resource::Cpu, CPU_SECONDS)?;
    limit(Resource::Fsize, 0)?;
    limit(Resource::Nofile, 3)
}

fn limit(resource: Resource, value: u64) -> io::Result<()> {
    // The hard limit too, so that it cannot be raised again.
    setrlimit(resource, Rlimit { current: Some(value), maximum: Some(value) })?;
    Ok(())
}

fn answer(queue: &mpsc::Receiver<Vec<u8>>, limits: &Limits) {
    let (mut filters, mut schemas) = (Filters::default(), Schemas::default());
    while let Ok(request) = queue.recv() {
        let document = document::announced(&request);
        let attempt = AssertUnwindSafe(|| match document {
            Some(announced) => document::carry_out(announced, &request, limits.max_output_bytes),
            None => {
                schemas.carry_out(&request).or_else(|| carry_out(&mut filters, request, limits))
            }
        });
        let reply = panic::catch_unwind(attempt).unwrap_or_else(|_| {
            (filters, schemas) = Default::default();
            let why = match document {
                Some(_) => document::DAMAGED,
                None => "the filter failed inside its interpreter",
            };
            Some(reply::error(why))
        });
        let Some(reply) = reply else { break };
        if say(&reply).is_err() {
            break;
        }
    }
    // The reading thread would wait for a parent that has nothing more to say.
    std::process::exit(1)
}

/// The reply to a request; `None` to what is no request.
fn carry_out(filters: &mut Filters, request: Vec<u8>, limits: &Limits) -> Option<Vec<u8>> {
    // Read by jaq and not by serde, whose numbers would lose digits.
    let message = read::parse_single(&request).ok()?;
    drop(request);
    if let Some(checks) = member(&message, "check") {
        let Val::Arr(checks) = checks else { return None };
        let verdict = |check| {
            let code = text(check)?;
            let fault = filters.compile(code).err();
            let steps = if fault.is_none() { names::steps(code) } else { Vec::new() };
            Some(json!({ "fault": fault, "steps": steps }))
        };
        let verdicts: Option<Vec<_>> = checks.iter().map(verdict).collect();
        return Some(json!({ "ok": verdicts? }).to_string().into_bytes());
    }
    let run = member(&message, "run")?;
    let (filter, data) = (text(member(run, "filter")?)?.to_owned(), member(run, "data")?.clone());
    // The filter shall be the only one to hold its data, so that it may change it in place.
    drop(message);
    let outcome = filters.run(&filter, data, limits.max_output_bytes);
    Some(outcome.unwrap_or_else(|message| reply::error(&message)))
}

fn member<'a>(object: &'a Val, name: &'static str) -> Option<&'a Val> {
    match object {
        Val::Obj(members) => members.get(&Val::utf8_str(name)),
        Val::Null | Val::Bool(_) | Val::Num(_) | Val::BStr(_) | Val::TStr(_) | Val::Arr(_) => None,
    }
}

fn text(value: &Val) -> Option<&str> {
    match value {
        Val::TStr(text) => std::str::from_utf8(text).ok(),
        Val::Null | Val::Bool(_) | Val::Num(_) | Val::BStr(_) | Val::Arr(_) | Val::Obj(_) => None,
    }
}

fn say(line: &[u8]) -> io::Result<()> {
    let mut output = io::stdout().lock();
    output.write_all(line)?;
    output.write_all(b"\n")?;
    output.flush()
}
