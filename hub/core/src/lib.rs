//! What the hub decides, without IO.
//!
//! | module | decides |
//! |---|---|
//! | [`access`] | who may do what |
//! | [`enroll`] | who may join |
//! | [`session`] | what one link offers, stores and acknowledges |

pub mod access;
pub mod enroll;
pub mod session;
