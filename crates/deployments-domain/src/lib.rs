//! Workflows and their versions, the deployments that make APIs of them, and executions as a state
//! machine.
//!
//! Rules and use cases over ports; no actix, SQL, runtime, clock or random source. JSON that callers
//! supply is held as `serde_json::Value` and never given a wire type here.

mod definition;
mod deployment;
mod deployment_list;
mod deployments;
mod documentation;
mod example;
mod execution;
mod executions;
mod files;
mod history;
mod ports;
mod records;
mod redaction;
mod run;
mod schedule;
mod schedules;
mod sharing;
mod tools;
mod usage;
mod use_cases;
mod workflow;
mod workflows;

pub use self::{
    definition::{
        Code, CodeAt, CodeVerdict, Definition, HttpRequest, Llm, OnError, Retry, Step, TextFormat,
        Tool,
        etl::{Destination, Format, Place, Source},
    },
    deployment::{Deployment, DeploymentDraft, DeploymentEdit},
    deployment_list::{
        DeploymentRuns, DeploymentSummary, DeploymentsAsked, DeploymentsFound, LastRun,
    },
    deployments::{CreatedDeployment, DeploymentRefusal, Deployments},
    documentation::Documented,
    execution::{
        Event, Execution, ExecutionId, Failure, FailureCode, MAX_LOST, Progress, RunRefusal,
        RunState, Status, Trigger, next,
    },
    executions::{ExecutionError, Executions, RunResult, StartRun, TooManyExecutions},
    files::{
        FileId, FileOutcome, FileOutcomes, FileStore, FoundFiles, Incoming, RunFile, StoredFile,
        Upload, is_superfluous,
    },
    history::{
        History, HistoryFilter, HistoryStore, Inclusion, RunDetail, RunStep, Trial, TriggerKind,
    },
    ports::{
        CodeCheck, CodeCheckFailed, DeploymentStore, Elsewhere, ExecutionStore, SchemaCheck,
        SchemaCheckFailed, Seat, WorkflowRunner, WorkflowStore,
    },
    records::{Checkpoint, RecordCounts, RecordStore},
    redaction::{REDACTED, redacted, without_keys},
    run::{
        ClaimedRun, LogLine, NewRun, Retention, RunEnd, RunLimits, RunMove, Runnable, StepRecord,
        StepState,
    },
    schedule::{Cron, InvalidCron, Schedule, ScheduleDraft},
    schedules::{Begun, DueSchedule, ScheduleRefusal, ScheduleStore, Schedules, begin_due},
    sharing::{
        Owned, Shareable, Sharing, SharingDesk, SharingDraft, SharingRefusal, SharingStore, Shown,
    },
    tools::{MAX_TOOL_WAIT, Tools, admits, input_of, input_schema},
    usage::{
        BreakdownFilter, BreakdownQuery, ExecutionTimes, Flushed, Measure, Resolution, RunEnded,
        RunLog, RunOutcome, Usage, UsageBatch, UsageBucket, UsageBy, UsageDesk, UsageFilter,
        UsageOf, UsagePlace, UsageQuery, UsageRefusal, UsageRetention, UsageRow, UsageShare,
        UsageStore,
    },
    use_cases::{UseCasePorts, UseCases},
    workflow::{VersionId, Workflow, WorkflowDraft, WorkflowEdit, WorkflowId, WorkflowType},
    workflows::{WorkflowRefusal, Workflows},
};
