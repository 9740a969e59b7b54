//! A string of bounded length as plain bytes.

use bytemuck::{AnyBitPattern, CheckedBitPattern, NoUninit, Zeroable};

/// The longest a text can be made for: its length takes two bytes.
const MAX: usize = u16::MAX as usize;

/// A string of at most `N` bytes that may live in shared memory: for names, and for keys of a map.
///
/// It derefs to `str`, and compares, hashes and prints as one. Equal texts have equal bytes. `N` is
/// 65,535 at most; a larger one does not compile. It takes `N + 2` bytes, aligned to one.
///
/// # Examples
/// ```
/// use commonhold::{Text, Value};
///
/// let name = Text::<16>::try_from("worker 7")?;
/// assert_eq!(name, "worker 7");
/// assert!(name.starts_with("worker"));
/// assert!(Text::<4>::try_from("worker 7").is_err());
///
/// let shared = Value::new(name)?;
/// assert_eq!(shared.get().len(), 8);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Copy)]
#[repr(C)]
pub struct Text<const N: usize> {
    /// Little endian.
    len: [u8; 2],
    /// The string, then zeros.
    bytes: [u8; N],
}

impl<const N: usize> Text<N> {
    const FITS: () = assert!(N <= MAX, "a Text holds 65,535 bytes at most");

    /// The text, unless it is longer than `N` bytes.
    pub(crate) fn from_str(text: &str) -> Option<Text<N>> {
        let () = Self::FITS;
        let len = u16::try_from(text.len()).ok()?.to_le_bytes();
        let mut bytes = [0; N];
        bytes.get_mut(..text.len())?.copy_from_slice(text.as_bytes());
        Some(Text { len, bytes })
    }

    /// The text as a string slice, as dereferencing it gives.
    ///
    /// # Examples
    /// ```
    /// let text = commonhold::Text::<8>::try_from("abc")?;
    /// assert_eq!(text.as_str(), "abc");
    /// # Ok::<(), commonhold::TextTooLong>(())
    /// ```
    #[inline]
    pub fn as_str(&self) -> &str {
        let bytes = &self.bytes[..usize::from(u16::from_le_bytes(self.len))];
        // SAFETY: [TXT-1] from_str put a string of this length in, or is_valid_bit_pattern found one.
        unsafe { str::from_utf8_unchecked(bytes) }
    }
}

// SAFETY: [TXT-1] two arrays of bytes, one behind the other: no padding, whatever N is.
unsafe impl<const N: usize> NoUninit for Text<N> {}

// SAFETY: [TXT-1] all zero is the empty text.
unsafe impl<const N: usize> Zeroable for Text<N> {}

/// The bytes of a [`Text`] before they are known to be one.
#[derive(Clone, Copy, Debug)]
#[repr(C)]
pub struct TextBits<const N: usize> {
    len: [u8; 2],
    bytes: [u8; N],
}

// SAFETY: [TXT-1] two arrays of bytes, which may be zero.
unsafe impl<const N: usize> Zeroable for TextBits<N> {}
// SAFETY: [TXT-1] two arrays of bytes, which may be any.
unsafe impl<const N: usize> AnyBitPattern for TextBits<N> {}

// SAFETY: [TXT-1] the same fields in the same order, and every Text made safely passes the check.
unsafe impl<const N: usize> CheckedBitPattern for Text<N> {
    type Bits = TextBits<N>;

    fn is_valid_bit_pattern(bits: &TextBits<N>) -> bool {
        let () = Self::FITS;
        let len = usize::from(u16::from_le_bytes(bits.len));
        let Some((text, rest)) = bits.bytes.split_at_checked(len) else { return false };
        str::from_utf8(text).is_ok() && rest.iter().all(|byte| *byte == 0)
    }
}
