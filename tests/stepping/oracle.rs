//! What must be true of a queue's messages, whoever died.

use commonhold::{
    Mailbox, Queue, RecvTimeoutError, Shared, TryRecvError, TrySendError, TrySendSliceError,
};

use crate::helper::BOUND;

/// What carries numbers: the queues, each with its own messages.
pub trait Carrier: Clone + 'static {
    fn try_send(&self, number: u64) -> Result<(), TrySendError<()>>;
    fn send_in_time(&self, number: u64) -> bool;
    fn try_recv(&self) -> Result<u64, TryRecvError>;
    fn recv_in_time(&self) -> Result<u64, RecvTimeoutError>;
    fn len(&self) -> usize;
    /// How many messages there is room for; `usize::MAX` where that depends.
    fn room(&self) -> usize;
}

/// A message that says a number in every part of it.
pub trait Numbered: Shared {
    fn of(number: u64) -> Self;
    /// Panics where it is of two numbers.
    fn number(&self) -> u64;
}

impl Numbered for u64 {
    fn of(number: u64) -> u64 {
        number
    }

    fn number(&self) -> u64 {
        *self
    }
}

impl<const N: usize> Numbered for [u64; N] {
    fn of(number: u64) -> [u64; N] {
        [number; N]
    }

    fn number(&self) -> u64 {
        assert!(self.iter().all(|word| *word == self[0]), "a torn message: {self:?}");
        self[0]
    }
}

fn without_value<T>(error: TrySendError<T>) -> TrySendError<()> {
    match error {
        TrySendError::Full(_) => TrySendError::Full(()),
        TrySendError::Closed(_) => TrySendError::Closed(()),
    }
}

impl<T: Numbered> Carrier for Queue<T> {
    fn try_send(&self, number: u64) -> Result<(), TrySendError<()>> {
        Queue::<T>::try_send(self, T::of(number)).map_err(without_value)
    }

    fn send_in_time(&self, number: u64) -> bool {
        self.send_timeout(T::of(number), BOUND).is_ok()
    }

    fn try_recv(&self) -> Result<u64, TryRecvError> {
        Queue::<T>::try_recv(self).map(|message| message.number())
    }

    fn recv_in_time(&self) -> Result<u64, RecvTimeoutError> {
        self.recv_timeout(BOUND).map(|message| message.number())
    }

    fn len(&self) -> usize {
        Queue::<T>::len(self)
    }

    fn room(&self) -> usize {
        self.capacity()
    }
}

/// A message of a mailbox: its number, and so many bytes that depend on it.
pub type Letter = (u64, Vec<u8>);

pub fn letter(number: u64, bytes: usize) -> Letter {
    (number, vec![number as u8; bytes])
}

pub fn read(letter: Letter) -> u64 {
    let (number, bytes) = letter;
    assert!(bytes.iter().all(|byte| *byte == number as u8), "a torn message");
    number
}

/// A mailbox whose messages are of one length here.
#[derive(Clone)]
pub struct Letters {
    pub mailbox: Mailbox<Letter>,
    pub bytes: usize,
    pub room: usize,
}

impl Carrier for Letters {
    fn try_send(&self, number: u64) -> Result<(), TrySendError<()>> {
        self.mailbox.try_send(letter(number, self.bytes)).map_err(without_value)
    }

    fn send_in_time(&self, number: u64) -> bool {
        self.mailbox.send_timeout(letter(number, self.bytes), BOUND).is_ok()
    }

    fn try_recv(&self) -> Result<u64, TryRecvError> {
        self.mailbox.try_recv().map(read)
    }

    fn recv_in_time(&self) -> Result<u64, RecvTimeoutError> {
        self.mailbox.recv_timeout(BOUND).map(read)
    }

    fn len(&self) -> usize {
        self.mailbox.len()
    }

    fn room(&self) -> usize {
        self.room
    }
}

/// A queue of slices, of so many words each here.
#[derive(Clone)]
pub struct Slices {
    pub queue: Queue<[u64]>,
    pub words: usize,
    pub room: usize,
}

impl Slices {
    pub fn number(&self, message: &[u64]) -> u64 {
        assert_eq!(message.len(), self.words, "of another length");
        assert!(message.iter().all(|word| *word == message[0]), "a torn message: {message:?}");
        message[0]
    }
}

impl Carrier for Slices {
    fn try_send(&self, number: u64) -> Result<(), TrySendError<()>> {
        self.queue.try_send(&vec![number; self.words]).map_err(|error| match error {
            TrySendSliceError::Full => TrySendError::Full(()),
            TrySendSliceError::Closed => TrySendError::Closed(()),
            TrySendSliceError::TooLarge => panic!("it fits when nothing is there"),
        })
    }

    fn send_in_time(&self, number: u64) -> bool {
        self.queue.send_timeout(&vec![number; self.words], BOUND).is_ok()
    }

    fn try_recv(&self) -> Result<u64, TryRecvError> {
        self.queue.try_recv().map(|message| self.number(&message))
    }

    fn recv_in_time(&self) -> Result<u64, RecvTimeoutError> {
        self.queue.recv_timeout(BOUND).map(|message| self.number(&message))
    }

    fn len(&self) -> usize {
        self.queue.len()
    }

    fn room(&self) -> usize {
        self.room
    }
}

