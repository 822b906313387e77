//! Behaviours of hub and agent together: real Git, real SQLite, real QUIC on loopback; only
//! Kubernetes is its in-memory twin. One behaviour per file.

mod additions_of_people_are_reverted_or_kept;
mod adoption_takes_over_and_spares_other_fleets;
mod agent_restarts_without_writes;
mod archives_pass_the_same_checks;
mod definitions_come_before_their_objects;
mod drifts_left_open_are_closed_after_a_restart;
mod fights_are_reported_once_and_backed_off;
mod frames_beyond_their_limit_end_the_session;
mod hub_restarts_without_git;
mod ignored_fields_keep_their_values;
mod join_tokens_belong_to_one_key;
mod journals_arrive_once;
mod killed_agents_converge;
mod observe_writes_nothing;
mod only_what_is_touched_is_made_anew;
mod passwords_and_tokens_are_neither_stored_nor_said;
mod prune_deletes_exactly_what_left;
mod prune_guard_holds_until_confirmed;
mod prune_spares_namespaces_with_strangers;
mod revoked_clusters_are_cut_off_and_heal;
mod second_pass_sends_no_writes;
mod secrets_appear_nowhere_in_clear;
mod sessions_need_a_certificate_of_the_fleet;
mod sources_that_fail_are_looked_at_again_soon;
mod suspended_applications_heal_and_do_not_move;
mod trust_roots_are_replaced_without_a_visit;
mod what_git_holds_is_bounded;

use skerry_tests::stage;
