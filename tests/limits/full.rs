//! A full file system: at every size, page by page, until everything fits.

use crate::children::{alone, directory, fork, listed};
use crate::kinds::{KINDS, segment_with_an_object};
use crate::{assert_says, belongings, skip};
use commonhold::{Error, ErrorKind, Mailbox, Place, Segment, TrySendError};
use nix::mount::{MsFlags, mount};
use nix::sched::{CloneFlags, unshare};
use std::path::{Path, PathBuf};

const PAGE: usize = 4096;

/// A small file system, in which this process has its names from now on.
struct Small(PathBuf);

impl Small {
    /// Runs `f` in a child that has such a file system.
    fn with(f: impl FnOnce(&Small)) {
        let at = directory().join("small");
        std::fs::create_dir(&at).unwrap();
        fork(|| {
            if let Err(why) = unshare(CloneFlags::CLONE_NEWNS) {
                return skip("a small file system", why);
            }
            let none: Option<&str> = None;
            mount(none, "/", none, MsFlags::MS_REC | MsFlags::MS_PRIVATE, none).unwrap();
            let small = Small(at.clone());
            small.mount("size=4k", MsFlags::empty());
            // SAFETY: no other thread reads the environment.
            unsafe { std::env::set_var("COMMONHOLD_DIR", &small.0) };
            f(&small);
            assert!(listed(&small.0).is_empty());
        })
        .succeed();
        std::fs::remove_dir(at).unwrap();
    }

    fn mount(&self, options: &str, flags: MsFlags) {
        mount(Some("tmpfs"), &self.0, Some("tmpfs"), flags, Some(options)).unwrap();
    }

    /// Changes what it can hold.
    fn resize(&self, pages: usize, inodes: usize) {
        let options = format!("size={}k,nr_inodes={inodes}", pages * 4);
        self.mount(&options, MsFlags::MS_REMOUNT);
    }

    fn free(&self) -> (u64, u64) {
        let now = nix::sys::statvfs::statvfs(&self.0).unwrap();
        (now.blocks_free(), now.files_free())
    }
}

/// Tries it with room for no page, one, two …, until it fits, and twice that often afterwards.
fn grow(small: &Small, what: &str, object: &str, verb: impl Fn() -> Result<(), Error>) {
    let (mut refused, mut pages) = (0, 0);
    let mut fits = None;
    // A file system of no pages there is not.
    let filler = small.0.join("filler");
    small.resize(1, 100);
    std::fs::write(&filler, [1]).unwrap();
    while fits.is_none_or(|first| pages < first + 3) {
        small.resize(1 + pages, 100);
        let before = (belongings(), small.free());
        match verb() {
            Ok(()) => _ = fits.get_or_insert(pages),
            Err(error) => {
                assert!(fits.is_none(), "{what}: fits {fits:?} pages, but not {pages}: {error}");
                assert_says(&error, ErrorKind::OutOfMemory, &[object, "reserving", "No space"]);
                refused += 1;
            }
        }
        assert_eq!((belongings(), small.free()), before, "{what}: {pages} pages");
        pages += 1;
        assert!(pages < 1000, "{what}: fits nowhere");
    }
    std::fs::remove_file(filler).unwrap();
    assert!(refused > 0, "{what}: always fits");
    println!("{what}: {} pages", fits.unwrap_or(0));
}

alone! {
    fn every_object_at_every_size() {
        Small::with(|small| {
            for kind in KINDS {
                grow(small, "create", kind.name, || (kind.create)(Place::from("x")));
                grow(small, "open or create", kind.name, || (kind.open_or_create)(Place::from("x")));
            }
            grow(small, "a segment", "segment", || segment_with_an_object("x"));
            grow(small, "a sparse one", "segment", || {
                let shop = Segment::options().sparse(true).create("x", 1 << 20)?;
                assert!(shop.names().unwrap().is_empty());
                Ok(())
            });
        });
    }

    /// What is there already is not harmed by what finds no room beside it.
    fn what_has_its_room_goes_on_beside_what_has_none() {
        Small::with(|small| {
            small.resize(200, 100);
            let kept: Vec<_> = KINDS
                .iter()
                .enumerate()
                .map(|(number, kind)| (kind.keep)(Place::from(&format!("kept-{number}"))).unwrap())
                .collect();
            let shop = Segment::create("shop", 100_000).unwrap();
            let used = small.free();
            small.resize(200 - used.0 as usize, 100);
            assert_eq!(small.free().0, 0);
            for (number, kind) in KINDS.iter().enumerate() {
                let error = (kind.create)(Place::from("x")).unwrap_err();
                assert_says(&error, ErrorKind::OutOfMemory, &["create", "\"x\""]);
                (kind.open)(Place::from(&format!("kept-{number}"))).unwrap();
                // The segment has its memory.
                (kind.create)(shop.at(&format!("in it-{number}")))
                    .or_else(|error| {
                        assert_says(&error, ErrorKind::OutOfMemory, &["the segment has", "left"]);
                        Ok::<_, Error>(())
                    })
                    .unwrap();
            }
            assert!(shop.names().unwrap().len() >= 4);
            drop((kept, shop));
        });
    }

    fn without_an_inode() {
        Small::with(|small| {
            small.resize(100, 1);
            for kind in KINDS {
                let error = (kind.create)(Place::from("x")).unwrap_err();
                assert_says(&error, ErrorKind::OutOfMemory, &["making a file in", "No space"]);
            }
            small.resize(100, 2);
            for kind in KINDS {
                (kind.create)(Place::from("x")).unwrap();
            }
        });
    }

    /// A long message takes memory when it is sent.
    fn a_long_message_at_every_size() {
        Small::with(|small| {
            small.resize(20, 100);
            let mail = Mailbox::<Vec<u8>>::create("mail", PAGE).unwrap();
            let used = 20 - small.free().0 as usize;
            for beside in 0..30 {
                small.resize(used + beside, 100);
                let fits = beside >= 25;
                let sent = mail.try_send(vec![7; 25 * PAGE - 8]);
                match sent {
                    Ok(()) => assert!(fits, "{beside} pages"),
                    Err(TrySendError::Full(message)) => {
                        assert!(!fits, "{beside} pages");
                        assert_eq!(message, vec![7; 25 * PAGE - 8]);
                        assert_eq!(small.free().0, beside as u64, "given back");
                        mail.try_send(vec![1; 100]).unwrap(); // a short one needs none
                        assert_eq!(mail.try_recv().unwrap(), vec![1; 100]);
                        continue;
                    }
                    Err(other) => panic!("{other}"),
                }
                assert_eq!(mail.try_recv().unwrap(), vec![7; 25 * PAGE - 8]);
                assert_eq!(small.free().0, beside as u64, "given back");
            }
            assert_eq!(listed(Path::new(&small.0)), ["mail"]);
        });
    }
}
