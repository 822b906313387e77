//! The hub's process.

fn main() {}
