//! What is stepped, object by object.

mod bias;
mod mailbox;
mod queue;

use crate::case::Case;

pub fn all() -> Vec<Case> {
    let all = [
        queue::cases(),
        bias::cases(),
        mailbox::cases(),
    ];
    all.into_iter().flatten().collect()
}
