//! What the hub decides, without IO.
