//! Looks at the machine's processes, over and over: at all of their arguments, and at the environments of
//! those that the program has started.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, AtomicU32, Ordering},
    },
    thread::{self, JoinHandle},
    time::Duration,
};

/// What was seen, each once.
#[derive(Debug, Default)]
pub(super) struct Seen {
    /// The command lines of all processes.
    pub(super) arguments: Vec<String>,
    /// `NAME=value` of the program's children and theirs.
    pub(super) variables: Vec<String>,
}

impl Seen {
    /// Whether a build was among it.
    pub(super) fn has_built(&self) -> bool {
        self.variables.iter().any(|variable| variable.starts_with("ECS_PRIVATE_DEPLOY_SECRET_0="))
    }
}

#[derive(Debug, Default)]
struct State {
    arguments: BTreeSet<String>,
    variables: BTreeSet<String>,
}

#[derive(Debug)]
pub(super) struct Watch {
    ends: Arc<AtomicBool>,
    program: Arc<AtomicU32>,
    state: Arc<Mutex<State>>,
    thread: JoinHandle<()>,
}

impl Watch {
    pub(super) fn start() -> Self {
        let ends = Arc::<AtomicBool>::default();
        let program = Arc::<AtomicU32>::default();
        let state = Arc::<Mutex<State>>::default();
        let (over, of, seen) = (Arc::clone(&ends), Arc::clone(&program), Arc::clone(&state));
        let thread = thread::spawn(move || {
            while !over.load(Ordering::Relaxed) {
                look(of.load(Ordering::Relaxed), &mut lock(&seen));
                thread::sleep(Duration::from_millis(10));
            }
        });
        Self { ends, program, state, thread }
    }

    /// Whose children are looked at.
    pub(super) fn of(&self, program: u32) {
        self.program.store(program, Ordering::Relaxed);
    }

    pub(super) fn end(self) -> Seen {
        self.ends.store(true, Ordering::Relaxed);
        self.thread.join().expect("it only reads");
        let state = std::mem::take(&mut *lock(&self.state));
        Seen {
            arguments: state.arguments.into_iter().collect(),
            variables: state.variables.into_iter().collect(),
        }
    }
}

fn lock(state: &Mutex<State>) -> MutexGuard<'_, State> {
    state.lock().unwrap_or_else(PoisonError::into_inner)
}

fn look(program: u32, state: &mut State) {
    let entries = fs::read_dir("/proc").expect("/proc").filter_map(Result::ok);
    let ids = entries.filter_map(|entry| entry.file_name().to_str()?.parse::<u32>().ok());
    let parents: BTreeMap<_, _> = ids.filter_map(|id| Some((id, parent(id)?))).collect();
    let is_childs = |id: u32| {
        let mut next = parents.get(&id);
        while let Some(&parent) = next.filter(|&&parent| parent > 1) {
            if parent == program {
                return true;
            }
            next = parents.get(&parent);
        }
        false
    };
    for &id in parents.keys() {
        let read = |name: &str| {
            let bytes = fs::read(format!("/proc/{id}/{name}")).unwrap_or_default();
            String::from_utf8_lossy(&bytes).into_owned()
        };
        state.arguments.insert(read("cmdline").replace('\0', " "));
        if is_childs(id) {
            // Between its birth and its first words a child still has what the program has.
            let is_born =
                read("cmdline").starts_with("docker") || read("comm").starts_with("docker");
            let variables = read("environ");
            if is_born {
                state.variables.extend(variables.split_terminator('\0').map(str::to_owned));
            }
        }
    }
}

/// `4242 (docker buildx) S 4200 …`
fn parent(id: u32) -> Option<u32> {
    let text = fs::read_to_string(format!("/proc/{id}/stat")).ok()?;
    text.rsplit_once(") ")?.1.split(' ').nth(1)?.parse().ok()
}
