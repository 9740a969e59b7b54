use commonhold::Process;
use std::rc::Rc;

struct Job {
    name: Rc<String>,
}

fn main() {
    commonhold::init();
    let job = Job { name: Rc::new("bake".to_owned()) };
    let _ = Process::spawn(|job: Job| println!("{}", job.name), job);
}
