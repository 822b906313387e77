//! `skerry` as a process: whole stories, each with what is printed and the exit code.

mod build;
mod build_as_kustomize;
mod bundles;
mod changes;
mod contexts;
#[cfg(feature = "demo")]
mod documented;
mod exit_codes;
mod hub;
mod lists;
mod offline;
mod process;
mod reference;
mod status;
mod waiting;
mod why;
