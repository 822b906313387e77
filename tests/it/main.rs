//! Behaviours of hub and agent together: real Git, real SQLite, real QUIC on loopback; only
//! Kubernetes is its in-memory twin. One behaviour per file.

mod stage;

mod additions_of_people_are_reverted_or_kept;
mod adoption_takes_over_and_spares_other_fleets;
mod agent_restarts_without_writes;
mod definitions_come_before_their_objects;
mod fights_are_reported_once_and_backed_off;
mod ignored_fields_keep_their_values;
mod observe_writes_nothing;
mod prune_deletes_exactly_what_left;
mod prune_guard_holds_until_confirmed;
mod prune_spares_namespaces_with_strangers;
mod second_pass_sends_no_writes;
mod suspended_applications_heal_and_do_not_move;
