//! Panics: which are documented, and which are not.

use std::cell::RefCell;
use std::panic;

/// What verbs that return no error say of overwritten memory. Each is documented where the verb is.
const DOCUMENTED: [&str; 6] = [
    // Value, Array
    "shared memory was overwritten by something else: its bytes are no ",
    // Queue<T>
    "a message is no ",
    // Queue<[T]>, Mailbox
    "a message is none of a ",
    "a ring of messages was overwritten by something else: its words are of no ring",
    // Mailbox
    "a message cannot be received: ",
    // Mutex, with its name in between
    "mutex ",
];

/// What the names of a mutex are followed by.
const MUTEX: &str = "holds bytes that are no ";

thread_local! {
    static LAST: RefCell<String> = const { RefCell::new(String::new()) };
}

/// From now on panics are kept, and not printed.
pub fn keep() {
    panic::set_hook(Box::new(|info| {
        let payload = info.payload();
        let text = payload.downcast_ref::<String>().map(String::as_str);
        let text = text.or(payload.downcast_ref().copied()).unwrap_or("(no text)");
        let location = info.location().map(ToString::to_string).unwrap_or_default();
        LAST.set(format!("{text} (at {location})"));
    }));
}

/// The last panic of this thread.
pub fn last() -> String {
    LAST.take()
}

/// The same, if it is none of the documented ones.
pub fn undocumented() -> Option<String> {
    let text = last();
    (!is_documented(&text)).then_some(text)
}

fn is_documented(text: &str) -> bool {
    DOCUMENTED
        .iter()
        .any(|begin| text.starts_with(begin) && (*begin != "mutex " || text.contains(MUTEX)))
}
