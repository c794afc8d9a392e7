"""Uses the client that is made from the OpenAPI document: a job in JSON on standard input, what came of it on standard output."""

import json
import sys

from keywright_client import AuthenticatedClient
from keywright_client.api.api_keys import create_api_key
from keywright_client.api.deployments import list_deployments
from keywright_client.api.executions import execute, execution_result, execution_status
from keywright_client.api.identity import whoami
from keywright_client.models import CreateApiKey, CreatedKeyView, Problem

job = json.load(sys.stdin)
platform = AuthenticatedClient(base_url=job["base"], token=job["platform_key"])
caller = AuthenticatedClient(base_url=job["base"], token=job["key"])

who = whoami.sync(client=platform)
deployments = list_deployments.sync("acme", client=platform)
wanted = CreateApiKey(name="python", scopes=["orders:read"])
made = create_api_key.sync(client=platform, body=wanted)
assert isinstance(made, CreatedKeyView) and made.key
refused = create_api_key.sync(client=platform, body=wanted)
assert isinstance(refused, Problem)

handle = job["deployment"]
started = execute.sync(handle, client=caller, body={"input_data": {"price": 1.5}})
status = execution_status.sync(handle, started.execution_id, client=caller, wait=30)
result = execution_result.sync(handle, started.execution_id, client=caller)

json.dump(
    {
        "kind": who.kind,
        "deployments": [deployment.api_name for deployment in deployments.items],
        "timeout_seconds": [deployment.timeout_seconds for deployment in deployments.items],
        "key": {"name": made.name, "scopes": made.scopes, "year": made.created_at.year},
        "status": status.status,
        "result": result.result,
        "refusal": {"code": refused.code, "status": refused.status},
    },
    sys.stdout,
)
