//! What is held of this crate: a lock, a locked value, a buffer, permits.

use commonhold::{
    Buffer, Lock, LockError, LockTimeoutError, Mutex, Segment, Semaphore, TryLockError,
};

use super::holders::{Hold, Holders, Holding, How, Inside, Words};
use crate::storm::family::{Door, Family, Scene};
use crate::storm::participant::Patience;

pub fn families() -> Vec<Family> {
    vec![
        Family {
            name: "lock",
            play: |scene, door| {
                let place = options(scene).at(&scene.name);
                let lock = match door {
                    Door::Create => Lock::create(place),
                    Door::Open => Lock::open(place),
                };
                Box::new(Holding { of: lock.expect("the lock"), alone: true })
            },
            oracle: |_| Box::new(Holders::new(1, true, false)),
            control: false,
            slow: false,
        },
        Family {
            name: "mutex",
            play: |scene, door| {
                let place = options(scene).at(&scene.name);
                let mutex = match door {
                    Door::Create => Mutex::create(place, [0; 16]),
                    Door::Open => Mutex::open(place),
                };
                let of =
                    Locked { mutex: mutex.expect("the mutex"), repairs: scene.variant & 1 == 1 };
                Box::new(Holding { of, alone: true })
            },
            oracle: |_| Box::new(Holders::new(1, true, true)),
            control: false,
            slow: false,
        },
        Family {
            name: "buffer",
            play: |scene, door| {
                let place = options(scene).at(&scene.name);
                let buffer = match door {
                    Door::Create => Buffer::<u64>::create(place, 64),
                    Door::Open => Buffer::open(place),
                };
                Box::new(Holding { of: buffer.expect("the buffer"), alone: false })
            },
            oracle: |_| Box::new(Holders::new(1, true, true)),
            control: false,
            slow: false,
        },
        Family {
            name: "semaphore",
            play: |scene, door| {
                let (place, permits) = (options(scene).at(&scene.name), permits(scene));
                let semaphore = match (door, scene.variant & 4) {
                    (Door::Create, 0) => Semaphore::create(place, permits),
                    (Door::Create, _) => Semaphore::create_bounded(place, permits),
                    (Door::Open, _) => Semaphore::open(place),
                };
                let of = Permits { semaphore: semaphore.expect("the semaphore"), permits };
                Box::new(Holding { of, alone: false })
            },
            oracle: |scene| Box::new(Holders::new(permits(scene) as usize, false, false)),
            control: false,
            slow: false,
        },
    ]
}

pub fn options(scene: &Scene) -> commonhold::SegmentOptions {
    Segment::options().participants(scene.participants)
}

pub fn permits(scene: &Scene) -> u32 {
    1 + (scene.variant & 3) as u32
}

/// Why it was not taken.
enum Not {
    InTime,
    OwnerDied,
}

impl From<LockError> for Not {
    fn from(error: LockError) -> Not {
        assert_eq!(error, LockError::OwnerDied, "nobody panics here");
        Not::OwnerDied
    }
}

impl From<TryLockError> for Not {
    fn from(error: TryLockError) -> Not {
        assert_ne!(error, TryLockError::Poisoned, "nobody panics here");
        if error == TryLockError::WouldBlock { Not::InTime } else { Not::OwnerDied }
    }
}

impl From<LockTimeoutError> for Not {
    fn from(error: LockTimeoutError) -> Not {
        assert_ne!(error, LockTimeoutError::Poisoned, "nobody panics here");
        if error == LockTimeoutError::Timeout { Not::InTime } else { Not::OwnerDied }
    }
}

/// Takes it, or takes it over.
fn take<G>(
    mut take: impl FnMut() -> Result<G, Not>,
    mut recover: impl FnMut() -> Option<G>,
) -> Option<(How, G)> {
    loop {
        match take() {
            Ok(guard) => return Some((How::Plain, guard)),
            Err(Not::InTime) => return None,
            // Where another one was first, it is as it was.
            Err(Not::OwnerDied) => {
                if let Some(guard) = recover() {
                    return Some((How::Recovered, guard));
                }
            }
        }
    }
}

