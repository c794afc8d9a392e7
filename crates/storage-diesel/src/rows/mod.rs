//! Rows as both databases hold them, and their way to and from domain values. Knows no query and no backend.

mod audit;
mod deployment;
mod execution;
mod file;
mod key;
mod notice;
mod schedule;
mod step;
mod usage;
mod workflow;

pub(crate) use self::{
    audit::{AuditRow, ChainRow, HeadRow, SealRow, TotalOfHeadsRow, TotalRow},
    deployment::DeploymentRow,
    execution::{ClaimedRow, ExecutionRow, MoveRow, NewExecutionRow, RunnableRow},
    file::FileRow,
    key::{
        FoundKeyRow, ImportedRow, ImportedSecretRow, KeyRow, KeySecretRow, ManagedKeyRow,
        SecretRow, SlotRow, TermsRow, read_slots,
    },
    notice::{
        CalledWebhookRow, ClaimedDeliveryRow, DeliveryRow, WebhookChange, WebhookRow, read_kind,
        read_log, write_log,
    },
    schedule::ScheduleRow,
    step::{NewStepRow, SizedStepRow, StepRow},
    usage::{UsageRow, resolution_number},
    workflow::{VersionRow, WorkflowRow},
};
