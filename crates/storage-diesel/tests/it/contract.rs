//! Each behaviour of the contract, on each database.

use std::{collections::BTreeSet, fs};

use test_support::{contract::Given, databases::Database};

/// Two tests of each behaviour.
macro_rules! on_both_databases {
    ($($suite:ident: $($behaviour:ident)*;)*) => {
        mod sqlite {
            $(mod $suite {
                $(#[test]
                fn $behaviour() {
                    super::super::on(&test_support::databases::Database::sqlite(), test_support::contract::$suite::$behaviour);
                })*
            })*
        }
        mod postgres {
            $(mod $suite {
                $(#[test]
                fn $behaviour() {
                    super::super::on(&test_support::databases::Database::postgres(), test_support::contract::$suite::$behaviour);
                })*
            })*
        }

        /// The behaviours that are run, as `suite::behaviour`.
        const RUN: &[&str] = &[$($(concat!(stringify!($suite), "::", stringify!($behaviour)),)*)*];
    };
}

on_both_databases! {
    audit:
        a_new_organization_begins_its_history
        each_change_of_workflows_and_deployments_is_noted_with_its_names
        a_deployment_is_noted_with_its_first_key
        each_change_of_a_key_is_noted_and_a_revocation_with_its_reason
        what_changes_in_the_slots_is_noted_and_what_stays_is_not
        keys_that_are_revoked_with_their_maker_are_noted_one_by_one
        a_refused_change_is_not_noted
        a_change_that_cannot_be_noted_is_not_made
        entries_are_listed_newest_first_in_pages_and_by_filter
        refusals_are_counted_by_the_minute_and_noted_when_it_is_over
        no_more_kinds_of_refusals_are_kept_than_memory_is_meant_for;
    audit_chain:
        entries_are_chained_by_the_sealer_and_new_ones_are_told_as_unsealed
        two_sealers_at_once_make_one_chain
        changes_are_made_while_they_are_sealed_and_verified
        a_pruned_chain_still_verifies_and_goes_on
        what_is_not_sealed_is_not_pruned
        a_chain_under_another_pepper_is_neither_verified_nor_built_on
        a_long_chain_is_read_in_pages;
    deliveries:
        a_claimed_delivery_brings_all_that_is_needed_to_carry_it_out
        a_lane_with_a_thousand_deliveries_leaves_room_for_the_others
        slow_lanes_leave_places_to_those_that_are_not
        two_servers_at_once_claim_each_delivery_exactly_once
        an_attempt_is_told_with_what_became_of_it
        the_outcome_of_an_older_claim_is_nobodys_business
        a_replayed_delivery_begins_anew_and_is_noted
        deliveries_are_listed_newest_first_by_filter_and_where_they_belong
        a_webhook_where_nothing_arrives_is_switched_off_once_and_that_is_told
        a_webhook_that_fails_for_too_long_is_switched_off_though_nothing_was_given_up
        a_webhook_stays_on_if_something_arrived_meanwhile_and_goes_if_it_says_so
        old_deliveries_are_deleted_in_portions_with_their_events;
    deployments:
        a_deployment_is_found_as_it_was_saved
        a_deployment_is_saved_with_its_first_key_or_not_at_all
        deployments_are_listed_newest_first_in_pages
        deployments_are_searched_by_both_their_names
        whoever_sees_only_their_own_sees_no_other_deployment
        another_organization_sees_no_deployment
        only_a_workflow_that_its_maker_sees_can_be_deployed
        a_deployment_is_found_by_its_name_in_its_own_organization
        an_api_name_is_unique_in_its_organization_until_it_is_free_again
        of_eight_deployments_of_one_name_at_once_one_is_made
        a_change_of_a_deployment_is_saved_whole
        a_refused_change_of_a_deployment_saves_nothing
        eight_changes_of_a_deployment_at_once_all_survive
        a_deleted_deployment_is_not_found_and_not_deleted_again;
    executions:
        what_to_run_is_the_current_version_of_the_deployed_workflow
        what_to_run_is_told_to_a_platform_key_as_long_as_that_is_active
        what_to_run_tells_the_key_as_it_is_now
        an_accepted_run_is_told_as_it_stands
        a_run_is_seen_by_the_key_that_started_it_and_by_others_only_if_shared
        a_run_is_not_seen_from_another_organization_or_deployment
        a_result_is_kept_and_told_as_often_as_it_is_asked_for
        a_result_that_is_null_is_a_result
        a_failure_is_told_even_if_its_reason_is_not_printable
        progress_counts_the_steps_that_ended_well_once_each
        a_run_that_moved_is_not_moved_again_from_where_it_was
        old_payloads_are_deleted_in_portions_and_the_records_stay
        the_runs_of_a_deleted_deployment_go_on
        steps_are_saved_while_their_attempt_has_the_run_and_found_again;
    files:
        a_run_is_claimed_with_its_files_in_their_order
        files_are_given_up_with_the_payload_of_their_run_and_stay_on_record
        the_last_runs_of_deployments_are_told_with_their_number;
    history:
        runs_are_listed_newest_first_in_pages
        runs_are_listed_by_filter
        whoever_sees_only_their_own_sees_no_other_run
        a_run_is_told_with_its_steps_and_with_what_is_asked_for
        each_organization_keeps_results_and_records_for_as_long_as_it_wants;
    idempotency:
        a_request_is_remembered_by_what_it_has_made
        a_request_that_was_done_does_nothing_again
        a_refused_request_is_not_remembered
        a_request_of_another_organization_is_another
        a_forgotten_request_is_done_anew
        old_records_are_deleted_in_portions_and_others_stay
        of_sixteen_times_the_same_request_at_once_one_is_done;
    imports:
        an_imported_key_is_found_by_either_hash_and_told_without_a_secret
        a_key_is_imported_onto_a_deployment_that_its_importer_sees
        a_row_that_was_imported_before_is_told_and_left_as_it_is
        a_refused_row_hinders_no_other
        two_organizations_may_import_the_same_key
        a_deleted_imported_key_is_unknown_and_does_not_come_back
        of_eight_imports_of_the_same_rows_at_once_one_makes_the_keys
        the_imported_hash_of_a_rotated_key_is_good_for_its_grace
        an_adopted_key_has_a_secret_of_ours_and_nothing_of_theirs
        a_key_is_not_adopted_while_another_organization_has_it_too
        a_salted_hash_is_found_by_the_prefix_of_its_key;
    key_feed:
        every_change_of_a_key_is_told
        a_key_is_told_once_under_its_last_change
        a_refused_change_and_one_of_another_organization_are_not_told
        a_deployment_that_is_switched_off_or_deleted_tells_of_all_its_keys
        platform_keys_are_told_with_what_they_made
        of_changes_at_once_none_is_missed;
    key_lookup:
        a_deployment_key_is_found_with_all_that_decides_its_fate
        a_platform_key_is_as_active_as_its_slot
        an_unknown_digest_finds_nothing
        a_deleted_deployment_key_is_found_revoked
        the_keys_of_a_deleted_deployment_are_found_revoked
        a_deleted_platform_key_is_not_found
        secrets_are_counted_under_their_pepper_as_long_as_a_live_key_needs_it;
    managed_keys:
        a_new_key_is_told_and_found_as_it_was_made
        keys_are_listed_newest_first_in_pages
        keys_are_filtered_by_maker_name_and_revocation
        keys_of_a_deployment_are_searched_by_their_description
        keys_are_seen_by_whoever_sees_the_deployment
        a_key_is_found_only_on_its_own_ring
        a_change_of_a_key_is_saved_and_a_refusal_is_not
        a_name_is_taken_until_its_key_is_deleted
        of_eight_keys_of_one_name_at_once_one_is_made
        eight_changes_of_a_key_at_once_all_survive
        a_rotated_key_has_two_secrets_and_never_three
        eight_rotations_at_once_leave_one_present_secret
        a_deleted_key_is_not_seen_and_not_deleted_again
        no_key_survives_the_deletion_of_its_deployment;
    nodes:
        a_node_hears_whose_keys_have_changed
        a_change_that_is_under_way_is_heard_of_once_it_is_saved
        who_asks_from_another_past_forgets_everything
        whoever_answers_a_roll_call_is_told_apart_from_who_does_not
        of_changes_at_once_each_is_heard_of;
    notices:
        the_end_of_a_key_is_told_of_once_by_two_servers_to_each_who_listens
        keys_that_end_together_are_mailed_in_one_and_not_without_bound
        another_end_is_told_of_anew_and_a_revoked_key_no_more
        other_notice_days_hold_for_keys_that_are_there
        what_is_done_to_a_key_is_told_with_it_and_once
        keys_that_die_with_what_they_open_are_told_of
        platform_keys_are_told_of_under_the_names_of_their_slots
        a_reached_limit_is_told_of_once_an_hour_by_two_servers
        a_run_is_told_of_once_when_it_ends_and_not_when_it_is_stopped
        an_invitation_is_told_of_and_mailed_where_it_is_to_be
        where_nobody_listens_nothing_is_kept;
    members:
        an_invitation_is_told_as_it_was_made_and_listed_while_it_is_open
        invitations_are_counted_and_one_for_the_same_address_is_withdrawn
        whoever_accepts_is_a_member_by_the_role_of_the_invitation
        a_refused_acceptance_saves_nothing
        a_withdrawn_invitation_is_accepted_by_nobody
        of_eight_who_accept_one_invitation_at_once_one_joins
        of_eight_invitations_of_one_address_at_once_one_is_open
        invitations_do_not_pass_by_the_last_place_at_once
        a_changed_role_holds_for_sessions_that_there_are
        what_a_removed_member_made_is_counted_and_stays
        who_asks_is_known_by_what_they_are_now
        invitations_of_whoever_is_no_administrator_any_more_are_withdrawn
        of_four_administrators_who_go_at_once_one_stays
        old_invitations_are_deleted_in_portions_and_others_stay;
    organizations:
        organizations_are_listed_by_slug
        a_new_organization_has_one_platform_key_that_is_active
        a_new_administrator_is_found_by_name_with_their_hash
        a_taken_slug_user_name_or_mail_address_is_told_and_nothing_is_saved
        several_administrators_may_have_no_mail_address
        somebody_with_an_account_may_administer_a_second_organization
        settings_are_changed_for_one_organization_and_noted
        a_refused_change_of_settings_saves_nothing
        eight_changes_of_settings_at_once_all_survive
        an_account_that_is_not_there_administers_nothing;
    platform_keys:
        a_generated_key_fills_a_slot_and_is_active_only_if_asked
        one_activation_switches_the_other_key_off
        a_refreshed_key_keeps_its_id_and_its_state_and_its_old_secret_dies
        deleting_the_active_key_leaves_none_active_and_its_slot_empty
        deleting_one_key_leaves_the_other_active
        a_refused_change_of_slots_saves_nothing
        an_empty_slot_is_neither_activated_nor_refreshed_nor_deleted
        organizations_do_not_see_each_others_slots
        an_organization_that_is_not_there_has_empty_slots
        fifty_activations_at_once_leave_exactly_one_active
        eight_generations_at_once_make_no_third_key
        what_a_withdrawn_key_made_is_revoked_if_asked_and_what_that_made;
    queue:
        a_claimed_run_brings_all_that_is_needed_to_carry_it_out
        a_claim_moves_a_run_as_the_state_machine_does
        the_queue_is_measured
        runs_are_claimed_oldest_first_and_no_more_than_asked_for
        organizations_take_turns_however_many_runs_one_has_waiting
        a_run_keeps_the_version_that_it_was_accepted_with
        a_run_that_is_born_claimed_is_nobody_elses_while_its_lease_holds
        a_lease_that_ran_out_gives_the_run_to_the_next_attempt_alone
        a_finished_run_is_never_claimed
        a_run_that_is_handed_back_is_claimed_at_once
        leases_are_renewed_for_what_is_still_held
        eight_workers_claim_each_run_exactly_once
        eight_workers_take_over_each_lost_run_exactly_once
        no_more_runs_are_accepted_than_may_be_unfinished
        an_organizations_bound_counts_the_runs_of_all_its_deployments
        sixteen_callers_at_once_do_not_pass_by_the_last_place;
    secrets:
        a_secret_is_found_as_it_was_set_last_and_only_where_it_was_set
        a_deleted_secret_is_gone_and_not_deleted_again
        what_is_done_with_secrets_is_noted_by_their_names
        of_eight_secrets_at_once_as_many_are_set_as_may_be;
    schedules:
        a_schedule_is_set_found_and_removed_within_reach
        a_due_schedule_begins_one_run_however_many_ask
        while_a_run_goes_on_the_next_is_left_out
        nothing_begins_that_is_not_due_or_whose_workflow_is_gone
        a_checkpoint_is_kept_apart_from_what_is_told
        an_older_attempt_notes_nothing_of_its_records
        a_checkpoint_forgets_the_steps_of_what_is_done;
    sessions:
        a_session_is_found_by_its_token_with_its_user_and_memberships
        use_moves_a_session_on_and_never_back
        an_ended_session_is_not_found_and_may_be_ended_again
        a_new_session_ends_those_whose_tokens_it_replaces
        no_session_begins_by_a_password_that_was_changed_meanwhile
        a_changed_password_ends_all_other_sessions_and_is_noted_in_each_organization
        of_eight_changes_of_one_password_at_once_one_is_made
        a_password_is_hashed_anew_only_while_it_is_the_same
        a_log_in_hashes_a_password_anew_whose_cost_is_not_the_present_one
        a_users_own_sessions_are_listed_newest_first_without_those_that_are_over
        one_session_too_many_ends_the_one_that_was_idle_for_longest
        stale_sessions_are_deleted_in_portions_and_others_stay;
    sharing:
        what_is_shared_with_a_member_is_seen_until_it_is_not
        what_is_shared_with_everyone_is_seen_by_everyone_of_the_organization
        with_whom_things_are_shared_is_told_of_many_at_once_in_their_order
        nothing_is_shared_with_whoever_is_no_member
        what_is_shared_is_its_owners_to_change
        a_shared_workflow_is_deployed_where_users_may_deploy
        who_made_what_a_run_is_of_is_told
        of_eight_that_share_at_once_the_last_one_counts;
    usage:
        what_is_added_to_one_place_is_summed_up
        only_the_sums_that_are_asked_for_are_told
        the_most_used_deployments_and_keys_are_found
        sums_are_told_apart_by_deployment_or_by_key
        what_usage_is_of_is_called_by_its_name
        a_batch_that_is_given_again_is_added_once
        of_one_batch_that_eight_give_at_once_one_is_added
        eight_that_add_to_the_same_rows_at_once_lose_nothing
        old_sums_are_deleted_in_portions_by_their_resolution
        eight_that_delete_old_sums_at_once_delete_each_once
        what_two_processes_count_is_summed_up_by_minute_hour_and_day;
    uses:
        the_last_use_is_told_of_each_secret
        a_later_use_stays_when_an_earlier_one_is_noted
        uses_of_what_is_no_secret_are_let_go
        of_uses_noted_by_eight_at_once_while_keys_are_rotated_the_last_are_told
        what_is_noted_in_memory_is_stored_once_it_is_asked_to;
    webhooks:
        a_webhook_is_found_as_it_was_made_and_only_where_it_was_made
        a_change_of_a_webhook_is_saved_and_a_refusal_is_not
        a_deleted_webhook_is_gone_and_not_deleted_again
        of_eight_webhooks_at_once_as_many_are_made_as_may_be
        keys_that_secrets_of_webhooks_are_under_are_counted;
    workflows:
        a_workflow_is_found_as_it_was_saved
        workflows_are_listed_newest_first_in_pages
        workflows_are_searched_by_their_name_whichever_case_it_is_in
        whoever_sees_only_their_own_sees_no_other_workflow
        another_organization_sees_no_workflow
        a_change_is_saved_and_a_new_version_only_if_there_is_one
        a_refused_change_of_a_workflow_saves_nothing
        eight_edits_at_once_all_survive_with_versions_in_a_row
        a_deleted_workflow_is_not_found
        a_workflow_is_deleted_only_if_no_deployment_stands_on_it
        a_workflow_is_not_deleted_while_it_is_deployed;
}

fn on(database: &Database, behaviour: fn(&Given)) {
    behaviour(&Given::empty(database.open()));
}

#[test]
fn every_behaviour_of_the_contract_is_run() {
    let directory = concat!(env!("CARGO_MANIFEST_DIR"), "/../test-support/src/contract");
    let mut behaviours = BTreeSet::new();
    for entry in fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        let suite = path.file_stem().unwrap().to_str().unwrap();
        let text = fs::read_to_string(&path).unwrap();
        let names = text.lines().filter_map(|line| line.strip_prefix("pub fn "));
        let names = names.filter_map(|line| line.strip_suffix("(given: &Given) {"));
        behaviours.extend(names.map(|name| format!("{suite}::{name}")));
    }
    let run: BTreeSet<_> = RUN.iter().map(ToString::to_string).collect();
    assert_eq!(behaviours.difference(&run).collect::<Vec<_>>(), Vec::<&String>::new());
}