impl Hold for Lock {
    fn hold(&self, _: bool, patience: Patience, inside: Inside) -> bool {
        let lock = || match patience {
            Patience::Not => self.try_lock().map_err(Not::from),
            Patience::Short(time) => self.lock_timeout(time).map_err(Not::from),
            Patience::Long => self.lock().map_err(Not::from),
        };
        let Some((how, guard)) = take(lock, || self.recover().ok()) else { return false };
        inside(how, Words::None);
        drop(guard);
        true
    }

    fn is_as_new(&self) -> bool {
        !self.is_locked() && self.try_lock().is_ok()
    }
}

struct Locked {
    mutex: Mutex<[u64; 16]>,
    /// Whether it uses `lock_or_repair`.
    repairs: bool,
}

impl Hold for Locked {
    fn hold(&self, _: bool, patience: Patience, inside: Inside) -> bool {
        if self.repairs && patience == Patience::Long {
            let mut how = How::Plain;
            let mut guard = self.mutex.lock_or_repair(|left| {
                how = How::Recovered;
                left.expect("any bytes are numbers")
            });
            inside(how, Words::Change(&mut guard[..]));
            return true;
        }
        let lock = || match patience {
            Patience::Not => self.mutex.try_lock().map_err(Not::from),
            Patience::Short(time) => self.mutex.lock_timeout(time).map_err(Not::from),
            Patience::Long => self.mutex.lock().map_err(Not::from),
        };
        let taken = take(lock, || self.mutex.recover().ok());
        let Some((how, mut guard)) = taken else { return false };
        inside(how, Words::Change(&mut guard[..]));
        true
    }

    fn is_as_new(&self) -> bool {
        self.mutex.try_lock().is_ok()
    }
}

impl Hold for Buffer<u64> {
    fn hold(&self, change: bool, patience: Patience, inside: Inside) -> bool {
        if change {
            let write = || match patience {
                Patience::Not => self.try_write().map_err(Not::from),
                Patience::Short(time) => self.write_timeout(time).map_err(Not::from),
                Patience::Long => self.write().map_err(Not::from),
            };
            let taken = take(write, || self.recover().ok());
            let Some((how, mut guard)) = taken else { return false };
            inside(how, Words::Change(&mut guard));
            return true;
        }
        loop {
            let read = match patience {
                Patience::Not => self.try_read().map_err(Not::from),
                Patience::Short(time) => self.read_timeout(time).map_err(Not::from),
                Patience::Long => self.read().map_err(Not::from),
            };
            match read {
                Ok(guard) => {
                    inside(How::Plain, Words::Read(&guard));
                    return true;
                }
                Err(Not::InTime) => return false,
                Err(Not::OwnerDied) => {
                    if let Ok(mut guard) = self.recover() {
                        inside(How::Recovered, Words::Change(&mut guard));
                        return true;
                    }
                }
            }
        }
    }

    fn is_as_new(&self) -> bool {
        self.try_read().is_ok() && self.try_write().is_ok()
    }
}

struct Permits {
    semaphore: Semaphore,
    permits: u32,
}

impl Hold for Permits {
    fn hold(&self, _: bool, patience: Patience, inside: Inside) -> bool {
        let permit = match patience {
            Patience::Not => self.semaphore.try_acquire().ok(),
            Patience::Short(time) => self.semaphore.acquire_timeout(time).ok(),
            Patience::Long => Some(self.semaphore.acquire()),
        };
        let Some(permit) = permit else { return false };
        inside(How::Plain, Words::None);
        drop(permit);
        true
    }

    fn is_as_new(&self) -> bool {
        let all: Vec<_> = (0..self.permits).map(|_| self.semaphore.try_acquire()).collect();
        let room = all.iter().all(Result::is_ok) && self.semaphore.try_acquire().is_err();
        drop(all);
        room && self.semaphore.available() == self.permits
    }
}
