//! What was counted before, and with what: the file `record.txt`, and how today's counts compare with it.

use std::fs;
use std::process::Command;

const PATH: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/benches/instructions/record.txt");
const HEAD: &str =
    "# Instructions of each operation, by `cargo bench --bench instructions -- --record`.\n";
/// Growth over the record that is taken for none.
const SLACK: f64 = 1.05;

/// Figures, and what made them.
pub struct Record {
    tools: Tools,
    figures: Vec<(String, f64)>,
}

/// Whatever decides about instructions, beside the source.
#[derive(PartialEq)]
struct Tools {
    rustc: String,
    host: String,
}

impl Tools {
    fn here() -> Tools {
        let output = Command::new("rustc").arg("-vV").output().expect("rustc");
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        Tools::read(&text)
    }

    /// From lines that name them, in the way of `rustc -vV`.
    fn read(text: &str) -> Tools {
        let line = |start| text.lines().find_map(|line| line.strip_prefix(start));
        let line = |start| line(start).unwrap_or("unknown").to_owned();
        Tools { rustc: line("rustc "), host: line("host: ") }
    }
}

impl Record {
    pub fn of(names: impl Iterator<Item = &'static str>, counts: Vec<f64>) -> Record {
        let figures = names.map(str::to_owned).zip(counts).collect();
        Record { tools: Tools::here(), figures }
    }

    pub fn read() -> Record {
        let text = fs::read_to_string(PATH).unwrap_or_default();
        let figures = text.lines().filter_map(|line| {
            let (count, name) = line.trim_start().split_once("  ")?;
            Some((name.to_owned(), count.parse().ok()?))
        });
        Record { tools: Tools::read(&text), figures: figures.collect() }
    }

    pub fn write(&self) {
        let Tools { rustc, host } = &self.tools;
        let mut text = format!("{HEAD}rustc {rustc}\nhost: {host}\n\n");
        for (name, count) in &self.figures {
            text += &format!("{count:8.2}  {name}\n");
        }
        fs::write(PATH, text).expect("the record");
        println!("recorded in {PATH}");
    }

    fn find(&self, name: &str) -> Option<f64> {
        self.figures.iter().find(|(other, _)| other == name).map(|(_, count)| *count)
    }

    /// Prints both, of what is wanted. True: nothing takes more than is recorded.
    pub fn compare(&self, recorded: &Record, wanted: impl Fn(&str) -> bool) -> bool {
        let comparable = self.tools == recorded.tools;
        println!("instructions recorded, and now");
        let mut fine = true;
        for (name, count) in self.figures.iter().filter(|(name, _)| wanted(name)) {
            let verdict = Verdict::of(recorded.find(name), *count);
            fine &= verdict.is_fine();
            let was = recorded.find(name).map_or("-".to_owned(), |was| format!("{was:.2}"));
            println!(
                "{was:>10} {count:9.2}  {name}{}",
                if comparable { verdict.word() } else { "" }
            );
        }
        for (name, _) in recorded.figures.iter().filter(|(name, _)| self.find(name).is_none()) {
            fine = false;
            println!("{:>20}  {name}: is recorded, and not counted", "");
        }
        if !comparable {
            let Tools { rustc, host } = &recorded.tools;
            println!("not compared: recorded for rustc {rustc} on {host}");
            return true;
        }
        fine
    }
}

/// What a count is beside the recorded one.
enum Verdict {
    Same,
    Fewer,
    More,
    New,
}

impl Verdict {
    fn of(was: Option<f64>, is: f64) -> Verdict {
        match was {
            None => Verdict::New,
            Some(was) if is > was * SLACK => Verdict::More,
            Some(was) if is * SLACK < was => Verdict::Fewer,
            Some(_) => Verdict::Same,
        }
    }

    fn is_fine(&self) -> bool {
        matches!(self, Verdict::Same | Verdict::Fewer)
    }

    fn word(&self) -> &'static str {
        match self {
            Verdict::Same => "",
            Verdict::Fewer => ": FEWER, which is worth recording",
            Verdict::More => ": MORE than 5 % over the record",
            Verdict::New => ": NOT RECORDED",
        }
    }
}
