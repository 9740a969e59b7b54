//! How a new segment is made.
/// stub
#[derive(Clone, Debug, Default)]
pub struct SegmentOptions;
