//! The whole agent without a hub: archives signed by a fleet of the test's own, Kubernetes its in-memory
//! twin. One behaviour per file; `program` runs the real program.

mod fleet;
mod site;

mod agents_that_have_not_joined_make_no_store;
mod agents_without_a_store_end;
mod content_that_does_not_fit_is_refused_and_told;
mod drift_cut_short_stays_open;
mod fights_do_not_hold_back_a_new_bundle;
mod full_disks_stop_no_healing;
mod kept_additions_are_told_apart;
mod one_agent_acts_at_a_time;
mod own_rights_are_not_for_bundles;
mod people_are_shown_plan_and_drift;
mod program;
mod restarts_read_less_with_a_ledger;
mod stores_that_are_damaged_lose_nothing;
