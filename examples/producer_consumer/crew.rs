//! The worker processes: this program again, with other arguments.

use std::error::Error;
use std::io;
use std::os::unix::process::CommandExt;
use std::process::{Child, Command};
use std::str::FromStr;
use std::time::Duration;

use nix::sys::prctl::set_pdeathsig;
use nix::sys::signal::{Signal, kill};
use nix::sys::wait::{WaitPidFlag, waitpid};
use nix::unistd::{Pid, getppid};

use crate::books::Books;
use crate::{consumer, producer};

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Role {
    Producer,
    Consumer,
}

/// What a worker is told on its command line: `Consumer,3,12345,name-of-the-run`.
#[derive(Clone)]
pub struct WorkerArgs {
    role: Role,
    number: usize,
    parent: i32,
    run: String,
}

impl FromStr for WorkerArgs {
    type Err = Box<dyn Error + Send + Sync>;

    fn from_str(text: &str) -> Result<WorkerArgs, Self::Err> {
        let [role, number, parent, run] = text.split(',').collect::<Vec<_>>()[..] else {
            return Err("expected four parts".into());
        };
        let role = if role == "Producer" { Role::Producer } else { Role::Consumer };
        Ok(WorkerArgs { role, number: number.parse()?, parent: parent.parse()?, run: run.into() })
    }
}

/// The body of a worker process.
pub fn work(args: &WorkerArgs) -> Result<(), Box<dyn Error>> {
    // The kernel kills this process when its parent ends. If that was before, it is too late.
    set_pdeathsig(Signal::SIGKILL)?;
    if getppid() != Pid::from_raw(args.parent) {
        return Err("the parent is gone".into());
    }
    let books = Books::open(&args.run)?;
    books.ready.fetch_add(1);
    books.start.wait();
    match args.role {
        Role::Producer => producer::run(&books, args.number),
        Role::Consumer => consumer::run(&books, args.number),
    }
}

struct Worker {
    role: Role,
    number: usize,
    child: Child,
}

/// All workers; those that are left are killed when it is dropped.
pub struct Crew {
    run: String,
    workers: Vec<Worker>,
    hired: usize,
}

impl Crew {
    pub fn new(run: &str) -> Crew {
        Crew { run: run.to_owned(), workers: Vec::new(), hired: 0 }
    }

    /// Starts a worker. Its number is new: a dead one's books are never written again.
    pub fn hire(&mut self, role: Role) -> io::Result<()> {
        let number = self.hired;
        let told = format!("{role:?},{number},{},{}", std::process::id(), self.run);
        let child = Command::new(std::env::current_exe()?)
            .args(["--worker", &told])
            // A group of their own: Ctrl-C is for the parent, which ends them.
            .process_group(0)
            .spawn()?;
        self.hired += 1;
        self.workers.push(Worker { role, number, child });
        Ok(())
    }

    /// Kills a worker of this role in the middle of something, and starts another one in its place.
    /// Says what it was at, as [`Books::at_work`] has it.
    pub fn kill_one(&mut self, role: Role, books: &Books) -> Result<String, Box<dyn Error>> {
        let place = self.workers.iter().position(|worker| worker.role == role);
        let place = place.ok_or("nobody to kill")?;
        let worker = &mut self.workers[place];
        let pid = Pid::from_raw(worker.child.id() as i32);
        let at_work = loop {
            // Stopped, it cannot finish while we look.
            kill(pid, Signal::SIGSTOP)?;
            waitpid(pid, Some(WaitPidFlag::WUNTRACED))?;
            match books.at_work.get(worker.number) {
                Some(at_work) if at_work != 0 => break at_work,
                _ if books.all_done(Duration::ZERO) => {
                    return Err("all was done before anybody was killed: try more --repeat".into());
                }
                _ => kill(pid, Signal::SIGCONT)?,
            }
            std::thread::sleep(Duration::from_micros(300));
        };
        worker.child.kill()?;
        worker.child.wait()?;
        self.workers.remove(place);
        self.hire(role)?;
        Ok(match role {
            Role::Consumer => {
                format!("killed consumer {pid} in the middle of record {}", at_work - 1)
            }
            Role::Producer => format!("killed producer {pid}, {at_work} records of its file to go"),
        })
    }

    /// Finds out whether a worker has ended that should not have.
    pub fn check(&mut self) -> Result<(), Box<dyn Error>> {
        for Worker { role, child, .. } in &mut self.workers {
            if let Some(status) = child.try_wait()? {
                return Err(format!("{role:?} {} ended early: {status}", child.id()).into());
            }
        }
        Ok(())
    }

    /// Waits until all have ended by themselves.
    pub fn join(mut self) -> Result<(), Box<dyn Error>> {
        for Worker { role, mut child, .. } in self.workers.drain(..) {
            let status = child.wait()?;
            if !status.success() {
                return Err(format!("{role:?} {}: {status}", child.id()).into());
            }
        }
        Ok(())
    }
}

impl Drop for Crew {
    fn drop(&mut self) {
        for worker in &mut self.workers {
            _ = worker.child.kill();
            _ = worker.child.wait();
        }
    }
}
