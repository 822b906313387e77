//! What is refused, and how it reads.
