//! The command line, as `--help` tells it.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};

/// Makes, keeps and checks API keys, and turns workflows into keyed, documented APIs.
#[derive(Parser)]
#[command(name = "keywright", version, arg_required_else_help = true, after_help = AFTER_HELP)]
pub(crate) struct Arguments {
    #[arg(long, global = true, value_name = "FILE", help = CONFIG_HELP)]
    pub(crate) config: Option<PathBuf>,
    #[command(subcommand)]
    pub(crate) command: Command,
}

const CONFIG_HELP: &str =
    "Configuration file (TOML); the environment (KEYWRIGHT_<SECTION>__<KEY>) outranks it";
const AFTER_HELP: &str =
    "Exit codes: 0 done, 1 failed, 2 wrong usage, 3 wrong configuration, 4 database.";

const MCP_HELP: &str = "\
Offer a server's tools to an agent's client that starts processes: MCP over standard input and output

The key, a platform key or a deployment key, comes from the environment variable KEYWRIGHT_API_KEY or from --key-file, never
from an argument. Standard output carries the protocol alone; what goes wrong is told on standard error as well as to the
client. Ends when standard input ends. docs/MCP.md shows how clients are set up.";
const MCP_URL_HELP: &str =
    "The server, as https://keys.example, or the whole address that ends in /mcp";
const KEY_FILE_HELP: &str =
    "A file that holds the key and nothing else; outranks KEYWRIGHT_API_KEY";

const TRANSFER_HELP: &str = "\
Move everything from an SQLite database to an empty PostgreSQL, keys going on working

Stop every server and worker first. The source is only read, and nobody can write to it meanwhile. The target gets its tables
here; it has all rows at the end, each compared with the source, or none. It needs about as much room as the source, and no
more memory however much there is. What lies beside the database is not moved: the pepper, the encryption key, the files.";
const TO_FILE_HELP: &str =
    "A file that holds the target's address, which otherwise every user of this machine may see";

#[derive(Subcommand)]
pub(crate) enum Command {
    /// Try it: an organization, a deployed workflow and a first call, on loopback
    Demo(DemoOptions),
    /// Run the server, workers included
    Serve(ServeOptions),
    /// Run executions and nothing else
    Worker,
    /// Bring the database's schema up to date, or tell what is pending
    #[command(subcommand)]
    Migrate(MigrateCommand),
    /// Move everything from SQLite to an empty PostgreSQL, keys going on working
    #[command(long_about = TRANSFER_HELP)]
    Transfer(TransferOptions),
    /// Create and list organizations
    #[command(subcommand)]
    Organization(OrganizationCommand),
    /// Let somebody in again who lost their password
    #[command(subcommand)]
    User(UserCommand),
    /// Give an organization a platform key again whose secret was lost
    #[command(subcommand)]
    PlatformKey(PlatformKeyCommand),
    /// Look at keys: what one is, and whether any lie about in files
    #[command(subcommand)]
    Key(KeyCommand),
    /// Offer a server's tools to an agent's client that starts processes
    #[command(long_about = MCP_HELP)]
    Mcp(McpOptions),
    /// Find out whether the audit is all there and as it was written
    #[command(subcommand)]
    Audit(AuditCommand),
    /// Show the configuration
    #[command(subcommand)]
    Config(ConfigCommand),
    /// Find what should be mended: configuration, database, file permissions, peppers, sandbox
    Doctor(Output),
    /// Carry out filters for a worker, on standard input and output
    #[command(hide = true)]
    Sandbox,
}

#[derive(Args, Clone, Copy)]
pub(crate) struct Output {
    /// Print JSON
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Args)]
pub(crate) struct DemoOptions {
    /// Where the demo keeps its database
    #[arg(long, value_name = "DIR", default_value = "data/demo")]
    pub(crate) directory: PathBuf,
    /// Address to listen on; loopback only
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:8080")]
    pub(crate) listen: std::net::SocketAddr,
}

#[derive(Args)]
pub(crate) struct McpOptions {
    #[arg(long, value_name = "URL", help = MCP_URL_HELP)]
    pub(crate) url: String,
    #[arg(long, value_name = "FILE", help = KEY_FILE_HELP)]
    pub(crate) key_file: Option<PathBuf>,
}

#[derive(Args, Clone, Copy)]
pub(crate) struct ServeOptions {
    /// Leave executions to `keywright worker` processes
    #[arg(long)]
    pub(crate) no_worker: bool,
    /// Apply pending migrations on PostgreSQL before serving (SQLite always does)
    #[arg(long)]
    pub(crate) migrate: bool,
}

#[derive(Subcommand)]
pub(crate) enum MigrateCommand {
    /// Apply pending migrations
    Run(Output),
    /// Tell which migrations are pending
    Status(Output),
}

#[derive(Args)]
pub(crate) struct TransferOptions {
    /// What is moved, as `sqlite://path`
    #[arg(long, value_name = "URL")]
    pub(crate) from: String,
    /// Where to, as `postgres://user@host/database`
    #[arg(long, value_name = "URL", required_unless_present = "to_file")]
    pub(crate) to: Option<String>,
    #[arg(long, value_name = "FILE", conflicts_with = "to", help = TO_FILE_HELP)]
    pub(crate) to_file: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) output: Output,
}

