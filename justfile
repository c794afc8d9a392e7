# Recipes only name what `.ci/` and cargo do: whoever has no `just` runs those.

set positional-arguments

# Lists the recipes
default:
    @just --list --unsorted

# Exactly what CI runs; everything must pass before a change is merged
check:
    .ci/run

# The test suite on SQLite and PostgreSQL; arguments go to the runner, as in `just test -p keys-core`
test *args:
    .ci/test "$@"

# A database of today's schema as text, which the tests of later versions upgrade: before each release that has a newer schema
dump-schema:
    cargo build --locked
    .ci/with-services .ci/dump-schema

# Runs the program of the last tag (or of any commit) on this version's schema, as upgrades one server at a time do
previous-version commit="":
    .ci/previous-version $1

# Feeds a parser random text for so many seconds, or lists the parsers; wants `cargo install cargo-fuzz --locked`
fuzz target="" seconds="60":
    @if [ -z "$1" ]; then ls fuzz/fuzz_targets | sed 's/[.]rs$//'; else mkdir -p "fuzz/corpus/$1" && cargo fuzz run -s none "$1" "fuzz/corpus/$1" "fuzz/seeds/$1" -- -max_total_time="$2"; fi

# Verifies keys by the million and watches the memory of the server; wants curl, jq and wrk
soak requests="5000000" wrong_keys="200000":
    .ci/soak "$1" "$2"

# Simulates several nodes with so many seeds, while everything fails that can; a seed that fails is printed
simulate seeds="1000":
    KEYWRIGHT_SIMULATION_SEEDS="$1" cargo test -p keywright --test simulation whatever -- --nocapture

# Formats all Rust code
fmt:
    cargo fmt --all
    cargo fmt --manifest-path fuzz/Cargo.toml

# Clippy, with warnings as errors
lint:
    cargo clippy --workspace --all-targets --locked -- -D warnings

# The API documentation of every crate, with warnings as errors
doc:
    RUSTDOCFLAGS="-D warnings" cargo doc --workspace --no-deps --locked

# Licences, bans and sources of the dependencies
deny:
    cargo deny --locked check bans licenses sources

# Known vulnerabilities and yanked versions among the dependencies; fetches the advisory database, so CI leaves it out
advisories:
    cargo deny --locked check advisories

# The release binary
build:
    cargo build --release --locked

# A server with example data, ready to be tried
demo:
    cargo run --release -- demo

# Rewrites docs/openapi.json from the code
openapi:
    KEYWRIGHT_UPDATE=1 cargo test -p keywright --test it openapi

# A client for Python in target/clients/python, made from docs/openapi.json
python-client:
    .ci/python-client

# The types of a client for TypeScript in target/clients/typescript, made from docs/openapi.json
typescript-client:
    .ci/typescript-client

# Copies the pictures that README shows from those that the tests took of the console
screenshots:
    .ci/screenshots
