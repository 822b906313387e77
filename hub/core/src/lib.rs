//! What the hub decides, without IO.
//!
//! ```text
//! fleet repository ──fleet──▶ Fleet ──publish::assign──▶ what each cluster runs ──(render)──▶
//!   publish::prepare ▸ bundle_lint ▸ publish::assemble ──▶ bundle roots ──session──▶ agents
//! ```
//!
//! | module | decides |
//! |---|---|
//! | [`access`] | who may do what |
//! | [`bundle_lint`] | what must not be in a bundle |
//! | [`enroll`] | who may join |
//! | [`filter`] | which rows of a list are wanted |
//! | [`fleet`] | what operators declared |
//! | [`publish`] | what each cluster runs, and whether that is news |
//! | [`schema`] | what editors may offer in fleet documents |
//! | [`session`] | what one link offers, stores and acknowledges |
//! | [`source`] | which commit a ref means |
//! | [`view`] | what people and programs see |

pub mod access;
pub mod bundle_lint;
pub mod enroll;
pub mod filter;
pub mod fleet;
pub mod publish;
pub mod schema;
pub mod session;
pub mod shell_codes;
pub mod source;
pub mod view;
