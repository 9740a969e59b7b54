//! Nothing: the tests of this package have cases compiled that use commonhold.
