use commonhold::Process;

fn main() {
    commonhold::init();
    let n = std::env::args().count() as u64;
    let _ = Process::spawn(move || println!("{n}"), ());
}
