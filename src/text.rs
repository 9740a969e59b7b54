//! A shared string of bounded length behaves as the `str` it holds.
#![forbid(unsafe_code)]

pub use crate::raw::text::Text;

use std::borrow::Borrow;
use std::cmp::Ordering;
use std::error::Error;
use std::fmt;
use std::hash::{Hash, Hasher};
use std::ops::Deref;
use std::str::FromStr;

/// A string does not fit the [`Text`] it was meant for.
///
/// # Examples
/// ```
/// use commonhold::{Text, TextTooLong};
/// let error = Text::<4>::try_from("seven").unwrap_err();
/// assert_eq!(error, TextTooLong { len: 5, capacity: 4 });
/// assert_eq!(error.to_string(), "a string of 5 bytes does not fit a text of 4 bytes");
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct TextTooLong {
    /// The length of the string, in bytes.
    pub len: usize,
    /// How many bytes the text holds.
    pub capacity: usize,
}

impl fmt::Display for TextTooLong {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let TextTooLong { len, capacity } = self;
        write!(f, "a string of {len} bytes does not fit a text of {capacity} bytes")
    }
}

impl Error for TextTooLong {}

impl<const N: usize> TryFrom<&str> for Text<N> {
    type Error = TextTooLong;

    fn try_from(text: &str) -> Result<Text<N>, TextTooLong> {
        Text::from_str(text).ok_or(TextTooLong { len: text.len(), capacity: N })
    }
}

impl<const N: usize> TryFrom<&String> for Text<N> {
    type Error = TextTooLong;

    fn try_from(text: &String) -> Result<Text<N>, TextTooLong> {
        Text::try_from(text.as_str())
    }
}

impl<const N: usize> FromStr for Text<N> {
    type Err = TextTooLong;

    fn from_str(text: &str) -> Result<Text<N>, TextTooLong> {
        Text::try_from(text)
    }
}

impl<const N: usize> From<Text<N>> for String {
    fn from(text: Text<N>) -> String {
        text.as_str().to_owned()
    }
}

impl<const N: usize> Default for Text<N> {
    /// The empty text.
    fn default() -> Text<N> {
        bytemuck::Zeroable::zeroed()
    }
}

impl<const N: usize> Deref for Text<N> {
    type Target = str;

    #[inline]
    fn deref(&self) -> &str {
        self.as_str()
    }
}

impl<const N: usize> AsRef<str> for Text<N> {
    fn as_ref(&self) -> &str {
        self
    }
}

impl<const N: usize> Borrow<str> for Text<N> {
    fn borrow(&self) -> &str {
        self
    }
}

impl<const N: usize> fmt::Display for Text<N> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self.as_str(), f)
    }
}

impl<const N: usize> fmt::Debug for Text<N> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self.as_str(), f)
    }
}

impl<const N: usize, const M: usize> PartialEq<Text<M>> for Text<N> {
    fn eq(&self, other: &Text<M>) -> bool {
        self.as_str() == other.as_str()
    }
}

impl<const N: usize> Eq for Text<N> {}

impl<const N: usize> PartialEq<str> for Text<N> {
    fn eq(&self, other: &str) -> bool {
        self.as_str() == other
    }
}

impl<const N: usize> PartialEq<&str> for Text<N> {
    fn eq(&self, other: &&str) -> bool {
        self.as_str() == *other
    }
}

impl<const N: usize, const M: usize> PartialOrd<Text<M>> for Text<N> {
    fn partial_cmp(&self, other: &Text<M>) -> Option<Ordering> {
        Some(self.as_str().cmp(other.as_str()))
    }
}

impl<const N: usize> Ord for Text<N> {
    fn cmp(&self, other: &Text<N>) -> Ordering {
        self.as_str().cmp(other.as_str())
    }
}

impl<const N: usize> Hash for Text<N> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.as_str().hash(state);
    }
}
