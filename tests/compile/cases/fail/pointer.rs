use commonhold::Process;

fn bake() {}

fn main() {
    commonhold::init();
    let function: fn() = bake;
    let _ = Process::spawn(function, ());
}
