//! Values that cross by way of serde: of types that are neither plain bytes nor to be named field by field.
#![forbid(unsafe_code)]

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::{Packer, Refused, Transfer, Unpacker};

/// Lets a value cross that serde can serialize, such as one of another crate's type. It is written in
/// postcard's format. (Feature `serde`.)
///
/// [`transfer!`](crate::transfer) is faster where it can be used.
///
/// # Examples
/// ```
/// use std::collections::BTreeMap;
/// use commonhold::{Process, Serde};
///
/// fn main() -> Result<(), commonhold::Error> {
///     commonhold::init();
///     let prices = BTreeMap::from([("bread".to_owned(), 3), ("beer".to_owned(), 4)]);
///     let child = Process::spawn(total, Serde(prices))?;
///     assert!(child.join()?.success());
///     Ok(())
/// }
///
/// fn total(Serde(prices): Serde<BTreeMap<String, u32>>) {
///     assert_eq!(prices.values().sum::<u32>(), 7);
/// }
/// ```
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Debug)]
pub struct Serde<T>(pub T);

impl<T: Serialize + DeserializeOwned + 'static> Transfer for Serde<T> {
    fn pack(&self, to: &mut Packer) -> Result<(), Refused> {
        let bytes = postcard::to_stdvec(&self.0).map_err(|error| failed::<T>("to", &error))?;
        to.push_len(bytes.len());
        to.push(&bytes);
        Ok(())
    }

    fn unpack(from: &mut Unpacker<'_>) -> Result<Serde<T>, Refused> {
        let len = from.take_len()?;
        let bytes = from.take(len)?;
        let (value, rest) =
            postcard::take_from_bytes(bytes).map_err(|error| failed::<T>("from", &error))?;
        if !rest.is_empty() {
            return Err(Refused::not_a::<T>());
        }
        Ok(Serde(value))
    }
}

fn failed<T>(which: &str, error: &postcard::Error) -> Refused {
    let name = std::any::type_name::<T>();
    Refused::new(format!("serializing {which} bytes, a {name}: {error}"))
}
