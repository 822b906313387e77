//! Words, formats and wire types that hub and agent share.
