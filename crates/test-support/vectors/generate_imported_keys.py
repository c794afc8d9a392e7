#!/usr/bin/env python3
"""Makes `imported_keys.json` anew: keys as other systems make them, with the hashes those systems store.

Run it with Python 3.9 to 3.11 (Django 3.2 stops there) and npm:

    python3 crates/test-support/vectors/generate_imported_keys.py

It builds throw-away environments with the real packages, so it needs the package registries of Python and npm. The keys are
test vectors and open nothing. Unkey's server is not a package: its rows follow its documented formula.
"""

import base64
import hashlib
import json
import pathlib
import secrets
import subprocess
import sys
import tempfile
import uuid
import venv

# (djangorestframework-api-key, Django, how many keys)
DRF = [("3.1.0", "5.2.19", 4), ("2.3.0", "4.2.30", 2), ("2.0.0", "3.2.25", 2)]
BETTER_AUTH = "1.7.5"

# What an application does: its settings are Django's own.
DRF_KEYS = """
import json, sys
import django
from django.conf import settings
settings.configure()
from rest_framework_api_key.crypto import KeyGenerator
keys = []
for _ in range(int(sys.argv[1])):
    key, prefix, hashed = KeyGenerator().generate()
    assert KeyGenerator().verify(key, hashed)
    keys.append({"key": key, "prefix": prefix, "hash": hashed})
print(json.dumps(keys))
"""

# The length and the prefix that its documentation shows; the hash is the package's own.
BETTER_AUTH_KEYS = """
import { defaultKeyHasher } from "@better-auth/api-key";
const hashes = await Promise.all(process.argv.slice(2).map(defaultKeyHasher));
console.log(JSON.stringify(hashes));
"""


def drf(directory: pathlib.Path) -> list:
    rows = []
    for version, django, count in DRF:
        home = directory / f"drf-{version}"
        venv.create(home, with_pip=True)
        python = home / "bin" / "python"
        packages = [f"djangorestframework-api-key=={version}", f"django=={django}", "setuptools"]
        subprocess.run([python, "-m", "pip", "install", "--quiet", *packages], check=True)
        made = subprocess.run([python, "-c", DRF_KEYS, str(count)], check=True, capture_output=True)
        for row in json.loads(made.stdout):
            algorithm = row["hash"].split("$")[0]
            source = f"djangorestframework-api-key {version}, Django {django}"
            rows.append(row | {"algorithm": algorithm, "encoding": "django", "source": source})
    return rows


def better_auth(directory: pathlib.Path) -> list:
    home = directory / "better-auth"
    home.mkdir()
    (home / "package.json").write_text("{}")
    (home / "keys.mjs").write_text(BETTER_AUTH_KEYS)
    packages = [f"@better-auth/api-key@{BETTER_AUTH}", f"better-auth@{BETTER_AUTH}"]
    install = ["npm", "install", "--silent", "--ignore-scripts", "--legacy-peer-deps", *packages]
    subprocess.run(install, cwd=home, check=True)
    letters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
    keys = [start + "".join(secrets.choice(letters) for _ in range(64)) for start in ("", "live_")]
    made = subprocess.run(["node", "keys.mjs", *keys], cwd=home, check=True, capture_output=True)
    source = f"@better-auth/api-key {BETTER_AUTH}"
    return [sha256_row(key, hash, "base64url", source) for key, hash in zip(keys, json.loads(made.stdout))]


def by_formula() -> list:
    rows = []
    for _ in range(2):
        # `prefix_` and base58 of random bytes is what its dashboard makes; any text is hashed alike.
        key = "sk_" + secrets.token_urlsafe(16).replace("-", "2").replace("_", "3")
        hash = base64.b64encode(hashlib.sha256(key.encode()).digest()).decode()
        rows.append(sha256_row(key, hash, "base64", "Unkey's formula: SHA-256 in standard base64"))
    key = str(uuid.uuid4())
    hash = hashlib.sha256(key.encode()).hexdigest()
    rows.append(sha256_row(key, hash, "hex", "a bare UUID, SHA-256 in hexadecimal by hashlib"))
    return rows


def sha256_row(key: str, hash: str, encoding: str, source: str) -> dict:
    return {"key": key, "prefix": None, "hash": hash, "algorithm": "sha256", "encoding": encoding, "source": source}


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as directory:
        rows = drf(pathlib.Path(directory)) + better_auth(pathlib.Path(directory)) + by_formula()
    target = pathlib.Path(__file__).with_name("imported_keys.json")
    target.write_text(json.dumps(rows, indent=2) + "\n")
    print(f"{len(rows)} keys in {target}", file=sys.stderr)
