//! Harness and behaviour tests on real parts.