/// What was sent and received, for certain and perhaps. Numbers rise in the order of the sends; each
/// sender has its own hundred. A message that a dead receiver had comes back, and then may come after
/// later ones; all others come in order.
#[derive(Clone, Debug, Default)]
pub struct Ledger {
    sent: Vec<u64>,
    /// Of each of these a first part was sent.
    perhaps_sent: Vec<Vec<u64>>,
    taken: Vec<u64>,
    /// So many more may have been received by the dead.
    perhaps_taken: usize,
    /// So many may have been leased, and come back.
    leased: usize,
    /// Senders were at it at the same time.
    at_once: bool,
}

impl Ledger {
    pub fn of(sent: impl IntoIterator<Item = u64>) -> Ledger {
        Ledger { sent: sent.into_iter().collect(), ..Ledger::default() }
    }

    /// A send of all these, by who said at the end how many were sent.
    pub fn sends(&mut self, all: &[u64], fate: &Option<Vec<u64>>) {
        match fate {
            None => self.perhaps_sent.push(all.to_vec()),
            Some(count) => self.sent.extend(&all[..count[0] as usize]),
        }
    }

    /// A receive of so many at most, by who said at the end which ones.
    pub fn takes(&mut self, most: usize, fate: &Option<Vec<u64>>) {
        match fate {
            None => self.perhaps_taken += most,
            Some(numbers) => self.taken.extend(numbers),
        }
    }

    /// A lease that nobody was done with, or not before its end.
    pub fn leases(&mut self) {
        self.leased += 1;
    }

    pub fn at_once(&mut self) {
        self.at_once = true;
    }

    /// Receives all that is there, and holds it against the books; then the carrier must be as new.
    pub fn settle(mut self, carrier: &impl Carrier) {
        self.settle_rest(drain(carrier));
        be_as_new(carrier);
    }

    /// Holds what was left against the books.
    pub fn settle_rest(&mut self, rest: Vec<u64>) {
        let about = format!("left {rest:?} of {self:?}");
        assert!(self.in_order(&rest), "out of order: {about}");
        let mut seen: Vec<u64> = self.taken.iter().chain(&rest).copied().collect();
        let times = seen.len();
        seen.sort_unstable();
        seen.dedup();
        assert_eq!(seen.len(), times, "a message twice: {about}");
        let mut missing: Vec<u64> =
            self.sent.iter().copied().filter(|number| !seen.contains(number)).collect();
        let mut unexpected = seen.clone();
        unexpected.retain(|number| !self.sent.contains(number));
        for all in &self.perhaps_sent {
            let here = unexpected.iter().filter(|number| all.contains(number)).count();
            unexpected.retain(|number| !all.contains(number));
            // Those of its first part that are not here may have been received, too.
            let last = all.iter().rposition(|number| seen.contains(number)).map_or(0, |p| p + 1);
            missing.extend(all[..last].iter().filter(|number| !seen.contains(number)));
            assert!(here <= last, "{about}");
        }
        assert!(unexpected.is_empty(), "never sent: {unexpected:?}, {about}");
        assert!(missing.len() <= self.perhaps_taken, "lost: {missing:?}, {about}");
    }

    fn in_order(&self, rest: &[u64]) -> bool {
        let late = |numbers: &[u64]| numbers.windows(2).filter(|pair| pair[0] >= pair[1]).count();
        if !self.at_once {
            return late(rest) <= self.perhaps_taken + self.leased;
        }
        let own = |sender| rest.iter().copied().filter(|n| n / 100 == sender).collect::<Vec<u64>>();
        (0..10).map(|sender| late(&own(sender))).sum::<usize>() <= self.perhaps_taken + self.leased
    }
}

const LAST: u64 = 999;

/// All that is there. "Empty" is believed at once, and proved by a message that is sent after it.
pub fn drain(carrier: &impl Carrier) -> Vec<u64> {
    let mut rest = Vec::new();
    loop {
        match carrier.try_recv() {
            Ok(number) => rest.push(number),
            Err(TryRecvError::Empty) => break,
            Err(TryRecvError::Closed) => return rest,
        }
    }
    assert!(carrier.send_in_time(LAST), "an empty queue takes no message");
    let next = carrier.recv_in_time();
    assert_eq!(next, Ok(LAST), "was called empty before; {rest:?}");
    // Another end, that knows nothing yet, looks at everything.
    assert_eq!(carrier.clone().try_recv(), Err(TryRecvError::Empty), "once more, after {rest:?}");
    rest
}

/// It is empty, all of its room is there, and order is kept.
pub fn be_as_new(carrier: &impl Carrier) {
    assert_eq!(carrier.len(), 0, "empty, but of a length");
    let bounded = carrier.room() < usize::MAX;
    let room = if bounded { carrier.room() as u64 } else { 3 };
    for number in 0..room {
        let sent = carrier.try_send(700 + number);
        assert!(sent.is_ok(), "room for {number} of {room} only: {sent:?}");
    }
    assert_eq!(carrier.len() as u64, room, "full, but of another length");
    if bounded {
        assert_eq!(carrier.try_send(LAST), Err(TrySendError::Full(())), "more than its room");
    }
    for number in 0..room {
        assert_eq!(carrier.try_recv(), Ok(700 + number), "message {number} of {room}");
    }
    assert_eq!(carrier.try_recv(), Err(TryRecvError::Empty));
    assert_eq!(carrier.len(), 0, "empty at the end, but of a length");
}
