//! Child processes that measure: this program again, in the role that an environment variable names.
//!
//! A child gets orders as lines on its standard input, and answers each with a line. It ends with
//! its input.

use std::env;
use std::io::{BufRead, BufReader, Write, stdin, stdout};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

const ROLE: &str = "COMMONHOLD_BENCH_ROLE";

/// The role this process was started in, if it is a child.
pub fn role() -> Option<String> {
    env::var(ROLE).ok()
}

/// What tells a child its role.
pub fn role_variable(role: &str) -> (&'static str, String) {
    (ROLE, role.to_owned())
}

/// Answers orders until there are no more.
pub fn serve(mut obey: impl FnMut(&str) -> String) {
    for order in stdin().lock().lines() {
        let answer = obey(&order.expect("an order"));
        let mut out = stdout().lock();
        writeln!(out, "{answer}").and_then(|()| out.flush()).expect("somebody listens");
    }
}

/// A child that plays a role.
pub struct Worker {
    pub child: Child,
    pub orders: Option<ChildStdin>,
    pub answers: BufReader<ChildStdout>,
}

impl Worker {
    pub fn start(role: &str) -> Worker {
        let program = env::current_exe().expect("this program");
        Worker::run(Command::new(program).env(ROLE, role))
    }

    /// Of any program that answers lines with lines.
    pub fn run(command: &mut Command) -> Worker {
        let mut child =
            command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().expect("a child");
        let orders = child.stdin.take();
        let answers = BufReader::new(child.stdout.take().expect("its output"));
        Worker { child, orders, answers }
    }

    pub fn tell(&mut self, order: &str) {
        let orders = self.orders.as_mut().expect("its input");
        writeln!(orders, "{order}").expect("a living child");
    }

    pub fn answer(&mut self) -> String {
        let mut line = String::new();
        self.answers.read_line(&mut line).expect("an answer");
        assert!(!line.is_empty(), "a child ended early");
        line
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        drop(self.orders.take());
        let _ = self.child.wait();
    }
}
