"""Drives Unstract's own client as it is published: a job in JSON on standard input, what the client
answered, one answer for each time it was asked, on standard output."""

import json
import sys
import time

from unstract.api_deployments.client import APIDeploymentsClient

job = json.load(sys.stdin)
client = APIDeploymentsClient(
    api_url=job["api_url"],
    api_key=job["api_key"],
    api_timeout=job["api_timeout"],
    include_metadata=job["include_metadata"],
    logging_level="ERROR",
)
answers = [client.structure_file(job["files"])]
endpoint = answers[0].get("status_check_api_endpoint") or job.get("endpoint")
while answers[-1].get("pending"):
    time.sleep(0.1)
    answers.append(client.check_execution_status(endpoint))
if endpoint:
    # What was read once is read again.
    answers.append(client.check_execution_status(endpoint))
json.dump(answers, sys.stdout)
