//! Where a named object lives: a name of its own, or a name within a segment, with options.

use super::Segment;
use super::options::SegmentOptions;

/// Where a named object is made or found.
///
/// Everything that takes one also takes a plain name: `Lock::create("door")`. A place in a segment
/// comes from [`Segment::at`], one with options from [`SegmentOptions::at`].
///
/// # Examples
/// ```
/// use commonhold::{Lock, Place, Segment};
/// # let name = format!("doc-place-{}", std::process::id());
/// let place: Place<'_> = Place::from(&name);
/// let door = Lock::create(place)?;
/// # Ok::<(), commonhold::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct Place<'a> {
    pub(crate) name: &'a str,
    pub(crate) site: Site<'a>,
}

#[derive(Clone, Debug)]
pub(crate) enum Site<'a> {
    /// A segment of the object's own, made with these options.
    Own(SegmentOptions),
    /// An entry of a segment that exists.
    In(&'a Segment),
}

impl<'a> From<&'a str> for Place<'a> {
    fn from(name: &'a str) -> Place<'a> {
        Place { name, site: Site::Own(SegmentOptions::default()) }
    }
}

impl<'a> From<&'a String> for Place<'a> {
    fn from(name: &'a String) -> Place<'a> {
        Place::from(name.as_str())
    }
}
