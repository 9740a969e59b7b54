use commonhold::Process;

fn greet(name: &'static str) {
    println!("{name}");
}

fn main() {
    commonhold::init();
    let _ = Process::spawn(greet, ("world",));
}