#[derive(Subcommand)]
pub(crate) enum OrganizationCommand {
    /// Create an organization with its administrator and platform key "Key #1"
    Create(CreateOptions),
    /// List the organizations of this server, with how many belong to each
    List(Output),
}

#[derive(Args)]
pub(crate) struct CreateOptions {
    /// Name in addresses: 1 to 30 lower-case letters, digits, '_' or '-'; never changed afterwards
    #[arg(long)]
    pub(crate) slug: String,
    /// Name for people
    #[arg(long)]
    pub(crate) name: String,
    /// User name of the first administrator
    #[arg(long)]
    pub(crate) admin_username: String,
    /// Mail address of the first administrator
    #[arg(long)]
    pub(crate) admin_email: Option<String>,
    /// Read the administrator's password from standard input; without it one is made and shown
    #[arg(long)]
    pub(crate) admin_password_stdin: bool,
    /// Make a user that exists already the administrator
    #[arg(long, conflicts_with_all = ["admin_email", "admin_password_stdin"])]
    pub(crate) existing_user: bool,
    #[command(flatten)]
    pub(crate) output: Output,
}

#[derive(Subcommand)]
pub(crate) enum UserCommand {
    /// Give a user another password, and end all their sessions
    ///
    /// Says first what will happen, and asks; where standard input is no terminal, it wants --yes. It is
    /// noted in the audit of each organization that the user belongs to.
    ResetPassword(ResetOptions),
}

#[derive(Args)]
pub(crate) struct ResetOptions {
    /// The name that they log in by
    pub(crate) username: String,
    /// Read the new password from standard input (12 characters or more); without it one is made and shown
    #[arg(long)]
    pub(crate) password_stdin: bool,
    /// Do it without asking
    #[arg(long)]
    pub(crate) yes: bool,
    #[command(flatten)]
    pub(crate) output: Output,
}

#[derive(Subcommand)]
pub(crate) enum PlatformKeyCommand {
    /// Give a platform key a new secret; the old one opens nothing any more
    ///
    /// The key keeps its id, and stays as active as it was. Says first which key it is, and asks; where
    /// standard input is no terminal, it wants --yes. Servers that run hear of it within a
    /// second.
    Refresh(RefreshOptions),
}

#[derive(Args)]
pub(crate) struct RefreshOptions {
    /// The organization, by its slug
    #[arg(long, value_name = "SLUG")]
    pub(crate) organization: String,
    /// Which of its two keys
    #[arg(long, value_name = "1|2", value_parser = clap::value_parser!(u8).range(1..=2))]
    pub(crate) slot: u8,
    /// Do it without asking
    #[arg(long)]
    pub(crate) yes: bool,
    #[command(flatten)]
    pub(crate) output: Output,
}

#[derive(Subcommand)]
pub(crate) enum KeyCommand {
    /// Tell what a key is: kind, form, checksum, fingerprint; offline
    ///
    /// The key is read from standard input. It is never an argument: those are seen by every process
    /// of the machine, and kept by shells.
    #[command(after_help = "Exit codes: 0 it is a key by its form, 1 it is mistyped or none.")]
    Inspect(Output),
    /// Find keys in files and directories; offline, unless told otherwise
    ///
    /// Finds keys that begin with `unst_`, and keys with a checksum, which must hold. Prints where they
    /// stand, their hint and their fingerprint, never a key. Symbolic links are not followed, `.git` and
    /// what `.gitignore` names are left out.
    #[command(after_help = "Exit codes: 0 nothing found, 1 keys found or failed, 2 wrong usage.")]
    Scan(ScanOptions),
}

#[derive(Args)]
pub(crate) struct ScanOptions {
    /// Files and directories; '-' is standard input
    #[arg(value_name = "PATH", required_unless_present = "print_regex")]
    pub(crate) paths: Vec<PathBuf>,
    /// Scan what `.gitignore` names, too
    #[arg(long)]
    pub(crate) no_ignore: bool,
    /// Ask the configured database, changing nothing, what became of each key, and find also bare
    /// UUIDs and keys of the form 8.32, which look like much else
    #[arg(long)]
    pub(crate) online: bool,
    /// Print regular expressions for other scanners, one for each form that tells by itself
    #[arg(long, conflicts_with_all = ["paths", "no_ignore", "online", "json"])]
    pub(crate) print_regex: bool,
    #[command(flatten)]
    pub(crate) output: Output,
}

#[derive(Subcommand)]
pub(crate) enum AuditCommand {
    /// Follow each organization's chain of entries to its end; exit code 1 at the first break
    Verify(VerifyOptions),
}

#[derive(Args)]
pub(crate) struct VerifyOptions {
    /// Only this organization's chain
    #[arg(long, value_name = "SLUG")]
    pub(crate) organization: Option<String>,
    #[command(flatten)]
    pub(crate) output: Output,
}

#[derive(Subcommand)]
pub(crate) enum ConfigCommand {
    /// Print every setting with its value, secrets blanked, and where the value came from
    Show(Output),
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;

    #[test]
    fn the_command_line_is_sound() {
        Arguments::command().debug_assert();
    }
}
