//! Carries out runs: claims them, takes them through their steps, saves how they ended. Filters,
//! which are strangers' code, run in child processes of the same binary.
//!
//! Implements the ports `WorkflowRunner`, `CodeCheck` and `SchemaCheck`, and uses `ExecutionStore`, `Models`,
//! `SecretValues` and `Clock`.
//! Must not know SQL, HTTP or who calls. Inputs and results are never logged.

mod directory_files;
mod etl;
mod items;
mod sandbox;
mod secrets;
mod steps;
mod templates;
mod tools;
mod worker;

pub use self::{
    directory_files::DirectoryFiles,
    etl::EtlPorts,
    sandbox::{
        DocumentError, DocumentFormat, Sandbox, SandboxCommand, SandboxConfig, SandboxError,
        run_child,
    },
    worker::{ShutdownReport, Worker, WorkerConfig, WorkerPorts},
};
